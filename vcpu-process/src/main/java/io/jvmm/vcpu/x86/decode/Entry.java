package io.jvmm.vcpu.x86.decode;

/**
 * One cell of an opcode map as a long, so that a map is one flat array:
 *
 * <pre>
 *   bits 0..9    ordinal of the {@link Op}; in a cell that leads to a group, bits 0..15 are the group's first index
 *   bits 10..15, 16..21, 22..27   the three operands, constants below (the letters are those of SDM 2 appendix A.2)
 *   bits 28..32  operand width, constants below; bits 33..37 source width, or SAME
 *   bits 38..    properties
 *   bits 48..51  the immediate that follows
 * </pre>
 *
 * Zero is an opcode that does not exist.
 */
final class Entry {
    static final long INVALID = 0;

    static final int OP_MASK = 0x3ff;
    static final int GROUP_MASK = 0xffff;
    static final int OPERAND_MASK = 0x3f;
    static final int OPERAND1_SHIFT = 10;
    static final int OPERAND2_SHIFT = 16;
    static final int OPERAND3_SHIFT = 22;
    static final int WIDTH_SHIFT = 28;
    static final int SOURCE_WIDTH_SHIFT = 33;
    static final int WIDTH_MASK = 0x1f;
    static final int IMMEDIATE_SHIFT = 48;
    static final int IMMEDIATE_MASK = 0xf;

    /** A ModRM byte follows. */
    static final long MODRM = 1L << 38;
    /** LOCK is allowed when ModRM names memory. */
    static final long LOCKABLE = 1L << 39;
    /** Sixteen cells: by ModRM.reg, those of a memory operand first. */
    static final long GROUP = 1L << 40;
    /** Eight cells: by ModRM.rm. */
    static final long RM_GROUP = 1L << 41;
    /** Two cells: memory operand, register operand. */
    static final long SPLIT = 1L << 42;
    /** #UD outside 64-bit mode. */
    static final long ONLY_64 = 1L << 43;
    /** With REX.W it is the next {@link Op}. */
    static final long WIDE_IS_NEXT = 1L << 44;
    /** ModRM.mod is ignored, the operand is a register. */
    static final long REGISTER_ONLY = 1L << 45;
    /** F3 and F2 are REP and REPNE. */
    static final long REPEATS = 1L << 46;

    // Operands.
    static final int NO = 0;
    /** General register or memory (ModRM.rm) of the operand width. */
    static final int E = 1;
    /** The same of the source width. */
    static final int ES = 2;
    /** General register (ModRM.reg) of the operand width. */
    static final int G = 3;
    /** General register (ModRM.rm), never AH..BH. */
    static final int R = 4;
    /** General register, never AH..BH, or memory. */
    static final int EX = 5;
    /** Memory only. */
    static final int M = 6;
    /** General register in the opcode's low three bits. */
    static final int Z = 7;
    /** AL, AX, EAX, RAX. */
    static final int A = 8;

    static final int CL = 9;
    static final int DX = 10;
    /** Segment register (ModRM.reg). */
    static final int SW = 11;
    /** Segment register 0..5: {@code SEG + n}. */
    static final int SEG = 12;

    static final int CR = 18;
    static final int DR = 19;
    /** MMX register (ModRM.reg). */
    static final int P = 20;
    /** MMX register or memory. */
    static final int Q = 21;
    /** MMX register (ModRM.rm). */
    static final int N = 22;
    /** XMM register (ModRM.reg). */
    static final int V = 23;
    /** XMM register or memory. */
    static final int W = 24;
    /** XMM register (ModRM.rm). */
    static final int U = 25;

    static final int ST0 = 26;
    /** ST(ModRM.rm). */
    static final int STI = 27;
    /** Immediates from here on. Byte, zero-extended. */
    static final int IB = 32;
    /** Byte, sign-extended. */
    static final int IBS = 33;
    /** Two bytes, zero-extended. */
    static final int IW = 34;
    /** Two or four bytes, sign-extended. */
    static final int IZ = 35;
    /** Two, four or eight bytes. */
    static final int IV = 36;
    /** The constant one. */
    static final int I1 = 37;

    static final int JB = 38;
    static final int JZ = 39;
    /** Memory whose address follows. */
    static final int OFFSET = 40;
    /** Far pointer. */
    static final int AP = 41;
    /** ENTER's two. */
    static final int ENTER = 42;

    // Widths: 1..16 as they are.
    /** Two, four or eight by prefix and mode. */
    static final int WV = 17;
    /** The same, but never eight. */
    static final int WZ = 18;
    /** Four, or eight with REX.W. */
    static final int WY = 19;
    /** Like WV, but eight in 64-bit mode even without REX.W (never four). */
    static final int W64 = 20;
    /** Eight in 64-bit mode, else four. */
    static final int WC = 21;
    /** Eight in 64-bit mode, else like WZ. */
    static final int WD = 22;
    /** FLDENV: 14 or 28. */
    static final int WENV = 23;
    /** FNSAVE: 94 or 108. */
    static final int WSAVE = 24;
    /** FXSAVE and XSAVE: 512. */
    static final int W512 = 25;
    /** WV in a register, two bytes in memory (SLDT, MOV from a segment register). */
    static final int WV_MEM2 = 26;
    /** Eight, or sixteen with REX.W (CMPXCHG8B). */
    static final int W8X = 27;

    private Entry() {}

    // The number finds its way back in Decoder.
    @SuppressWarnings("EnumOrdinal")
    static long of(Op op, int width, int first, int second, int third) {
        if (!OptionalOps.exists(op)) {
            return INVALID;
        }
        return op.ordinal()
                | (long) first << OPERAND1_SHIFT
                | (long) second << OPERAND2_SHIFT
                | (long) third << OPERAND3_SHIFT
                | (long) width << WIDTH_SHIFT
                | (long) immediate(first, second, third) << IMMEDIATE_SHIFT
                | (usesModrm(first) || usesModrm(second) ? MODRM : 0);
    }

    static long of(Op op, int width, int first, int second) {
        return of(op, width, first, second, NO);
    }

    static long of(Op op, int width, int first) {
        return of(op, width, first, NO, NO);
    }

    static long of(Op op, int width) {
        return of(op, width, NO, NO, NO);
    }

    /** The same with another width of the source. */
    static long source(long entry, int sourceWidth) {
        return entry == INVALID ? INVALID : entry | (long) sourceWidth << SOURCE_WIDTH_SHIFT;
    }

    /** The same with properties; of what does not exist nothing. */
    static long with(long entry, long properties) {
        return entry == INVALID ? INVALID : entry | properties;
    }

    private static int immediate(int first, int second, int third) {
        final int last = third != NO ? third : second != NO ? second : first;
        if (last >= IB) {
            return last - IB + 1;
        }
        // MOV with an address is the one where it may come first.
        return first >= IB ? first - IB + 1 : 0;
    }

    private static boolean usesModrm(int operand) {
        return (operand >= E && operand <= M) || operand == SW || (operand >= CR && operand < ST0) || operand == STI;
    }
}
