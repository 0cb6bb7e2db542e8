package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.Vector;

/** Interrupts in real mode: the interrupt vector table (SDM 3B 21.1.4). No error codes. */
final class RealGates {
    private RealGates() {}

    static void enter(Cpu cpu, int vector, int flags, long returnRip) {
        if (vector * 4 + 3 > cpu.idtLimit) {
            throw Delivery.gateFault(cpu, Vector.GP, vector);
        }
        final long entry = cpu.mmu.readSystem((cpu.idtBase + vector * 4L) & 0xffff_ffffL, 4);
        final Segment cs = cpu.segments[Segment.CS];
        final StackCursor stack = cpu.frame.present();
        stack.push(flags, 2);
        stack.push(cs.selector, 2);
        stack.push(returnRip, 2);
        stack.commitPointer();
        cs.selector = (int) (entry >>> 16) & 0xffff;
        cs.base = (long) cs.selector << 4;
        cpu.rip = entry & 0xffff;
        cpu.otherFlags &= ~(Flags.IF | Flags.TF | Flags.RF | Flags.AC);
        ControlRegisters.updateMode(cpu);
    }
}
