package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.fpu.Division;
import io.jvmm.vcpu.x86.fpu.Extended;
import io.jvmm.vcpu.x86.fpu.Remainder;
import io.jvmm.vcpu.x86.fpu.Transcendental;
import io.jvmm.vcpu.x86.fpu.X87;

/** x87 functions of ST(0), or of ST(0) and ST(1) (SDM 1 8.3.5, 8.3.7, 8.3.9; SDM 2). */
public final class X87FunctionSteps implements StepFactory {
    @Override
    public int build(Insn[] insns, int at, int modeKey, Step[] into) {
        final Op op = insns[at].op;
        switch (op) {
            case FSQRT, FRNDINT, F2XM1, FSIN, FCOS -> into[0] = new Unary(op);
            case FPREM, FPREM1, FSCALE, FYL2X, FYL2XP1, FPATAN -> into[0] = new Binary(op);
            case FXTRACT, FSINCOS, FPTAN -> into[0] = new TwoResults(op);
            default -> {
                return 0;
            }
        }
        return 1;
    }

    private static void setC2(X87 x87, boolean set) {
        x87.statusWord = set ? x87.statusWord | X87Unit.C2 : x87.statusWord & ~X87Unit.C2;
    }

    /** ST(0) = f(ST(0)). */
    private static final class Unary extends Step {
        private final Op op;

        Unary(Op op) {
            this.op = op;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            final X87 x87 = cpu.x87;
            final int top = x87.top;
            if (X87Unit.isEmpty(x87, top)) {
                if (X87Unit.underflow(cpu, x)) {
                    X87Unit.put(x87, top, x);
                }
                return;
            }
            final int se = x87.signExponent[top];
            final long sig = x87.significand[top];
            if (op == Op.FSIN || op == Op.FCOS) {
                setC2(x87, Transcendental.isOutOfRange(se, sig));
                if (Transcendental.isOutOfRange(se, sig)) {
                    return;
                }
            }
            compute(x, se, sig);
            if (X87Unit.settle(cpu, x)) {
                X87Unit.put(x87, top, x);
            }
        }

        private void compute(Extended x, int se, long sig) {
            switch (op) {
                case FSQRT -> Division.squareRoot(x, se, sig);
                case FRNDINT -> x.roundToInteger(se, sig);
                case F2XM1 -> Transcendental.exp2Minus1(x, se, sig);
                case FSIN -> Transcendental.sine(x, se, sig);
                default -> Transcendental.cosine(x, se, sig);
            }
        }
    }

    /** Of ST(0) and ST(1); the logarithms and the arc tangent pop. */
    private static final class Binary extends Step {
        private final Op op;
        private final boolean pops;

        Binary(Op op) {
            this.op = op;
            pops = op == Op.FYL2X || op == Op.FYL2XP1 || op == Op.FPATAN;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            final X87 x87 = cpu.x87;
            if (op == Op.FPREM || op == Op.FPREM1) {
                setC2(x87, false);
            }
            final int top = x87.top;
            final int second = X87Unit.register(x87, 1);
            if (X87Unit.isEmpty(x87, top) || X87Unit.isEmpty(x87, second)) {
                if (!X87Unit.underflow(cpu, x)) {
                    return;
                }
            } else if (!compute(cpu, x, top, second)) {
                return;
            }
            X87Unit.put(x87, pops ? second : top, x);
            if (pops) {
                X87Unit.pop(x87);
            }
        }

        private boolean compute(Cpu cpu, Extended x, int top, int second) {
            final X87 x87 = cpu.x87;
            final int aSe = x87.signExponent[top];
            final long aSig = x87.significand[top];
            final int bSe = x87.signExponent[second];
            final long bSig = x87.significand[second];
            int quotient = Remainder.NONE;
            switch (op) {
                case FPREM -> quotient = Remainder.remainder(x, aSe, aSig, bSe, bSig, false);
                case FPREM1 -> quotient = Remainder.remainder(x, aSe, aSig, bSe, bSig, true);
                case FSCALE -> Remainder.scale(x, aSe, aSig, bSe, bSig);
                case FYL2X -> Transcendental.yTimesLog2(x, aSe, aSig, bSe, bSig);
                case FYL2XP1 -> Transcendental.yTimesLog2Of1Plus(x, aSe, aSig, bSe, bSig);
                default -> Transcendental.arcTangent(x, aSe, aSig, bSe, bSig);
            }
            x.dropDenormalIfDecided();
            final boolean done = X87Unit.settle(cpu, x);
            if (done && quotient != Remainder.NONE) {
                x87.statusWord = (x87.statusWord & ~X87Unit.CONDITIONS) | conditions(quotient);
            }
            return done;
        }

        /** Q2 in C0, Q1 in C3, Q0 in C1; C2 when there is more to reduce. */
        private static int conditions(int quotient) {
            if (quotient == Remainder.INCOMPLETE) {
                return X87Unit.C2;
            }
            return ((quotient & 4) != 0 ? X87Unit.C0 : 0)
                    | ((quotient & 2) != 0 ? X87Unit.C3 : 0)
                    | ((quotient & 1) != 0 ? X87Unit.C1 : 0);
        }
    }

    /** Replaces ST(0) and pushes a second result. */
    private static final class TwoResults extends Step {
        private final Op op;

        TwoResults(Op op) {
            this.op = op;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            final X87 x87 = cpu.x87;
            final int top = x87.top;
            final boolean empty = X87Unit.isEmpty(x87, top);
            if (empty || !X87Unit.isEmpty(x87, (top - 1) & 7)) {
                if (empty ? X87Unit.underflow(cpu, x) : X87Unit.overflow(cpu, x)) {
                    X87Unit.put(x87, top, x);
                    X87Unit.pushAnyway(x87, x);
                }
                return;
            }
            final int se = x87.signExponent[top];
            final long sig = x87.significand[top];
            if (op != Op.FXTRACT) {
                setC2(x87, Transcendental.isOutOfRange(se, sig));
                if (Transcendental.isOutOfRange(se, sig)) {
                    return;
                }
            }
            switch (op) {
                case FXTRACT -> Remainder.extractExponent(x, se, sig);
                case FSINCOS -> Transcendental.sine(x, se, sig);
                default -> Transcendental.tangent(x, se, sig);
            }
            if (!X87Unit.settle(cpu, x)) {
                return;
            }
            final boolean nan = (x.flags & Extended.INVALID) != 0 || ((se & 0x7fff) == 0x7fff && sig << 1 != 0);
            X87Unit.put(x87, top, x);
            if (!nan) {
                second(x, se, sig);
            }
            X87Unit.pushAnyway(x87, x);
        }

        private void second(Extended x, int se, long sig) {
            final int flags = x.flags;
            switch (op) {
                case FXTRACT -> Remainder.extractSignificand(x, se, sig);
                case FSINCOS -> Transcendental.cosine(x, se, sig);
                default -> x.set(0x3fff, Long.MIN_VALUE);
            }
            x.flags = flags;
        }
    }
}
