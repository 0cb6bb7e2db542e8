package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Segmentation;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.Address;

/** Moves of MMX registers, and the masked stores of both kinds. */
final class MmxMoveSteps {
    private MmxMoveSteps() {}

    static Step build(Insn insn) {
        return switch (insn.op) {
            case MOVQ2DQ -> new ToXmm(insn);
            case MOVDQ2Q -> new FromXmm(insn);
            case MASKMOVQ, MASKMOVDQU -> new Masked(insn);
            default -> insn.kind1 == OperandKind.MEM ? new Store(insn) : new Load(insn);
        };
    }

    private static final class Load extends MmxStep {
        Load(Insn insn) {
            super(insn);
        }

        @Override
        long compute(long destination, long source) {
            return source;
        }
    }

    private static final class Store extends Step {
        private final Address address;
        private final int s;

        Store(Insn insn) {
            this.address = new Address(insn, 8, true);
            this.s = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            Access.mmx(cpu);
            cpu.mmu.write64(address.linear(cpu), cpu.x87.significand[s]);
            Access.enterMmx(cpu);
        }
    }

    private static final class ToXmm extends Step {
        private final int d;
        private final int s;

        ToXmm(Insn insn) {
            this.d = 2 * insn.reg1;
            this.s = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            Access.mmx(cpu);
            Access.enterMmx(cpu);
            cpu.xmm[d] = cpu.x87.significand[s];
            cpu.xmm[d + 1] = 0;
        }
    }

    private static final class FromXmm extends Step {
        private final int d;
        private final int s;

        FromXmm(Insn insn) {
            this.d = insn.reg1;
            this.s = 2 * insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            Access.mmx(cpu);
            Access.setMmx(cpu, d, cpu.xmm[s]);
        }
    }

    /** Bytes of the first operand whose mask byte has its top bit set, to the memory at rDI; no fault for the others. */
    private static final class Masked extends Step {
        private final boolean mmx;
        private final int value;
        private final int mask;
        private final int segment;
        private final long offsetMask;

        Masked(Insn insn) {
            this.mmx = insn.kind1 == OperandKind.MMX;
            this.value = insn.reg1;
            this.mask = insn.reg2;
            this.segment = insn.segment;
            this.offsetMask = insn.addressBytes == 8 ? -1 : (1L << (8 * insn.addressBytes)) - 1;
        }

        @Override
        public void run(Cpu cpu) {
            if (mmx) {
                Access.mmx(cpu);
                final long[] m = cpu.x87.significand;
                final long at = linear(cpu, 8);
                cpu.mmu.checkOperand(at, 8);
                probe(cpu, at, m[mask]);
                store(cpu, at, m[value], m[mask]);
                Access.enterMmx(cpu);
            } else {
                Access.sse(cpu);
                final long[] x = cpu.xmm;
                final long at = linear(cpu, 16);
                cpu.mmu.checkOperand(at, 16);
                probe(cpu, at, x[2 * mask]);
                probe(cpu, at + 8, x[2 * mask + 1]);
                store(cpu, at, x[2 * value], x[2 * mask]);
                store(cpu, at + 8, x[2 * value + 1], x[2 * mask + 1]);
            }
        }

        private long linear(Cpu cpu, int bytes) {
            return Segmentation.linear(cpu, segment, cpu.r[Cpu.RDI] & offsetMask, bytes, true);
        }

        private static void probe(Cpu cpu, long at, long mask) {
            for (int i = 0; i < 8; i++) {
                if ((mask >>> (8 * i) & 0x80) != 0) {
                    cpu.mmu.probeWrite(at + i, 1);
                }
            }
        }

        private static void store(Cpu cpu, long at, long value, long mask) {
            for (int i = 0; i < 8; i++) {
                if ((mask >>> (8 * i) & 0x80) != 0) {
                    cpu.mmu.write8(at + i, (int) (value >>> (8 * i)));
                }
            }
        }
    }
}
