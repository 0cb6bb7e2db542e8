package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.decode.Op;

/** Multiplications and sums of differences, 64 bits at a time: pure functions. */
final class Products {
    private Products() {}

    static long apply(Op op, long a, long b) {
        return switch (op) {
            case PMULUDQ -> (a & 0xffff_ffffL) * (b & 0xffff_ffffL);
            case PMULDQ -> (long) (int) a * (int) b;
            case PMULLD -> ((a * b) & 0xffff_ffffL) | (((a >>> 32) * (b >>> 32)) << 32);
            case PSADBW -> sumOfDifferences(a, b);
            case PMADDWD -> (pairs(a, b) & 0xffff_ffffL) | (long) pairs(a >>> 32, b >>> 32) << 32;
            default -> words(op, a, b);
        };
    }

    private static long words(Op op, long a, long b) {
        long result = 0;
        for (int shift = 48; shift >= 0; shift -= 16) {
            result = result << 16 | (word(op, (int) (a >>> shift), (int) (b >>> shift)) & 0xffff);
        }
        return result;
    }

    /** One word; the arguments have garbage above 16 bits. */
    private static int word(Op op, int a, int b) {
        return switch (op) {
            case PMULLW -> a * b;
            case PMULHW -> ((short) a * (short) b) >> 16;
            case PMULHUW -> ((a & 0xffff) * (b & 0xffff)) >>> 16;
            case PMULHRSW -> ((((short) a * (short) b) >> 14) + 1) >> 1;
            case PMADDUBSW -> Pairs.clampWord((a & 0xff) * (byte) b + (a >>> 8 & 0xff) * (byte) (b >> 8));
            default -> throw new IllegalArgumentException(op.toString());
        };
    }

    private static int pairs(long a, long b) {
        return (short) a * (short) b + (short) (a >>> 16) * (short) (b >>> 16);
    }

    private static long sumOfDifferences(long a, long b) {
        int sum = 0;
        for (int shift = 0; shift < 64; shift += 8) {
            sum += Math.abs((int) (a >>> shift & 0xff) - (int) (b >>> shift & 0xff));
        }
        return sum;
    }

    /** One 64-bit half of MPSADBW: four sums of four differences, of {@code window} (7 bytes count) against 4 bytes of {@code block}. */
    static long sumsOfFour(long window, int block) {
        long result = 0;
        for (int word = 3; word >= 0; word--) {
            int sum = 0;
            for (int i = 0; i < 4; i++) {
                sum += Math.abs((int) (window >>> (8 * (word + i)) & 0xff) - (block >>> (8 * i) & 0xff));
            }
            result = result << 16 | sum;
        }
        return result;
    }
}
