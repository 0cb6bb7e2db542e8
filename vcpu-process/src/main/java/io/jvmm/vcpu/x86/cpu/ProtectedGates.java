package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * Interrupts in legacy protected mode and out of virtual-8086 mode (SDM 3A 6.12, 3B 21.3): interrupt and trap gates of
 * 16 and 32 bits, stacks from a TSS of either kind, task gates.
 *
 * <pre>
 *   gate     offset 15..0, selector, 0, type 4..0 DPL P, offset 31..16
 *   TSS 32   +4 ESP0 +8 SS0 +12 ESP1 +16 SS1 +20 ESP2 +24 SS2      TSS 16   +2 SP0 +4 SS0 +6 SP1 ...
 * </pre>
 */
final class ProtectedGates {
    private static final int INTERRUPT_GATE_16 = 6;
    private static final int TRAP_GATE_16 = 7;
    private static final int INTERRUPT_GATE_32 = 0xe;
    private static final int TRAP_GATE_32 = 0xf;
    /** The bit of a TSS's type that says 32-bit. */
    private static final int TYPE_32 = 8;

    private ProtectedGates() {}

    static void enter(Cpu cpu, int vector, int errorCode, Delivery.Source source, int flags, long returnRip) {
        final int at = vector * 8;
        if (at + 7 > cpu.idtLimit) {
            throw Delivery.gateFault(cpu, Vector.GP, vector);
        }
        final long gate = cpu.mmu.readSystem((cpu.idtBase + at) & 0xffff_ffffL, 8);
        final int type = Descriptors.type(gate);
        final boolean known = switch (type) {
            case Descriptors.TASK_GATE, INTERRUPT_GATE_16, TRAP_GATE_16, INTERRUPT_GATE_32, TRAP_GATE_32 -> true;
            default -> false;
        };
        if (!known || (source == Delivery.Source.SOFTWARE && Descriptors.dpl(gate) < cpu.cpl)) {
            throw Delivery.gateFault(cpu, Vector.GP, vector);
        }
        if (!Descriptors.isPresent(gate)) {
            throw Delivery.gateFault(cpu, Vector.NP, vector);
        }
        if (type == Descriptors.TASK_GATE) {
            TaskSwitch.interrupt(cpu, Descriptors.gateSelector(gate), errorCode, flags, returnRip);
            return;
        }
        final int width = (type & TYPE_32) != 0 ? 4 : 2;
        final int selector = Descriptors.gateSelector(gate);
        final long code = codeSegment(cpu, selector);
        final int cpl = Descriptors.isConforming(code) ? cpu.cpl : Descriptors.dpl(code);
        final long target = Descriptors.gateOffset(gate) & (width == 4 ? 0xffff_ffffL : 0xffff);
        if (target > Descriptors.limit(code)) {
            throw cpu.exception.of(Vector.GP, cpu.externalEvent);
        }
        if (cpu.isVirtual86() && cpl != 0) {
            throw Descriptors.protection(cpu, selector);
        }
        // Before anything is committed: the tables may lie in pages that fault.
        final long accessed = Descriptors.markAccessed(cpu, selector, code);
        if (cpl != cpu.cpl) {
            switchStack(cpu, cpl, width, flags, returnRip, errorCode);
        } else {
            final StackCursor stack = cpu.frame.present();
            pushReturn(cpu, stack, width, flags, returnRip, errorCode);
            stack.commitPointer();
        }
        LongGates.enterCode(cpu, selector, accessed, cpl, target);
        Delivery.clearFlags(cpu, (type & 1) == 0);
        ControlRegisters.updateMode(cpu);
    }

    private static long codeSegment(Cpu cpu, int selector) {
        if ((selector & 0xfffc) == 0) {
            throw cpu.exception.of(Vector.GP, cpu.externalEvent);
        }
        final long code = Descriptors.read(cpu, selector, Vector.GP);
        if (!Descriptors.isCode(code) || Descriptors.dpl(code) > cpu.cpl) {
            throw Descriptors.protection(cpu, selector);
        }
        if (!Descriptors.isPresent(code)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
        return code;
    }

    private static void switchStack(Cpu cpu, int cpl, int width, int flags, long returnRip, int errorCode) {
        final int selector = stackSelector(cpu, cpl);
        final long descriptor = stackDescriptor(cpu, selector, cpl);
        final StackCursor stack = cpu.frame.on(selector, descriptor, stackPointer(cpu, cpl));
        final boolean virtual86 = (flags & Flags.VM) != 0;
        cpu.mmu.setPrivilege(cpl == 3, (flags & Flags.AC) != 0);
        try {
            if (virtual86) {
                stack.push(cpu.segments[Segment.GS].selector, width);
                stack.push(cpu.segments[Segment.FS].selector, width);
                stack.push(cpu.segments[Segment.DS].selector, width);
                stack.push(cpu.segments[Segment.ES].selector, width);
            }
            stack.push(cpu.segments[Segment.SS].selector, width);
            stack.push(cpu.r[Cpu.RSP], width);
            pushReturn(cpu, stack, width, flags, returnRip, errorCode);
        } finally {
            ControlRegisters.updatePrivilege(cpu);
        }
        final long accessed = Descriptors.markAccessed(cpu, selector, descriptor);
        Segmentation.set(cpu.segments[Segment.SS], selector, accessed);
        stack.commitPointer();
        if (virtual86) {
            Segmentation.setNull(cpu.segments[Segment.GS], 0);
            Segmentation.setNull(cpu.segments[Segment.FS], 0);
            Segmentation.setNull(cpu.segments[Segment.DS], 0);
            Segmentation.setNull(cpu.segments[Segment.ES], 0);
        }
    }

    private static void pushReturn(Cpu cpu, StackCursor stack, int width, int flags, long returnRip, int errorCode) {
        stack.push(flags, width);
        stack.push(cpu.segments[Segment.CS].selector, width);
        stack.push(returnRip, width);
        if (errorCode != GuestException.NO_ERROR_CODE) {
            stack.push(errorCode, width);
        }
    }

    /** SSn of the TSS; #TS(TSS) when the TSS is too short. */
    static int stackSelector(Cpu cpu, int cpl) {
        return (int) taskField(cpu, is32(cpu) ? 8 + cpl * 8 : 4 + cpl * 4, 2);
    }

    /** ESPn or SPn of the TSS. */
    static long stackPointer(Cpu cpu, int cpl) {
        return is32(cpu) ? taskField(cpu, 4 + cpl * 8, 4) : taskField(cpu, 2 + cpl * 4, 2);
    }

    /** The descriptor of a stack for an inner level: #TS unless it is one. */
    static long stackDescriptor(Cpu cpu, int selector, int cpl) {
        if ((selector & 0xfffc) == 0) {
            throw cpu.exception.of(Vector.TS, cpu.externalEvent);
        }
        final long descriptor = Descriptors.read(cpu, selector, Vector.TS);
        Segmentation.checkStack(cpu, selector, descriptor, cpl, Vector.TS);
        return descriptor;
    }

    private static boolean is32(Cpu cpu) {
        return (cpu.segments[Segment.TR].access & TYPE_32) != 0;
    }

    private static long taskField(Cpu cpu, int offset, int bytes) {
        final Segment tr = cpu.segments[Segment.TR];
        if (offset + bytes - 1 > tr.limit) {
            throw Descriptors.fault(cpu, Vector.TS, tr.selector);
        }
        return cpu.mmu.readSystem((tr.base + offset) & 0xffff_ffffL, bytes);
    }
}
