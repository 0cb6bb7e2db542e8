package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.ImageFile;
import io.jvmm.ipc.sys.IoVector;

/**
 * What an image needs of its file: {@link ImageFile}, or in tests a recorder of the sequence of changes. As there: counts or
 * negated errno, nothing allocated, any thread with its own lane.
 */
interface Storage extends AutoCloseable {

    /** Reads until the vector is full or the file ends: bytes read. */
    long read(int lane, long position, IoVector into, int flags);

    /** Writes all of the vector: 0 or a negated errno. */
    long write(int lane, long position, IoVector from, int flags);

    /** Everything written is on the medium when it returns 0. */
    long sync();

    /** Whether {@link #sync} has failed for good. */
    default boolean hasLostWrites() {
        return false;
    }

    /** Makes a range a hole; 0, or a negated errno where that does not go. */
    long punchHole(long position, long lengthBytes);

    /** Length of the file in bytes. */
    long lengthBytes();

    /** What positions and lengths must be multiples of: 1, or with O_DIRECT 512 to 4096. */
    int alignmentBytes();

    @Override
    void close();

    /** The real thing. */
    static Storage of(ImageFile file) {
        return new FileStorage(file);
    }

    /** Passes everything on. */
    record FileStorage(ImageFile file) implements Storage {
        @Override
        public long read(int lane, long position, IoVector into, int flags) {
            return file.read(lane, position, into, flags);
        }

        @Override
        public long write(int lane, long position, IoVector from, int flags) {
            return file.write(lane, position, from, flags);
        }

        @Override
        public long sync() {
            return file.sync();
        }

        @Override
        public boolean hasLostWrites() {
            return file.hasLostWrites();
        }

        @Override
        public long punchHole(long position, long lengthBytes) {
            return file.punchHole(position, lengthBytes);
        }

        @Override
        public long lengthBytes() {
            return file.lengthBytes();
        }

        @Override
        public int alignmentBytes() {
            return file.alignmentBytes();
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
