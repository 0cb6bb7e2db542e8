package io.jvmm.ipc.counters;

import org.agrona.concurrent.AtomicBuffer;

/**
 * The supervisor's end of the trace of a device's requests. Hostile: all of it; a look takes bounded time and gives at most what the trace
 * has room for, and what is given is a copy whose fields may be anything that their types allow. One thread.
 */
public final class TraceReader {
    private final AtomicBuffer page;
    private long seen;
    /** Entries that were missed since the last that was given. */
    private long lost;

    TraceReader(AtomicBuffer page) {
        this.page = page;
        this.seen = page.getLongVolatile(CountersLayout.TRACE_WRITTEN);
    }

    /** Whoever is told of a request. */
    public interface Handler {
        /**
         * A request; see {@link CountersLayout}.
         *
         * @param lost how many before it were not read in time, as far as that can be believed
         */
        void traced(long lost, int type, int region, long detail, long durationNs);
    }

    /** One of so many is to be written down; 0 for none. */
    public void every(int requests) {
        page.putIntRelease(CountersLayout.HEADER_TRACE_EVERY, Math.max(0, requests));
    }

    /** Takes what is new. */
    public int read(Handler handler) {
        long written = page.getLongVolatile(CountersLayout.TRACE_WRITTEN);
        long news =
                written - seen; // of a liar anything; what is counted below is that much at most, and wraps as it does
        if (news <= 0) {
            seen = written;
            return 0;
        }
        int entries = (int) Math.min(news, CountersLayout.TRACE_ENTRIES);
        missed(news - entries);
        int given = 0;
        for (int i = 1; i <= entries; i++) {
            given += give(written - entries + i, handler) ? 1 : 0;
        }
        seen = written;
        return given;
    }

    private boolean give(long number, Handler handler) {
        int at = CountersLayout.TRACE_FIRST
                + (int) (number & (CountersLayout.TRACE_ENTRIES - 1)) * CountersLayout.TRACE_ENTRY_BYTES;
        boolean whole = page.getLongVolatile(at + CountersLayout.TRACE_NUMBER) == number;
        int type = page.getInt(at + CountersLayout.TRACE_TYPE);
        int region = page.getInt(at + CountersLayout.TRACE_REGION);
        long detail = page.getLong(at + CountersLayout.TRACE_OFFSET);
        long ns = page.getLongVolatile(at + CountersLayout.TRACE_NS);
        if (!whole || page.getLongVolatile(at + CountersLayout.TRACE_NUMBER) != number) {
            missed(1);
            return false;
        }
        long before = lost;
        lost = 0;
        handler.traced(before, type, region, detail, ns);
        return true;
    }

    private void missed(long more) {
        lost = Math.min(lost + Math.min(more, Integer.MAX_VALUE), Integer.MAX_VALUE);
    }
}
