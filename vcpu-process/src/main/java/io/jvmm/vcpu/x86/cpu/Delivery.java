package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.GuestException;

/**
 * Exceptions and interrupts: through the IDT or the real-mode table to their handler (SDM 3A chapter 6). {@code cpu.rip} is where the
 * handler is to return to: the faulting instruction for faults, the next one for traps and interrupts. Faults met while delivering become
 * what table 6-5 says; a triple fault sets {@code cpu.shutdown}. May throw a {@code DeviceExit} (a stack in device memory): run again later.
 */
public final class Delivery {
    private Delivery() {}

    /** An exception; {@code cpu.rip} is at the instruction. */
    public static void exception(Cpu cpu, GuestException exception) {
        throw new UnsupportedOperationException("" + cpu.index + exception.vector());
    }

    /**
     * Between two instructions: takes an NMI or, when RFLAGS.IF allows it, an external interrupt; wakes a halted processor. Not to be called
     * while {@code cpu.interruptShadow}.
     *
     * @return whether something was delivered
     */
    public static boolean takePending(Cpu cpu) {
        throw new UnsupportedOperationException("" + cpu.index);
    }

    /** INT n, INT3, INTO: {@code cpu.rip} is set to {@code nextRip} first. */
    public static void software(Cpu cpu, int vector, long nextRip) {
        throw new UnsupportedOperationException("" + cpu.index + vector + nextRip);
    }
}
