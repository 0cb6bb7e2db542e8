package io.jvmm.vcpu.x86.simd;

import static io.jvmm.vcpu.x86.simd.Format.bias;
import static io.jvmm.vcpu.x86.simd.Format.exponent;
import static io.jvmm.vcpu.x86.simd.Format.fraction;
import static io.jvmm.vcpu.x86.simd.Format.infinity;
import static io.jvmm.vcpu.x86.simd.Format.invalid;
import static io.jvmm.vcpu.x86.simd.Format.isInfinite;
import static io.jvmm.vcpu.x86.simd.Format.isNan;
import static io.jvmm.vcpu.x86.simd.Format.isNegative;
import static io.jvmm.vcpu.x86.simd.Format.isZero;
import static io.jvmm.vcpu.x86.simd.Format.operand;
import static io.jvmm.vcpu.x86.simd.Format.quiet;
import static io.jvmm.vcpu.x86.simd.Format.round;
import static io.jvmm.vcpu.x86.simd.Format.shiftRightJam;
import static io.jvmm.vcpu.x86.simd.Format.signBit;
import static io.jvmm.vcpu.x86.simd.Format.zero;

import io.jvmm.vcpu.x86.cpu.Cpu;

/**
 * Arithmetic in integers, exact in every rounding mode and in every exception: the slow way, for what {@link Arithmetic} does not do
 * with the host's own. The formats are those of {@link Format}.
 */
final class SoftFloat {
    private SoftFloat() {}

    /** Significand with its leading one at bit 62. */
    private static long significand(int f, long a) {
        final long fraction = fraction(f, a);
        return exponent(f, a) != 0
                ? (fraction | 1L << f) << (62 - f)
                : fraction << (Long.numberOfLeadingZeros(fraction) - 1);
    }

    /** Biased exponent that goes with {@link #significand}: below 1 for denormals. */
    private static int scale(int f, long a) {
        final int exponent = exponent(f, a);
        return exponent != 0 ? exponent : 64 - f - Long.numberOfLeadingZeros(fraction(f, a));
    }

    static long add(Cpu cpu, int f, long first, long second, boolean subtract) {
        if (isNan(f, first) || isNan(f, second)) {
            return quiet(cpu, f, first, second);
        }
        final long a = operand(cpu, f, first);
        final long b = operand(cpu, f, second) ^ (subtract ? signBit(f) : 0);
        final boolean negative = isNegative(f, a);
        final boolean differ = negative != isNegative(f, b);
        if (isInfinite(f, a)) {
            return differ && isInfinite(f, b) ? invalid(cpu, f) : a;
        }
        if (isInfinite(f, b)) {
            return b;
        }
        // Leading ones at bit 61, to leave room for the carry.
        final int ea = Math.max(exponent(f, a), 1);
        final int eb = Math.max(exponent(f, b), 1);
        final long sa = (fraction(f, a) | (exponent(f, a) == 0 ? 0 : 1L << f)) << (61 - f);
        final long sb = (fraction(f, b) | (exponent(f, b) == 0 ? 0 : 1L << f)) << (61 - f);
        final int e = Math.max(ea, eb);
        final long x = shiftRightJam(sa, e - ea);
        final long y = shiftRightJam(sb, e - eb);
        final long sum = differ ? x - y : x + y;
        if (sum == 0) {
            return zero(f, differ ? Format.rounding(cpu) == Format.DOWN : negative);
        }
        final long magnitude = Math.abs(sum);
        final int up = Long.numberOfLeadingZeros(magnitude) - 1;
        return round(cpu, f, negative != sum < 0, e + 1 - up, magnitude << up);
    }

    static long multiply(Cpu cpu, int f, long first, long second) {
        if (isNan(f, first) || isNan(f, second)) {
            return quiet(cpu, f, first, second);
        }
        final long a = operand(cpu, f, first);
        final long b = operand(cpu, f, second);
        final boolean negative = isNegative(f, a ^ b);
        if (isInfinite(f, a) || isInfinite(f, b)) {
            return isZero(f, a) || isZero(f, b) ? invalid(cpu, f) : infinity(f, negative);
        }
        if (isZero(f, a) || isZero(f, b)) {
            return zero(f, negative);
        }
        final long x = significand(f, a);
        final long y = significand(f, b);
        final long low = x * y;
        final long product = Math.multiplyHigh(x, y) << 1 | low >>> 63 | (low << 1 != 0 ? 1 : 0);
        final int carry = (int) (product >>> 62);
        final int e = scale(f, a) + scale(f, b) - bias(f) + carry;
        return round(cpu, f, negative, e, carry != 0 ? product : product << 1);
    }

    static long divide(Cpu cpu, int f, long first, long second) {
        if (isNan(f, first) || isNan(f, second)) {
            return quiet(cpu, f, first, second);
        }
        final boolean negative = isNegative(f, first ^ second);
        if (isZero(f, Format.silent(cpu, f, second)) && !isInfinite(f, first)) {
            // Goes before a denormal operand.
            if (isZero(f, Format.silent(cpu, f, first))) {
                return invalid(cpu, f);
            }
            Format.raise(cpu, Format.ZERO_DIVIDE);
            return infinity(f, negative);
        }
        final long a = operand(cpu, f, first);
        final long b = operand(cpu, f, second);
        if (isInfinite(f, a)) {
            return isInfinite(f, b) ? invalid(cpu, f) : infinity(f, negative);
        }
        if (isInfinite(f, b)) {
            return zero(f, negative);
        }
        if (isZero(f, a)) {
            return zero(f, negative);
        }
        final long y = significand(f, b) >>> (62 - f);
        long rest = significand(f, a) >>> (62 - f);
        int e = scale(f, a) - scale(f, b) + bias(f);
        if (rest < y) {
            rest <<= 1;
            e--;
        }
        // The first digit is one; 62 more follow, as many at a time as a long holds.
        long quotient = 1;
        rest -= y;
        for (int left = 62; left > 0; ) {
            final int bits = Math.min(left, 62 - f);
            rest <<= bits;
            quotient = quotient << bits | rest / y;
            rest %= y;
            left -= bits;
        }
        return round(cpu, f, negative, e, quotient | (rest != 0 ? 1 : 0));
    }

    static long squareRoot(Cpu cpu, int f, long first) {
        if (isNan(f, first)) {
            return quiet(cpu, f, first);
        }
        if (isNegative(f, first) && !isZero(f, Format.silent(cpu, f, first))) {
            return invalid(cpu, f);
        }
        final long a = operand(cpu, f, first);
        if (isZero(f, a) || isInfinite(f, a)) {
            return a;
        }
        final int unbiased = scale(f, a) - bias(f);
        // An even exponent, and 53 or 54 bits.
        final long m = significand(f, a) >>> 10 << (unbiased & 1);
        // The host's root is correctly rounded: at most one too large. Then the remainder tells the rest.
        final long target = m >>> 12;
        final long targetLow = m << 52;
        long root = (long) (Math.sqrt((double) m) * 0x1p26);
        if (isAbove(root, target, targetLow)) {
            root--;
        }
        final long rest = targetLow - root * root;
        final long below = rest == 0 ? 0 : rest > root ? 3 : 1;
        return round(cpu, f, false, (unbiased >> 1) + bias(f), root << 10 | below << 8 | (below != 0 ? 1 : 0));
    }

    /** Whether the square of {@code root} is more than a number of 128 bits. */
    private static boolean isAbove(long root, long high, long low) {
        final long squareHigh = Math.multiplyHigh(root, root);
        return squareHigh != high ? squareHigh > high : Long.compareUnsigned(root * root, low) > 0;
    }

    /** MAXxx and MINxx: the second operand unless the first is truly more (less); any NaN is invalid (SDM 2 MAXPD). */
    static long extreme(Cpu cpu, int f, long first, long second, boolean most) {
        if (isNan(f, first) || isNan(f, second)) {
            Format.raise(cpu, Format.INVALID);
            return Format.silent(cpu, f, second);
        }
        final long a = operand(cpu, f, first);
        final long b = operand(cpu, f, second);
        final int order = compare(f, a, b);
        return (most ? order > 0 : order < 0) ? a : b;
    }

    /** -1, 0, 1; no NaNs. Zeros are equal. */
    static int compare(int f, long a, long b) {
        return Long.compare(ordered(f, a), ordered(f, b));
    }

    private static long ordered(int f, long a) {
        final long magnitude = a & ~signBit(f);
        return isNegative(f, a) ? -magnitude : magnitude;
    }

    /** To the other format. */
    static long convert(Cpu cpu, int from, int to, long first) {
        if (isNan(from, first)) {
            final long quiet = quiet(cpu, from, first);
            final long fraction = fraction(from, quiet);
            return (to > from ? fraction << (to - from) : fraction >>> (from - to))
                    | infinity(to, isNegative(from, quiet));
        }
        final long a = operand(cpu, from, first);
        final boolean negative = isNegative(from, a);
        if (isInfinite(from, a)) {
            return infinity(to, negative);
        }
        return isZero(from, a)
                ? zero(to, negative)
                : round(cpu, to, negative, scale(from, a) - bias(from) + bias(to), significand(from, a));
    }

    /** From a signed integer. */
    static long fromInteger(Cpu cpu, int f, long value) {
        if (value == 0) {
            return 0;
        }
        // The least integer is a power of two: its magnitude, unsigned, is right.
        final long magnitude = Math.abs(value);
        final int zeros = Long.numberOfLeadingZeros(magnitude);
        final long significand = zeros == 0 ? shiftRightJam(magnitude >>> 1, 0) : magnitude << (zeros - 1);
        return round(cpu, f, value < 0, bias(f) + 63 - zeros, significand);
    }

    /**
     * To a signed integer of 32 or 64 bits; what does not fit is invalid and gives the "integer indefinite".
     *
     * @param rounding a rounding mode of {@link Format}
     */
    static long toInteger(Cpu cpu, int f, long first, int bits, int rounding) {
        final long unrepresentable = bits == 64 ? Long.MIN_VALUE : 0x8000_0000L;
        final long a = Format.silent(cpu, f, first);
        final int unbiased = exponent(f, a) - bias(f);
        final boolean negative = isNegative(f, a);
        if (unbiased >= bits) {
            Format.raise(cpu, Format.INVALID);
            return unrepresentable;
        }
        if (isZero(f, a)) {
            return 0;
        }
        final long sig = fraction(f, a) | (exponent(f, a) == 0 ? 0 : 1L << f);
        final long whole;
        boolean inexact = false;
        if (unbiased >= f) {
            whole = sig << (unbiased - f);
        } else {
            // Two bits more: a half and a rest.
            final long scaled = shiftRightJam(sig << 2, Math.min(f - unbiased, 63));
            inexact = (scaled & 3) != 0;
            whole = (scaled >>> 2) + (roundsUp(rounding, negative, (int) scaled & 7) ? 1 : 0);
        }
        final long limit = bits == 64 ? Long.MIN_VALUE : 1L << 31;
        if (Long.compareUnsigned(whole, limit) > (negative ? 0 : -1)) {
            Format.raise(cpu, Format.INVALID);
            return unrepresentable;
        }
        if (inexact) {
            Format.raise(cpu, Format.PRECISION);
        }
        final long value = negative ? -whole : whole;
        return bits == 64 ? value : value & 0xffff_ffffL;
    }

    /** {@code bits}: lowest bit of the integer, half, rest. */
    private static boolean roundsUp(int rounding, boolean negative, int bits) {
        return switch (rounding) {
            case Format.NEAREST -> (bits & 3) == 3 || (bits & 7) == 6;
            case Format.DOWN -> negative && (bits & 3) != 0;
            case Format.UP -> !negative && (bits & 3) != 0;
            default -> false;
        };
    }

    /** ROUNDxx: to an integer in the same format. */
    static long toIntegral(Cpu cpu, int f, long first, int rounding, boolean inexactIsSilent) {
        if (isNan(f, first)) {
            return quiet(cpu, f, first);
        }
        final long a = Format.silent(cpu, f, first);
        final int unbiased = exponent(f, a) - bias(f);
        if (unbiased >= f || isZero(f, a)) {
            return a;
        }
        final boolean negative = isNegative(f, a);
        final long sign = a & signBit(f);
        final long sig = fraction(f, a) | (exponent(f, a) == 0 ? 0 : 1L << f);
        final long scaled = shiftRightJam(sig << 2, Math.min(f - unbiased, 63));
        if ((scaled & 3) != 0 && !inexactIsSilent) {
            Format.raise(cpu, Format.PRECISION);
        }
        final long whole = (scaled >>> 2) + (roundsUp(rounding, negative, (int) scaled & 7) ? 1 : 0);
        if (whole == 0) {
            return sign;
        }
        final int top = 63 - Long.numberOfLeadingZeros(whole);
        return sign | (long) (top + bias(f)) << f | fraction(f, whole << (f - top));
    }
}
