package io.jvmm.vcpu.x86.cpu;

/** Checks of privileged instructions that several have in common. */
public final class Privilege {
    private Privilege() {}

    /** #GP(0) unless CPL is 0. */
    public static void checkSupervisor(Cpu cpu) {
        if (cpu.cpl != 0) {
            throw cpu.protection();
        }
    }

    /** CLI and STI: #GP(0) when CPL is above IOPL; in virtual-8086 mode IOPL must be 3. */
    public static void checkInterruptFlag(Cpu cpu) {
        if (cpu.cpl > cpu.iopl()) {
            throw cpu.protection();
        }
    }

    /** #UD in real and virtual-8086 mode. */
    public static void checkDescriptorMode(Cpu cpu) {
        if (!cpu.isProtected() || cpu.isVirtual86()) {
            throw cpu.undefined();
        }
    }

    /** SGDT, SIDT, SLDT, STR, SMSW: #GP(0) in user mode while CR4.UMIP. */
    public static void checkTableRead(Cpu cpu) {
        if (cpu.cpl != 0 && (cpu.cr4 & ControlRegisters.CR4_UMIP) != 0) {
            throw cpu.protection();
        }
    }
}
