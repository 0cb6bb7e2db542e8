package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Flags;

/**
 * Instructions that change only some of the status flags. What they change is not worked out but remembered, as one value laid over
 * the lazy flags of before ({@link Emitter#OVER}), and mostly forgotten when the next instruction changes all.
 *
 * <p>What is laid over is {@code operation << 2 + log2(width in bytes)}; 0 is nothing.
 */
final class RareFlags {
    /** BT: CF is the value, 0 or 1. */
    static final int BIT = 1;
    /** BSF, BSR: ZF says whether the value is 0. */
    static final int ZERO = 2;
    /** ROL, count not 0: CF is the lowest bit of the value, OF that and the highest. */
    static final int ROL = 3;
    /** ROR, the same: CF is the highest bit, OF that and the next. */
    static final int ROR = 4;
    /** The value is the result; CF stays. */
    static final int INC = 5;

    static final int DEC = 6;

    private RareFlags() {}

    /** Whether an operation changes all flags that another did: then that one need not be remembered. */
    static boolean covers(int operation, int other) {
        return switch (operation) {
            case ROL, ROR -> other == ROL || other == ROR || other == BIT;
            case INC, DEC -> other == INC || other == DEC || other == ZERO;
            default -> operation == other;
        };
    }

    /** All six flags as bits: {@code value} laid over the lazy ones. */
    static long over(int over, int kind, long result, long source, long value) {
        final int width = 8 << (over & 3);
        final int old = Flags.status(kind, result, source);
        return switch (over >> 2) {
            case BIT -> (old & ~Flags.CF) | (int) value;
            case ZERO -> (old & ~Flags.ZF) | (value == 0 ? Flags.ZF : 0);
            case ROL -> rotated(old, (int) value & 1, (int) (value >>> (width - 1)) & 1);
            case ROR -> {
                final int carry = (int) (value >>> (width - 1)) & 1;
                yield rotated(old, carry, (int) (value >>> (width - 2)) & 1);
            }
            case INC -> Flags.status(Flags.INC | (over & 3), value, old & Flags.CF);
            case DEC -> Flags.status(Flags.DEC | (over & 3), value, old & Flags.CF);
            default -> throw new IllegalStateException("flags over flags " + over);
        };
    }

    private static int rotated(int old, int carry, int other) {
        return (old & ~(Flags.CF | Flags.OF)) | carry | (carry != other ? Flags.OF : 0);
    }
}
