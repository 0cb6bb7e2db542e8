package io.jvmm.device.net;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;

/**
 * Receive buffers taken from a virtqueue and not yet given back, in the order of the queue: one row of segments of guest
 * memory, which a frame fills from its beginning, and the borders of the chains in it. A frame that comes is read into it before
 * anyone knows how many buffers it needs. Device thread; allocates nothing.
 */
final class ReceiveReserve {
    /** The longest chain there is, twice, so that the row is seldom moved. */
    private static final int SEGMENTS = 2 * VirtioIdentity.MAX_QUEUE_SIZE;

    private static final int CHAINS = VirtioIdentity.MAX_QUEUE_SIZE;

    private enum Way {
        READ,
        WRITE,
        CARRY
    }

    private final GuestMemory memory;
    private final long[] offsets = new long[SEGMENTS];
    private final int[] lengths = new int[SEGMENTS];
    private int firstSegment;
    private int endSegment;

    private final int[] heads = new int[CHAINS];
    private final int[] segments = new int[CHAINS];
    private final long[] rooms = new long[CHAINS];
    private int firstChain;
    private int endChain;
    private long room;

    ReceiveReserve(GuestMemory memory) {
        this.memory = memory;
    }

    void clear() {
        firstSegment = 0;
        endSegment = 0;
        firstChain = 0;
        endChain = 0;
        room = 0;
    }

    /** How many chains it holds. */
    int chains() {
        return endChain - firstChain;
    }

    /** Bytes they have room for. */
    long room() {
        return room;
    }

    /** Bytes a chain has room for, {@code index} from 0. */
    long room(int index) {
        return rooms[firstChain + index];
    }

    int head(int index) {
        return heads[firstChain + index];
    }

    /** Appends the writable part of a chain; false when there is no place for it now. */
    boolean add(Chain chain) {
        int more = 0;
        for (int i = chain.readableCount(); i < chain.count(); i++) {
            more += chain.length(i) > 0 ? 1 : 0;
        }
        if (endChain == CHAINS || endSegment + more > SEGMENTS) {
            compact();
            if (endChain == CHAINS || endSegment + more > SEGMENTS) {
                return false;
            }
        }
        for (int i = chain.readableCount(); i < chain.count(); i++) {
            if (chain.length(i) > 0) {
                offsets[endSegment] = chain.offset(i);
                lengths[endSegment] = chain.length(i);
                endSegment++;
            }
        }
        heads[endChain] = chain.head();
        segments[endChain] = more;
        rooms[endChain] = chain.writableBytes();
        endChain++;
        room += chain.writableBytes();
        return true;
    }

    private void compact() {
        System.arraycopy(offsets, firstSegment, offsets, 0, endSegment - firstSegment);
        System.arraycopy(lengths, firstSegment, lengths, 0, endSegment - firstSegment);
        endSegment -= firstSegment;
        firstSegment = 0;
        System.arraycopy(heads, firstChain, heads, 0, endChain - firstChain);
        System.arraycopy(segments, firstChain, segments, 0, endChain - firstChain);
        System.arraycopy(rooms, firstChain, rooms, 0, endChain - firstChain);
        endChain -= firstChain;
        firstChain = 0;
    }

    /** Takes the first chains out. */
    void drop(int count) {
        for (int i = 0; i < count; i++) {
            room -= rooms[firstChain];
            firstSegment += segments[firstChain];
            firstChain++;
        }
        if (firstChain == endChain) {
            clear();
        }
    }

    /**
     * Adds the row to a vector, from its beginning, until that has {@code wantedBytes} or no more room but for one.
     *
     * @return bytes added
     */
    long gather(IoVector into, int mostSegments, long wantedBytes) {
        long bytes = 0;
        for (int i = firstSegment; i < endSegment && bytes < wantedBytes && i - firstSegment < mostSegments; i++) {
            into.add(memory.backing(), offsets[i], lengths[i]);
            bytes += lengths[i];
        }
        return bytes;
    }

    /** Copies the device's own bytes into the row; there is room for them. */
    void write(long position, MemorySegment source, long sourceOffset, long lengthBytes) {
        move(position, source, sourceOffset, lengthBytes, Way.WRITE);
    }

    /** Copies the host's bytes into the row, which nobody looks at here; there is room for them. See {@link Chain#carryIn}. */
    void carry(long position, MemorySegment source, long sourceOffset, long lengthBytes) {
        move(position, source, sourceOffset, lengthBytes, Way.CARRY);
    }

    /** Copies the row's bytes out. */
    void read(long position, MemorySegment target, long targetOffset, long lengthBytes) {
        move(position, target, targetOffset, lengthBytes, Way.READ);
    }

    private void move(long position, MemorySegment host, long hostOffset, long lengthBytes, Way way) {
        long skip = position;
        long done = 0;
        for (int i = firstSegment; i < endSegment && done < lengthBytes; i++) {
            int length = lengths[i];
            if (skip >= length) {
                skip -= length;
                continue;
            }
            long n = Math.min(length - skip, lengthBytes - done);
            long guest = offsets[i] + skip;
            switch (way) {
                case READ -> memory.copyOutAt(guest, host, hostOffset + done, n);
                case WRITE -> memory.copyInAt(guest, host, hostOffset + done, n);
                case CARRY -> MemorySegment.copy(host, hostOffset + done, memory.backing(), guest, n);
            }
            done += n;
            skip = 0;
        }
    }
}
