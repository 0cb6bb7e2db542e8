package io.jvmm.vcpu.x86.cpu;

/** Control registers and what follows from changing them: mode, paging, TLB flushes (SDM 3A 2.5, 4.10.4, 10.8.5). */
public final class ControlRegisters {
    private ControlRegisters() {}

    /**
     * Recomputes {@link Cpu#codeBytes} and {@link Cpu#modeKey} from CS, SS, DS, ES, CR0, EFER and RFLAGS.VM, tells the Mmu the
     * privilege, and ends the block. To be called when any of these or {@link Cpu#cpl} has changed.
     */
    public static void updateMode(Cpu cpu) {
        throw new UnsupportedOperationException("" + cpu.index);
    }

    /** MOV from CR0, 2, 3, 4, 8; #UD for others. */
    public static long read(Cpu cpu, int number) {
        throw new UnsupportedOperationException("" + cpu.index + number);
    }

    /** MOV to CRn with every check and consequence; #GP(0), #UD. */
    public static void write(Cpu cpu, int number, long value) {
        throw new UnsupportedOperationException("" + cpu.index + number + value);
    }

    /** XCR0. */
    public static long readXcr(Cpu cpu, int number) {
        throw new UnsupportedOperationException("" + cpu.index + number);
    }

    /** XSETBV. */
    public static void writeXcr(Cpu cpu, int number, long value) {
        throw new UnsupportedOperationException("" + cpu.index + number + value);
    }
}
