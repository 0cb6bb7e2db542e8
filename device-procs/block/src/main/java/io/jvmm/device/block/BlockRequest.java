package io.jvmm.device.block;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.virtio.Chain;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;

/**
 * One request under way, from its chain to its result: a slot that is used again and again. The device thread fills it in;
 * between {@link Workers#submit} and its return from {@link Workers#poll} it belongs to the worker that carries it out.
 */
final class BlockRequest {
    /** Most ranges of a discard or write of zeros. */
    static final int MOST_RANGES = 32;

    /** {@link #queue} of a flush of our own, which no driver waits for. */
    static final int NO_QUEUE = -1;

    final BlockDevice device;
    final int ticket;
    final Chain chain;
    final long[] rangeStarts = new long[MOST_RANGES];
    final long[] rangeLengths = new long[MOST_RANGES];
    final int[] rangeFlags = new int[MOST_RANGES];

    int queue;
    RequestType type = RequestType.FLUSH;
    /** In bytes. */
    long position;
    /** In bytes; of a read or write that of the data. */
    long lengthBytes;

    int ranges;
    /** Flags of {@link BlockImage}. */
    int flags;
    /** 0 or a negated errno. */
    long result;
    /** A flush of our own that is the last for now: {@link BlockImage#finish}. */
    boolean last;
    /** It holds or waits for a range, or a worker has it. */
    boolean underWay;
    /** Nobody waits for it any more: a worker that has not begun leaves it. */
    volatile boolean cancelled;

    BlockRequest(BlockDevice device, int ticket, GuestMemory memory, int maxSegments) {
        this.device = device;
        this.ticket = ticket;
        this.chain = new Chain(memory, maxSegments);
    }

    boolean changesData() {
        return switch (type) {
            case OUT, DISCARD, WRITE_ZEROES -> true;
            case IN, FLUSH, GET_ID -> false;
        };
    }

    /** Carries it out. Any thread, with its own lane and vector. */
    void run(BlockImage image, int lane, IoVector vector, MemorySegment guest, int moreFlags) {
        result = switch (type) {
            case IN -> image.read(lane, position, gather(vector, guest), moreFlags);
            case OUT -> image.write(lane, position, gather(vector, guest), flags | moreFlags);
            case FLUSH -> last ? image.finish(lane) : image.flush(lane);
            case GET_ID -> 0;
            case DISCARD, WRITE_ZEROES -> runRanges(image, lane);
        };
    }

    private long runRanges(BlockImage image, int lane) {
        long outcome = 0;
        for (int i = 0; i < ranges && outcome == 0; i++) {
            if (rangeLengths[i] == 0) {
                continue;
            }
            outcome = type == RequestType.DISCARD
                    ? image.discard(lane, rangeStarts[i], rangeLengths[i], flags)
                    : image.writeZeroes(lane, rangeStarts[i], rangeLengths[i], flags | rangeFlags[i]);
        }
        return outcome;
    }

    /** The data buffers: what is readable behind the header, or writable before the status. */
    private IoVector gather(IoVector vector, MemorySegment guest) {
        vector.clear();
        boolean in = type == RequestType.IN;
        long skip = in ? 0 : BlockDevice.HEADER_LENGTH_BYTES;
        long left = lengthBytes;
        int end = in ? chain.count() : chain.readableCount();
        for (int i = in ? chain.readableCount() : 0; i < end && left > 0; i++) {
            int length = chain.length(i);
            if (skip >= length) {
                skip -= length;
                continue;
            }
            long part = Math.min(length - skip, left);
            vector.add(guest, chain.offset(i) + skip, part);
            left -= part;
            skip = 0;
        }
        return vector;
    }

    boolean wouldWait() {
        return Errno.EAGAIN.is(result);
    }
}
