package io.jvmm.vcpu.x86.cpu;

/**
 * The six status flags, kept lazily: an instruction leaves its kind, its result and one more value behind; who needs a
 * flag computes it from these (SDM 1 3.4.3.1, and the flags each instruction of SDM 2 affects).
 *
 * <p>A kind is {@code group + log2(width in bytes)}. Results and sources may have garbage above their width. What
 * {@code result} and {@code source} are, by group:
 *
 * <pre>
 *   EXPLICIT  source = the flags, as bits of RFLAGS       LOGIC  result; CF = OF = AF = 0
 *   ADD       result, source = second operand             ADC    the same, and the carry that came in was 1
 *   SUB, CMP, NEG  result, source = what was subtracted   SBB    the same, and the borrow that came in was 1
 *   INC, DEC  result, source = CF before (0 or 1)
 *   SHL       result, source = operand shifted by count-1 (its top bit is CF)
 *   SHR, SAR  result, source = operand shifted by count-1 (its bit 0 is CF; sign-extended for SAR)
 *   MUL       result = low half, source = not 0 when the high half is significant (CF = OF)
 * </pre>
 */
public final class Flags {
    public static final int CF = 1;
    public static final int PF = 1 << 2;
    public static final int AF = 1 << 4;
    public static final int ZF = 1 << 6;
    public static final int SF = 1 << 7;
    public static final int TF = 1 << 8;
    public static final int IF = 1 << 9;
    public static final int DF = 1 << 10;
    public static final int OF = 1 << 11;
    public static final int IOPL = 3 << 12;
    public static final int NT = 1 << 14;
    public static final int RF = 1 << 16;
    public static final int VM = 1 << 17;
    public static final int AC = 1 << 18;
    public static final int VIF = 1 << 19;
    public static final int VIP = 1 << 20;
    public static final int ID = 1 << 21;
    /** CF, PF, AF, ZF, SF and OF. */
    public static final int STATUS = CF | PF | AF | ZF | SF | OF;

    public static final int EXPLICIT = 0;
    public static final int LOGIC = 4;
    public static final int ADD = 8;
    public static final int ADC = 12;
    public static final int SUB = 16;
    public static final int SBB = 20;
    public static final int INC = 24;
    public static final int DEC = 28;
    public static final int SHL = 32;
    public static final int SHR = 36;
    public static final int SAR = 40;
    public static final int MUL = 44;

    /** PF by low byte of the result. */
    private static final byte[] EVEN = new byte[256];

    static {
        for (int i = 0; i < EVEN.length; i++) {
            EVEN[i] = (byte) ((Integer.bitCount(i) & 1) == 0 ? PF : 0);
        }
    }

    private Flags() {}

    /** All six as bits of RFLAGS. */
    public static int status(int kind, long result, long source) {
        if (kind < LOGIC) {
            return (int) source & STATUS;
        }
        // Nearly all are one of these three.
        if (kind < ADD) {
            return ofResult(kind, result);
        }
        final int up = 64 - (8 << (kind & 3));
        if ((kind & ~3) == SUB) {
            final long first = result + source;
            return ofResult(kind, result)
                    | (Long.compareUnsigned(first << up, source << up) < 0 ? CF : 0)
                    | (((first ^ source) & (first ^ result)) << up < 0 ? OF : 0)
                    | ((int) (result ^ source ^ first) & AF);
        }
        if ((kind & ~3) == ADD) {
            final long first = result - source;
            return ofResult(kind, result)
                    | (Long.compareUnsigned(result << up, source << up) < 0 ? CF : 0)
                    | (((result ^ first) & (result ^ source)) << up < 0 ? OF : 0)
                    | ((int) (result ^ source ^ first) & AF);
        }
        return ofResult(kind, result)
                | (carry(kind, result, source) ? CF : 0)
                | (adjust(kind, result, source) ? AF : 0)
                | (overflow(kind, result, source) ? OF : 0);
    }

    /** ZF, SF and PF, which are the result's for all kinds but {@link #EXPLICIT}. */
    private static int ofResult(int kind, long result) {
        final long top = result << (64 - (8 << (kind & 3)));
        return (top == 0 ? ZF : top < 0 ? SF : 0) | EVEN[(int) result & 0xff];
    }

    /** CF. */
    public static boolean carry(int kind, long result, long source) {
        final int up = 64 - (8 << (kind & 3));
        return switch (kind & ~3) {
            case EXPLICIT -> (source & CF) != 0;
            case LOGIC -> false;
            case ADD -> Long.compareUnsigned(result << up, source << up) < 0;
            case ADC -> Long.compareUnsigned(result << up, source << up) <= 0;
            case SUB -> Long.compareUnsigned((result + source) << up, source << up) < 0;
            case SBB -> Long.compareUnsigned((result + source + 1) << up, source << up) <= 0;
            case INC, DEC -> source != 0;
            case SHL -> source << up < 0;
            case SHR, SAR -> (source & 1) != 0;
            case MUL -> source != 0;
            default -> throw new IllegalStateException("flags kind " + kind);
        };
    }

    /** ZF. */
    public static boolean zero(int kind, long result, long source) {
        return kind < LOGIC ? (source & ZF) != 0 : result << (64 - (8 << (kind & 3))) == 0;
    }

    /** SF. */
    public static boolean sign(int kind, long result, long source) {
        return kind < LOGIC ? (source & SF) != 0 : result << (64 - (8 << (kind & 3))) < 0;
    }

    /** PF: even number of ones in the low byte. */
    public static boolean parity(int kind, long result, long source) {
        return kind < LOGIC ? (source & PF) != 0 : (Integer.bitCount((int) result & 0xff) & 1) == 0;
    }

    /** OF. */
    public static boolean overflow(int kind, long result, long source) {
        final int up = 64 - (8 << (kind & 3));
        return switch (kind & ~3) {
            case EXPLICIT -> (source & OF) != 0;
            case LOGIC -> false;
            case ADD -> ((result ^ (result - source)) & (result ^ source)) << up < 0;
            case ADC -> ((result ^ (result - source - 1)) & (result ^ source)) << up < 0;
            case SUB -> (((result + source) ^ source) & ((result + source) ^ result)) << up < 0;
            case SBB -> (((result + source + 1) ^ source) & ((result + source + 1) ^ result)) << up < 0;
            case INC -> result << up == Long.MIN_VALUE;
            case DEC -> result << up >>> up == Long.MAX_VALUE >>> up;
            case SHL -> (source ^ result) << up < 0;
            case SHR -> source << up < 0;
            case SAR -> false;
            case MUL -> source != 0;
            default -> throw new IllegalStateException("flags kind " + kind);
        };
    }

    /** AF. */
    public static boolean adjust(int kind, long result, long source) {
        return switch (kind & ~3) {
            case EXPLICIT -> (source & AF) != 0;
            case ADD -> ((result ^ source ^ (result - source)) & 0x10) != 0;
            case ADC -> ((result ^ source ^ (result - source - 1)) & 0x10) != 0;
            case SUB -> ((result ^ source ^ (result + source)) & 0x10) != 0;
            case SBB -> ((result ^ source ^ (result + source + 1)) & 0x10) != 0;
            case INC -> (result & 0xf) == 0;
            case DEC -> (result & 0xf) == 0xf;
            default -> false;
        };
    }

    /**
     * A condition by its encoding 0..15 (SDM 2 appendix B.1.4.7): O NO B AE Z NZ BE A S NS P NP L GE LE G.
     */
    public static boolean test(int condition, int kind, long result, long source) {
        final boolean value = switch (condition >> 1) {
            case 0 -> overflow(kind, result, source);
            case 1 -> carry(kind, result, source);
            case 2 -> zero(kind, result, source);
            case 3 -> carry(kind, result, source) || zero(kind, result, source);
            case 4 -> sign(kind, result, source);
            case 5 -> parity(kind, result, source);
            case 6 -> sign(kind, result, source) != overflow(kind, result, source);
            default -> zero(kind, result, source) || sign(kind, result, source) != overflow(kind, result, source);
        };
        return value == ((condition & 1) == 0);
    }
}
