package io.jvmm.vcpu.x86.translate;

/**
 * The high half of a product of 64 bits by 64, which C1 has no instruction for, without a branch and in pieces small enough
 * for C1 to inline.
 */
final class WideProduct {
    private static final long LOW = 0xffff_ffffL;

    private WideProduct() {}

    /** MUL: unsigned. */
    static long unsignedHigh(long a, long b) {
        return high(a & LOW, a >>> 32, b & LOW, b >>> 32);
    }

    /** IMUL: signed. */
    static long signedHigh(long a, long b) {
        return unsignedHigh(a, b) - ((a >> 63) & b) - ((b >> 63) & a);
    }

    // No sum overflows: (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1.
    private static long high(long low1, long high1, long low2, long high2) {
        return sum(high1 * low2 + ((low1 * low2) >>> 32), low1 * high2, high1 * high2);
    }

    private static long sum(long middle, long other, long high) {
        return (((middle & LOW) + other) >>> 32) + (middle >>> 32) + high;
    }
}
