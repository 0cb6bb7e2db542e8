package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * Binary floating-point numbers as bits in a long, in one of two formats named by the number of their fraction bits, and MXCSR: NaNs,
 * denormals, rounding and exceptions as SDM 1 4.8, 4.9, 10.2.3 and 11.5 have them. Exceptions gather in {@code Cpu.simdExceptions}
 * until {@link #settle}.
 */
final class Format {
    /** binary32: fraction bits. */
    static final int SINGLE = 23;
    /** binary64: fraction bits. */
    static final int DOUBLE = 52;

    static final int INVALID = 1;
    static final int DENORMAL = 2;
    static final int ZERO_DIVIDE = 4;
    static final int OVERFLOW = 8;
    static final int UNDERFLOW = 16;
    static final int PRECISION = 32;

    static final int NEAREST = 0;
    static final int DOWN = 1;
    static final int UP = 2;
    static final int TRUNCATE = 3;

    private static final int DAZ = 1 << 6;
    private static final int OVERFLOW_MASKED = 1 << 10;
    private static final int UNDERFLOW_MASKED = 1 << 11;
    private static final int FLUSH_TO_ZERO = 1 << 15;
    private static final int MASK_SHIFT = 7;
    private static final int EXCEPTIONS = 0x3f;
    /** Found before anything is computed: then the results of no element count. */
    private static final int BEFORE = INVALID | DENORMAL | ZERO_DIVIDE;

    private static final long CR4_OSXMMEXCPT = 1 << 10;

    private Format() {}

    static int maxExponent(int f) {
        return f == DOUBLE ? 0x7ff : 0xff;
    }

    static int bias(int f) {
        return f == DOUBLE ? 0x3ff : 0x7f;
    }

    static long signBit(int f) {
        return f == DOUBLE ? 1L << 63 : 1L << 31;
    }

    static int exponent(int f, long a) {
        return (int) (a >>> f) & maxExponent(f);
    }

    static long fraction(int f, long a) {
        return a & (1L << f) - 1;
    }

    static boolean isNegative(int f, long a) {
        return (a & signBit(f)) != 0;
    }

    static long zero(int f, boolean negative) {
        return negative ? signBit(f) : 0;
    }

    static long infinity(int f, boolean negative) {
        return (long) maxExponent(f) << f | zero(f, negative);
    }

    /** The default NaN, "real indefinite". */
    static long indefinite(int f) {
        return signBit(f) | (long) maxExponent(f) << f | 1L << (f - 1);
    }

    static boolean isNan(int f, long a) {
        return exponent(f, a) == maxExponent(f) && fraction(f, a) != 0;
    }

    static boolean isInfinite(int f, long a) {
        return exponent(f, a) == maxExponent(f) && fraction(f, a) == 0;
    }

    static boolean isZero(int f, long a) {
        return (a & ~signBit(f)) == 0;
    }

    static boolean isSignaling(int f, long a) {
        return isNan(f, a) && (a & 1L << (f - 1)) == 0;
    }

    static int rounding(Cpu cpu) {
        return cpu.mxcsr >> 13 & 3;
    }

    static void raise(Cpu cpu, int exceptions) {
        cpu.simdExceptions |= exceptions;
    }

    static long invalid(Cpu cpu, int f) {
        raise(cpu, INVALID);
        return indefinite(f);
    }

    /** Result of one operand that is a NaN. */
    static long quiet(Cpu cpu, int f, long a) {
        if (isSignaling(f, a)) {
            raise(cpu, INVALID);
        }
        return a | 1L << (f - 1);
    }

    /** Result of two operands of which one is a NaN, at least: the first that is one (SDM 1 table 4-7). */
    static long quiet(Cpu cpu, int f, long a, long b) {
        if (isSignaling(f, a) || isSignaling(f, b)) {
            raise(cpu, INVALID);
        }
        return (isNan(f, a) ? a : b) | 1L << (f - 1);
    }

    /** A denormal operand is zero with DAZ, and else an exception. */
    static long operand(Cpu cpu, int f, long a) {
        if (exponent(f, a) == 0 && fraction(f, a) != 0) {
            if ((cpu.mxcsr & DAZ) != 0) {
                return a & signBit(f);
            }
            raise(cpu, DENORMAL);
        }
        return a;
    }

    /** The same for instructions to which denormals are no exception. */
    static long silent(Cpu cpu, int f, long a) {
        final boolean flush = (cpu.mxcsr & DAZ) != 0 && exponent(f, a) == 0;
        return flush ? a & signBit(f) : a;
    }

    /** Shifts right, ones that are lost staying behind as the lowest bit. */
    static long shiftRightJam(long value, int count) {
        if (count > 62) {
            return value != 0 ? 1 : 0;
        }
        return value >>> count | ((value & (1L << count) - 1) != 0 ? 1 : 0);
    }

    /** What is added before the bits below {@code shift} are cut off. */
    private static long increment(int rounding, boolean negative, int shift) {
        if (rounding == NEAREST) {
            return 1L << (shift - 1);
        }
        return rounding == (negative ? DOWN : UP) ? (1L << shift) - 1 : 0;
    }

    private static int precision(long significand, int shift) {
        return (significand & (1L << shift) - 1) != 0 ? PRECISION : 0;
    }

    /**
     * Rounds {@code significand / 2^62 * 2^(exponent - bias)} to the format.
     *
     * @param exponent biased; may be out of range on both sides
     * @param significand in [2^62, 2^63), its lowest bit sticky
     */
    static long round(Cpu cpu, int f, boolean negative, int exponent, long significand) {
        final int rounding = rounding(cpu);
        final int shift = 62 - f;
        final long increment = increment(rounding, negative, shift);
        int e = exponent;
        long sig = significand;
        final boolean tiny = e < 0 || (e == 0 && sig + increment >= 0);
        if (e <= 0) {
            final boolean masked = (cpu.mxcsr & UNDERFLOW_MASKED) != 0;
            if (tiny && masked && (cpu.mxcsr & FLUSH_TO_ZERO) != 0) {
                raise(cpu, UNDERFLOW | PRECISION);
                return zero(f, negative);
            }
            if (tiny && !masked) {
                // The handler gets no result; precision is that of a result with exponents of any size (SDM 1 4.9.1.5).
                raise(cpu, UNDERFLOW | precision(sig, shift));
                return 0;
            }
            sig = shiftRightJam(sig, 1 - e);
            e = 0;
            raise(cpu, tiny && precision(sig, shift) != 0 ? UNDERFLOW : 0);
        }
        final long rest = sig & (1L << shift) - 1;
        raise(cpu, precision(sig, shift));
        long rounded = (sig + increment) >>> shift;
        if (rounding == NEAREST && rest == 1L << (shift - 1)) {
            rounded &= ~1L;
        }
        // The top bit of the significand counts as one in the exponent: of a denormal, it may have come by rounding.
        final long bits = rounded + ((long) Math.max(e - 1, 0) << f);
        if (bits >>> f >= maxExponent(f) || e >= maxExponent(f)) {
            // Unmasked, it is inexact only when the result with an exponent of any size would be.
            raise(cpu, (cpu.mxcsr & OVERFLOW_MASKED) != 0 ? OVERFLOW | PRECISION : OVERFLOW);
            final long infinity = infinity(f, negative);
            return increment == 0 ? infinity - 1 : infinity;
        }
        return bits | zero(f, negative);
    }

    /** The end of an instruction, before it writes: #XM when an exception that it met is unmasked. */
    static void settle(Cpu cpu) {
        if (cpu.simdExceptions != 0) {
            raise(cpu);
        }
    }

    private static void raise(Cpu cpu) {
        int met = cpu.simdExceptions;
        cpu.simdExceptions = 0;
        final int unmasked = met & ~(cpu.mxcsr >> MASK_SHIFT) & EXCEPTIONS;
        if ((unmasked & BEFORE) != 0) {
            met &= BEFORE;
        }
        cpu.mxcsr |= met;
        if (unmasked != 0) {
            throw (cpu.cr4 & CR4_OSXMMEXCPT) != 0 ? cpu.exception.of(Vector.XM) : cpu.undefined();
        }
    }
}
