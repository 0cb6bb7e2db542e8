package io.jvmm.vcpu.x86.oracle;

import io.jvmm.vcpu.x86.decode.Op;
import java.util.Random;

/** Operands worth trying: random bits, and the numbers at which floating point and saturation turn. */
final class SimdValues {
    private static final int[] SINGLES = {
        0,
        0x8000_0000,
        1,
        0x8000_0001,
        0x007f_ffff,
        0x0080_0000,
        0x8080_0000,
        0x3f80_0000,
        0xbf80_0000,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_0000,
        0xffc0_0001,
        0x7f80_0001,
        0xffbf_ffff,
        0x7f7f_ffff,
        0xff7f_ffff,
        0x4f00_0000,
        0xcf00_0000,
        0x3f00_0000,
        0x4b00_0001,
        0x5f00_0000,
        0x3fc0_0000,
        0x4020_0000
    };
    private static final long[] DOUBLES = {
        0,
        0x8000_0000_0000_0000L,
        1,
        0x8000_0000_0000_0001L,
        0x000f_ffff_ffff_ffffL,
        0x0010_0000_0000_0000L,
        0x8010_0000_0000_0000L,
        0x3ff0_0000_0000_0000L,
        0xbff0_0000_0000_0000L,
        0x7ff0_0000_0000_0000L,
        0xfff0_0000_0000_0000L,
        0x7ff8_0000_0000_0000L,
        0xfff8_0000_0000_0001L,
        0x7ff0_0000_0000_0001L,
        0xfff7_ffff_ffff_ffffL,
        0x7fef_ffff_ffff_ffffL,
        0xffef_ffff_ffff_ffffL,
        0x41e0_0000_0000_0000L,
        0xc1e0_0000_0000_0000L,
        0x3fe0_0000_0000_0000L,
        0x4330_0000_0000_0001L,
        0x43e0_0000_0000_0000L,
        0xc3e0_0000_0000_0000L,
        0x41df_ffff_ffff_ffffL,
        0x3ff8_0000_0000_0000L,
        0x4004_0000_0000_0000L,
        0x36a0_0000_0000_0000L,
        0x380f_ffff_ffff_ffffL,
        0x47ef_ffff_ffff_ffffL
    };

    private SimdValues() {}

    /** 64 bits for an operand of this instruction. */
    static long number(Random random, Op op) {
        return switch (kind(op)) {
            case 1 -> (single(random) & 0xffff_ffffL) | (long) single(random) << 32;
            case 2 -> wide(random);
            case 3 ->
                random.nextBoolean() ? wide(random) : (single(random) & 0xffff_ffffL) | (long) single(random) << 32;
            case 4 -> text(random);
            default -> integer(random);
        };
    }

    private static int kind(Op op) {
        final String name = op.name();
        if ((name.startsWith("PCMPE") && name.contains("STR")) || name.startsWith("PCMPISTR")) {
            return 4;
        }
        if (name.startsWith("P") || (name.startsWith("M") && !name.startsWith("MIN") && !name.startsWith("MAX"))) {
            return 0;
        }
        if (name.startsWith("CVT")) {
            return 3;
        }
        return name.endsWith("PS") || name.endsWith("SS") ? 1 : name.endsWith("PD") || name.endsWith("SD") ? 2 : 3;
    }

    private static int single(Random random) {
        return switch (random.nextInt(6)) {
            case 0 -> SINGLES[random.nextInt(SINGLES.length)];
            case 1 -> random.nextInt();
            // Near one another, so that sums cancel and quotients come out even.
            case 2 -> Float.floatToRawIntBits(random.nextInt(64) - 32);
            case 3 -> Float.floatToRawIntBits((random.nextInt(2000) - 1000) / 8f);
            case 4 -> random.nextInt(0x0100_0000) | (random.nextInt(4) == 0 ? 0x8000_0000 : 0);
            default -> 0x3f00_0000 + random.nextInt(0x0100_0000) | (random.nextInt() & 0x8000_0000);
        };
    }

    private static long wide(Random random) {
        return switch (random.nextInt(7)) {
            case 0 -> DOUBLES[random.nextInt(DOUBLES.length)];
            case 1 -> random.nextLong();
            case 2 -> Double.doubleToRawLongBits(random.nextInt(64) - 32);
            case 3 -> Double.doubleToRawLongBits((random.nextInt(2000) - 1000) / 8.0);
            case 4 -> random.nextLong() & 0x801f_ffff_ffff_ffffL;
            case 5 -> Double.doubleToRawLongBits(random.nextInt() * (random.nextBoolean() ? 1.5 : 0x1p32));
            default -> 0x3fe0_0000_0000_0000L + (random.nextLong() & 0x801f_ffff_ffff_ffffL);
        };
    }

    private static long integer(Random random) {
        return switch (random.nextInt(5)) {
            case 0 -> 0x7fff_ffff_8000_00ffL >>> random.nextInt(32);
            case 1 -> random.nextLong() & 0x8080_ff7f_017f_80ffL;
            case 2 -> random.nextInt(80);
            default -> random.nextLong();
        };
    }

    /** Bytes of a small alphabet with an end here and there. */
    private static long text(Random random) {
        final int letters = 1 + random.nextInt(6);
        long value = 0;
        for (int i = 0; i < 8; i++) {
            value = value << 8
                    | (random.nextInt(12) == 0
                            ? 0
                            : random.nextInt(12) == 0 ? random.nextInt(256) : 'a' + random.nextInt(letters));
        }
        return value;
    }

    /** The usual one, or another rounding mode, DAZ, FTZ, sticky flags, unmasked exceptions. */
    static int mxcsr(Random random, int usual) {
        return switch (random.nextInt(4)) {
            case 0 -> usual;
            case 1 -> usual | 0x20;
            case 2 ->
                usual
                        | random.nextInt(4) << 13
                        | (random.nextBoolean() ? 0x40 : 0)
                        | (random.nextBoolean() ? 0x8000 : 0);
            default -> random.nextInt(0x10000) | (random.nextBoolean() ? 0x1f80 : 0);
        };
    }
}
