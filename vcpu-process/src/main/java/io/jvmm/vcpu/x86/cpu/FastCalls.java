package io.jvmm.vcpu.x86.cpu;

/**
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT and SWAPGS as AMD processors do them (APM 3), since CPUID names that vendor:
 * SYSCALL works in legacy and compatibility mode too, SYSENTER and SYSEXIT are #UD in long mode, SYSRET leaves a
 * non-canonical RIP to fault in the caller. SYSRET sets all of SS, which is Intel's behaviour and what AMD documents
 * kernels to want.
 */
public final class FastCalls {
    private static final int CODE_64 = 0xa09b;
    private static final int CODE_32 = 0xc09b;
    private static final int DATA = 0xc093;
    private static final int DPL_3 = 3 << 5;
    private static final long FLAT = 0xffff_ffffL;

    private FastCalls() {}

    /** SYSCALL. */
    public static void syscall(Cpu cpu, long nextRip) {
        if ((cpu.efer & ControlRegisters.EFER_SCE) == 0 || !cpu.isProtected() || cpu.isVirtual86()) {
            throw cpu.undefined();
        }
        final int selector = (int) (cpu.star >>> 32) & 0xfffc;
        final int flags = cpu.flags() & ~Flags.RF;
        if (cpu.isLongMode()) {
            cpu.r[Cpu.RCX] = nextRip;
            cpu.r[11] = flags;
            cpu.rip = cpu.codeBytes == 8 ? cpu.lstar : cpu.cstar;
            cpu.segments[Segment.CS].set(selector, 0, FLAT, CODE_64);
            cpu.setFlags(0, (int) cpu.syscallMask | Flags.RF);
        } else {
            cpu.r[Cpu.RCX] = nextRip & 0xffff_ffffL;
            cpu.rip = cpu.star & 0xffff_ffffL;
            cpu.segments[Segment.CS].set(selector, 0, FLAT, CODE_32);
            cpu.setFlags(0, Flags.IF | Flags.VM | Flags.RF);
        }
        cpu.segments[Segment.SS].set((selector + 8) & 0xffff, 0, FLAT, DATA);
        cpu.cpl = 0;
        // Whether to trap is decided with the flags that SYSCALL leaves.
        cpu.stepFlags &= cpu.otherFlags;
        ControlRegisters.updateMode(cpu);
    }

    /** SYSRET; {@code operandBytes} 8 returns to 64-bit mode. */
    public static void sysret(Cpu cpu, int operandBytes) {
        if ((cpu.efer & ControlRegisters.EFER_SCE) == 0 || !cpu.isProtected() || cpu.isVirtual86()) {
            throw cpu.undefined();
        }
        if (cpu.cpl != 0) {
            throw cpu.protection();
        }
        final int base = (int) (cpu.star >>> 48) & 0xffff;
        final boolean from64 = cpu.codeBytes == 8;
        if (from64 && operandBytes == 8) {
            cpu.rip = cpu.r[Cpu.RCX];
            cpu.segments[Segment.CS].set((base + 16) | 3, 0, FLAT, CODE_64 | DPL_3);
        } else {
            cpu.rip = cpu.r[Cpu.RCX] & 0xffff_ffffL;
            cpu.segments[Segment.CS].set(base | 3, 0, FLAT, CODE_32 | DPL_3);
        }
        cpu.segments[Segment.SS].set((base + 8) | 3, 0, FLAT, DATA | DPL_3);
        cpu.cpl = 3;
        if (cpu.isLongMode()) {
            cpu.setFlags((int) cpu.r[11], 0x3f_7fd7 & ~(Flags.RF | Flags.VM));
            cpu.otherFlags &= ~(Flags.RF | Flags.VM);
        } else {
            cpu.setFlags(Flags.IF, Flags.IF);
        }
        ControlRegisters.updateMode(cpu);
    }

    /** SYSENTER. */
    public static void sysenter(Cpu cpu) {
        if (cpu.isLongMode()) {
            throw cpu.undefined();
        }
        final int selector = (int) cpu.sysenterCs & 0xfffc;
        if (!cpu.isProtected() || selector == 0) {
            throw cpu.protection();
        }
        cpu.segments[Segment.CS].set(selector, 0, FLAT, CODE_32);
        cpu.segments[Segment.SS].set((selector + 8) & 0xffff, 0, FLAT, DATA);
        cpu.rip = cpu.sysenterEip & 0xffff_ffffL;
        cpu.r[Cpu.RSP] = cpu.sysenterEsp & 0xffff_ffffL;
        cpu.cpl = 0;
        cpu.setFlags(0, Flags.VM | Flags.IF | Flags.RF);
        ControlRegisters.updateMode(cpu);
    }

    /** SYSEXIT. */
    public static void sysexit(Cpu cpu) {
        if (cpu.isLongMode()) {
            throw cpu.undefined();
        }
        final int selector = (int) cpu.sysenterCs & 0xfffc;
        if (!cpu.isProtected() || selector == 0 || cpu.cpl != 0) {
            throw cpu.protection();
        }
        cpu.segments[Segment.CS].set(((selector + 16) | 3) & 0xffff, 0, FLAT, CODE_32 | DPL_3);
        cpu.segments[Segment.SS].set(((selector + 24) | 3) & 0xffff, 0, FLAT, DATA | DPL_3);
        cpu.rip = cpu.r[Cpu.RDX] & 0xffff_ffffL;
        cpu.r[Cpu.RSP] = cpu.r[Cpu.RCX] & 0xffff_ffffL;
        cpu.cpl = 3;
        ControlRegisters.updateMode(cpu);
    }

    /** SWAPGS, in 64-bit mode. */
    public static void swapgs(Cpu cpu) {
        if (cpu.codeBytes != 8) {
            throw cpu.undefined();
        }
        if (cpu.cpl != 0) {
            throw cpu.protection();
        }
        final Segment gs = cpu.segments[Segment.GS];
        final long base = gs.base;
        gs.base = cpu.kernelGsBase;
        cpu.kernelGsBase = base;
    }
}
