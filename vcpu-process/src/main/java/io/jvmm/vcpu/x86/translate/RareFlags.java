package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Flags;

/** Flags of the instructions that change only some of them: worked out at once, as bits ({@link Flags#EXPLICIT}). */
final class RareFlags {
    private RareFlags() {}

    /** BT: CF is {@code bit}, the others stay. */
    static long bitTest(int kind, long result, long source, int bit) {
        return (Flags.status(kind, result, source) & ~Flags.CF) | bit;
    }

    /** ROL of a value of {@code width} bits, count not 0: CF is the lowest bit of the result, OF that and the highest. */
    static long rotateLeft(int kind, long result, long source, long value, int width) {
        final int carry = (int) value & 1;
        final int top = (int) (value >>> (width - 1)) & 1;
        return (Flags.status(kind, result, source) & ~(Flags.CF | Flags.OF))
                | carry
                | ((carry ^ top) != 0 ? Flags.OF : 0);
    }

    /** ROR, the same: CF is the highest bit of the result, OF that and the next. */
    static long rotateRight(int kind, long result, long source, long value, int width) {
        final int carry = (int) (value >>> (width - 1)) & 1;
        final int next = (int) (value >>> (width - 2)) & 1;
        return (Flags.status(kind, result, source) & ~(Flags.CF | Flags.OF))
                | carry
                | ((carry ^ next) != 0 ? Flags.OF : 0);
    }

    /** BSF, BSR: ZF says whether the source was 0, the others stay. */
    static long zero(int kind, long result, long source, long value) {
        return (Flags.status(kind, result, source) & ~Flags.ZF) | (value == 0 ? Flags.ZF : 0);
    }
}
