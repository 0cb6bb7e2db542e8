package io.jvmm.vcpu.engine;

/**
 * What a loader wants the boot processor to look like at the guest's first instruction. Everything not named is the
 * architectural reset value (SDM 3A 10.1.1, table 10-1), interrupts are off.
 *
 * <p>The segment registers follow from the mode: flat 4 GiB segments with the selectors of the Linux boot protocol
 * (code 0x10, data 0x18) in the two protected modes; in {@link Mode#REAL_16} {@code cs} is {@code codeSelector} with base
 * {@code codeBase}, the others are 0. The hidden parts are loaded by the engine, but a kernel may reload a selector before
 * it has a table of its own, so the loader puts a matching GDT into guest memory at {@code gdtBase}.
 *
 * @param mode the processor mode
 * @param rip first instruction: a linear address, in {@code REAL_16} an offset into the code segment
 * @param rsp stack pointer, 0 where the protocol defines none
 * @param rsi Linux 64-bit boot protocol: guest-physical address of the zero page (boot_params)
 * @param rbx PVH: guest-physical address of {@code hvm_start_info}
 * @param cr3 {@code LONG_64}: guest-physical address of the PML4 that identity-maps what the protocol asks for, else 0
 * @param gdtBase guest-physical (= linear) address of the GDT, 0 for none
 * @param gdtLimit limit of the GDT: its length in bytes minus 1
 * @param codeSelector {@code REAL_16} only: value of CS
 * @param codeBase {@code REAL_16} only: base of CS (the selector times 16, but ffff0000 at the reset vector)
 */
public record BootState(
        Mode mode,
        long rip,
        long rsp,
        long rsi,
        long rbx,
        long cr3,
        long gdtBase,
        int gdtLimit,
        int codeSelector,
        long codeBase) {

    /** Selector of the flat code segment, {@code __BOOT_CS} of the Linux x86 boot protocol. */
    public static final int CODE_SELECTOR = 0x10;

    /** Selector of the flat data segment, {@code __BOOT_DS}. */
    public static final int DATA_SELECTOR = 0x18;

    /** Selector of the 32-bit TSS that VT-x wants loaded outside long mode; the loader's GDT may or may not hold it. */
    public static final int TASK_SELECTOR = 0x20;

    /** The mode of the processor at the first instruction. */
    public enum Mode {
        /** Long mode, paging on (Linux x86 boot protocol, "64-bit boot protocol"). */
        LONG_64,
        /** 32-bit protected mode, paging off, flat segments (PVH, Linux 32-bit boot protocol). */
        PROTECTED_32,
        /** Real mode. */
        REAL_16
    }

    /** State at the 64-bit entry point of Linux: RSI = zero page, paging on with {@code pml4}. */
    public static BootState linux64(long entry, long zeroPage, long stackTop, long pml4, long gdtBase, int gdtLimit) {
        return new BootState(Mode.LONG_64, entry, stackTop, zeroPage, 0, pml4, gdtBase, gdtLimit, 0, 0);
    }

    /** State at a PVH entry point: EBX = {@code hvm_start_info}, protected mode without paging. */
    public static BootState pvh(long entry, long startInfo, long gdtBase, int gdtLimit) {
        return new BootState(Mode.PROTECTED_32, entry, 0, 0, startInfo, 0, gdtBase, gdtLimit, 0, 0);
    }

    /** Real mode at {@code segment:offset}. */
    public static BootState real(int segment, int offset) {
        return new BootState(Mode.REAL_16, offset, 0, 0, 0, 0, 0, 0, segment, (long) segment << 4);
    }

    /** The reset vector ffff:fff0, where firmware begins. */
    public static BootState resetVector() {
        return new BootState(Mode.REAL_16, 0xfff0, 0, 0, 0, 0, 0, 0, 0xf000, 0xffff_0000L);
    }
}
