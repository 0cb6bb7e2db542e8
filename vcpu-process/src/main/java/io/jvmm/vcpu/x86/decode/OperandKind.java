package io.jvmm.vcpu.x86.decode;

/** What an explicit operand of an {@link Insn} is. */
public enum OperandKind {
    /** There is no such operand. */
    NONE,
    /** General register, number 0..15, of the operand's width. */
    GPR,
    /** AH CH DH BH: number 0..3. */
    GPR_HIGH,
    /** The memory operand of the instruction: at most one. */
    MEM,
    /** {@link Insn#imm}, already extended to the width of the operation. */
    IMM,
    /** Segment register, number 0..5. */
    SEGMENT,
    /** CR0..CR8. */
    CONTROL,
    /** DR0..DR7. */
    DEBUG,
    /** XMM0..XMM15. */
    XMM,
    /** MM0..MM7. */
    MMX,
    /** ST(i). */
    ST,
    /** {@link Insn#imm} is the target's offset from the end of the instruction. */
    REL,
    /** {@link Insn#imm} is the offset, {@link Insn#imm2} the selector of a far pointer. */
    FAR
}
