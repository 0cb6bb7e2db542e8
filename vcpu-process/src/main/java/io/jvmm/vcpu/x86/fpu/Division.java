package io.jvmm.vcpu.x86.fpu;

/** Division and square root of double-extended numbers (SDM 2, FDIV, FSQRT). Static, on an {@link Extended}; allocates nothing. */
public final class Division {
    private Division() {}

    /** a ÷ b. */
    public static void divide(Extended x, int aSe, long aSig, int bSe, long bSig) {
        if (x.decidedByNan(aSe, aSig, bSe, bSig)) {
            return;
        }
        final int sign = (aSe ^ bSe) & 0x8000;
        final boolean aInfinite = Extended.isInfinite(aSe, aSig);
        final boolean bInfinite = Extended.isInfinite(bSe, bSig);
        if ((aInfinite && bInfinite) || (Extended.isZero(aSe, aSig) && Extended.isZero(bSe, bSig))) {
            x.invalid();
            return;
        }
        if (aInfinite) {
            x.operand(bSe, bSig);
            x.set(sign | Extended.TOP_EXPONENT, Extended.INTEGER_BIT);
        } else if (bInfinite) {
            x.operand(aSe, aSig);
            x.set(sign, 0);
        } else if (bSig == 0) {
            x.flags |= Extended.ZERO_DIVIDE;
            x.set(sign | Extended.TOP_EXPONENT, Extended.INTEGER_BIT);
        } else {
            x.operand(aSe, aSig);
            x.operand(bSe, bSig);
            divideFinite(x, sign, aSe, aSig, bSe, bSig);
        }
    }

    private static void divideFinite(Extended x, int sign, int aSe, long aSig, int bSe, long bSig) {
        if (aSig == 0) {
            x.set(sign, 0);
            return;
        }
        final long a = Extended.normalSignificand(aSig);
        final long b = Extended.normalSignificand(bSig);
        int exponent = Extended.normalExponent(aSe, aSig) - Extended.normalExponent(bSe, bSig) + Extended.BIAS;
        long high = a;
        long low = 0;
        if (Long.compareUnsigned(a, b) >= 0) {
            high = a >>> 1;
            low = a << 63;
        } else {
            exponent--;
        }
        final long quotient = Wide.divide(high, low, b);
        final long remainder = low - quotient * b;
        final long fraction = Wide.divide(remainder, 0, b);
        final boolean exact = -fraction * b == 0;
        x.round(sign, exponent, quotient, exact ? fraction : fraction | 1);
    }

    /** The square root of a number. */
    public static void squareRoot(Extended x, int se, long sig) {
        if (x.decidedByNan(se, sig)) {
            return;
        }
        if (Extended.isZero(se, sig)) {
            x.set(se, sig);
            return;
        }
        if ((se & 0x8000) != 0) {
            x.invalid();
            return;
        }
        if (Extended.isInfinite(se, sig)) {
            x.set(se, sig);
            return;
        }
        x.operand(se, sig);
        final int exponent = Extended.normalExponent(se, sig) - Extended.BIAS;
        final long normal = Extended.normalSignificand(sig);
        // The root of a number of 128 bits whose top is at bit 127 or 126 has its top at bit 63.
        final boolean odd = (exponent & 1) != 0;
        final long high = odd ? normal : normal >>> 1;
        final long low = odd ? 0 : normal << 63;
        final long root = Wide.squareRoot(high, low);
        // Remainder of the root, at most 2 root: is there a half, is there more?
        final long squareLow = root * root;
        final long squareHigh = Math.unsignedMultiplyHigh(root, root);
        final long restLow = low - squareLow;
        final long restHigh = high - squareHigh - (Long.compareUnsigned(low, squareLow) < 0 ? 1 : 0);
        final long fraction;
        if ((restHigh | restLow) == 0) {
            fraction = 0;
        } else {
            // (root + 1/2)^2 = root^2 + root + 1/4: above the half when the rest exceeds root.
            final boolean above = restHigh != 0 || Long.compareUnsigned(restLow, root) > 0;
            fraction = above ? Extended.INTEGER_BIT | 1 : 1;
        }
        x.round(0, (exponent >> 1) + Extended.BIAS, root, fraction);
    }
}
