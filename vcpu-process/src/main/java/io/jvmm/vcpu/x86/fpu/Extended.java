package io.jvmm.vcpu.x86.fpu;

/**
 * Arithmetic on double-extended numbers in integers (SDM 1 4.2.2, 4.8, 8.1.5, 8.5): operands as sign-and-exponent (16 bits) and
 * significand (64 bits, explicit integer bit), results left in {@link #signExponent} and {@link #significand}, exceptions
 * added to {@link #flags}. One object a vCPU, its thread's alone; allocates nothing.
 *
 * <p>Rounding follows the control word: RC, and PC for the instructions that heed it. An unmasked overflow or underflow of a
 * register result is scaled by 2^24576 as SDM 1 8.5.4 and 8.5.5 say. Underflow is detected after rounding.
 */
public final class Extended {
    /** Exception flags, as bits of the status word. */
    public static final int INVALID = 1;

    public static final int DENORMAL = 2;
    public static final int ZERO_DIVIDE = 4;
    public static final int OVERFLOW = 8;
    public static final int UNDERFLOW = 16;
    public static final int PRECISION = 32;

    /** Rounding control: nearest (even), down, up, toward zero. */
    public static final int NEAREST = 0;

    public static final int DOWN = 1;
    public static final int UP = 2;
    public static final int CHOP = 3;

    static final long INTEGER_BIT = Long.MIN_VALUE;
    static final long QUIET_BIT = 1L << 62;
    static final int BIAS = 0x3fff;
    static final int TOP_EXPONENT = 0x7fff;
    private static final int SCALE = 24576;

    /** The result. */
    public long significand;

    public int signExponent;
    /** Exceptions raised since {@link #begin}. */
    public int flags;
    /** Whether the last inexact result was rounded away from zero: C1. */
    public boolean roundedUp;

    /** Workspace of {@link Transcendental}. */
    final DoubleDouble a = new DoubleDouble();

    final DoubleDouble b = new DoubleDouble();
    final DoubleDouble c = new DoubleDouble();
    final DoubleDouble d = new DoubleDouble();
    final DoubleDouble e = new DoubleDouble();
    final DoubleDouble f = new DoubleDouble();

    private int rounding;
    private int precisionBits = 64;
    private int masks = X87.EXCEPTIONS;

    /** Takes rounding, precision and masks from a control word and forgets flags. */
    public void begin(int controlWord) {
        rounding = controlWord >> 10 & 3;
        precisionBits = switch (controlWord >> 8 & 3) {
            case 0 -> 24;
            case 2 -> 53;
            default -> 64;
        };
        masks = controlWord & X87.EXCEPTIONS;
        flags = 0;
        roundedUp = false;
    }

    /** Results from now on are rounded to all 64 bits: FPREM, transcendentals, loads. */
    public void fullPrecision() {
        precisionBits = 64;
    }

    int rounding() {
        return rounding;
    }

    /** Puts a result. */
    public void set(int newSignExponent, long newSignificand) {
        signExponent = newSignExponent;
        significand = newSignificand;
    }

    /** Puts an operand as a result: a pseudo-denormal gets the exponent that it stands for. */
    void setOperand(int se, long sig) {
        set((se & TOP_EXPONENT) == 0 && sig < 0 ? se | 1 : se, sig);
    }

    /** The default NaN, with the invalid flag. */
    public void invalid() {
        flags |= INVALID;
        set(0xffff, INTEGER_BIT | QUIET_BIT);
    }

    /** What loading a real does to a signaling NaN: it becomes quiet, and the operation was invalid. */
    public void quiet() {
        if (isSignaling(signExponent, significand)) {
            flags |= INVALID;
            significand |= QUIET_BIT;
        }
    }

    /** Takes back a denormal operand where something worse, or a NaN, has decided the result. */
    public void dropDenormalIfDecided() {
        if ((flags & INVALID) != 0 || isNan(signExponent, significand)) {
            flags &= ~DENORMAL;
        }
    }

    static boolean isNan(int se, long sig) {
        return (se & TOP_EXPONENT) == TOP_EXPONENT && sig << 1 != 0;
    }

    static boolean isSignaling(int se, long sig) {
        return isNan(se, sig) && (sig & QUIET_BIT) == 0;
    }

    static boolean isInfinite(int se, long sig) {
        return (se & TOP_EXPONENT) == TOP_EXPONENT && sig == INTEGER_BIT;
    }

    static boolean isZero(int se, long sig) {
        return (se & TOP_EXPONENT) == 0 && sig == 0;
    }

    /** Encodings that the 387 dropped: unnormals, pseudo-NaNs, pseudo-infinities. */
    static boolean isUnsupported(int se, long sig) {
        return (se & TOP_EXPONENT) != 0 && sig >= 0;
    }

    static boolean isDenormal(int se, long sig) {
        return (se & TOP_EXPONENT) == 0 && sig != 0;
    }

    /** Notes a denormal operand. */
    void operand(int se, long sig) {
        if (isDenormal(se, sig)) {
            flags |= DENORMAL;
        }
    }

    /**
     * NaNs and unsupported operands of a two-operand instruction; true when the result is decided. A quiet NaN wins over a signaling one, else the larger
     * significand does (SDM 1 table 4-7).
     */
    boolean decidedByNan(int aSe, long aSig, int bSe, long bSig) {
        if (isUnsupported(aSe, aSig) || isUnsupported(bSe, bSig)) {
            invalid();
            return true;
        }
        final boolean aNan = isNan(aSe, aSig);
        final boolean bNan = isNan(bSe, bSig);
        if (!aNan && !bNan) {
            return false;
        }
        final boolean aSignals = isSignaling(aSe, aSig);
        final boolean bSignals = isSignaling(bSe, bSig);
        if (aSignals || bSignals) {
            flags |= INVALID;
        }
        final boolean takeA;
        if (!aNan || !bNan) {
            takeA = aNan;
        } else if (aSignals != bSignals) {
            takeA = bSignals;
        } else {
            final int order = Long.compareUnsigned(aSig | QUIET_BIT, bSig | QUIET_BIT);
            takeA = order > 0 || (order == 0 && (aSe & 0x8000) == 0);
        }
        set(takeA ? aSe : bSe, (takeA ? aSig : bSig) | QUIET_BIT);
        return true;
    }

    /** The same for one operand. */
    boolean decidedByNan(int se, long sig) {
        if (isUnsupported(se, sig)) {
            invalid();
            return true;
        }
        if (isNan(se, sig)) {
            if ((sig & QUIET_BIT) == 0) {
                flags |= INVALID;
            }
            set(se, sig | QUIET_BIT);
            return true;
        }
        return false;
    }

    /** The biased exponent of a finite number's normalized significand; may be 0 or less. */
    static int normalExponent(int se, long sig) {
        final int exponent = se & TOP_EXPONENT;
        return exponent == 0 ? 1 - Long.numberOfLeadingZeros(sig) : exponent;
    }

    static long normalSignificand(long sig) {
        return sig << Long.numberOfLeadingZeros(sig);
    }

    /** a + b, or a - b. */
    public void add(int aSe, long aSig, int bSe, long bSig, boolean subtract) {
        if (decidedByNan(aSe, aSig, bSe, bSig)) {
            return;
        }
        final int bSigned = subtract ? bSe ^ 0x8000 : bSe;
        final boolean aInfinite = isInfinite(aSe, aSig);
        if (aInfinite || isInfinite(bSe, bSig)) {
            if (aInfinite && isInfinite(bSe, bSig) && ((aSe ^ bSigned) & 0x8000) != 0) {
                invalid();
            } else {
                operand(aSe, aSig);
                operand(bSe, bSig);
                set(aInfinite ? aSe : bSigned, INTEGER_BIT);
            }
            return;
        }
        operand(aSe, aSig);
        operand(bSe, bSig);
        final boolean aZero = aSig == 0;
        if (aZero && bSig == 0) {
            final boolean same = ((aSe ^ bSigned) & 0x8000) == 0;
            set(same ? aSe & 0x8000 : zeroSign(), 0);
            return;
        }
        if (aZero) {
            round(bSigned & 0x8000, normalExponent(bSe, bSig), normalSignificand(bSig), 0);
            return;
        }
        if (bSig == 0) {
            round(aSe & 0x8000, normalExponent(aSe, aSig), normalSignificand(aSig), 0);
            return;
        }
        addFinite(
                aSe & 0x8000,
                normalExponent(aSe, aSig),
                normalSignificand(aSig),
                bSigned & 0x8000,
                normalExponent(bSe, bSig),
                normalSignificand(bSig));
    }

    private int zeroSign() {
        return rounding == DOWN ? 0x8000 : 0;
    }

    private void addFinite(int aSign, int aExp, long aSig, int bSign, int bExp, long bSig) {
        if (aExp < bExp || (aExp == bExp && Long.compareUnsigned(aSig, bSig) < 0)) {
            addOrdered(bSign, bExp, bSig, aSign, aExp, aSig);
        } else {
            addOrdered(aSign, aExp, aSig, bSign, bExp, bSig);
        }
    }

    /** The first is not smaller than the second. */
    private void addOrdered(int aSign, int aExp, long aSig, int bSign, int bExp, long bSig) {
        final int shift = aExp - bExp;
        final long bHigh = shift == 0 ? bSig : shift < 64 ? bSig >>> shift : 0;
        final long bLow = lowAfterShift(bSig, shift);
        if (aSign == bSign) {
            final long high = aSig + bHigh;
            if (Long.compareUnsigned(high, aSig) < 0) {
                round(aSign, aExp + 1, high >>> 1 | INTEGER_BIT, high << 63 | bLow >>> 1 | (bLow & 1));
            } else {
                round(aSign, aExp, high, bLow);
            }
            return;
        }
        final long low = -bLow;
        final long high = aSig - bHigh - (bLow != 0 ? 1 : 0);
        if ((high | low) == 0) {
            set(zeroSign(), 0);
            return;
        }
        normalizeAndRound(aSign, aExp, high, low);
    }

    /** Bits shifted out, as a fraction of 64 bits whose last bit is sticky. */
    private static long lowAfterShift(long sig, int shift) {
        if (shift == 0) {
            return 0;
        }
        if (shift < 64) {
            return sig << (64 - shift);
        }
        if (shift == 64) {
            return sig;
        }
        return shift < 128 ? sig >>> (shift - 64) | (sig << (128 - shift) != 0 ? 1 : 0) : 1;
    }

    void normalizeAndRound(int sign, int exponent, long high, long low) {
        if (high == 0) {
            final int zeros = Long.numberOfLeadingZeros(low);
            round(sign, exponent - 64 - zeros, low << zeros, 0);
        } else {
            final int zeros = Long.numberOfLeadingZeros(high);
            final long newHigh = zeros == 0 ? high : high << zeros | low >>> (64 - zeros);
            round(sign, exponent - zeros, newHigh, low << zeros);
        }
    }

    /** a × b. */
    public void multiply(int aSe, long aSig, int bSe, long bSig) {
        if (decidedByNan(aSe, aSig, bSe, bSig)) {
            return;
        }
        final int sign = (aSe ^ bSe) & 0x8000;
        final boolean infinite = isInfinite(aSe, aSig) || isInfinite(bSe, bSig);
        if (infinite && (isZero(aSe, aSig) || isZero(bSe, bSig))) {
            invalid();
            return;
        }
        operand(aSe, aSig);
        operand(bSe, bSig);
        if (infinite) {
            set(sign | TOP_EXPONENT, INTEGER_BIT);
        } else if (aSig == 0 || bSig == 0) {
            set(sign, 0);
        } else {
            final long a = normalSignificand(aSig);
            final long b = normalSignificand(bSig);
            final int exponent = normalExponent(aSe, aSig) + normalExponent(bSe, bSig) - BIAS + 1;
            normalizeAndRound(sign, exponent, Math.unsignedMultiplyHigh(a, b), a * b);
        }
    }

    /** To an integer, by RC: FRNDINT. */
    public void roundToInteger(int se, long sig) {
        if (decidedByNan(se, sig)) {
            return;
        }
        operand(se, sig);
        final int exponent = (se & TOP_EXPONENT) - BIAS;
        if (exponent >= 63 || sig == 0) {
            setOperand(se, sig);
            return;
        }
        final int sign = se & 0x8000;
        final long whole = exponent < 0 ? 0 : sig >>> (63 - exponent);
        final long fraction = exponent < -1 ? 1 : exponent == -1 ? sig : sig << (exponent + 1);
        final long rounded = whole + (increments(sign, whole, fraction) ? 1 : 0);
        if (fraction != 0) {
            flags |= PRECISION;
            roundedUp = rounded != whole;
        }
        if (rounded == 0) {
            set(sign, 0);
        } else {
            final int zeros = Long.numberOfLeadingZeros(rounded);
            set(sign | (BIAS + 63 - zeros), rounded << zeros);
        }
    }

    /** Whether rounding a magnitude with this fraction (of 64 bits) goes away from zero. */
    boolean increments(int sign, long whole, long fraction) {
        if (fraction == 0) {
            return false;
        }
        return switch (rounding) {
            case NEAREST -> fraction < 0 && (fraction != INTEGER_BIT || (whole & 1) != 0);
            case DOWN -> sign != 0;
            case UP -> sign == 0;
            default -> false;
        };
    }

    /**
     * Rounds to the precision in force and packs.
     *
     * @param sign 0 or 8000
     * @param exponent biased, of a significand with its top bit set; any value
     * @param high top bit set
     * @param low 64 further bits, the last of which may be sticky
     */
    void round(int sign, int exponent, long high, long low) {
        if (exponent <= 0) {
            roundTiny(sign, exponent, high, low);
            return;
        }
        final int cut = 64 - precisionBits;
        long value = roundedSignificand(sign, high, low, cut);
        int newExponent = exponent;
        if (value == 0) {
            value = INTEGER_BIT;
            newExponent++;
        }
        if (newExponent >= TOP_EXPONENT) {
            overflow(sign, newExponent, value, cut);
        } else {
            set(sign | newExponent, value);
        }
    }

    /** Cuts so many bits off {@code high:low}; 0 stands for a carry out of the top. */
    private long roundedSignificand(int sign, long high, long low, int cut) {
        final long whole = cut == 0 ? high : high >>> cut;
        final long fraction = cut == 0 ? low : high << (64 - cut) | (low != 0 ? 1 : 0);
        if (fraction == 0) {
            roundedUp = false;
            return high;
        }
        flags |= PRECISION;
        roundedUp = increments(sign, whole, fraction);
        return (roundedUp ? whole + 1 : whole) << cut;
    }

    private void overflow(int sign, int exponent, long value, int cut) {
        flags |= OVERFLOW;
        if ((masks & OVERFLOW) == 0 && exponent - SCALE < TOP_EXPONENT) {
            set(sign | ((exponent - SCALE) & TOP_EXPONENT), value);
            return;
        }
        flags |= PRECISION;
        if ((masks & OVERFLOW) == 0) {
            // Only FSCALE gets so far.
            roundedUp = true;
            set(sign | TOP_EXPONENT, INTEGER_BIT);
            return;
        }
        final boolean toInfinity =
                rounding == NEAREST || (rounding == DOWN && sign != 0) || (rounding == UP && sign == 0);
        roundedUp = toInfinity;
        if (toInfinity) {
            set(sign | TOP_EXPONENT, INTEGER_BIT);
        } else {
            set(sign | TOP_EXPONENT - 1, -1L << cut);
        }
    }

    private void roundTiny(int sign, int exponent, long high, long low) {
        final int cut = 64 - precisionBits;
        final int before = flags;
        if ((masks & UNDERFLOW) == 0) {
            // Tiny is what would be tiny with an unbounded exponent; the unmasked result has its exponent wrapped.
            final long value = roundedSignificand(sign, high, low, cut);
            final int exact = value == 0 ? exponent + 1 : exponent;
            if (exact <= 0) {
                flags |= UNDERFLOW;
                if (exact + SCALE <= 0) {
                    // Only FSCALE gets so far.
                    flags |= PRECISION;
                    set(sign, 0);
                    return;
                }
                set(sign | ((exact + SCALE) & TOP_EXPONENT), value == 0 ? INTEGER_BIT : value);
                return;
            }
            set(sign | exact, INTEGER_BIT);
            return;
        }
        final boolean tiny = exponent < 0 || roundedSignificand(sign, high, low, cut) != 0;
        flags = before;
        final int shift = 1 - exponent;
        final long shifted = shift < 64 ? high >>> shift : 0;
        final long rest = lowAfterShift(high, shift) | (low != 0 ? 1 : 0);
        if (tiny && (rest != 0 || (cut != 0 && shifted << (64 - cut) != 0))) {
            flags |= UNDERFLOW;
        }
        final long value = roundedSignificand(sign, shifted, rest, cut);
        set(sign | (value < 0 ? 1 : 0), value);
    }
}
