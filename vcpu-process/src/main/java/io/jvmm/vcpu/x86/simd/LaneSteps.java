package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;

/** Integer and logical instructions on two vectors. The frequent ones have a class of their own. */
final class LaneSteps {
    private LaneSteps() {}

    static Step build(Insn insn) {
        if (insn.kind1 == OperandKind.MMX) {
            return new MmxLane(insn);
        }
        return switch (insn.op) {
            case PXOR, XORPS, XORPD -> isSame(insn) ? new Zero(insn) : new Xor(insn);
            case PAND, ANDPS, ANDPD -> new And(insn);
            case POR, ORPS, ORPD -> new Or(insn);
            case PCMPEQB -> new EqualBytes(insn);
            case PMINUB -> new MinBytes(insn);
            case PADDQ -> new AddQuads(insn);
            case PADDD -> new AddDoubles(insn);
            default -> new XmmLane(insn);
        };
    }

    /** Packing, horizontal sums. */
    static Step buildFold(Insn insn) {
        return insn.kind1 == OperandKind.MMX ? new MmxFold(insn) : new XmmFold(insn);
    }

    /** PUNPCKx, UNPCKx. */
    static Step buildInterleave(Insn insn) {
        final boolean low = switch (insn.op) {
            case PUNPCKLBW, PUNPCKLWD, PUNPCKLDQ, PUNPCKLQDQ, UNPCKLPS, UNPCKLPD -> true;
            default -> false;
        };
        if (insn.kind1 == OperandKind.MMX) {
            return new MmxInterleave(insn, low);
        }
        return switch (insn.op) {
            case PUNPCKLQDQ, UNPCKLPD, PUNPCKHQDQ, UNPCKHPD -> new InterleaveQuads(insn, low);
            default -> new XmmInterleave(insn, low);
        };
    }

    private static boolean isSame(Insn insn) {
        return insn.kind2 == OperandKind.XMM && insn.reg1 == insn.reg2;
    }

    private static final class Zero extends XmmStep {
        Zero(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = 0;
            x[d + 1] = 0;
        }
    }

    private static final class Xor extends XmmStep {
        Xor(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] ^= low;
            x[d + 1] ^= high;
        }
    }

    private static final class And extends XmmStep {
        And(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] &= low;
            x[d + 1] &= high;
        }
    }

    private static final class Or extends XmmStep {
        Or(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] |= low;
            x[d + 1] |= high;
        }
    }

    private static final class EqualBytes extends XmmStep {
        EqualBytes(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = Lanes.equal(x[d], low, Lanes.B);
            x[d + 1] = Lanes.equal(x[d + 1], high, Lanes.B);
        }
    }

    /** In every strlen. */
    private static final class MinBytes extends XmmStep {
        MinBytes(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = Lanes.minBytes(x[d], low);
            x[d + 1] = Lanes.minBytes(x[d + 1], high);
        }
    }

    private static final class AddQuads extends XmmStep {
        AddQuads(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] += low;
            x[d + 1] += high;
        }
    }

    private static final class AddDoubles extends XmmStep {
        AddDoubles(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = Lanes.add(x[d], low, Lanes.D);
            x[d + 1] = Lanes.add(x[d + 1], high, Lanes.D);
        }
    }

    private static final class XmmLane extends XmmStep {
        private final Op op;

        XmmLane(Insn insn) {
            super(insn);
            this.op = insn.op;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = Lanes.apply(op, x[d], low);
            x[d + 1] = Lanes.apply(op, x[d + 1], high);
        }
    }

    private static final class MmxLane extends MmxStep {
        private final Op op;

        MmxLane(Insn insn) {
            super(insn);
            this.op = insn.op;
        }

        @Override
        long compute(long destination, long source) {
            return Lanes.apply(op, destination, source);
        }
    }

    private static final class XmmFold extends XmmStep {
        private final Op op;

        XmmFold(Insn insn) {
            super(insn);
            this.op = insn.op;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = Pairs.fold(op, x[d], x[d + 1]);
            x[d + 1] = Pairs.fold(op, low, high);
        }
    }

    private static final class MmxFold extends MmxStep {
        private final Op op;

        MmxFold(Insn insn) {
            super(insn);
            this.op = insn.op;
        }

        @Override
        long compute(long destination, long source) {
            return Pairs.fold(op, destination, source);
        }
    }

    private static final class XmmInterleave extends XmmStep {
        private final Op op;
        private final boolean isLow;

        XmmInterleave(Insn insn, boolean isLow) {
            super(insn);
            this.op = insn.op;
            this.isLow = isLow;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final long a = isLow ? x[d] : x[d + 1];
            final long b = isLow ? low : high;
            x[d] = Pairs.interleaveLow(op, a, b);
            x[d + 1] = Pairs.interleaveHigh(op, a, b);
        }
    }

    private static final class InterleaveQuads extends XmmStep {
        private final boolean isLow;

        InterleaveQuads(Insn insn, boolean isLow) {
            super(insn);
            this.isLow = isLow;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = isLow ? x[d] : x[d + 1];
            x[d + 1] = isLow ? low : high;
        }
    }

    private static final class MmxInterleave extends MmxStep {
        private final Op op;
        private final boolean isLow;

        MmxInterleave(Insn insn, boolean isLow) {
            super(insn);
            this.op = insn.op;
            this.isLow = isLow;
        }

        @Override
        long compute(long destination, long source) {
            return isLow ? Pairs.interleaveLow(op, destination, source) : Pairs.interleaveHigh(op, destination, source);
        }
    }
}
