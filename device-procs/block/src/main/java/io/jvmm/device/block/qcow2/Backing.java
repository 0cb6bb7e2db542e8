package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.ipc.sys.IoVector;

/** What shows through where an image has nothing: read only, any thread with its lane. */
interface Backing extends AutoCloseable {

    /** What lies beyond reads as zeros. */
    long lengthBytes();

    /** Reads inside the length; 0 or a negated errno. */
    long readBacking(int lane, long position, IoVector into, int flags);

    @Override
    void close();

    /** A raw file: byte for byte, its last block filled up with zeros. */
    record Raw(Storage storage, long lengthBytes) implements Backing {
        @Override
        public long readBacking(int lane, long position, IoVector into, int flags) {
            final long count = storage.read(lane, position, into, flags & BlockImage.NO_WAIT);
            if (count < 0) {
                return count;
            }
            into.zero(into.lengthBytes());
            return 0;
        }

        @Override
        public void close() {
            storage.close();
        }
    }
}
