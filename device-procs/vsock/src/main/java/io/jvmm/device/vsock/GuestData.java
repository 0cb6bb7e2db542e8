package io.jvmm.device.vsock;

import io.jvmm.device.virtio.Chain;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;

/**
 * A part of a chain as buffers for one system call: data goes between guest memory and socket without passing the heap. Made
 * once, used for one packet after the other. Device thread only.
 */
final class GuestData {

    private final MemorySegment memory;
    private final Chain chain;
    private final IoVector vector;
    private final long[] offsets;
    private final long[] lengths;
    private int count;
    private long position;
    private int lengthBytes;

    /**
     * @param memory all of guest memory
     * @param chain the one chain it is ever used with
     * @param maxSegments most segments taken at a time
     */
    GuestData(MemorySegment memory, Chain chain, int maxSegments) {
        this.memory = memory;
        this.chain = chain;
        this.vector = new IoVector(maxSegments);
        this.offsets = new long[maxSegments];
        this.lengths = new long[maxSegments];
    }

    /** {@code lengthBytes} of the readable part from {@code position} on; there are so many, in no more segments than fit. */
    void readable(long fromPosition, int bytes) {
        collect(0, chain.readableCount(), fromPosition, bytes);
    }

    /** At most {@code lengthBytes} of the writable part from {@code position} on: as many as the segments hold that fit. */
    void writable(long fromPosition, int bytes) {
        collect(chain.readableCount(), chain.count(), fromPosition, bytes);
    }

    private void collect(int first, int end, long fromPosition, int bytes) {
        position = fromPosition;
        count = 0;
        vector.clear();
        long skip = fromPosition;
        long left = bytes;
        for (int i = first; i < end && left > 0 && count < offsets.length; i++) {
            long length = chain.length(i);
            if (skip >= length) {
                skip -= length;
                continue;
            }
            long part = Math.min(length - skip, left);
            vector.add(memory, chain.offset(i) + skip, part);
            offsets[count] = chain.offset(i) + skip;
            lengths[count] = part;
            count++;
            left -= part;
            skip = 0;
        }
        lengthBytes = (int) (bytes - left);
    }

    Chain chain() {
        return chain;
    }

    IoVector vector() {
        return vector;
    }

    /** Number of segments. */
    int count() {
        return count;
    }

    /** Where in guest memory a segment is. */
    long offset(int segment) {
        return offsets[segment];
    }

    /** How long a segment is. */
    long length(int segment) {
        return lengths[segment];
    }

    /** Where in its part of the chain the data begins. */
    long position() {
        return position;
    }

    int lengthBytes() {
        return lengthBytes;
    }
}
