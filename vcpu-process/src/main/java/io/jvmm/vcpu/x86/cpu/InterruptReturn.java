package io.jvmm.vcpu.x86.cpu;

/** IRET, IRETD, IRETQ (SDM 2 "IRET"): in every mode, to every mode. Also ends the blocking of NMIs. */
public final class InterruptReturn {
    /** What a 16-bit IRET may change, before privilege is looked at. */
    private static final int FLAGS_16 = Flags.STATUS | Flags.TF | Flags.IF | Flags.DF | Flags.IOPL | Flags.NT;
    /** What the wider forms may change besides, but for VM. */
    private static final int FLAGS_32 = FLAGS_16 | Flags.RF | Flags.AC | Flags.ID | Flags.VIF | Flags.VIP;

    private InterruptReturn() {}

    /** IRET with this operand width; {@code nextRip} matters to a task switch only. */
    public static void run(Cpu cpu, int operandBytes, long nextRip) {
        if (cpu.nmiBlocked) {
            // Even if it faults (SDM 3A 6.7.1); one that waits is taken before anything else.
            cpu.nmiBlocked = false;
            cpu.budget = 0;
        }
        if (!cpu.isProtected()) {
            // SDM 2: VIF and VIP stay in real mode.
            toReal(cpu, operandBytes, widthMask(operandBytes) & ~(Flags.VIF | Flags.VIP));
        } else if (cpu.isVirtual86()) {
            if (cpu.iopl() < 3) {
                throw cpu.protection();
            }
            toReal(cpu, operandBytes, widthMask(operandBytes) & ~(Flags.VIF | Flags.VIP | Flags.IOPL));
        } else if ((cpu.otherFlags & Flags.NT) != 0) {
            if (cpu.isLongMode()) {
                throw cpu.protection();
            }
            TaskSwitch.interruptReturn(cpu, nextRip);
        } else {
            fromProtected(cpu, operandBytes);
        }
        cpu.serialize();
    }

    private static int widthMask(int operandBytes) {
        return operandBytes == 2 ? FLAGS_16 : FLAGS_32;
    }

    private static void toReal(Cpu cpu, int operandBytes, int mask) {
        final StackCursor stack = cpu.frame.present();
        final long offset = stack.pop(operandBytes);
        final int selector = (int) stack.pop(operandBytes) & 0xffff;
        final int flags = (int) stack.pop(operandBytes);
        FarTransfer.checkRealTarget(cpu, offset);
        stack.commitPointer();
        FarTransfer.enterReal(cpu, selector, offset);
        cpu.setFlags(flags, mask);
    }

    private static void fromProtected(Cpu cpu, int operandBytes) {
        final StackCursor stack = cpu.frame.present();
        final long offset = stack.pop(operandBytes);
        final int selector = (int) stack.pop(operandBytes) & 0xffff;
        final int flags = (int) stack.pop(operandBytes);
        final int before = cpu.cpl;
        if (operandBytes == 4 && (flags & Flags.VM) != 0 && before == 0 && !cpu.isLongMode()) {
            toVirtual86(cpu, stack, offset, selector, flags);
            return;
        }
        final long raw = FarReturn.checkCode(cpu, selector);
        if (cpu.codeBytes == 8 || (selector & 3) != before) {
            final long pointer = stack.pop(operandBytes);
            final int stackSelector = (int) stack.pop(operandBytes) & 0xffff;
            FarReturn.withStack(cpu, selector, raw, offset, stackSelector, pointer);
        } else {
            final long rip = FarTransfer.checkTarget(cpu, raw, offset);
            final long accessed = Descriptors.markAccessed(cpu, selector, raw);
            stack.commitPointer();
            FarTransfer.enterCode(cpu, selector, accessed, before, rip);
        }
        cpu.setFlags(flags, writable(cpu, widthMask(operandBytes), before));
    }

    /** Which flags privilege level {@code cpl}, the one that executes IRET, may change. */
    private static int writable(Cpu cpu, int mask, int cpl) {
        int allowed = mask;
        if (cpl > cpu.iopl()) {
            allowed &= ~Flags.IF;
        }
        if (cpl != 0) {
            allowed &= ~(Flags.IOPL | Flags.VIF | Flags.VIP);
        }
        return allowed;
    }

    private static void toVirtual86(Cpu cpu, StackCursor stack, long offset, int selector, int flags) {
        final long pointer = stack.pop(4);
        final int ss = (int) stack.pop(4) & 0xffff;
        final int es = (int) stack.pop(4) & 0xffff;
        final int ds = (int) stack.pop(4) & 0xffff;
        final int fs = (int) stack.pop(4) & 0xffff;
        final int gs = (int) stack.pop(4) & 0xffff;
        if (offset > 0xffff) {
            throw cpu.protection();
        }
        final Segment[] s = cpu.segments;
        Segmentation.loadVirtual86(s[Segment.CS], selector);
        Segmentation.loadVirtual86(s[Segment.SS], ss);
        Segmentation.loadVirtual86(s[Segment.ES], es);
        Segmentation.loadVirtual86(s[Segment.DS], ds);
        Segmentation.loadVirtual86(s[Segment.FS], fs);
        Segmentation.loadVirtual86(s[Segment.GS], gs);
        cpu.r[Cpu.RSP] = pointer;
        cpu.rip = offset;
        cpu.cpl = 3;
        cpu.setFlags(flags, FLAGS_32 | Flags.VM);
        ControlRegisters.updateMode(cpu);
    }
}
