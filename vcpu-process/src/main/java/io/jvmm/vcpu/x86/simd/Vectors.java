package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.decode.Op;

/**
 * Integer instructions whose halves depend on each other, for translated code: {@code x} is {@code Cpu.xmm}, {@code d} and {@code s} are indexes
 * of low halves.
 */
public final class Vectors {
    private Vectors() {}

    /** PSHUFD. */
    public static void shuffle(long[] x, int d, int s, int imm) {
        final long low = x[s];
        final long high = x[s + 1];
        x[d] = ShuffleSteps.pick(low, high, imm) | ShuffleSteps.pick(low, high, imm >> 2) << 32;
        x[d + 1] = ShuffleSteps.pick(low, high, imm >> 4) | ShuffleSteps.pick(low, high, imm >> 6) << 32;
    }

    /** SHUFPS. */
    public static void shuffleTwo(long[] x, int d, int s, int imm) {
        final long low = x[s];
        final long high = x[s + 1];
        final long first = x[d];
        final long second = x[d + 1];
        x[d] = ShuffleSteps.pick(first, second, imm) | ShuffleSteps.pick(first, second, imm >> 2) << 32;
        x[d + 1] = ShuffleSteps.pick(low, high, imm >> 4) | ShuffleSteps.pick(low, high, imm >> 6) << 32;
    }

    /** PSHUFLW and PSHUFHW: one half; the other is copied. */
    public static void shuffleWords(long[] x, int d, int s, int imm) {
        x[d] = ShuffleSteps.words(x[s], imm);
    }

    /** PSHUFB. */
    public static void permute(long[] x, int d, int s) {
        final long low = x[d];
        final long high = x[d + 1];
        final long first = ShuffleSteps.permute(low, high, x[s]);
        x[d + 1] = ShuffleSteps.permute(low, high, x[s + 1]);
        x[d] = first;
    }

    /** PALIGNR. */
    public static void align(long[] x, int d, int s, int imm) {
        final long first = ShuffleSteps.bytes(x[s], x[s + 1], x[d], x[d + 1], imm);
        x[d + 1] = ShuffleSteps.bytes(x[s], x[s + 1], x[d], x[d + 1], imm + 8);
        x[d] = first;
    }

    /** PSLLDQ, 0 to 16 bytes. */
    public static void shiftLeft(long[] x, int d, int bytes) {
        final long first = ShuffleSteps.bytes(0, 0, x[d], x[d + 1], 16 - bytes);
        x[d + 1] = ShuffleSteps.bytes(0, 0, x[d], x[d + 1], 24 - bytes);
        x[d] = first;
    }

    /** PSRLDQ, 0 to 16 bytes. */
    public static void shiftRight(long[] x, int d, int bytes) {
        final long first = ShuffleSteps.bytes(x[d], x[d + 1], 0, 0, bytes);
        x[d + 1] = ShuffleSteps.bytes(x[d], x[d + 1], 0, 0, bytes + 8);
        x[d] = first;
    }

    /** PUNPCKLBW and PUNPCKHBW: {@code a} and {@code b} are the halves that are interleaved. */
    public static void interleaveBytes(long[] x, int d, long a, long b) {
        x[d] = Pairs.interleaveLow(Op.PUNPCKLBW, a, b);
        x[d + 1] = Pairs.interleaveHigh(Op.PUNPCKLBW, a, b);
    }

    /** PUNPCKLWD and PUNPCKHWD. */
    public static void interleaveWords(long[] x, int d, long a, long b) {
        x[d] = Pairs.interleaveLow(Op.PUNPCKLWD, a, b);
        x[d + 1] = Pairs.interleaveHigh(Op.PUNPCKLWD, a, b);
    }

    /** PUNPCKLDQ and PUNPCKHDQ, and UNPCKLPS and UNPCKHPS. */
    public static void interleaveDoubles(long[] x, int d, long a, long b) {
        x[d] = (a & 0xffff_ffffL) | b << 32;
        x[d + 1] = a >>> 32 | (b & ~0xffff_ffffL);
    }

    /** PMOVMSKB. */
    public static long byteSigns(long[] x, int s) {
        return ElementSteps.byteSigns(x[s]) | ElementSteps.byteSigns(x[s + 1]) << 8;
    }

    /** MOVMSKPD. */
    public static long doubleSigns(long[] x, int s) {
        return x[s] >>> 63 | x[s + 1] >>> 63 << 1;
    }
}
