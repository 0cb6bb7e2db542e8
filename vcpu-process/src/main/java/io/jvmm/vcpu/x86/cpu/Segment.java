package io.jvmm.vcpu.x86.cpu;

/** A segment register with its hidden part (SDM 3A 3.4.3). Mutable, one object for each register of each vCPU. */
public final class Segment {
    /** Index of ES in {@link Cpu#segments}, and so on in the order of their encoding. */
    public static final int ES = 0;

    public static final int CS = 1;
    public static final int SS = 2;
    public static final int DS = 3;
    public static final int FS = 4;
    public static final int GS = 5;
    /** LDTR and TR follow the six that instructions can name. */
    public static final int LDTR = 6;

    public static final int TR = 7;

    /**
     * Bits 40..55 of a descriptor: type 0..3, S 4, DPL 5..6, P 7, limit 8..11 (ignored), AVL 12, L 13, D/B 14, G 15.
     */
    public int access;

    public int selector;
    public long base;
    /** In bytes, granularity applied, unsigned 32 bits. */
    public long limit;

    /** Sets all four. */
    public void set(int newSelector, long newBase, long newLimit, int newAccess) {
        selector = newSelector;
        base = newBase;
        limit = newLimit;
        access = newAccess;
    }

    /** Copies all four. */
    public void copyFrom(Segment other) {
        set(other.selector, other.base, other.limit, other.access);
    }

    /** DPL, for SS the current privilege level. */
    public int dpl() {
        return (access >> 5) & 3;
    }

    /** Code or data, not a system segment. */
    public boolean isCodeOrData() {
        return (access & 0x10) != 0;
    }

    /** A code segment. */
    public boolean isCode() {
        return (access & 0x18) == 0x18;
    }

    /** P. */
    public boolean isPresent() {
        return (access & 0x80) != 0;
    }

    /** L: 64-bit code. */
    public boolean isLong() {
        return (access & 0x2000) != 0;
    }

    /** D/B: 32-bit code or stack. */
    public boolean isBig() {
        return (access & 0x4000) != 0;
    }
}
