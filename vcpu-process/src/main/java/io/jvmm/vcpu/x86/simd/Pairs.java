package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.decode.Op;

/**
 * Instructions that make 64 bits out of twice 64: packing, horizontal sums, interleaving. The MMX forms take destination and source,
 * the XMM forms do this once for each half of the result. Pure functions.
 */
final class Pairs {
    private Pairs() {}

    /** {@code first} gives the low half of the result, {@code second} the high one. */
    static long fold(Op op, long first, long second) {
        return switch (op) {
            case PACKSSWB -> packWords(first, true) | packWords(second, true) << 32;
            case PACKUSWB -> packWords(first, false) | packWords(second, false) << 32;
            case PACKSSDW -> packDoubles(first, true) | packDoubles(second, true) << 32;
            case PACKUSDW -> packDoubles(first, false) | packDoubles(second, false) << 32;
            case PHADDD -> ((int) (first + (first >>> 32)) & 0xffff_ffffL) | (second + (second >>> 32)) << 32;
            case PHSUBD -> ((int) (first - (first >>> 32)) & 0xffff_ffffL) | (second - (second >>> 32)) << 32;
            default -> horizontal(op, first) | horizontal(op, second) << 32;
        };
    }

    /** Alternating elements of the low halves of {@code a} and {@code b}. */
    static long interleaveLow(Op op, long a, long b) {
        return switch (op) {
            case PUNPCKLBW, PUNPCKHBW -> spreadBytes(a) | spreadBytes(b) << 8;
            case PUNPCKLWD, PUNPCKHWD -> spreadWords(a) | spreadWords(b) << 16;
            default -> (a & 0xffff_ffffL) | b << 32;
        };
    }

    /** The same of the high halves. */
    static long interleaveHigh(Op op, long a, long b) {
        return interleaveLow(op, a >>> 32, b >>> 32);
    }

    private static long spreadWords(long value) {
        final long low = value & 0xffff_ffffL;
        return (low | low << 16) & 0x0000_ffff_0000_ffffL;
    }

    private static long spreadBytes(long value) {
        final long words = spreadWords(value);
        return (words | words << 8) & 0x00ff_00ff_00ff_00ffL;
    }

    private static long packWords(long value, boolean signed) {
        long result = 0;
        for (int shift = 48; shift >= 0; shift -= 16) {
            final int word = (short) (value >>> shift);
            result = result << 8 | ((signed ? clamp(word, -128, 127) : clamp(word, 0, 255)) & 0xff);
        }
        return result;
    }

    private static long packDoubles(long value, boolean signed) {
        final int low = (int) value;
        final int high = (int) (value >>> 32);
        return signed
                ? (clampWord(low) & 0xffffL) | (clampWord(high) & 0xffffL) << 16
                : clamp(low, 0, 0xffff) | (long) clamp(high, 0, 0xffff) << 16;
    }

    private static long horizontal(Op op, long value) {
        return (horizontalWord(op, (int) value) & 0xffffL) | (horizontalWord(op, (int) (value >>> 32)) & 0xffffL) << 16;
    }

    private static int horizontalWord(Op op, int pair) {
        final int low = (short) pair;
        final int high = pair >> 16;
        return switch (op) {
            case PHADDW -> low + high;
            case PHSUBW -> low - high;
            case PHADDSW -> clampWord(low + high);
            case PHSUBSW -> clampWord(low - high);
            default -> throw new IllegalArgumentException(op.toString());
        };
    }

    static int clampWord(int value) {
        return clamp(value, Short.MIN_VALUE, Short.MAX_VALUE);
    }

    private static int clamp(int value, int least, int most) {
        return Math.max(least, Math.min(most, value));
    }
}
