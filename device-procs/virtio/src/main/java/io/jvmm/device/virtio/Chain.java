package io.jvmm.device.virtio;

import io.jvmm.ipc.memory.GuestMemory;
import java.lang.foreign.MemorySegment;

/**
 * One descriptor chain taken from a virtqueue: the device-readable segments first, then the device-writable ones (§2.7.4.2),
 * all of them checked to be guest memory. Reusable; allocates nothing once made.
 *
 * <p>A segment is an offset into {@link GuestMemory} (for its {@code …At} methods) and a length; positions below count the
 * bytes of the readable or of the writable part as if it were one buffer, so framing does not matter (§2.6.4). The table was
 * read once; the bytes of the buffers may change at any time while one looks at them.
 */
public final class Chain {
    private enum Way {
        READ,
        WRITE,
        CARRY_OUT,
        CARRY_IN
    }

    private final GuestMemory memory;
    private final long[] offsets;
    private final int[] lengths;
    private int readable;
    private int count;
    private long readableBytes;
    private long writableBytes;
    private int head;
    /** How many descriptors or ring slots it takes; the queue's own. */
    private int slots;

    /** An empty chain with room for {@code maxSegments} segments. */
    public Chain(GuestMemory memory, int maxSegments) {
        this.memory = memory;
        this.offsets = new long[maxSegments];
        this.lengths = new int[maxSegments];
    }

    /** What {@link Virtqueue#complete} knows the chain by: a descriptor index or a buffer id, 0..65535. */
    public int head() {
        return head;
    }

    /** Number of segments, readable and writable. */
    public int count() {
        return count;
    }

    /** Number of readable segments; they are the first ones. */
    public int readableCount() {
        return readable;
    }

    /** Bytes the device may read. */
    public long readableBytes() {
        return readableBytes;
    }

    /** Bytes the device may write. */
    public long writableBytes() {
        return writableBytes;
    }

    /** Where a segment is, as an offset into guest memory. */
    public long offset(int segment) {
        return offsets[segment];
    }

    /** How long a segment is, in bytes; may be 0. */
    public int length(int segment) {
        return lengths[segment];
    }

    /**
     * Copies bytes of the readable part to {@code target}.
     *
     * @return how many: {@code lengthBytes} or what there is from {@code position} on
     */
    public int read(long position, MemorySegment target, long targetOffset, int lengthBytes) {
        return move(0, readable, position, target, targetOffset, lengthBytes, Way.READ);
    }

    /**
     * As {@link #read}, for bytes that go on to the host and by which the device decides nothing: like those that the kernel moves they are
     * not part of what a recording holds.
     */
    public int carryOut(long position, MemorySegment target, long targetOffset, int lengthBytes) {
        return move(0, readable, position, target, targetOffset, lengthBytes, Way.CARRY_OUT);
    }

    /**
     * Copies bytes of {@code source} to the writable part.
     *
     * @return how many: {@code lengthBytes} or what there is room for from {@code position} on
     */
    public int write(long position, MemorySegment source, long sourceOffset, int lengthBytes) {
        return move(readable, count, position, source, sourceOffset, lengthBytes, Way.WRITE);
    }

    /** As {@link #write}, for bytes of the host that the device passes on; see {@link #carryOut}. */
    public int carryIn(long position, MemorySegment source, long sourceOffset, int lengthBytes) {
        return move(readable, count, position, source, sourceOffset, lengthBytes, Way.CARRY_IN);
    }

    private int move(int first, int end, long position, MemorySegment host, long hostOffset, int lengthBytes, Way way) {
        long skip = position;
        int done = 0;
        for (int i = first; i < end && done < lengthBytes; i++) {
            int length = lengths[i];
            if (skip >= length) {
                skip -= length;
                continue;
            }
            int n = (int) Math.min(length - skip, (long) lengthBytes - done);
            long guest = offsets[i] + skip;
            switch (way) {
                case READ -> memory.copyOutAt(guest, host, hostOffset + done, n);
                case WRITE -> memory.copyInAt(guest, host, hostOffset + done, n);
                case CARRY_OUT -> MemorySegment.copy(memory.backing(), guest, host, hostOffset + done, n);
                case CARRY_IN -> MemorySegment.copy(host, hostOffset + done, memory.backing(), guest, n);
            }
            done += n;
            skip = 0;
        }
        return done;
    }

    // ---- for the queue that fills it

    void clear() {
        count = 0;
        readable = 0;
        readableBytes = 0;
        writableBytes = 0;
        slots = 0;
    }

    void head(int newHead) {
        head = newHead;
    }

    int slots() {
        return slots;
    }

    void slots(int newSlots) {
        slots = newSlots;
    }

    /** False when it is full, or a readable segment comes behind a writable one. */
    boolean append(long offset, int lengthBytes, boolean writable) {
        if (count == lengths.length || (!writable && readable != count)) {
            return false;
        }
        offsets[count] = offset;
        lengths[count] = lengthBytes;
        count++;
        if (writable) {
            writableBytes += lengthBytes;
        } else {
            readable++;
            readableBytes += lengthBytes;
        }
        return true;
    }
}
