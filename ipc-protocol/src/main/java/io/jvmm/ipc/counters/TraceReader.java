package io.jvmm.ipc.counters;

import org.agrona.concurrent.AtomicBuffer;

/**
 * The supervisor's end of the trace of a device's requests. Hostile: all of it; a look takes bounded time and gives at most what the trace
 * has room for, and what is given is a copy whose fields may be anything that their types allow. One thread.
 */
public final class TraceReader {
    private final AtomicBuffer page;
    private long seen;

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
        if (written - seen <= 0) {
            seen = written; // the same, or a liar's
            return 0;
        }
        long first = Math.max(seen + 1, written - CountersLayout.TRACE_ENTRIES + 1);
        long lost = Math.min(first - seen - 1, Integer.MAX_VALUE);
        int given = 0;
        for (long number = first; number <= written; number++) {
            int at = CountersLayout.TRACE_FIRST
                    + (int) (number & (CountersLayout.TRACE_ENTRIES - 1)) * CountersLayout.TRACE_ENTRY_BYTES;
            boolean whole = page.getLongVolatile(at + CountersLayout.TRACE_NUMBER) == number;
            int type = page.getInt(at + CountersLayout.TRACE_TYPE);
            int region = page.getInt(at + CountersLayout.TRACE_REGION);
            long detail = page.getLong(at + CountersLayout.TRACE_OFFSET);
            long ns = page.getLongVolatile(at + CountersLayout.TRACE_NS);
            if (whole && page.getLongVolatile(at + CountersLayout.TRACE_NUMBER) == number) {
                handler.traced(lost, type, region, detail, ns);
                lost = 0;
                given++;
            } else {
                lost++;
            }
        }
        seen = written;
        return given;
    }
}
