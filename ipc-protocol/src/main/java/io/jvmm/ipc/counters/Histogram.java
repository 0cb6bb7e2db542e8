package io.jvmm.ipc.counters;

/**
 * Durations by size: 64 buckets, two for each doubling, from 128 ns on. What is shorter is in the first, what is longer than nine minutes
 * in the last. Pure; allocates nothing.
 */
public final class Histogram {
    public static final int BUCKETS = 64;

    /** The exponent of the least duration that is told from nothing. */
    private static final int FIRST_EXPONENT = 7;

    private Histogram() {}

    /** Which bucket a duration belongs in; of a negative one the first. */
    public static int bucket(long ns) {
        if (ns < 1L << FIRST_EXPONENT) {
            return 0;
        }
        int exponent = Long.SIZE - 1 - Long.numberOfLeadingZeros(ns);
        int half = (int) (ns >>> (exponent - 1)) & 1;
        return Math.min(BUCKETS - 1, (exponent - FIRST_EXPONENT) * 2 + half);
    }

    /** The least duration of a bucket, but for the first, which begins at 0. */
    public static long lowerNs(int bucket) {
        return bucket == 0 ? 0 : (2L + (bucket & 1)) << (FIRST_EXPONENT - 1 + bucket / 2);
    }

    /** Where the next one begins; {@link Long#MAX_VALUE} for the last. */
    public static long upperNs(int bucket) {
        return bucket == BUCKETS - 1 ? Long.MAX_VALUE : lowerNs(bucket + 1);
    }

    /**
     * A quantile, taken as evenly spread in its bucket; of the last one its beginning.
     *
     * @param counts of each bucket, none negative
     * @param quantile 0 to 1
     * @return nanoseconds; -1 when there is nothing
     */
    public static long quantileNs(long[] counts, double quantile) {
        long total = 0;
        for (long n : counts) {
            total += n;
        }
        if (total <= 0) {
            return -1;
        }
        double wanted = quantile * total;
        double seen = 0;
        for (int i = 0; i < BUCKETS; i++) {
            if (counts[i] > 0 && seen + counts[i] >= wanted) {
                long lower = lowerNs(i);
                return i == BUCKETS - 1
                        ? lower
                        : lower + (long) ((upperNs(i) - lower) * Math.max(0, wanted - seen) / counts[i]);
            }
            seen += counts[i];
        }
        return lowerNs(BUCKETS - 1);
    }
}
