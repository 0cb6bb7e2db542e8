package io.jvmm.vcpu.x86.fpu;

/** FPREM, FPREM1, FSCALE and FXTRACT (SDM 2): exact, but for what FSCALE rounds at the ends of the range. Static; allocates nothing. */
public final class Remainder {
    /** What {@link #remainder} answers when the reduction is not complete: C2. */
    public static final int INCOMPLETE = -1;

    /** What {@link #remainder} answers when there is no quotient: the condition codes stay. */
    public static final int NONE = -2;

    /** Largest difference of exponents that one step reduces. */
    private static final int STEP = 63;

    private Remainder() {}

    /**
     * The remainder of a by b into {@code x}, exact.
     *
     * @param ieee FPREM1: the quotient is rounded to nearest; else it is chopped
     * @return the low three bits of the quotient, {@link #INCOMPLETE}, or {@link #NONE} where the result is a NaN
     */
    public static int remainder(Extended x, int aSe, long aSig, int bSe, long bSig, boolean ieee) {
        if (x.decidedByNan(aSe, aSig, bSe, bSig)) {
            return NONE;
        }
        if (Extended.isInfinite(aSe, aSig) || bSig == 0) {
            x.invalid();
            return NONE;
        }
        x.operand(aSe, aSig);
        x.operand(bSe, bSig);
        if (Extended.isInfinite(bSe, bSig) || aSig == 0) {
            x.setOperand(aSe, aSig);
            return 0;
        }
        final int sign = aSe & 0x8000;
        final int bExp = Extended.normalExponent(bSe, bSig);
        final long b = Extended.normalSignificand(bSig);
        int exp = Extended.normalExponent(aSe, aSig);
        long rest = Extended.normalSignificand(aSig);
        final int distance = exp - bExp;
        if (distance < (ieee ? -1 : 0)) {
            // Itself; but tiny, it underflows where that is not masked.
            pack(x, sign, exp, rest);
            return 0;
        }
        final boolean complete = distance <= STEP;
        // An incomplete reduction takes away between 32 and 63 powers of two (SDM 2, FPREM).
        final int steps = complete ? distance : 32 + (distance & 31);
        long quotient = 0;
        if (distance >= 0) {
            // rest is always less than 2b; a carry out of the top counts as larger.
            boolean carry = false;
            for (int i = 0; ; i++) {
                quotient <<= 1;
                if (carry || Long.compareUnsigned(rest, b) >= 0) {
                    rest -= b;
                    quotient |= 1;
                }
                if (i == steps) {
                    break;
                }
                carry = rest < 0;
                rest <<= 1;
                exp--;
            }
        }
        if (!complete) {
            pack(x, sign, exp, rest);
            return INCOMPLETE;
        }
        int newSign = sign;
        if (ieee && beyondHalf(rest, exp, b, bExp, quotient)) {
            quotient++;
            rest = complement(rest, exp, b, bExp);
            newSign ^= 0x8000;
            pack(x, newSign, Math.min(exp, bExp), rest);
            return (int) quotient & 7;
        }
        pack(x, newSign, exp, rest);
        return (int) quotient & 7;
    }

    /** Whether the rest is more than half of b, or just half with an odd quotient. */
    private static boolean beyondHalf(long rest, int exp, long b, int bExp, long quotient) {
        if (exp == bExp) {
            // 2 * rest against b.
            if (rest < 0) {
                return true;
            }
            final int order = Long.compareUnsigned(rest << 1, b);
            return order > 0 || (order == 0 && (quotient & 1) != 0);
        }
        // One binary place below b: rest is the double of what it stands for.
        final int order = Long.compareUnsigned(rest, b);
        return order > 0 || (order == 0 && (quotient & 1) != 0);
    }

    /** b minus the rest, in units of the smaller exponent. */
    private static long complement(long rest, int exp, long b, int bExp) {
        return exp == bExp ? b - rest : (b << 1) - rest;
    }

    private static void pack(Extended x, int sign, int exp, long rest) {
        if (rest == 0) {
            x.set(sign, 0);
            return;
        }
        x.fullPrecision();
        x.normalizeAndRound(sign, exp, rest, 0);
    }

    /** a × 2^(b chopped to an integer). */
    public static void scale(Extended x, int aSe, long aSig, int bSe, long bSig) {
        if (x.decidedByNan(aSe, aSig, bSe, bSig)) {
            return;
        }
        final boolean bNegative = (bSe & 0x8000) != 0;
        if (Extended.isInfinite(bSe, bSig)) {
            final boolean invalid = bNegative ? Extended.isInfinite(aSe, aSig) : aSig == 0;
            if (invalid) {
                x.invalid();
            } else {
                x.operand(aSe, aSig);
                x.set((aSe & 0x8000) | (bNegative ? 0 : Extended.TOP_EXPONENT), bNegative ? 0 : Extended.INTEGER_BIT);
            }
            return;
        }
        x.operand(aSe, aSig);
        x.operand(bSe, bSig);
        if (aSig == 0 || Extended.isInfinite(aSe, aSig)) {
            x.setOperand(aSe, aSig);
            return;
        }
        final int exponent = (bSe & Extended.TOP_EXPONENT) - Extended.BIAS;
        final int huge = 1 << 16;
        final int magnitude = exponent < 0 || bSig == 0 ? 0 : exponent > 15 ? huge : (int) (bSig >>> (63 - exponent));
        x.fullPrecision();
        x.round(
                aSe & 0x8000,
                Extended.normalExponent(aSe, aSig) + (bNegative ? -magnitude : magnitude),
                Extended.normalSignificand(aSig),
                0);
    }

    /** FXTRACT's first result: the unbiased exponent as a number; of zero minus infinity, with the zero-divide exception. */
    public static void extractExponent(Extended x, int se, long sig) {
        if (x.decidedByNan(se, sig)) {
            return;
        }
        x.operand(se, sig);
        if (sig == 0) {
            x.flags |= Extended.ZERO_DIVIDE;
            x.set(0xffff, Extended.INTEGER_BIT);
        } else if (Extended.isInfinite(se, sig)) {
            x.set(Extended.TOP_EXPONENT, Extended.INTEGER_BIT);
        } else {
            Conversion.fromLong(x, Extended.normalExponent(se, sig) - Extended.BIAS);
        }
    }

    /** FXTRACT's second result: the significand with an exponent of zero; zero and infinity as they are. */
    public static void extractSignificand(Extended x, int se, long sig) {
        if (sig == 0 || Extended.isInfinite(se, sig)) {
            x.set(se, sig);
        } else {
            x.set((se & 0x8000) | Extended.BIAS, Extended.normalSignificand(sig));
        }
    }
}
