package io.jvmm.supervisor.lifecycle;

/**
 * Counts durations: how many, the longest, and quantiles that are right to a sixteenth. A few hundred longs, never more.
 * Event-loop thread only.
 */
public final class Durations {
    private static final int SUB_BITS = 4;
    private static final int SUB = 1 << SUB_BITS;

    private final long[] buckets = new long[(Long.SIZE - SUB_BITS) * SUB];
    private long count;
    private long maxNs;

    /** One more. */
    public void add(long ns) {
        long counted = Math.max(0, ns);
        buckets[bucket(counted)]++;
        count++;
        maxNs = Math.max(maxNs, counted);
    }

    public long count() {
        return count;
    }

    public long maxNs() {
        return maxNs;
    }

    /** The duration that this part of them (0 to 1) does not exceed, rounded up to the end of a bucket; 0 when there are none. */
    public long quantileNs(double part) {
        long wanted = Math.max(1, (long) Math.ceil(part * count));
        long seen = 0;
        for (int b = 0; b < buckets.length; b++) {
            seen += buckets[b];
            if (seen >= wanted) {
                return Math.min(maxNs, end(b));
            }
        }
        return 0;
    }

    /** Values below 16 have a bucket each; above, each power of two has 16. */
    private static int bucket(long ns) {
        if (ns < SUB) {
            return (int) ns;
        }
        int shift = Long.SIZE - 1 - Long.numberOfLeadingZeros(ns) - SUB_BITS;
        return (shift + 1) * SUB + (int) (ns >>> shift) - SUB;
    }

    private static long end(int bucket) {
        if (bucket < SUB) {
            return bucket;
        }
        int shift = bucket / SUB - 1;
        return ((bucket % SUB + SUB + 1L) << shift) - 1;
    }

    /** "p50 12.3 ms, p99 45 ms, max 60 ms (7 times)". */
    public String text() {
        return "p50 " + millis(quantileNs(0.5)) + ", p99 " + millis(quantileNs(0.99)) + ", max " + millis(maxNs) + " ("
                + count + (count == 1 ? " time)" : " times)");
    }

    /** Milliseconds with as many places as matter. */
    static String millis(long ns) {
        long tenths = (ns + 50_000) / 100_000;
        return tenths >= 1000 ? (tenths + 5) / 10 + " ms" : tenths / 10 + "." + tenths % 10 + " ms";
    }
}
