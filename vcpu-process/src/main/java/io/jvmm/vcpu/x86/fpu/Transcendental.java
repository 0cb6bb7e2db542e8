package io.jvmm.vcpu.x86.fpu;

/**
 * The transcendental instructions (SDM 1 8.3.7, 8.3.9; special cases by the tables of SDM 2), computed with twice the precision of a
 * double and rounded once: within one unit of the last place, as SDM 1 8.3.10 promises. Arguments of sine, cosine and tangent are reduced with the 66 bits of
 * pi that the hardware has. Static, on an {@link Extended} and its workspace; allocates nothing.
 */
public final class Transcendental {
    private static final double PI = Math.PI;
    private static final double PI_LOW = 1.2246467991473532e-16;
    private static final double LN_2 = 0.6931471805599453;
    private static final double LN_2_LOW = 2.3190468138462996e-17;
    private static final double LOG2_E = 1.4426950408889634;
    private static final double LOG2_E_LOW = 2.0355273740931033e-17;
    private static final long LN_2_BITS = 0xb172_17f7_d1cf_79acL;
    private static final long LOG2_E_BITS = 0xb8aa_3b29_5c17_f0bcL;
    /** pi/2 in units of 2^-65: 66 bits, of which the upper two are here. */
    private static final long HALF_PI_HIGH = 3;

    private static final long HALF_PI_LOW = 0x243f_6a88_85a3_08d3L;
    private static final double TERM = 1e-34;
    private static final int MOST_TERMS = 60;
    /** Below this exponent a function is its first term. */
    private static final int TINY = -70;
    /** The exponents that doubles reach with room to spare. */
    private static final int DOUBLE_RANGE = 400;

    private static final int LARGEST_ANGLE = 63;

    private Transcendental() {}

    /** Whether FSIN and its like give up and set C2: a finite magnitude of 2^63 or more. */
    public static boolean isOutOfRange(int se, long sig) {
        final int exponent = (se & Extended.TOP_EXPONENT) - Extended.BIAS;
        return exponent >= LARGEST_ANGLE && (se & Extended.TOP_EXPONENT) != Extended.TOP_EXPONENT && sig < 0;
    }

    /** sin x. */
    public static void sine(Extended x, int se, long sig) {
        if (decided(x, se, sig)) {
            return;
        }
        if (sig == 0) {
            x.set(se, sig);
        } else if (exponent(se, sig) < TINY) {
            tiny(x, se, sig, true);
        } else {
            final int quadrant = reduce(x, se, sig);
            if ((quadrant & 1) == 0) {
                sineSeries(x.a, x.b, x.c);
            } else {
                cosineSeries(x.a, x.b, x.c);
            }
            if ((quadrant & 2) != 0) {
                x.a.negate();
            }
            pack(x, x.a, se & 0x8000, 0);
        }
    }

    /** cos x. */
    public static void cosine(Extended x, int se, long sig) {
        if (decided(x, se, sig)) {
            return;
        }
        if (sig == 0) {
            x.set(Extended.BIAS, Extended.INTEGER_BIT);
        } else if (exponent(se, sig) < TINY) {
            x.fullPrecision();
            x.round(0, Extended.BIAS - 1, -1L, -1L);
        } else {
            final int quadrant = reduce(x, se, sig);
            if ((quadrant & 1) == 0) {
                cosineSeries(x.a, x.b, x.c);
            } else {
                sineSeries(x.a, x.b, x.c);
            }
            if (quadrant == 1 || quadrant == 2) {
                x.a.negate();
            }
            pack(x, x.a, 0, 0);
        }
    }

    /** tan x. */
    public static void tangent(Extended x, int se, long sig) {
        if (decided(x, se, sig)) {
            return;
        }
        if (sig == 0) {
            x.set(se, sig);
        } else if (exponent(se, sig) < TINY) {
            tiny(x, se, sig, false);
        } else {
            final int quadrant = reduce(x, se, sig);
            x.d.set(x.a);
            sineSeries(x.a, x.b, x.c);
            cosineSeries(x.d, x.b, x.c);
            if ((quadrant & 1) == 0) {
                x.a.divide(x.d);
            } else {
                x.a.set(x.b.set(x.d).divide(x.a)).negate();
            }
            pack(x, x.a, se & 0x8000, 0);
        }
    }

    private static boolean decided(Extended x, int se, long sig) {
        if (x.decidedByNan(se, sig)) {
            return true;
        }
        if (Extended.isInfinite(se, sig)) {
            x.invalid();
            return true;
        }
        x.operand(se, sig);
        return false;
    }

    private static int exponent(int se, long sig) {
        return Extended.normalExponent(se, sig) - Extended.BIAS;
    }

    /** The argument itself, a little smaller or larger. */
    private static void tiny(Extended x, int se, long sig, boolean smaller) {
        x.fullPrecision();
        final long normal = Extended.normalSignificand(sig);
        final int exponent = Extended.normalExponent(se, sig);
        if (smaller) {
            x.normalizeAndRound(se & 0x8000, exponent, normal - 1, -1L);
        } else {
            x.round(se & 0x8000, exponent, normal, 1);
        }
    }

    /**
     * |x| modulo pi/2 into {@code x.a}, between -pi/4 and pi/4; returns the quadrant. Exact for the 66-bit pi: the remainder is computed in integers of
     * 2^-65 times a power of two.
     */
    private static int reduce(Extended x, int se, long sig) {
        final long normal = Extended.normalSignificand(sig);
        final int exponent = exponent(se, sig);
        x.a.setScaled(normal, exponent - 63);
        if (x.a.high <= Math.PI / 4) {
            return 0;
        }
        // normal * 2^(exponent - 63), in units of 2^-65 when exponent is -2; larger ones bit by bit.
        long high = exponent == 0 ? normal >>> 62 : exponent == -1 ? normal >>> 63 : 0;
        long low = normal << Math.min(exponent + 2, 2);
        if (exponent >= 0) {
            high = normal >>> 62;
        }
        int quadrant = 0;
        for (int left = exponent; ; left--) {
            if (high > HALF_PI_HIGH || (high == HALF_PI_HIGH && Long.compareUnsigned(low, HALF_PI_LOW) >= 0)) {
                high -= HALF_PI_HIGH + (Long.compareUnsigned(low, HALF_PI_LOW) < 0 ? 1 : 0);
                low -= HALF_PI_LOW;
                quadrant++;
            }
            if (left <= 0) {
                break;
            }
            high = high << 1 | low >>> 63;
            low <<= 1;
            quadrant <<= 1;
        }
        // Nearer to the next multiple: the remainder is negative then.
        final boolean beyond = high > 1 || (high == 1 && Long.compareUnsigned(low, 0x921f_b544_42d1_8469L) > 0);
        if (beyond) {
            final long newLow = HALF_PI_LOW - low;
            high = HALF_PI_HIGH - high - (Long.compareUnsigned(HALF_PI_LOW, low) < 0 ? 1 : 0);
            low = newLow;
            quadrant++;
        }
        x.a.setScaled(low, -65).add((double) high * 0.5, 0);
        if (beyond) {
            x.a.negate();
        }
        return quadrant & 3;
    }

    /** sin of {@code value}, at most pi/4, in place. */
    private static void sineSeries(DoubleDouble value, DoubleDouble square, DoubleDouble term) {
        square.set(value).multiply(value);
        term.set(value);
        for (int n = 2; n < MOST_TERMS && Math.abs(term.high) > TERM * Math.abs(value.high); n += 2) {
            term.multiply(square).divide(-(double) (n * (n + 1)), 0);
            value.add(term);
        }
    }

    private static void cosineSeries(DoubleDouble value, DoubleDouble square, DoubleDouble term) {
        square.set(value).multiply(value);
        value.set(1, 0);
        term.set(1, 0);
        for (int n = 1; n < MOST_TERMS && Math.abs(term.high) > TERM; n += 2) {
            term.multiply(square).divide(-(double) (n * (n + 1)), 0);
            value.add(term);
        }
    }

    /** 2^x - 1 for x from -1 to 1; beyond, the result is undefined, and is x here. */
    public static void exp2Minus1(Extended x, int se, long sig) {
        if (x.decidedByNan(se, sig)) {
            return;
        }
        if (Extended.isInfinite(se, sig)) {
            x.set((se & 0x8000) == 0 ? se : 0x8000 | Extended.BIAS, Extended.INTEGER_BIT);
            return;
        }
        x.operand(se, sig);
        final int exponent = sig == 0 ? 0 : exponent(se, sig);
        if (sig == 0 || exponent > 0 || (exponent == 0 && Extended.normalSignificand(sig) != Extended.INTEGER_BIT)) {
            x.set(se, sig);
        } else if (exponent == 0) {
            x.set((se & 0x8000) == 0 ? se : 0x8000 | Extended.BIAS - 1, Extended.INTEGER_BIT);
        } else if (exponent < TINY) {
            scaledBy(x, se, sig, Extended.BIAS - 1, LN_2_BITS);
        } else {
            x.a.setScaled(Extended.normalSignificand(sig), exponent - 63);
            if ((se & 0x8000) != 0) {
                x.a.negate();
            }
            x.a.multiply(LN_2, LN_2_LOW);
            x.b.set(x.a);
            x.c.set(x.a);
            for (int n = 2; n < MOST_TERMS && Math.abs(x.c.high) > TERM * Math.abs(x.a.high); n++) {
                x.c.multiply(x.b).divide(n, 0);
                x.a.add(x.c);
            }
            pack(x, x.a, 0, 0);
        }
    }

    private static void scaledBy(Extended x, int se, long sig, int constantExponent, long constant) {
        x.fullPrecision();
        x.multiply(se, sig, constantExponent, constant);
        x.flags |= Extended.PRECISION;
    }

    /** ST(1) × log2 ST(0): {@code a} is ST(0), {@code b} the factor. */
    public static void yTimesLog2(Extended x, int aSe, long aSig, int bSe, long bSig) {
        if (x.decidedByNan(aSe, aSig, bSe, bSig)) {
            return;
        }
        final boolean bInfinite = Extended.isInfinite(bSe, bSig);
        if (aSig == 0) {
            logOfZero(x, bSe, bSig, bInfinite);
            return;
        }
        if ((aSe & 0x8000) != 0) {
            x.invalid();
            return;
        }
        final boolean one = (aSe & Extended.TOP_EXPONENT) == Extended.BIAS && aSig == Extended.INTEGER_BIT;
        if (Extended.isInfinite(aSe, aSig)) {
            infiniteProduct(x, bSe, bSig, 0);
            return;
        }
        final int logSign = exponent(aSe, aSig) < 0 ? 0x8000 : 0;
        if (bInfinite) {
            if (one) {
                x.invalid();
            } else {
                x.operand(aSe, aSig);
                x.set(bSe ^ logSign, bSig);
            }
            return;
        }
        x.operand(aSe, aSig);
        x.operand(bSe, bSig);
        if (one || bSig == 0) {
            x.set((bSe ^ logSign) & 0x8000, 0);
            return;
        }
        int exponent = exponent(aSe, aSig);
        x.a.setScaled(Extended.normalSignificand(aSig), -63);
        if (x.a.high > Math.sqrt(2)) {
            x.a.set(x.a.high / 2, x.a.low / 2);
            exponent++;
        }
        x.b.set(x.a).add(1, 0);
        x.a.add(-1, 0).divide(x.b);
        logarithm(x);
        x.a.add(exponent, 0);
        timesFactor(x, bSe, bSig);
    }

    private static void logOfZero(Extended x, int bSe, long bSig, boolean bInfinite) {
        if (bSig == 0) {
            x.invalid();
            return;
        }
        if (!bInfinite) {
            x.flags |= Extended.ZERO_DIVIDE;
        }
        x.set((~bSe & 0x8000) | Extended.TOP_EXPONENT, Extended.INTEGER_BIT);
    }

    private static void infiniteProduct(Extended x, int bSe, long bSig, int sign) {
        if (bSig == 0) {
            x.invalid();
            return;
        }
        x.operand(bSe, bSig);
        x.set(((bSe ^ sign) & 0x8000) | Extended.TOP_EXPONENT, Extended.INTEGER_BIT);
    }

    /** log2 of (1 + z) / (1 - z), z in {@code x.a}: 2 artanh z / ln 2. */
    private static void logarithm(Extended x) {
        x.b.set(x.a).multiply(x.a);
        x.c.set(x.a);
        for (int n = 3; n < 2 * MOST_TERMS && Math.abs(x.c.high) > TERM * Math.abs(x.a.high); n += 2) {
            x.c.multiply(x.b);
            x.d.set(x.c).divide(n, 0);
            x.a.add(x.d);
        }
        x.a.multiply(2 * LOG2_E, 2 * LOG2_E_LOW);
    }

    private static void timesFactor(Extended x, int bSe, long bSig) {
        x.b.setScaled(Extended.normalSignificand(bSig), -63);
        x.a.multiply(x.b);
        pack(x, x.a, bSe & 0x8000, exponent(bSe, bSig));
    }

    /** ST(1) × log2(ST(0) + 1), for small ST(0). */
    public static void yTimesLog2Of1Plus(Extended x, int aSe, long aSig, int bSe, long bSig) {
        if (x.decidedByNan(aSe, aSig, bSe, bSig)) {
            return;
        }
        final int sign = (aSe ^ bSe) & 0x8000;
        final boolean bInfinite = Extended.isInfinite(bSe, bSig);
        final boolean belowRange = (aSe & 0x8000) != 0 && aSig != 0 && exponent(aSe, aSig) >= 0;
        if ((bInfinite && aSig == 0) || belowRange) {
            x.invalid();
            return;
        }
        if (Extended.isInfinite(aSe, aSig)) {
            infiniteProduct(x, bSe, bSig, 0);
            return;
        }
        x.operand(aSe, aSig);
        x.operand(bSe, bSig);
        if (bInfinite) {
            x.set(sign | Extended.TOP_EXPONENT, Extended.INTEGER_BIT);
        } else if (aSig == 0 || bSig == 0) {
            x.set(sign, 0);
        } else if (exponent(aSe, aSig) < -DOUBLE_RANGE || exponent(aSe, aSig) > DOUBLE_RANGE) {
            x.fullPrecision();
            x.multiply(aSe, aSig, bSe, bSig);
            scaledBy(x, x.signExponent, x.significand, Extended.BIAS, LOG2_E_BITS);
        } else {
            x.a.setScaled(Extended.normalSignificand(aSig), exponent(aSe, aSig) - 63);
            if ((aSe & 0x8000) != 0) {
                x.a.negate();
            }
            x.b.set(x.a).add(2, 0);
            x.a.divide(x.b);
            logarithm(x);
            timesFactor(x, bSe, bSig);
        }
    }

    /** The angle of the point (ST(0), ST(1)): {@code a} is the abscissa. */
    public static void arcTangent(Extended x, int aSe, long aSig, int bSe, long bSig) {
        if (x.decidedByNan(aSe, aSig, bSe, bSig)) {
            return;
        }
        x.operand(aSe, aSig);
        x.operand(bSe, bSig);
        final int sign = bSe & 0x8000;
        final boolean negative = (aSe & 0x8000) != 0;
        final boolean aInfinite = Extended.isInfinite(aSe, aSig);
        final boolean bInfinite = Extended.isInfinite(bSe, bSig);
        if (bSig == 0 || (aInfinite && !bInfinite)) {
            axis(x, sign, negative);
            return;
        }
        if (aSig == 0 || (bInfinite && !aInfinite)) {
            angle(x, sign, PI / 2, PI_LOW / 2);
            return;
        }
        if (aInfinite) {
            final double quarters = negative ? 0.75 : 0.25;
            x.a.set(PI, PI_LOW).multiply(quarters, 0);
            pack(x, x.a, sign, 0);
            return;
        }
        final int difference = exponent(bSe, bSig) - exponent(aSe, aSig);
        if (difference > DOUBLE_RANGE) {
            angle(x, sign, PI / 2, PI_LOW / 2);
        } else if (difference < -DOUBLE_RANGE) {
            if (negative) {
                angle(x, sign, PI, PI_LOW);
            } else {
                x.fullPrecision();
                Division.divide(x, bSe, bSig, aSe, aSig);
                x.flags |= Extended.PRECISION;
            }
        } else {
            x.a.setScaled(Extended.normalSignificand(bSig), difference - 63);
            x.b.setScaled(Extended.normalSignificand(aSig), -63);
            quotientAngle(x);
            if (negative) {
                x.a.negate().add(PI, PI_LOW);
            }
            pack(x, x.a, sign, 0);
        }
    }

    private static void axis(Extended x, int sign, boolean negative) {
        if (negative) {
            angle(x, sign, PI, PI_LOW);
        } else {
            x.set(sign, 0);
        }
    }

    private static void angle(Extended x, int sign, double high, double low) {
        x.a.set(high, low);
        pack(x, x.a, sign, 0);
    }

    /** The angle of (b, a), both positive: a double's guess, corrected by its sine and cosine. */
    private static void quotientAngle(Extended x) {
        final double guess = Math.atan2(x.a.high, x.b.high);
        if (guess < 1e-20) {
            x.a.divide(x.b);
            return;
        }
        final boolean steep = guess > Math.PI / 4;
        final double start = steep ? Math.PI / 2 - guess : guess;
        if (steep) {
            x.e.set(x.a);
            x.a.set(x.b);
            x.b.set(x.e);
        }
        // Now a/b is at most about one: angle = start + (a cos - b sin) / (b cos + a sin).
        x.e.set(start, 0);
        sineSeries(x.e, x.c, x.d);
        x.f.set(start, 0);
        cosineSeries(x.f, x.c, x.d);
        x.c.set(x.b).multiply(x.f);
        x.d.set(x.a).multiply(x.e);
        x.c.add(x.d);
        x.a.multiply(x.f);
        x.b.multiply(x.e).negate();
        x.a.add(x.b).divide(x.c).add(start, 0);
        if (steep) {
            x.a.negate().add(PI / 2, PI_LOW / 2);
        }
    }

    /** Rounds {@code value} × 2^exponent, which is inexact. */
    private static void pack(Extended x, DoubleDouble value, int sign, int exponent) {
        x.fullPrecision();
        if (value.high == 0) {
            x.set(sign, 0);
            return;
        }
        final boolean negative = value.high < 0;
        if (negative) {
            value.negate();
        }
        final int e = Math.getExponent(value.high);
        final double low = Math.scalb(value.low, 62 - e);
        final double whole = Math.floor(low);
        final long high = (long) Math.scalb(value.high, 62 - e) + (long) whole;
        final long fraction = (long) ((low - whole) * 0x1p63) << 1;
        x.normalizeAndRound(negative ? sign ^ 0x8000 : sign, e + 1 + Extended.BIAS + exponent, high, fraction | 1);
    }
}
