package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * Interrupts in long mode (SDM 3A 6.14): 16-byte gates to 64-bit code, stacks from the 64-bit TSS.
 *
 * <pre>
 *   gate  +0 offset 15..0, selector, IST 2..0, type 4..0 DPL P, offset 31..16   +8 offset 63..32, reserved
 *   TSS   +4 RSP0, +12 RSP1, +20 RSP2, +36 IST1 .. +84 IST7
 * </pre>
 */
final class LongGates {
    private static final int INTERRUPT_GATE = 0xe;
    private static final int TRAP_GATE = 0xf;
    private static final int TSS_RSP0 = 4;
    private static final int TSS_IST1 = 36;

    private LongGates() {}

    static void enter(Cpu cpu, int vector, int errorCode, Delivery.Source source, int flags, long returnRip) {
        final int at = vector * 16;
        if (at + 15 > cpu.idtLimit) {
            throw Delivery.gateFault(cpu, Vector.GP, vector);
        }
        final long gate = cpu.mmu.readSystem(cpu.idtBase + at, 8);
        final long upper = cpu.mmu.readSystem(cpu.idtBase + at + 8, 8);
        final int type = Descriptors.type(gate);
        if ((type != INTERRUPT_GATE && type != TRAP_GATE)
                || (source == Delivery.Source.SOFTWARE && Descriptors.dpl(gate) < cpu.cpl)) {
            throw Delivery.gateFault(cpu, Vector.GP, vector);
        }
        if (!Descriptors.isPresent(gate)) {
            throw Delivery.gateFault(cpu, Vector.NP, vector);
        }
        final int selector = Descriptors.gateSelector(gate);
        final long code = codeSegment(cpu, selector);
        final int cpl = Descriptors.isConforming(code) ? cpu.cpl : Descriptors.dpl(code);
        final long target = Descriptors.gateOffset(gate) | upper << 32;
        if (!Segmentation.isCanonical(target)) {
            throw cpu.exception.of(Vector.GP, cpu.externalEvent);
        }
        final int ist = (int) (gate >>> 32) & 7;
        pushFrame(cpu, newStack(cpu, ist, cpl), cpl, flags, returnRip, errorCode);

        final long accessed = Descriptors.markAccessed(cpu, selector, code);
        cpu.frame.commitPointer();
        if (cpl != cpu.cpl) {
            Segmentation.setNull(cpu.segments[Segment.SS], cpl);
        }
        enterCode(cpu, selector, accessed, cpl, target);
        Delivery.clearFlags(cpu, type == INTERRUPT_GATE);
        ControlRegisters.updateMode(cpu);
    }

    /** Sets CS (its RPL the new CPL) and RIP. */
    static void enterCode(Cpu cpu, int selector, long descriptor, int cpl, long target) {
        Segmentation.set(cpu.segments[Segment.CS], (selector & ~3) | cpl, descriptor);
        cpu.cpl = cpl;
        cpu.rip = target;
    }

    private static long codeSegment(Cpu cpu, int selector) {
        if ((selector & 0xfffc) == 0) {
            throw cpu.exception.of(Vector.GP, cpu.externalEvent);
        }
        final long code = Descriptors.read(cpu, selector, Vector.GP);
        if (!Descriptors.isCode(code)
                || Descriptors.dpl(code) > cpu.cpl
                || !Descriptors.isLong(code)
                || Descriptors.isBig(code)) {
            throw Descriptors.protection(cpu, selector);
        }
        if (!Descriptors.isPresent(code)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
        return code;
    }

    /** Where the frame begins: aligned to 16 bytes. */
    private static long newStack(Cpu cpu, int ist, int cpl) {
        final long pointer;
        if (ist != 0) {
            pointer = taskPointer(cpu, TSS_IST1 + (ist - 1) * 8);
        } else if (cpl != cpu.cpl) {
            pointer = stackOfLevel(cpu, cpl);
        } else {
            pointer = cpu.r[Cpu.RSP];
        }
        return pointer & -16;
    }

    /** RSPn of the TSS. */
    static long stackOfLevel(Cpu cpu, int cpl) {
        return taskPointer(cpu, TSS_RSP0 + cpl * 8);
    }

    private static long taskPointer(Cpu cpu, int offset) {
        final Segment tr = cpu.segments[Segment.TR];
        if (offset + 7 > tr.limit) {
            throw Descriptors.fault(cpu, Vector.TS, tr.selector);
        }
        final long pointer = cpu.mmu.readSystem(tr.base + offset, 8);
        if (!Segmentation.isCanonical(pointer)) {
            throw cpu.exception.of(Vector.SS, cpu.externalEvent);
        }
        return pointer;
    }

    private static void pushFrame(Cpu cpu, long pointer, int cpl, int flags, long returnRip, int errorCode) {
        final StackCursor stack = cpu.frame.on64(pointer);
        cpu.mmu.setPrivilege(cpl == 3, (flags & Flags.AC) != 0);
        try {
            stack.push(cpu.segments[Segment.SS].selector, 8);
            stack.push(cpu.r[Cpu.RSP], 8);
            stack.push(flags, 8);
            stack.push(cpu.segments[Segment.CS].selector, 8);
            stack.push(returnRip, 8);
            if (errorCode != GuestException.NO_ERROR_CODE) {
                stack.push(errorCode, 8);
            }
        } finally {
            ControlRegisters.updatePrivilege(cpu);
        }
    }
}
