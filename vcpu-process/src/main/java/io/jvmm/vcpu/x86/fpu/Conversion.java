package io.jvmm.vcpu.x86.fpu;

/**
 * Between double-extended numbers and what memory holds: 32- and 64-bit reals, 16- to 64-bit integers, packed decimals (SDM 1 4.2,
 * 8.3.3). Loads are exact; stores round and raise what they must. Static, on an {@link Extended} that holds mode, flags and
 * result; allocates nothing.
 */
public final class Conversion {
    private static final int FLOAT_BIAS = 127;
    private static final int DOUBLE_BIAS = 1023;
    private static final long GREATEST_DECIMAL = 999_999_999_999_999_999L;

    private Conversion() {}

    /** A 32-bit real as a register has it; a signaling NaN stays one. */
    public static void fromFloat(Extended x, int bits) {
        final int exponent = bits >>> 23 & 0xff;
        final long fraction = (long) (bits & 0x7f_ffff) << 40;
        unpack(x, bits < 0 ? 0x8000 : 0, exponent, 0xff, FLOAT_BIAS, fraction);
    }

    /** A 64-bit real as a register has it; a signaling NaN stays one. */
    public static void fromDouble(Extended x, long bits) {
        final int exponent = (int) (bits >>> 52) & 0x7ff;
        final long fraction = (bits & 0xf_ffff_ffff_ffffL) << 11;
        unpack(x, bits < 0 ? 0x8000 : 0, exponent, 0x7ff, DOUBLE_BIAS, fraction);
    }

    private static void unpack(Extended x, int sign, int exponent, int top, int bias, long fraction) {
        if (exponent == top) {
            x.set(sign | Extended.TOP_EXPONENT, Extended.INTEGER_BIT | fraction);
        } else if (exponent != 0) {
            x.set(sign | exponent - bias + Extended.BIAS, Extended.INTEGER_BIT | fraction);
        } else if (fraction == 0) {
            x.set(sign, 0);
        } else {
            x.flags |= Extended.DENORMAL;
            final int zeros = Long.numberOfLeadingZeros(fraction);
            x.set(sign | 1 - bias + Extended.BIAS - zeros, fraction << zeros);
        }
    }

    /** A signed integer as a register has it. */
    public static void fromLong(Extended x, long value) {
        if (value == 0) {
            x.set(0, 0);
            return;
        }
        final long magnitude = Math.abs(value);
        final int zeros = Long.numberOfLeadingZeros(magnitude);
        x.set((value < 0 ? 0x8000 : 0) | Extended.BIAS + 63 - zeros, magnitude << zeros);
    }

    /** Rounds to a 32-bit real. */
    public static int toFloat(Extended x, int se, long sig, int masks) {
        return (int) pack(x, se, sig, masks, 23, FLOAT_BIAS);
    }

    /** Rounds to a 64-bit real. */
    public static long toDouble(Extended x, int se, long sig, int masks) {
        return pack(x, se, sig, masks, 52, DOUBLE_BIAS);
    }

    /**
     * Rounds to a format. With an unmasked exception nothing is stored, so that the value returned does not matter then.
     *
     * @param fractionBits of the format
     */
    private static long pack(Extended x, int se, long sig, int masks, int fractionBits, int bias) {
        final int top = 2 * bias + 1;
        final long sign = (se & 0x8000) == 0 ? 0 : 1L << (fractionBits == 23 ? 31 : 63);
        if (Extended.isUnsupported(se, sig)) {
            x.flags |= Extended.INVALID;
            return 1L << (fractionBits == 23 ? 31 : 63) | (long) top << fractionBits | 1L << (fractionBits - 1);
        }
        if ((se & Extended.TOP_EXPONENT) == Extended.TOP_EXPONENT) {
            if (sig << 1 == 0) {
                return sign | (long) top << fractionBits;
            }
            if ((sig & Extended.QUIET_BIT) == 0) {
                x.flags |= Extended.INVALID;
            }
            return sign | (long) top << fractionBits | (sig | Extended.QUIET_BIT) << 1 >>> (64 - fractionBits);
        }
        if (sig == 0) {
            return sign;
        }
        final int exponent = Extended.normalExponent(se, sig) - Extended.BIAS + bias;
        final long normal = Extended.normalSignificand(sig);
        final int cut = 63 - fractionBits;
        return sign | packFinite(x, se & 0x8000, exponent, normal, cut, top, fractionBits, masks);
    }

    private static long packFinite(
            Extended x, int sign, int exponent, long normal, int cut, int top, int fractionBits, int masks) {
        final long whole = normal >>> cut;
        final long fraction = normal << (64 - cut);
        final boolean carries = x.increments(sign, whole, fraction) && whole + 1 == 1L << (fractionBits + 1);
        if (exponent <= 0) {
            final boolean tiny = exponent < 0 || !carries;
            final int shift = cut + 1 - exponent;
            final long shifted = shift < 64 ? normal >>> shift : 0;
            final long rest = shift < 64 ? normal << (64 - shift) : shift == 64 ? normal : 1;
            if (tiny && (rest != 0 || (masks & Extended.UNDERFLOW) == 0)) {
                x.flags |= Extended.UNDERFLOW;
            }
            return rounded(x, sign, shifted, rest);
        }
        final int finalExponent = carries ? exponent + 1 : exponent;
        if (finalExponent >= top) {
            x.flags |= Extended.OVERFLOW | Extended.PRECISION;
            final boolean infinity = x.rounding() == Extended.NEAREST
                    || (x.rounding() == Extended.DOWN && sign != 0)
                    || (x.rounding() == Extended.UP && sign == 0);
            x.roundedUp = infinity;
            return ((long) top << fractionBits) - (infinity ? 0 : 1);
        }
        // The integer bit adds one to the exponent field, and a carry another.
        return ((long) (exponent - 1) << fractionBits) + rounded(x, sign, whole, fraction);
    }

    private static long rounded(Extended x, int sign, long whole, long fraction) {
        if (fraction == 0) {
            x.roundedUp = false;
            return whole;
        }
        x.flags |= Extended.PRECISION;
        x.roundedUp = x.increments(sign, whole, fraction);
        return x.roundedUp ? whole + 1 : whole;
    }

    /**
     * Rounds to a signed integer of so many bits; what does not fit is the invalid exception and the integer indefinite, the
     * smallest number.
     *
     * @param chop FISTTP: toward zero whatever RC says
     */
    public static long toInteger(Extended x, int se, long sig, int bits, boolean chop) {
        final long indefinite = -1L << (bits - 1);
        final int exponent = (se & Extended.TOP_EXPONENT) - Extended.BIAS;
        final int sign = se & 0x8000;
        if (Extended.isUnsupported(se, sig) || exponent > 63) {
            x.flags |= Extended.INVALID;
            return indefinite;
        }
        final long whole = exponent < 0 ? 0 : sig >>> (63 - exponent);
        final long fraction = sig == 0 || exponent == 63 ? 0 : exponent < -1 ? 1 : sig << (exponent + 1);
        final boolean up = !chop && x.increments(sign, whole, fraction);
        final long magnitude = up ? whole + 1 : whole;
        final boolean wrapped = up && magnitude == 0;
        final boolean fits = !wrapped
                && (sign == 0
                        ? magnitude >= 0 && magnitude <= ~indefinite
                        : Long.compareUnsigned(magnitude, -indefinite) <= 0);
        if (!fits) {
            x.flags |= Extended.INVALID;
            return indefinite;
        }
        if (fraction != 0) {
            x.flags |= Extended.PRECISION;
            x.roundedUp = up;
        }
        return sign == 0 ? magnitude : -magnitude;
    }

    /** A packed decimal: eighteen digits in {@code low} (16 of them) and the low byte of {@code high}, its top bit the sign. */
    public static void fromDecimal(Extended x, long low, int high) {
        long value = (high >> 4 & 15) * 10L + (high & 15);
        for (int shift = 60; shift >= 0; shift -= 4) {
            value = value * 10 + (low >>> shift & 15);
        }
        fromLong(x, value);
        x.signExponent |= high & 0x8000;
    }

    /**
     * Rounds to a packed decimal.
     *
     * @return the low sixteen digits; {@link Extended#signExponent} holds the high 16 bits
     */
    public static long toDecimal(Extended x, int se, long sig) {
        final int before = x.flags;
        final long value = toInteger(x, se, sig, 64, false);
        final long magnitude = Math.abs(value);
        if ((x.flags & ~before & Extended.INVALID) != 0 || magnitude > GREATEST_DECIMAL || magnitude < 0) {
            x.flags = before | Extended.INVALID;
            x.signExponent = 0xffff;
            return 0xc000_0000_0000_0000L;
        }
        long rest = magnitude;
        long low = 0;
        for (int shift = 0; shift < 64; shift += 4) {
            low |= rest % 10 << shift;
            rest /= 10;
        }
        x.signExponent = (int) (((rest / 10) << 4) | (rest % 10)) | (se & 0x8000);
        return low;
    }
}
