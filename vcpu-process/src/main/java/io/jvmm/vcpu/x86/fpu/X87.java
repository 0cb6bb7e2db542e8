package io.jvmm.vcpu.x86.fpu;

/**
 * The x87 register stack and its control, status and tag words (SDM 1 chapter 8); the MMX registers are its significands.
 * Pure state of one vCPU.
 */
public final class X87 {
    /** 64-bit significands with explicit integer bit, by physical register. */
    public final long[] significand = new long[8];
    /** Sign (bit 15) and exponent, by physical register. */
    public final int[] signExponent = new int[8];

    public int controlWord = 0x37f;
    /** Without TOP. */
    public int statusWord;

    public int top;
    /** Full tag word: two bits a register. */
    public int tagWord = 0xffff;

    public int opcode;
    public long instructionPointer;
    public int instructionSelector;
    public long dataPointer;
    public int dataSelector;
}
