package io.jvmm.vcpu.x86.decode;

/**
 * One decoded instruction: what it does ({@link #op}), how wide, and its explicit operands; implicit ones (RAX of MUL, RSI
 * and RDI of MOVS, the flags) follow from the op as in SDM 2. Filled by {@link Decoder}, read by everybody else.
 *
 * <p>Positions are relative: an instruction knows its offset from the start of its block ({@link #offset}) and its length, so
 * that the same code can be shared by all linear addresses at which its page is mapped.
 */
public final class Insn {
    /** {@link #base} and {@link #index} of an address without one: index of the zero register in {@code Cpu.r}. */
    public static final int NO_REGISTER = 16;
    /** {@link #base} of a RIP-relative address: the displacement counts from the end of the instruction. */
    public static final int RIP = 17;

    public Op op = Op.INVALID;
    /** Condition 0..15 of JCC, SETCC, CMOVCC. */
    public int condition;
    /** Bytes from the start of the block. */
    public int offset;
    /** 1..15 bytes. */
    public int length;
    /** 2, 4 or 8: the mode this was decoded for. */
    public int codeBytes;
    /**
     * Width of the operation in bytes: 1, 2, 4, 8 for integers (for MOVZX/MOVSX/MOVSXD that of the destination, the
     * source's is {@link #sourceBytes}); for stack operations the width pushed; for x87 and SIMD that of the memory operand
     * (up to 16; 10, 14, 28, 94, 108, 512 where the instruction has such).
     */
    public int operandBytes;
    /** Width of the source where it differs from the destination's, else {@link #operandBytes}. */
    public int sourceBytes;
    /** 2, 4 or 8. */
    public int addressBytes;
    /** LOCK prefix, on an instruction that allows it with a memory destination (others are INVALID). */
    public boolean lock;
    /** F3 prefix where it means REP or REPE. */
    public boolean rep;
    /** F2 prefix where it means REPNE. */
    public boolean repne;

    /** Explicit operands in Intel order: destination first. */
    public OperandKind kind1 = OperandKind.NONE;

    public OperandKind kind2 = OperandKind.NONE;
    public OperandKind kind3 = OperandKind.NONE;
    /** Register numbers of the operands that are registers. */
    public int reg1;

    public int reg2;
    public int reg3;

    /** Effective segment of the memory operand (or of the source of a string instruction): 0..5 as ES CS SS DS FS GS. */
    public int segment;
    /** Base register of the memory operand, {@link #NO_REGISTER} or {@link #RIP}. */
    public int base = NO_REGISTER;
    /** Index register, or {@link #NO_REGISTER}. */
    public int indexRegister = NO_REGISTER;
    /** 0..3. */
    public int scaleShift;
    /** Sign-extended. */
    public long displacement;
    /** Immediate, relative target or far offset; extended as the operation wants it. */
    public long imm;
    /** Second immediate: ENTER's level, a far pointer's selector, the second byte of SSE4a-like forms. */
    public int imm2;

    /** Offset of the next instruction from the start of the block. */
    public int end() {
        return offset + length;
    }

    /** Whether any operand is the memory operand. */
    public boolean hasMemory() {
        return kind1 == OperandKind.MEM || kind2 == OperandKind.MEM || kind3 == OperandKind.MEM;
    }
}
