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

    /** Where results are computed. */
    public final Extended arithmetic = new Extended();

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

    /** Tag of a register that holds a normal number. */
    public static final int TAG_VALID = 0;
    /** Tag of a zero. */
    public static final int TAG_ZERO = 1;
    /** Tag of a NaN, an infinity, a denormal, or an encoding that does not exist. */
    public static final int TAG_SPECIAL = 2;
    /** Tag of an empty register. */
    public static final int TAG_EMPTY = 3;

    /** The six exceptions of control and status word. */
    public static final int EXCEPTIONS = 0x3f;
    /** Bit 7 of the status word: an unmasked exception is pending. */
    public static final int SUMMARY = 0x80;
    /** Bit 15, a copy of {@link #SUMMARY} since the 287. */
    public static final int BUSY = 0x8000;

    /** The tag that a register's content calls for. */
    public int tagOf(int register) {
        final int exponent = signExponent[register] & 0x7fff;
        final long bits = significand[register];
        if (exponent == 0) {
            return bits == 0 ? TAG_ZERO : TAG_SPECIAL;
        }
        return exponent == 0x7fff || bits >= 0 ? TAG_SPECIAL : TAG_VALID;
    }

    /** Sets or clears ES and B by what is pending and unmasked (SDM 1 8.1.3.3). */
    public void updateSummary() {
        final boolean pending = (statusWord & ~controlWord & EXCEPTIONS) != 0;
        statusWord = pending ? statusWord | SUMMARY | BUSY : statusWord & ~(SUMMARY | BUSY);
    }

    /** Whether the next waiting x87 instruction raises #MF. */
    public boolean isErrorPending() {
        return (statusWord & SUMMARY) != 0;
    }
}
