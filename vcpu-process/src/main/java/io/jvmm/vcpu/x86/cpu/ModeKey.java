package io.jvmm.vcpu.x86.cpu;

/**
 * The bits of {@link Cpu#modeKey}: everything besides the bytes themselves that decoded code depends on. Privilege,
 * paging and real or virtual-8086 against protected mode are not among them: steps look at those when they run.
 */
public final class ModeKey {
    /** 16-bit code: the value of bits 0..1. */
    public static final int CODE_16 = 0;
    /** 32-bit code. */
    public static final int CODE_32 = 1;
    /** 64-bit mode. */
    public static final int CODE_64 = 2;
    /** Mask of the three above. */
    public static final int CODE = 3;
    /** Outside 64-bit mode: the stack pointer is ESP (SS.B), else SP. */
    public static final int STACK_32 = 1 << 2;
    /**
     * Outside 64-bit mode: some segment of CS, DS, ES, SS is not a flat writable 4 GiB one (for CS: readable), so
     * bases, limits and rights have to be looked at. FS and GS always have to be.
     */
    public static final int CHECKED = 1 << 3;
    /** For the executor's own use: the block is cut after one instruction. Never set in {@link Cpu#modeKey}. */
    public static final int SINGLE = 1 << 4;

    private ModeKey() {}

    /** Width of code in bytes: 2, 4 or 8. */
    public static int codeBytes(int key) {
        return 2 << (key & CODE);
    }
}
