package io.jvmm.vcpu.x86.fpu;

/** Comparing and classifying double-extended numbers (SDM 1 8.3.6). Static; allocates nothing. */
public final class Comparison {
    /** Results of {@link #compare}, as the flags that FCOMI sets: CF, PF, ZF. */
    public static final int GREATER = 0;

    public static final int LESS = 1;
    public static final int EQUAL = 0x40;
    public static final int UNORDERED = 0x45;

    private Comparison() {}

    /**
     * Compares a with b.
     *
     * @param quiet FUCOM: a quiet NaN is no invalid operation
     */
    public static int compare(Extended x, int aSe, long aSig, int bSe, long bSig, boolean quiet) {
        if (Extended.isUnsupported(aSe, aSig) || Extended.isUnsupported(bSe, bSig)) {
            x.flags |= Extended.INVALID;
            return UNORDERED;
        }
        if (Extended.isNan(aSe, aSig) || Extended.isNan(bSe, bSig)) {
            if (!quiet || Extended.isSignaling(aSe, aSig) || Extended.isSignaling(bSe, bSig)) {
                x.flags |= Extended.INVALID;
            }
            return UNORDERED;
        }
        x.operand(aSe, aSig);
        x.operand(bSe, bSig);
        if (aSig == 0 && bSig == 0) {
            return EQUAL;
        }
        final boolean aNegative = (aSe & 0x8000) != 0;
        if (aNegative != ((bSe & 0x8000) != 0)) {
            return aNegative ? LESS : GREATER;
        }
        final int magnitude = magnitude(aSe, aSig, bSe, bSig);
        if (magnitude == 0) {
            return EQUAL;
        }
        return magnitude < 0 != aNegative ? LESS : GREATER;
    }

    private static int magnitude(int aSe, long aSig, int bSe, long bSig) {
        // A denormal has the exponent of the smallest normal number.
        final int a = Math.max(aSe & Extended.TOP_EXPONENT, 1);
        final int b = Math.max(bSe & Extended.TOP_EXPONENT, 1);
        return a != b ? Integer.compare(a, b) : Long.compareUnsigned(aSig, bSig);
    }

    /** FXAM's condition codes C3 C2 C0 in their places of the status word, without the sign in C1 (SDM 2, FXAM). */
    public static int classify(int se, long sig, boolean empty) {
        if (empty) {
            return 0x4100;
        }
        final int exponent = se & Extended.TOP_EXPONENT;
        if (exponent == 0) {
            return sig == 0 ? 0x4000 : 0x4400;
        }
        if (sig >= 0) {
            return 0;
        }
        if (exponent == Extended.TOP_EXPONENT) {
            return sig << 1 == 0 ? 0x0500 : 0x0100;
        }
        return 0x0400;
    }
}
