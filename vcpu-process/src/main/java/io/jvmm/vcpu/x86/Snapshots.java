package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.engine.VcpuRegisters;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Segment;

/** Registers of a {@link Cpu} as the engine interface shows them. */
final class Snapshots {
    private Snapshots() {}

    static VcpuRegisters of(Cpu cpu, int cr8) {
        final long[] r = cpu.r;
        return new VcpuRegisters(
                cpu.index,
                new VcpuRegisters.General(
                        r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
                        r[15]),
                cpu.rip,
                cpu.flags(),
                cpu.cr0,
                cpu.cr2,
                cpu.cr3,
                cpu.cr4,
                cr8,
                cpu.efer,
                new VcpuRegisters.Table(cpu.gdtBase, cpu.gdtLimit),
                new VcpuRegisters.Table(cpu.idtBase, cpu.idtLimit),
                new VcpuRegisters.Segments(
                        segment(cpu, Segment.ES),
                        segment(cpu, Segment.CS),
                        segment(cpu, Segment.SS),
                        segment(cpu, Segment.DS),
                        segment(cpu, Segment.FS),
                        segment(cpu, Segment.GS),
                        segment(cpu, Segment.LDTR),
                        segment(cpu, Segment.TR)));
    }

    private static VcpuRegisters.Segment segment(Cpu cpu, int number) {
        final Segment s = cpu.segments[number];
        return new VcpuRegisters.Segment(s.selector, s.base, s.limit, s.access);
    }
}
