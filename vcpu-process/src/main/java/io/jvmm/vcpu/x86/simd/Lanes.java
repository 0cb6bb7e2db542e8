package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.decode.Op;

/**
 * Instructions that treat each element of two vectors alike, 64 bits at a time (an XMM register is two such halves): pure
 * functions. {@code top} is the mask of the elements' top bits, from which the width follows; sums are kept from carrying into
 * their neighbours by computing the top bits apart.
 */
final class Lanes {
    static final long B = 0x8080_8080_8080_8080L;
    static final long W = 0x8000_8000_8000_8000L;
    static final long D = 0x8000_0000_8000_0000L;

    private Lanes() {}

    /** {@code a} is the destination, {@code b} the source. */
    static long apply(Op op, long a, long b) {
        return switch (op) {
            case PAND, ANDPS, ANDPD -> a & b;
            case PANDN, ANDNPS, ANDNPD -> ~a & b;
            case POR, ORPS, ORPD -> a | b;
            case PXOR, XORPS, XORPD -> a ^ b;
            case PADDB -> add(a, b, B);
            case PADDW -> add(a, b, W);
            case PADDD -> add(a, b, D);
            case PADDQ -> a + b;
            case PSUBB -> subtract(a, b, B);
            case PSUBW -> subtract(a, b, W);
            case PSUBD -> subtract(a, b, D);
            case PSUBQ -> a - b;
            case PCMPEQB -> equal(a, b, B);
            case PCMPEQW -> equal(a, b, W);
            case PCMPEQD -> equal(a, b, D);
            case PCMPEQQ -> a == b ? -1 : 0;
            case PCMPGTB -> ~atLeast(b ^ B, a ^ B, B);
            case PCMPGTW -> ~atLeast(b ^ W, a ^ W, W);
            case PCMPGTD -> ~atLeast(b ^ D, a ^ D, D);
            case PCMPGTQ -> a > b ? -1 : 0;
            case PMINUB -> minBytes(a, b);
            case PMINUW -> choose(atLeast(a, b, W), b, a);
            case PMINUD -> choose(atLeast(a, b, D), b, a);
            case PMAXUB -> choose(atLeast(a, b, B), a, b);
            case PMAXUW -> choose(atLeast(a, b, W), a, b);
            case PMAXUD -> choose(atLeast(a, b, D), a, b);
            case PMINSB -> choose(atLeast(a ^ B, b ^ B, B), b, a);
            case PMINSW -> choose(atLeast(a ^ W, b ^ W, W), b, a);
            case PMINSD -> choose(atLeast(a ^ D, b ^ D, D), b, a);
            case PMAXSB -> choose(atLeast(a ^ B, b ^ B, B), a, b);
            case PMAXSW -> choose(atLeast(a ^ W, b ^ W, W), a, b);
            case PMAXSD -> choose(atLeast(a ^ D, b ^ D, D), a, b);
            case PADDUSB -> addUnsigned(a, b, B);
            case PADDUSW -> addUnsigned(a, b, W);
            case PSUBUSB -> subtract(a, b, B) & atLeast(a, b, B);
            case PSUBUSW -> subtract(a, b, W) & atLeast(a, b, W);
            case PADDSB -> addSigned(a, b, B);
            case PADDSW -> addSigned(a, b, W);
            case PSUBSB -> subtractSigned(a, b, B);
            case PSUBSW -> subtractSigned(a, b, W);
            case PAVGB -> (a | b) - (((a ^ b) & 0xfefe_fefe_fefe_fefeL) >>> 1);
            case PAVGW -> (a | b) - (((a ^ b) & 0xfffe_fffe_fffe_fffeL) >>> 1);
            case PABSB -> negate(b, spread(b & B, B), B);
            case PABSW -> negate(b, spread(b & W, W), W);
            case PABSD -> negate(b, spread(b & D, D), D);
            case PSIGNB -> negate(a, spread(b & B, B), B) & ~equal(b, 0, B);
            case PSIGNW -> negate(a, spread(b & W, W), W) & ~equal(b, 0, W);
            case PSIGND -> negate(a, spread(b & D, D), D) & ~equal(b, 0, D);
            default -> Products.apply(op, a, b);
        };
    }

    /** Mask of the bits of an element below its top. */
    private static int width(long top) {
        return top == B ? 8 : top == W ? 16 : 32;
    }

    /** From top bits to whole elements. */
    static long spread(long tops, long top) {
        final int width = width(top);
        return (tops >>> (width - 1)) * ((1L << width) - 1);
    }

    static long add(long a, long b, long top) {
        return ((a & ~top) + (b & ~top)) ^ ((a ^ b) & top);
    }

    static long subtract(long a, long b, long top) {
        return ((a | top) - (b & ~top)) ^ ((a ^ ~b) & top);
    }

    static long equal(long a, long b, long top) {
        final long x = a ^ b;
        return spread(~(((x & ~top) + ~top) | x) & top, top);
    }

    /** Unsigned minimum of bytes: {@link #atLeast} and {@link #choose} in one. */
    static long minBytes(long a, long b) {
        final long below = (a | B) - (b & ~B);
        final long mask = ((((a & ~b) | (~(a ^ b) & below)) & B) >>> 7) * 0xff;
        return (b & mask) | (a & ~mask);
    }

    /** Unsigned a >= b. */
    private static long atLeast(long a, long b, long top) {
        final long below = (a | top) - (b & ~top);
        return spread(((a & ~b) | (~(a ^ b) & below)) & top, top);
    }

    private static long choose(long mask, long a, long b) {
        return (a & mask) | (b & ~mask);
    }

    private static long negate(long a, long mask, long top) {
        return subtract(a ^ mask, mask, top);
    }

    private static long addUnsigned(long a, long b, long top) {
        final long sum = add(a, b, top);
        return sum | ~atLeast(sum, a, top);
    }

    private static long addSigned(long a, long b, long top) {
        final long sum = add(a, b, top);
        return saturate(a, sum, ~(a ^ b) & (a ^ sum) & top, top);
    }

    private static long subtractSigned(long a, long b, long top) {
        final long difference = subtract(a, b, top);
        return saturate(a, difference, (a ^ b) & (a ^ difference) & top, top);
    }

    /** Where there was an overflow, the extreme of a's sign. */
    private static long saturate(long a, long result, long overflow, long top) {
        final long extreme = ((a & top) >>> (width(top) - 1)) + ~top;
        return choose(spread(overflow, top), extreme, result);
    }
}
