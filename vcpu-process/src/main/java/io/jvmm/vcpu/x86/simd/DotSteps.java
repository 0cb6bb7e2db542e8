package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;

/** DPPS, DPPD (products, then sums in the order that the SDM gives) and ROUNDxx. */
final class DotSteps {
    private static final long LOW = 0xffff_ffffL;

    private DotSteps() {}

    static Step build(Insn insn) {
        return insn.op == Op.DPPS || insn.op == Op.DPPD ? new Dot(insn) : new Round(insn);
    }

    private static final class Dot extends XmmStep {
        private final boolean single;
        private final int imm;

        Dot(Insn insn) {
            super(insn);
            this.single = insn.op == Op.DPPS;
            this.imm = (int) insn.imm;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            if (single) {
                final long t0 = product(cpu, 4, x[d], low);
                final long t1 = product(cpu, 5, x[d] >>> 32, low >>> 32);
                final long t2 = product(cpu, 6, x[d + 1], high);
                final long t3 = product(cpu, 7, x[d + 1] >>> 32, high >>> 32);
                // The exceptions of the products come before those of the sums.
                Format.settle(cpu);
                final long left = Arithmetic.narrow(cpu, Arithmetic.ADD, t0, t1);
                final long right = Arithmetic.narrow(cpu, Arithmetic.ADD, t2, t3);
                Format.settle(cpu);
                final long sum = Arithmetic.narrow(cpu, Arithmetic.ADD, left, right);
                Format.settle(cpu);
                x[d] = element(0, sum) | element(1, sum) << 32;
                x[d + 1] = element(2, sum) | element(3, sum) << 32;
            } else {
                final long t0 = wide(cpu, 4, x[d], low);
                final long t1 = wide(cpu, 5, x[d + 1], high);
                Format.settle(cpu);
                final long sum = Arithmetic.wide(cpu, Arithmetic.ADD, t0, t1);
                Format.settle(cpu);
                x[d] = element(0, sum);
                x[d + 1] = element(1, sum);
            }
        }

        private long product(Cpu cpu, int bit, long a, long b) {
            return (imm >> bit & 1) != 0 ? Arithmetic.narrow(cpu, Arithmetic.MULTIPLY, a, b) : 0;
        }

        private long wide(Cpu cpu, int bit, long a, long b) {
            return (imm >> bit & 1) != 0 ? Arithmetic.wide(cpu, Arithmetic.MULTIPLY, a, b) : 0;
        }

        private long element(int bit, long sum) {
            return (imm >> bit & 1) != 0 ? sum : 0;
        }
    }

    private static final class Round extends XmmStep {
        private final Op op;
        private final int imm;

        Round(Insn insn) {
            super(insn);
            this.op = insn.op;
            this.imm = (int) insn.imm;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final long first;
            long second = x[d + 1];
            switch (op) {
                case ROUNDSD -> first = wide(cpu, low);
                case ROUNDSS -> first = (x[d] & ~LOW) | single(cpu, low);
                case ROUNDPD -> {
                    first = wide(cpu, low);
                    second = wide(cpu, high);
                }
                default -> {
                    first = single(cpu, low) | single(cpu, low >>> 32) << 32;
                    second = single(cpu, high) | single(cpu, high >>> 32) << 32;
                }
            }
            Format.settle(cpu);
            x[d] = first;
            x[d + 1] = second;
        }

        private int mode(Cpu cpu) {
            return (imm & 4) != 0 ? Format.rounding(cpu) : imm & 3;
        }

        private long wide(Cpu cpu, long value) {
            return SoftFloat.toIntegral(cpu, Format.DOUBLE, value, mode(cpu), (imm & 8) != 0);
        }

        private long single(Cpu cpu, long value) {
            return SoftFloat.toIntegral(cpu, Format.SINGLE, value & LOW, mode(cpu), (imm & 8) != 0);
        }
    }
}
