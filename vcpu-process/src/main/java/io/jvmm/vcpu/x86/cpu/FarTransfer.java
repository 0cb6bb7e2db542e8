package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * Far JMP, CALL and RET in every mode, through call gates too (SDM 3A 5.8, SDM 2 of each). Sets CS and {@code cpu.rip};
 * changes no register before the last check.
 */
public final class FarTransfer {
    private static final int PARAMETER_COUNT = 31;

    private FarTransfer() {}

    /** JMP to selector:offset; {@code nextRip} matters to a task switch only. */
    public static void jump(Cpu cpu, int selector, long offset, int operandBytes, long nextRip) {
        if (isReal(cpu)) {
            checkRealTarget(cpu, offset);
            enterReal(cpu, selector, offset);
            return;
        }
        final long raw = target(cpu, selector);
        if ((Descriptors.type(raw) & 0x10) == 0) {
            systemTarget(cpu, selector, raw, false, nextRip);
            return;
        }
        checkDirect(cpu, selector, raw);
        final long rip = checkTarget(cpu, raw, offset);
        enterCode(cpu, selector, Descriptors.markAccessed(cpu, selector, raw), cpu.cpl, rip);
    }

    /** CALL selector:offset; {@code nextRip} is the return address. */
    public static void call(Cpu cpu, int selector, long offset, int operandBytes, long nextRip) {
        if (isReal(cpu)) {
            checkRealTarget(cpu, offset);
            pushReturn(cpu, cpu.frame.present(), operandBytes, nextRip);
            cpu.frame.commitPointer();
            enterReal(cpu, selector, offset);
            return;
        }
        final long raw = target(cpu, selector);
        if ((Descriptors.type(raw) & 0x10) == 0) {
            systemTarget(cpu, selector, raw, true, nextRip);
            return;
        }
        checkDirect(cpu, selector, raw);
        final long rip = checkTarget(cpu, raw, offset);
        final long accessed = Descriptors.markAccessed(cpu, selector, raw);
        pushReturn(cpu, cpu.frame.present(), operandBytes, nextRip);
        cpu.frame.commitPointer();
        enterCode(cpu, selector, accessed, cpu.cpl, rip);
    }

    /** RETF, releasing {@code release} bytes of parameters. */
    public static void ret(Cpu cpu, int operandBytes, int release) {
        final StackCursor stack = cpu.frame.present();
        final long offset = stack.pop(operandBytes);
        final int selector = (int) stack.pop(operandBytes) & 0xffff;
        stack.skip(release);
        if (isReal(cpu)) {
            checkRealTarget(cpu, offset);
            stack.commitPointer();
            enterReal(cpu, selector, offset);
            return;
        }
        final long raw = FarReturn.checkCode(cpu, selector);
        if ((selector & 3) == cpu.cpl) {
            final long rip = checkTarget(cpu, raw, offset);
            final long accessed = Descriptors.markAccessed(cpu, selector, raw);
            stack.commitPointer();
            enterCode(cpu, selector, accessed, cpu.cpl, rip);
        } else {
            final long pointer = stack.pop(operandBytes);
            final int stackSelector = (int) stack.pop(operandBytes) & 0xffff;
            FarReturn.withStack(cpu, selector, raw, offset, stackSelector, pointer + release);
        }
    }

    /** Real or virtual-8086 mode: no descriptors. */
    static boolean isReal(Cpu cpu) {
        return !cpu.isProtected() || cpu.isVirtual86();
    }

    static void checkRealTarget(Cpu cpu, long offset) {
        if (offset > cpu.segments[Segment.CS].limit) {
            throw cpu.protection();
        }
    }

    static void enterReal(Cpu cpu, int selector, long offset) {
        final Segment cs = cpu.segments[Segment.CS];
        cs.selector = selector;
        cs.base = (long) selector << 4;
        cpu.rip = offset;
        ControlRegisters.updateMode(cpu);
    }

    private static long target(Cpu cpu, int selector) {
        if ((selector & 0xfffc) == 0) {
            throw cpu.protection();
        }
        return Descriptors.read(cpu, selector, Vector.GP);
    }

    /** The checks of a code segment that is entered without a gate (SDM 3A 5.8.1). */
    private static void checkDirect(Cpu cpu, int selector, long raw) {
        final boolean allowed = Descriptors.isConforming(raw)
                ? Descriptors.dpl(raw) <= cpu.cpl
                : Descriptors.dpl(raw) == cpu.cpl && (selector & 3) <= cpu.cpl;
        if (!Descriptors.isCode(raw) || !allowed || isLongAndBig(cpu, raw)) {
            throw Descriptors.protection(cpu, selector);
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
    }

    /** L and D of a code segment exclude each other in long mode. */
    static boolean isLongAndBig(Cpu cpu, long raw) {
        return cpu.isLongMode() && Descriptors.isLong(raw) && Descriptors.isBig(raw);
    }

    /** The new RIP in a code segment: canonical, or within the limit; #GP(0). */
    static long checkTarget(Cpu cpu, long raw, long offset) {
        if (cpu.isLongMode() && Descriptors.isLong(raw)) {
            if (!Segmentation.isCanonical(offset)) {
                throw cpu.protection();
            }
            return offset;
        }
        final long rip = offset & 0xffff_ffffL;
        if (rip > Descriptors.limit(raw)) {
            throw cpu.protection();
        }
        return rip;
    }

    static void enterCode(Cpu cpu, int selector, long raw, int cpl, long rip) {
        LongGates.enterCode(cpu, selector, raw, cpl, rip);
        ControlRegisters.updateMode(cpu);
    }

    private static void pushReturn(Cpu cpu, StackCursor stack, int width, long nextRip) {
        stack.push(cpu.segments[Segment.CS].selector, width);
        stack.push(nextRip, width);
    }

    /** A call gate, a task gate or a TSS. */
    private static void systemTarget(Cpu cpu, int selector, long raw, boolean call, long nextRip) {
        final int type = Descriptors.type(raw);
        final boolean gate =
                type == Descriptors.CALL_GATE_32 || (type == Descriptors.CALL_GATE_16 && !cpu.isLongMode());
        final boolean task = !cpu.isLongMode()
                && (type == Descriptors.TASK_GATE || type == Descriptors.TSS_16 || type == Descriptors.TSS_32);
        if ((!gate && !task) || Descriptors.dpl(raw) < Math.max(cpu.cpl, selector & 3)) {
            throw Descriptors.protection(cpu, selector);
        }
        if (task) {
            TaskSwitch.transfer(cpu, selector, raw, call, nextRip);
            return;
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
        throughGate(cpu, selector, raw, call, nextRip);
    }

    private static void throughGate(Cpu cpu, int gateSelector, long gate, boolean call, long nextRip) {
        long offset = Descriptors.gateOffset(gate);
        int width = (Descriptors.type(gate) & 8) != 0 ? 4 : 2;
        if (cpu.isLongMode()) {
            final long upper = Descriptors.readUpper(cpu, gateSelector, Vector.GP);
            if ((upper & 0x1f00_0000_0000L) != 0) {
                throw Descriptors.protection(cpu, gateSelector);
            }
            offset |= upper << 32;
            width = 8;
        } else if (width == 2) {
            offset &= 0xffff;
        }
        final int selector = Descriptors.gateSelector(gate);
        final long raw = target(cpu, selector);
        final boolean inner = !Descriptors.isConforming(raw) && Descriptors.dpl(raw) < cpu.cpl;
        if (!Descriptors.isCode(raw)
                || Descriptors.dpl(raw) > cpu.cpl
                || (inner && !call)
                || (cpu.isLongMode() && (!Descriptors.isLong(raw) || Descriptors.isBig(raw)))) {
            throw Descriptors.protection(cpu, selector);
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
        final long rip = checkTarget(cpu, raw, offset);
        final long accessed = Descriptors.markAccessed(cpu, selector, raw);
        int cpl = cpu.cpl;
        if (inner) {
            cpl = Descriptors.dpl(raw);
            if (width == 8) {
                switchStack64(cpu, cpl, nextRip);
            } else {
                switchStack(cpu, cpl, width, (int) (gate >>> 32) & PARAMETER_COUNT, nextRip);
            }
        } else if (call) {
            pushReturn(cpu, cpu.frame.present(), width, nextRip);
            cpu.frame.commitPointer();
        }
        enterCode(cpu, selector, accessed, cpl, rip);
    }

    /** SDM 3A 5.8.5.1: no parameters are copied, SS becomes null. */
    private static void switchStack64(Cpu cpu, int cpl, long nextRip) {
        final StackCursor stack = cpu.frame.on64(LongGates.stackOfLevel(cpu, cpl));
        final Segment ss = cpu.segments[Segment.SS];
        cpu.mmu.setPrivilege(cpl == 3, (cpu.otherFlags & Flags.AC) != 0);
        try {
            stack.push(ss.selector, 8);
            stack.push(cpu.r[Cpu.RSP], 8);
            pushReturn(cpu, stack, 8, nextRip);
        } finally {
            ControlRegisters.updatePrivilege(cpu);
        }
        Segmentation.setNull(ss, cpl);
        stack.commitPointer();
    }

    private static void switchStack(Cpu cpu, int cpl, int width, int parameters, long nextRip) {
        final int selector = ProtectedGates.stackSelector(cpu, cpl);
        final long descriptor = ProtectedGates.stackDescriptor(cpu, selector, cpl);
        final long accessed = Descriptors.markAccessed(cpu, selector, descriptor);
        final StackCursor old = cpu.callerFrame.present();
        final StackCursor stack = cpu.frame.on(selector, descriptor, ProtectedGates.stackPointer(cpu, cpl));
        final Segment ss = cpu.segments[Segment.SS];
        cpu.mmu.setPrivilege(cpl == 3, (cpu.otherFlags & Flags.AC) != 0);
        try {
            stack.push(ss.selector, width);
            stack.push(cpu.r[Cpu.RSP], width);
            for (int i = parameters - 1; i >= 0; i--) {
                // The caller's stack is read with the new privilege, as the processor does it all at the new level.
                stack.push(old.peek(i * width, width), width);
            }
            pushReturn(cpu, stack, width, nextRip);
        } finally {
            ControlRegisters.updatePrivilege(cpu);
        }
        Segmentation.set(ss, selector, accessed);
        stack.commitPointer();
    }
}
