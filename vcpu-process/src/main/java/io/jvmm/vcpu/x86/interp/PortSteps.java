package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.ControlRegisters;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Debugging;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/** IN and OUT (SDM 2), and who may (SDM 1 18.5). */
final class PortSteps {
    /** Offset of the I/O map base in a 32-bit and in a 64-bit TSS (SDM 3A 7.2.1, 7.7). */
    private static final int MAP_BASE = 0x66;

    private PortSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case IN -> new In(insn);
            case OUT -> new Out(insn);
            default -> null;
        };
    }

    /**
     * Raises #GP(0) unless the processor may use these ports: in real mode, at CPL up to IOPL, or where the TSS says so (in virtual-8086
     * mode only there). Then notes the I/O breakpoints that they meet: the instruction will trap once it is done.
     */
    static void check(Cpu cpu, int port, int bytes) {
        checkRight(cpu, port, bytes);
        if ((cpu.cr4 & ControlRegisters.CR4_DE) != 0) {
            Debugging.portUsed(cpu, port, bytes);
        }
    }

    private static void checkRight(Cpu cpu, int port, int bytes) {
        if (!cpu.isProtected()) {
            return;
        }
        final boolean virtual = (cpu.otherFlags & Flags.VM) != 0;
        if (!virtual && cpu.cpl <= (cpu.otherFlags & Flags.IOPL) >> 12) {
            return;
        }
        final Segment tr = cpu.segments[Segment.TR];
        final boolean hasMap = (tr.access & 0x89) == 0x89 && tr.limit > MAP_BASE;
        if (!hasMap) {
            throw cpu.protection();
        }
        final long at = cpu.mmu.readSystem(tr.base + MAP_BASE, 2) + (port >> 3);
        if (at + 1 > tr.limit) {
            throw cpu.protection();
        }
        final long bits = cpu.mmu.readSystem(tr.base + at, 2) >>> (port & 7);
        if ((bits & ((1L << bytes) - 1)) != 0) {
            throw cpu.protection();
        }
    }

    /** The port in DX, once it is certain that it may be used. */
    static int checkedPort(Cpu cpu, int bytes) {
        final int port = (int) cpu.r[Cpu.RDX] & 0xffff;
        check(cpu, port, bytes);
        return port;
    }

    private abstract static class Port extends Step {
        final int bytes;
        private final int number;
        private final boolean fromRegister;

        Port(int bytes, OperandKind kind, long number) {
            this.bytes = bytes;
            this.fromRegister = kind != OperandKind.IMM;
            this.number = (int) number & 0xff;
        }

        final int port(Cpu cpu) {
            final int port = fromRegister ? (int) cpu.r[Cpu.RDX] & 0xffff : number;
            check(cpu, port, bytes);
            return port;
        }
    }

    private static final class In extends Port {
        In(Insn insn) {
            super(insn.operandBytes, insn.kind2, insn.imm);
        }

        @Override
        public void run(Cpu cpu) {
            Operand.writeRegister(cpu.r, Cpu.RAX, bytes, cpu.devices.in(port(cpu), bytes));
        }
    }

    private static final class Out extends Port {
        Out(Insn insn) {
            super(insn.operandBytes, insn.kind1, insn.imm);
        }

        @Override
        public void run(Cpu cpu) {
            final int value = (int) (cpu.r[Cpu.RAX] & Address.bits(bytes));
            cpu.devices.out(port(cpu), bytes, value);
        }
    }
}
