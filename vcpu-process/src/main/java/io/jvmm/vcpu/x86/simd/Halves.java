package io.jvmm.vcpu.x86.simd;

/**
 * Integer instructions on 64 bits of an XMM register, for translated code: {@code x} is {@code Cpu.xmm}, {@code d} and {@code s} are indexes into
 * it. Small, so that C1 makes straight code of them; the width of the elements is known to each.
 */
public final class Halves {
    private static final long B = Lanes.B;
    private static final long W = Lanes.W;
    private static final long D = Lanes.D;

    private Halves() {}

    /** PADDB. */
    public static void addBytes(long[] x, int d, int s) {
        x[d] = Lanes.add(x[d], x[s], B);
    }

    /** PADDW. */
    public static void addWords(long[] x, int d, int s) {
        x[d] = Lanes.add(x[d], x[s], W);
    }

    /** PADDD. */
    public static void addDoubles(long[] x, int d, int s) {
        x[d] = Lanes.add(x[d], x[s], D);
    }

    /** PSUBB. */
    public static void subtractBytes(long[] x, int d, int s) {
        x[d] = Lanes.subtract(x[d], x[s], B);
    }

    /** PSUBW. */
    public static void subtractWords(long[] x, int d, int s) {
        x[d] = Lanes.subtract(x[d], x[s], W);
    }

    /** PSUBD. */
    public static void subtractDoubles(long[] x, int d, int s) {
        x[d] = Lanes.subtract(x[d], x[s], D);
    }

    /** PCMPEQB. */
    public static void equalBytes(long[] x, int d, int s) {
        x[d] = (zeros(x[d] ^ x[s], ~B) >>> 7) * 0xff;
    }

    /** PCMPEQW. */
    public static void equalWords(long[] x, int d, int s) {
        x[d] = (zeros(x[d] ^ x[s], ~W) >>> 15) * 0xffff;
    }

    /** PCMPEQD. */
    public static void equalDoubles(long[] x, int d, int s) {
        x[d] = (zeros(x[d] ^ x[s], ~D) >>> 31) * 0xffff_ffffL;
    }

    /** The top bits of the elements that are zero; {@code rest} is the mask of the others. */
    private static long zeros(long value, long rest) {
        return ~((value & rest) + rest | value | rest);
    }

    /** PCMPGTB. */
    public static void greaterBytes(long[] x, int d, int s) {
        x[d] = (above(x[d] ^ B, x[s] ^ B, B) >>> 7) * 0xff;
    }

    /** PCMPGTW. */
    public static void greaterWords(long[] x, int d, int s) {
        x[d] = (above(x[d] ^ W, x[s] ^ W, W) >>> 15) * 0xffff;
    }

    /** PCMPGTD. */
    public static void greaterDoubles(long[] x, int d, int s) {
        x[d] = (above(x[d] ^ D, x[s] ^ D, D) >>> 31) * 0xffff_ffffL;
    }

    /** The top bits of the elements of which a is above b, unsigned. */
    private static long above(long a, long b, long top) {
        return ~((~a & b) | (~(a ^ b) & difference(b, a, top))) & top;
    }

    private static long difference(long a, long b, long top) {
        return (a | top) - (b & ~top);
    }

    /** PMINUB. */
    public static void minBytes(long[] x, int d, int s) {
        x[d] = Lanes.minBytes(x[d], x[s]);
    }

    /** PMAXUB: what of the bytes is not the least. */
    public static void maxBytes(long[] x, int d, int s) {
        x[d] = x[d] ^ x[s] ^ Lanes.minBytes(x[d], x[s]);
    }

    /** PMULUDQ. */
    public static void multiplyDoubles(long[] x, int d, int s) {
        x[d] = (x[d] & 0xffff_ffffL) * (x[s] & 0xffff_ffffL);
    }

    /** Shifts left by an immediate; {@code mask} is of the bits that stay within their elements. */
    public static void shiftLeft(long[] x, int d, int count, long mask) {
        x[d] = x[d] << count & mask;
    }

    /** Shifts right by an immediate. */
    public static void shiftRight(long[] x, int d, int count, long mask) {
        x[d] = x[d] >>> count & mask;
    }

    /** PSRAD. */
    public static void shiftDoubles(long[] x, int d, int count) {
        x[d] = ((int) x[d] >> count & 0xffff_ffffL) | x[d] >> 32 >> count << 32;
    }
}
