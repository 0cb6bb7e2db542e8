package io.jvmm.vcpu.x86.mmu;

/** Vectors of the processor's own exceptions (SDM 3A table 6-1). */
public final class Vector {
    /** Divide error. */
    public static final int DE = 0;
    /** Debug. */
    public static final int DB = 1;
    /** Non-maskable interrupt. */
    public static final int NMI = 2;
    /** Breakpoint, INT3. */
    public static final int BP = 3;
    /** Overflow, INTO. */
    public static final int OF = 4;
    /** BOUND range exceeded. */
    public static final int BR = 5;
    /** Invalid opcode. */
    public static final int UD = 6;
    /** Device (x87) not available. */
    public static final int NM = 7;
    /** Double fault, error code 0. */
    public static final int DF = 8;
    /** Invalid TSS. */
    public static final int TS = 10;
    /** Segment not present. */
    public static final int NP = 11;
    /** Stack-segment fault. */
    public static final int SS = 12;
    /** General protection. */
    public static final int GP = 13;
    /** Page fault; CR2 holds the linear address. */
    public static final int PF = 14;
    /** x87 floating-point error. */
    public static final int MF = 16;
    /** Alignment check, error code 0. */
    public static final int AC = 17;
    /** Machine check. */
    public static final int MC = 18;
    /** SIMD floating-point. */
    public static final int XM = 19;

    private Vector() {}
}
