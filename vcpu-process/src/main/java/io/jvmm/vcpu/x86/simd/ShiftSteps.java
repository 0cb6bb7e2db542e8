package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;

/** PSLLx, PSRLx, PSRAx by an immediate or by the low 64 bits of a register or memory, PSLLDQ, PSRLDQ. */
final class ShiftSteps {
    private ShiftSteps() {}

    static Step build(Insn insn) {
        final boolean mmx = insn.kind1 == OperandKind.MMX;
        if (insn.kind2 != OperandKind.IMM) {
            return mmx ? new MmxByRegister(insn) : new XmmByRegister(insn);
        }
        if (insn.op == Op.PSLLDQ || insn.op == Op.PSRLDQ) {
            return new Bytes(insn);
        }
        return mmx ? new MmxByImmediate(insn) : new XmmByImmediate(insn);
    }

    /** Each element of 64 bits; the count is unsigned, and all counts beyond the width are alike. */
    private static long shift(Op op, long value, long count) {
        final int n = Long.compareUnsigned(count, 64) < 0 ? (int) count : 64;
        return switch (op) {
            case PSLLQ -> n > 63 ? 0 : value << n;
            case PSRLQ -> n > 63 ? 0 : value >>> n;
            case PSLLD -> n > 31 ? 0 : value << n & elements(0xffff_ffffL << n & 0xffff_ffffL, 32);
            case PSRLD -> n > 31 ? 0 : value >>> n & elements(0xffff_ffffL >>> n, 32);
            case PSLLW -> n > 15 ? 0 : value << n & elements(0xffffL << n & 0xffff, 16);
            case PSRLW -> n > 15 ? 0 : value >>> n & elements(0xffffL >>> n, 16);
            case PSRAD -> ((int) value >> Math.min(n, 31) & 0xffff_ffffL) | value >> 32 >> Math.min(n, 31) << 32;
            default -> arithmeticWords(value, Math.min(n, 15));
        };
    }

    private static long arithmeticWords(long value, int n) {
        long result = 0;
        for (int i = 48; i >= 0; i -= 16) {
            result = result << 16 | ((short) (value >>> i) >> n & 0xffff);
        }
        return result;
    }

    private static long elements(long one, int width) {
        return width == 32 ? one | one << 32 : one * 0x0001_0001_0001_0001L;
    }

    private static final class XmmByRegister extends XmmStep {
        private final Op op;

        XmmByRegister(Insn insn) {
            super(insn);
            this.op = insn.op;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = shift(op, x[d], low);
            x[d + 1] = shift(op, x[d + 1], low);
        }
    }

    private static final class MmxByRegister extends MmxStep {
        private final Op op;

        MmxByRegister(Insn insn) {
            super(insn);
            this.op = insn.op;
        }

        @Override
        long compute(long destination, long source) {
            return shift(op, destination, source);
        }
    }

    private static final class XmmByImmediate extends Step {
        private final Op op;
        private final int d;
        private final long count;

        XmmByImmediate(Insn insn) {
            this.op = insn.op;
            this.d = 2 * insn.reg1;
            this.count = insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            final long[] x = cpu.xmm;
            x[d] = shift(op, x[d], count);
            x[d + 1] = shift(op, x[d + 1], count);
        }
    }

    private static final class MmxByImmediate extends Step {
        private final Op op;
        private final int d;
        private final long count;

        MmxByImmediate(Insn insn) {
            this.op = insn.op;
            this.d = insn.reg1;
            this.count = insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            Access.mmx(cpu);
            Access.setMmx(cpu, d, shift(op, cpu.x87.significand[d], count));
        }
    }

    private static final class Bytes extends Step {
        private final boolean left;
        private final int d;
        private final int count;

        Bytes(Insn insn) {
            this.left = insn.op == Op.PSLLDQ;
            this.d = 2 * insn.reg1;
            this.count = (int) insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            final long[] x = cpu.xmm;
            final long low = x[d];
            final long high = x[d + 1];
            x[d] = left ? ShuffleSteps.bytes(0, 0, low, high, 16 - count) : ShuffleSteps.bytes(low, high, 0, 0, count);
            x[d + 1] = left
                    ? ShuffleSteps.bytes(0, 0, low, high, 24 - count)
                    : ShuffleSteps.bytes(low, high, 0, 0, count + 8);
        }
    }
}
