package io.jvmm.ipc.counters;

import org.agrona.concurrent.AtomicBuffer;

/**
 * The device's end of the trace of its requests: the last few of those that were looked at, one in so many as the supervisor has asked for.
 * One thread; allocates nothing, waits for nobody: who reads too late has lost something.
 */
public final class TraceWriter {
    private final AtomicBuffer page;
    private long written;
    private int untilNext;

    TraceWriter(AtomicBuffer page) {
        this.page = page;
        this.written = page.getLong(CountersLayout.TRACE_WRITTEN);
    }

    /** Whether the next request is to be timed and written down. Called once for each. */
    public boolean wanted() {
        int every = page.getInt(CountersLayout.HEADER_TRACE_EVERY);
        if (every <= 0) {
            return false;
        }
        if (--untilNext > 0) {
            return false;
        }
        untilNext = every;
        return true;
    }

    /**
     * Writes one down.
     *
     * @param type number of the message on the wire
     * @param region or the queue
     * @param detail what the layout says
     */
    public void write(int type, int region, long detail, long durationNs) {
        long number = written + 1;
        int at = CountersLayout.TRACE_FIRST
                + (int) (number & (CountersLayout.TRACE_ENTRIES - 1)) * CountersLayout.TRACE_ENTRY_BYTES;
        page.putLongRelease(at + CountersLayout.TRACE_NUMBER, -1); // being written
        page.putInt(at + CountersLayout.TRACE_TYPE, type);
        page.putInt(at + CountersLayout.TRACE_REGION, region);
        page.putLong(at + CountersLayout.TRACE_OFFSET, detail);
        page.putLong(at + CountersLayout.TRACE_NS, durationNs);
        page.putLongRelease(at + CountersLayout.TRACE_NUMBER, number);
        page.putLongRelease(CountersLayout.TRACE_WRITTEN, number);
        written = number;
    }
}
