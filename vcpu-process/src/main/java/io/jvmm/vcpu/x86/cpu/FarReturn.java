package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * What RETF and IRET have in common in protected mode: the checks of CS and SS, and the way to an outer level (SDM 3A
 * 5.8.6).
 */
final class FarReturn {
    private FarReturn() {}

    /** The descriptor of the code segment to return to: #GP, #NP. */
    static long checkCode(Cpu cpu, int selector) {
        if ((selector & 0xfffc) == 0) {
            throw cpu.protection();
        }
        final long raw = Descriptors.read(cpu, selector, Vector.GP);
        final int rpl = selector & 3;
        final boolean allowed =
                Descriptors.isConforming(raw) ? Descriptors.dpl(raw) <= rpl : Descriptors.dpl(raw) == rpl;
        if (!Descriptors.isCode(raw) || rpl < cpu.cpl || !allowed || FarTransfer.isLongAndBig(cpu, raw)) {
            throw Descriptors.protection(cpu, selector);
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
        return raw;
    }

    /**
     * Goes to {@code selector}:{@code offset} with a stack of its own: to an outer level, or any IRET of 64-bit mode.
     *
     * @param raw the checked descriptor of {@code selector}
     */
    static void withStack(Cpu cpu, int selector, long raw, long offset, int stackSelector, long pointer) {
        final int cpl = selector & 3;
        final boolean long64 = cpu.isLongMode() && Descriptors.isLong(raw);
        final boolean nullStack = (stackSelector & 0xfffc) == 0;
        long stack = 0;
        if (nullStack) {
            // Nested handlers of 64-bit mode run with a null SS (SDM 3A 6.14.4).
            if (!long64 || cpl == 3 || (stackSelector & 3) != cpl) {
                throw cpu.protection();
            }
        } else {
            stack = Descriptors.read(cpu, stackSelector, Vector.GP);
            Segmentation.checkStack(cpu, stackSelector, stack, cpl, Vector.GP);
        }
        final long rip = FarTransfer.checkTarget(cpu, raw, offset);
        final long accessed = Descriptors.markAccessed(cpu, selector, raw);
        final Segment ss = cpu.segments[Segment.SS];
        if (nullStack) {
            Segmentation.setNull(ss, stackSelector);
        } else {
            Segmentation.set(ss, stackSelector, Descriptors.markAccessed(cpu, stackSelector, stack));
        }
        if (long64) {
            cpu.r[Cpu.RSP] = pointer;
        } else if (ss.isBig()) {
            cpu.r[Cpu.RSP] = pointer & 0xffff_ffffL;
        } else {
            cpu.r[Cpu.RSP] = (cpu.r[Cpu.RSP] & ~0xffffL) | (pointer & 0xffff);
        }
        final boolean outer = cpl > cpu.cpl;
        LongGates.enterCode(cpu, selector, accessed, cpl, rip);
        if (outer) {
            Segmentation.dropInnerSegments(cpu);
        }
        ControlRegisters.updateMode(cpu);
    }
}
