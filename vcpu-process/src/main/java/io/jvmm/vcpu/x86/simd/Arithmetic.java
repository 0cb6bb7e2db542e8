package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;

/**
 * Floating-point operations on elements, quick where the host's own arithmetic is surely right: round to nearest, precision exception masked
 * and already noted, operands zeros or normal numbers, the result the same and well away from overflow and underflow. Everything else is
 * {@link SoftFloat}'s.
 */
final class Arithmetic {
    static final int ADD = 0;
    static final int SUBTRACT = 1;
    static final int MULTIPLY = 2;
    static final int DIVIDE = 3;
    static final int MINIMUM = 4;
    static final int MAXIMUM = 5;
    static final int ROOT = 6;

    /** Rounding control, precision mask, precision flag: the values with which an inexact result changes nothing. */
    static final int QUICK_MASK = 0x6000 | 0x1000 | 0x20;

    static final int QUICK = 0x1000 | 0x20;

    private Arithmetic() {}

    /** {@link #wide} as a whole instruction: settled. */
    static long settled(Cpu cpu, int kind, long a, long b) {
        final long result = wide(cpu, kind, a, b);
        Format.settle(cpu);
        return result;
    }

    /** {@link #narrow}, the same. */
    static long settledSingle(Cpu cpu, int kind, long a, long b) {
        final long result = narrow(cpu, kind, a, b);
        Format.settle(cpu);
        return result;
    }

    /** One double: {@code a} is the destination, {@code b} the source. */
    static long wide(Cpu cpu, int kind, long a, long b) {
        if ((cpu.mxcsr & QUICK_MASK) == QUICK && isQuick(kind, a, b)) {
            final double x = Double.longBitsToDouble(a);
            final double y = Double.longBitsToDouble(b);
            final double result = switch (kind) {
                case ADD -> x + y;
                case SUBTRACT -> x - y;
                case MULTIPLY -> x * y;
                case DIVIDE -> x / y;
                case MINIMUM -> x < y ? x : y;
                case MAXIMUM -> x > y ? x : y;
                default -> Math.sqrt(y);
            };
            final long bits = Double.doubleToRawLongBits(result);
            if (isSafe(bits) || (bits << 1 == 0 && (kind <= SUBTRACT || a << 1 == 0 || b << 1 == 0))) {
                return bits;
            }
        }
        return slow(cpu, Format.DOUBLE, kind, a, b);
    }

    /** One float, in the low half; the upper half of the arguments is ignored, that of the result zero. */
    static long narrow(Cpu cpu, int kind, long first, long second) {
        final int a = (int) first;
        final int b = (int) second;
        if ((cpu.mxcsr & QUICK_MASK) == QUICK && isQuick(kind, a, b)) {
            final float x = Float.intBitsToFloat(a);
            final float y = Float.intBitsToFloat(b);
            final float result = switch (kind) {
                case ADD -> x + y;
                case SUBTRACT -> x - y;
                case MULTIPLY -> x * y;
                case DIVIDE -> x / y;
                case MINIMUM -> x < y ? x : y;
                case MAXIMUM -> x > y ? x : y;
                default -> (float) Math.sqrt(y);
            };
            final int bits = Float.floatToRawIntBits(result);
            if (isSafe(bits) || (bits << 1 == 0 && (kind <= SUBTRACT || a << 1 == 0 || b << 1 == 0))) {
                return bits & 0xffff_ffffL;
            }
        }
        return slow(cpu, Format.SINGLE, kind, first & 0xffff_ffffL, second & 0xffff_ffffL);
    }

    /** Whether the operands are normal numbers or zeros, and nothing is divided by zero. */
    private static boolean isQuick(int kind, long a, long b) {
        return (isNormal(b) || (b << 1 == 0 && kind != DIVIDE)) && (kind == ROOT ? b > 0 : isNormal(a) || a << 1 == 0);
    }

    private static boolean isQuick(int kind, int a, int b) {
        return (isNormal(b) || (b << 1 == 0 && kind != DIVIDE)) && (kind == ROOT ? b > 0 : isNormal(a) || a << 1 == 0);
    }

    private static boolean isNormal(long bits) {
        return Integer.compareUnsigned(((int) (bits >>> 52) & 0x7ff) - 1, 0x7fe) < 0;
    }

    private static boolean isNormal(int bits) {
        return Integer.compareUnsigned((bits >>> 23 & 0xff) - 1, 0xfe) < 0;
    }

    /** Neither denormal or zero (zeros of sums, and of operands that are zero, are looked for apart) nor the least normal number, which may have come from a smaller one by rounding, nor infinite. */
    private static boolean isSafe(long bits) {
        return Integer.compareUnsigned(((int) (bits >>> 52) & 0x7ff) - 2, 0x7fd) < 0;
    }

    private static boolean isSafe(int bits) {
        return Integer.compareUnsigned((bits >>> 23 & 0xff) - 2, 0xfd) < 0;
    }

    private static long slow(Cpu cpu, int f, int kind, long a, long b) {
        return switch (kind) {
            case ADD -> SoftFloat.add(cpu, f, a, b, false);
            case SUBTRACT -> SoftFloat.add(cpu, f, a, b, true);
            case MULTIPLY -> SoftFloat.multiply(cpu, f, a, b);
            case DIVIDE -> SoftFloat.divide(cpu, f, a, b);
            case MINIMUM -> SoftFloat.extreme(cpu, f, a, b, false);
            case MAXIMUM -> SoftFloat.extreme(cpu, f, a, b, true);
            default -> SoftFloat.squareRoot(cpu, f, b);
        };
    }

    /** The same on two floats in one long. */
    static long narrowPair(Cpu cpu, int kind, long a, long b) {
        return narrow(cpu, kind, a, b) | narrow(cpu, kind, a >>> 32, b >>> 32) << 32;
    }

    /**
     * Comparison by one of the predicates EQ LT LE UNORD NEQ NLT NLE ORD (SDM 2 CMPPD); LT, LE and their opposites find quiet NaNs invalid
     * too.
     */
    static boolean holds(Cpu cpu, int f, int predicate, long first, long second) {
        final boolean opposite = (predicate & 4) != 0;
        if (Format.isNan(f, first) || Format.isNan(f, second)) {
            final boolean signals = (predicate & 3) == 1 || (predicate & 3) == 2;
            if (signals || Format.isSignaling(f, first) || Format.isSignaling(f, second)) {
                Format.raise(cpu, Format.INVALID);
            }
            return ((predicate & 3) == 3) != opposite;
        }
        final int order = SoftFloat.compare(f, Format.operand(cpu, f, first), Format.operand(cpu, f, second));
        return switch (predicate & 3) {
                    case 0 -> order == 0;
                    case 1 -> order < 0;
                    case 2 -> order <= 0;
                    default -> false;
                }
                != opposite;
    }
}
