package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.decode.Op;
import org.agrona.UnsafeApi;

/**
 * Scalar floating point for translated code: operands and results are elements of {@code Cpu.xmm}, by index. The host's own arithmetic where it is
 * surely right (see {@link Arithmetic}), everything else goes to the slow way, which raises what there is to raise before anything is written.
 *
 * <p>Cut so small that C1, which inlines 35 bytecodes, of what is inlined there 31, 27 and 24, makes straight code of the quick way; no
 * branch but one. Elements are read as numbers past the array's bounds check and its detour through general registers: that is half of the
 * time. The indexes are the translator's.
 */
public final class QuickFloat {
    private static final long BASE = UnsafeApi.arrayBaseOffset(long[].class);
    /** Where results go for their bits to be looked at: behind {@link Cpu#XMM_SCRATCH}. */
    private static final int RESULT = 2 * Cpu.XMM_SCRATCH + 2;

    private QuickFloat() {}

    /** What the calls below that serve several operations take for one of them. */
    public static int kind(Op op) {
        return FloatSteps.kind(op);
    }

    // Double.

    /** ADDSD. */
    public static void addDouble(Cpu cpu, long[] x, int d, int s) {
        put(x, d, checked(wide(x, d) + wide(x, s), x, d, s, cpu, Arithmetic.ADD));
    }

    /** SUBSD. */
    public static void subtractDouble(Cpu cpu, long[] x, int d, int s) {
        put(x, d, checked(wide(x, d) - wide(x, s), x, d, s, cpu, Arithmetic.SUBTRACT));
    }

    /** MULSD. */
    public static void multiplyDouble(Cpu cpu, long[] x, int d, int s) {
        put(x, d, checked(wide(x, d) * wide(x, s), x, d, s, cpu, Arithmetic.MULTIPLY));
    }

    /** DIVSD. */
    public static void divideDouble(Cpu cpu, long[] x, int d, int s) {
        put(x, d, checked(wide(x, d) / wide(x, s), x, d, s, cpu, Arithmetic.DIVIDE));
    }

    /** MINSD, MAXSD, SQRTSD. */
    public static void rareDouble(Cpu cpu, long[] x, int d, int s, int kind) {
        put(x, d, slow(x, d, s, cpu, kind));
    }

    private static double checked(double result, long[] x, int d, int s, Cpu cpu, int kind) {
        if (edges(noted(result, x), d, s, cpu) >= 0) {
            return result;
        }
        return slow(x, d, s, cpu, kind);
    }

    /** Negative unless operands and result are well within the normal numbers, and an inexact result is nothing new. */
    private static int edges(long[] x, int d, int s, Cpu cpu) {
        return edge(x, RESULT) | edge(x, d) | edge(x, s) | news(cpu);
    }

    private static long[] noted(double result, long[] x) {
        put(x, RESULT, result);
        return x;
    }

    /** Negative for the three least exponents (0 is that of zeros and denormals) and the largest. In ints: C1 wants the count of a shift of a long in CL. */
    private static int edge(long[] x, int i) {
        return ((high(x, i) >>> 20) + 1 & 0x7fc) - 1;
    }

    private static int high(long[] x, int i) {
        return UnsafeApi.getInt(x, BASE + 4 + ((long) i << 3));
    }

    private static int low(long[] x, int i) {
        return UnsafeApi.getInt(x, BASE + ((long) i << 3));
    }

    /** Negative unless the rounding is to nearest, and the precision exception masked and noted already. */
    private static int news(Cpu cpu) {
        return -((cpu.mxcsr & Arithmetic.QUICK_MASK) ^ Arithmetic.QUICK);
    }

    private static double slow(long[] x, int d, int s, Cpu cpu, int kind) {
        return Double.longBitsToDouble(Arithmetic.settled(cpu, kind, x[d], x[s]));
    }

    private static double wide(long[] x, int i) {
        return UnsafeApi.getDouble(x, BASE + ((long) i << 3));
    }

    private static void put(long[] x, int i, double value) {
        UnsafeApi.putDouble(x, BASE + ((long) i << 3), value);
    }

    // Single.

    /** ADDSS. */
    public static void addSingle(Cpu cpu, long[] x, int d, int s) {
        put(x, d, checked(narrow(x, d) + narrow(x, s), x, d, s, cpu, Arithmetic.ADD));
    }

    /** SUBSS. */
    public static void subtractSingle(Cpu cpu, long[] x, int d, int s) {
        put(x, d, checked(narrow(x, d) - narrow(x, s), x, d, s, cpu, Arithmetic.SUBTRACT));
    }

    /** MULSS. */
    public static void multiplySingle(Cpu cpu, long[] x, int d, int s) {
        put(x, d, checked(narrow(x, d) * narrow(x, s), x, d, s, cpu, Arithmetic.MULTIPLY));
    }

    /** DIVSS. */
    public static void divideSingle(Cpu cpu, long[] x, int d, int s) {
        put(x, d, checked(narrow(x, d) / narrow(x, s), x, d, s, cpu, Arithmetic.DIVIDE));
    }

    /** MINSS, MAXSS, SQRTSS. */
    public static void rareSingle(Cpu cpu, long[] x, int d, int s, int kind) {
        put(x, d, slowSingle(x, d, s, cpu, kind));
    }

    private static float checked(float result, long[] x, int d, int s, Cpu cpu, int kind) {
        if (edges(Float.floatToRawIntBits(result), x, d, s, cpu) >= 0) {
            return result;
        }
        return slowSingle(x, d, s, cpu, kind);
    }

    private static int edges(int result, long[] x, int d, int s, Cpu cpu) {
        return edge(result) | singleEdge(x, d) | singleEdge(x, s) | news(cpu);
    }

    private static int singleEdge(long[] x, int i) {
        return edge(low(x, i));
    }

    private static int edge(int bits) {
        return ((bits >>> 23) + 1 & 0xfc) - 1;
    }

    private static float slowSingle(long[] x, int d, int s, Cpu cpu, int kind) {
        return Float.intBitsToFloat((int) Arithmetic.settledSingle(cpu, kind, x[d], x[s]));
    }

    private static float narrow(long[] x, int i) {
        return UnsafeApi.getFloat(x, BASE + ((long) i << 3));
    }

    /** Leaves the upper half of the element. */
    private static void put(long[] x, int i, float value) {
        UnsafeApi.putFloat(x, BASE + ((long) i << 3), value);
    }

    // Comparisons: ZF, PF and CF as bits of RFLAGS (SDM 2 COMISD).

    /** UCOMISD and COMISD; {@code quiet} is 1 for the former. */
    public static long compareDouble(Cpu cpu, long[] x, int d, int s, int quiet) {
        return numbers(x, d, s) >= 0 ? order(wide(x, d), wide(x, s)) : compared(cpu, x, d, s, quiet);
    }

    /** UCOMISS and COMISS. */
    public static long compareSingle(Cpu cpu, long[] x, int d, int s, int quiet) {
        return singles(x, d, s) >= 0 ? orderSingle(x, d, s) : comparedSingle(cpu, x, d, s, quiet);
    }

    private static long compared(Cpu cpu, long[] x, int d, int s, int quiet) {
        return FloatSteps.compare(cpu, Format.DOUBLE, x[d], x[s], quiet != 0);
    }

    private static long comparedSingle(Cpu cpu, long[] x, int d, int s, int quiet) {
        return FloatSteps.compare(cpu, Format.SINGLE, x[d], x[s], quiet != 0);
    }

    private static long order(double a, double b) {
        return a > b ? 0 : a < b ? Flags.CF : Flags.ZF;
    }

    private static long orderSingle(long[] x, int d, int s) {
        return order(narrow(x, d), narrow(x, s));
    }

    private static int numbers(long[] x, int d, int s) {
        return number(x, d) | number(x, s);
    }

    private static int singles(long[] x, int d, int s) {
        return number(low(x, d)) | number(low(x, s));
    }

    /** Not negative for zeros and what {@link #edge} finds normal. */
    private static int number(long[] x, int i) {
        return edge(x, i) & notZero(high(x, i) << 1 | low(x, i));
    }

    /** Not negative for 0 only. */
    private static int notZero(int value) {
        return (value | -value) >> 31;
    }

    private static int number(int bits) {
        return edge(bits) & notZero(bits << 1);
    }

    // Conversions.

    /** CVTSI2SD from 32 bits: always exact. */
    public static void intToDouble(long[] x, int d, int value) {
        put(x, d, (double) value);
    }

    /** CVTSI2SD from 64 bits. */
    public static void longToDouble(Cpu cpu, long[] x, int d, long value) {
        put(x, d, value << 11 >> 11 == value || news(cpu) >= 0 ? (double) value : slowDouble(cpu, value));
    }

    /** CVTSI2SS. */
    public static void longToSingle(Cpu cpu, long[] x, int d, long value) {
        put(x, d, value << 40 >> 40 == value || news(cpu) >= 0 ? (float) value : slowSingle(cpu, value));
    }

    private static double slowDouble(Cpu cpu, long value) {
        final long result = SoftFloat.fromInteger(cpu, Format.DOUBLE, value);
        Format.settle(cpu);
        return Double.longBitsToDouble(result);
    }

    private static float slowSingle(Cpu cpu, long value) {
        final long result = SoftFloat.fromInteger(cpu, Format.SINGLE, value);
        Format.settle(cpu);
        return Float.intBitsToFloat((int) result);
    }

    /** CVTTSD2SI, 32 bits, zero-extended. */
    public static long doubleToInt(Cpu cpu, long[] x, int s) {
        final double value = wide(x, s);
        return below(value, 0x1p31, cpu) ? whole(value) : truncated(cpu, x, s, 32);
    }

    /** CVTTSD2SI, 64 bits. */
    public static long doubleToLong(Cpu cpu, long[] x, int s) {
        final double value = wide(x, s);
        return below(value, 0x1p63, cpu) ? (long) value : truncated(cpu, x, s, 64);
    }

    /** CVTTSS2SI, 32 bits, zero-extended. */
    public static long singleToInt(Cpu cpu, long[] x, int s) {
        final double value = narrow(x, s);
        return below(value, 0x1p31, cpu) ? whole(value) : truncatedSingle(cpu, x, s, 32);
    }

    /** CVTTSS2SI, 64 bits. */
    public static long singleToLong(Cpu cpu, long[] x, int s) {
        final double value = narrow(x, s);
        return below(value, 0x1p63, cpu) ? (long) value : truncatedSingle(cpu, x, s, 64);
    }

    /** A number less than the limit, that it is not whole being nothing new: the precision exception is masked and has been met. */
    private static boolean below(double value, double limit, Cpu cpu) {
        return Math.abs(value) < limit
                && (cpu.mxcsr & ConvertSteps.PRECISION_IS_NOTHING_NEW) == ConvertSteps.PRECISION_IS_NOTHING_NEW;
    }

    private static long whole(double value) {
        return (int) value & 0xffff_ffffL;
    }

    private static long truncated(Cpu cpu, long[] x, int s, int bits) {
        return ConvertSteps.truncate(cpu, Format.DOUBLE, x[s], bits);
    }

    private static long truncatedSingle(Cpu cpu, long[] x, int s, int bits) {
        return ConvertSteps.truncate(cpu, Format.SINGLE, x[s] & 0xffff_ffffL, bits);
    }

    /** CVTSS2SD. */
    public static void widen(Cpu cpu, long[] x, int d, int s) {
        if (number(low(x, s)) >= 0) {
            put(x, d, (double) narrow(x, s));
        } else {
            slowWiden(cpu, x, d, s);
        }
    }

    private static void slowWiden(Cpu cpu, long[] x, int d, int s) {
        final long result = SoftFloat.convert(cpu, Format.SINGLE, Format.DOUBLE, x[s] & 0xffff_ffffL);
        Format.settle(cpu);
        x[d] = result;
    }

    /** CVTSD2SS. */
    public static void narrow(Cpu cpu, long[] x, int d, int s) {
        put(x, d, narrowed((float) wide(x, s), cpu, x, s));
    }

    private static float narrowed(float result, Cpu cpu, long[] x, int s) {
        return edges(Float.floatToRawIntBits(result), x, s, cpu) >= 0 ? result : slowNarrow(cpu, x[s]);
    }

    private static int edges(int result, long[] x, int s, Cpu cpu) {
        return edge(result) | edge(x, s) | news(cpu);
    }

    private static float slowNarrow(Cpu cpu, long value) {
        final long result = SoftFloat.convert(cpu, Format.DOUBLE, Format.SINGLE, value);
        Format.settle(cpu);
        return Float.intBitsToFloat((int) result);
    }

    // Packed double: the two results, apart; then, if both are well, to where they belong.

    /** ADDPD of one half: {@code half} is 0 or 1, {@code d} and {@code s} are indexes of that half. */
    public static void addHalf(long[] x, int half, int d, int s) {
        put(x, RESULT + half, wide(x, d) + wide(x, s));
    }

    /** SUBPD of one half. */
    public static void subtractHalf(long[] x, int half, int d, int s) {
        put(x, RESULT + half, wide(x, d) - wide(x, s));
    }

    /** MULPD of one half. */
    public static void multiplyHalf(long[] x, int half, int d, int s) {
        put(x, RESULT + half, wide(x, d) * wide(x, s));
    }

    /** DIVPD of one half. */
    public static void divideHalf(long[] x, int half, int d, int s) {
        put(x, RESULT + half, wide(x, d) / wide(x, s));
    }

    /** The end of ADDPD and the like, behind both halves: {@code d} and {@code s} are indexes of low halves. */
    public static void finishPair(Cpu cpu, long[] x, int d, int s, int kind) {
        if ((pairEdges(x, d, s) | news(cpu)) >= 0) {
            takePair(x, d);
            return;
        }
        FloatSteps.packedDouble(cpu, x, d, s, kind);
    }

    private static int pairEdges(long[] x, int d, int s) {
        return halfEdges(x, RESULT, d, s) | halfEdges(x, RESULT + 1, d + 1, s + 1);
    }

    private static int halfEdges(long[] x, int result, int d, int s) {
        return edge(x, result) | edge(x, d) | edge(x, s);
    }

    private static void takePair(long[] x, int d) {
        x[d] = x[RESULT];
        x[d + 1] = x[RESULT + 1];
    }
}
