package io.jvmm.vcpu.x86.cpu;

/** Hardware task switches of legacy protected mode (SDM 3A chapter 8). */
final class TaskSwitch {
    private TaskSwitch() {}

    /** JMP or CALL to a TSS or a task gate. */
    static void transfer(Cpu cpu, int selector, long raw, boolean call, long nextRip) {
        throw Descriptors.protection(cpu, selector);
    }

    /** An exception or interrupt through a task gate. */
    static void interrupt(Cpu cpu, int selector, int errorCode, int flags, long returnRip) {
        throw Descriptors.protection(cpu, selector);
    }

    /** IRET with NT set. */
    static void interruptReturn(Cpu cpu, long nextRip) {
        throw cpu.protection();
    }
}
