package io.jvmm.vcpu.x86.fpu;

/** Arithmetic on 128-bit unsigned numbers in two longs. Allocates nothing. */
final class Wide {
    private static final long MASK_32 = 0xffff_ffffL;

    private Wide() {}

    /**
     * {@code high:low / divisor}: two digits of 32 bits by long division (Knuth, volume 2, 4.3.1, algorithm D).
     *
     * @param high less than {@code divisor}
     * @param divisor top bit set
     */
    static long divide(long high, long low, long divisor) {
        final long d1 = divisor >>> 32;
        final long d0 = divisor & MASK_32;
        final long q1 = digit(high, low >>> 32, d1, d0);
        final long rest = (high << 32 | low >>> 32) - q1 * divisor;
        final long q0 = digit(rest, low & MASK_32, d1, d0);
        return q1 << 32 | q0;
    }

    /** One quotient digit of {@code high:next} (96 bits). */
    private static long digit(long high, long next, long d1, long d0) {
        long q = Long.divideUnsigned(high, d1);
        long r = high - q * d1;
        while (q > MASK_32 || Long.compareUnsigned(q * d0, r << 32 | next) > 0) {
            q--;
            r += d1;
            if (r > MASK_32) {
                break;
            }
        }
        return q;
    }

    /** The integer square root of {@code high:low}, bit by bit; the root fits 64 bits. */
    static long squareRoot(long high, long low) {
        long root = 0;
        for (int bit = 63; bit >= 0; bit--) {
            final long trial = root | 1L << bit;
            final long squareHigh = Math.unsignedMultiplyHigh(trial, trial);
            final int order = Long.compareUnsigned(squareHigh, high);
            if (order < 0 || (order == 0 && Long.compareUnsigned(trial * trial, low) <= 0)) {
                root = trial;
            }
        }
        return root;
    }
}
