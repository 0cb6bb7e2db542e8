package io.jvmm.device.balloon;

import io.jvmm.ipc.memory.GuestMemory;
import java.nio.ByteOrder;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Gives pages back to the host, neighbours in one system call: 256 pages of an inflate request are often a few ranges. A range
 * the host refuses stays where it is, which harms nobody; it is counted.
 */
final class PageReturner {

    /** As {@link GuestMemory#discardAt}; something that writes it down, in tests. */
    @FunctionalInterface
    interface Discarder {
        long discard(GuestMemory memory, long offset, long lengthBytes);
    }

    private final GuestMemory memory;
    private final Discarder discarder;
    private final AtomicBuffer state;
    private long begin;
    private long end;
    private long returnedBytes;

    PageReturner(GuestMemory memory, Discarder discarder, AtomicBuffer state) {
        this.memory = memory;
        this.discarder = discarder;
        this.state = state;
    }

    /** Adds whole pages of guest memory; what is no neighbour of the pages before sends those off. */
    void add(long offset, long lengthBytes) {
        if (offset == end && begin < end) {
            end += lengthBytes;
        } else if (offset + lengthBytes == begin && begin < end) {
            begin = offset;
        } else if (offset < begin || offset + lengthBytes > end) {
            flush();
            begin = offset;
            end = offset + lengthBytes;
        }
    }

    /** What the host has taken back since this was made. */
    long returnedBytes() {
        return returnedBytes;
    }

    /** Sends off what was added. Before the driver learns that its request is done: from then on it may use the pages. */
    void flush() {
        if (begin < end) {
            boolean done = discarder.discard(memory, begin, end - begin) == 0;
            int field = done ? BalloonStateLayout.BYTES_GIVEN_BACK : BalloonStateLayout.HOST_ERRORS;
            long more = done ? end - begin : 1;
            returnedBytes += done ? more : 0;
            state.putLong(field, state.getLong(field, ByteOrder.LITTLE_ENDIAN) + more, ByteOrder.LITTLE_ENDIAN);
        }
        begin = 0;
        end = 0;
    }
}
