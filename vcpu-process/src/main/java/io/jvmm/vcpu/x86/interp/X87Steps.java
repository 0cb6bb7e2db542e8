package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.fpu.Comparison;
import io.jvmm.vcpu.x86.fpu.Conversion;
import io.jvmm.vcpu.x86.fpu.Division;
import io.jvmm.vcpu.x86.fpu.Extended;
import io.jvmm.vcpu.x86.fpu.X87;
import org.jspecify.annotations.Nullable;

/** x87 arithmetic, comparisons, and the moves between registers (SDM 1 8.3.5, 8.3.6; SDM 2). */
public final class X87Steps implements StepFactory {
    @Override
    public int build(Insn[] insns, int at, int modeKey, Step[] into) {
        final @Nullable Step step = step(insns[at]);
        if (step == null) {
            return 0;
        }
        into[0] = step;
        return 1;
    }

    private static @Nullable Step step(Insn insn) {
        return switch (insn.op) {
            case FADD,
                    FMUL,
                    FSUB,
                    FSUBR,
                    FDIV,
                    FDIVR,
                    FADDP,
                    FMULP,
                    FSUBP,
                    FSUBRP,
                    FDIVP,
                    FDIVRP,
                    FIADD,
                    FIMUL,
                    FISUB,
                    FISUBR,
                    FIDIV,
                    FIDIVR -> new Arithmetic(insn);
            case FCOM, FCOMP, FCOMPP, FUCOM, FUCOMP, FUCOMPP, FICOM, FICOMP, FTST -> new Compare(insn);
            case FCOMI, FCOMIP, FUCOMI, FUCOMIP -> new CompareToFlags(insn);
            case FXCH, FCHS, FABS, FXAM, FFREE, FFREEP, FDECSTP, FINCSTP -> new Registers(insn);
            case FCMOVB, FCMOVE, FCMOVBE, FCMOVU, FCMOVNB, FCMOVNE, FCMOVNBE, FCMOVNU -> new ConditionalMove(insn);
            default -> null;
        };
    }

    /** Reads the memory operand of an instruction into {@code x}: a real or, where {@code integer}, an integer. */
    static void load(Cpu cpu, Extended x, long linear, int bytes, boolean integer) {
        if (integer) {
            final long value = cpu.mmu.read(linear, bytes);
            Conversion.fromLong(x, value << (64 - 8 * bytes) >> (64 - 8 * bytes));
        } else if (bytes == 4) {
            Conversion.fromFloat(x, cpu.mmu.read32(linear));
        } else {
            Conversion.fromDouble(x, cpu.mmu.read64(linear));
        }
    }

    /** dst = dst op src, where dst is ST(0) or ST(i) and src memory or the other. */
    private static final class Arithmetic extends Step {
        private enum Kind {
            ADD,
            MULTIPLY,
            SUBTRACT,
            DIVIDE
        }

        private final Kind kind;
        private final boolean reverse;
        private final boolean integer;
        private final boolean pops;
        private final int destination;
        private final int source;
        private final int bytes;
        private final @Nullable Address address;

        Arithmetic(Insn insn) {
            final boolean memory = insn.kind1 == OperandKind.MEM;
            kind = switch (insn.op) {
                case FADD, FADDP, FIADD -> Kind.ADD;
                case FMUL, FMULP, FIMUL -> Kind.MULTIPLY;
                case FSUB, FSUBP, FISUB, FSUBR, FSUBRP, FISUBR -> Kind.SUBTRACT;
                default -> Kind.DIVIDE;
            };
            reverse = switch (insn.op) {
                case FSUBR, FSUBRP, FISUBR, FDIVR, FDIVRP, FIDIVR -> true;
                default -> false;
            };
            integer = insn.op.name().startsWith("FI");
            pops = insn.op.name().endsWith("P");
            destination = memory ? 0 : insn.reg1;
            source = memory ? 0 : insn.reg2;
            bytes = insn.operandBytes;
            address = memory ? new Address(insn, bytes, false) : null;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            final X87 x87 = cpu.x87;
            final int target = X87Unit.register(x87, destination);
            int se = 0;
            long sig = 0;
            boolean missing = X87Unit.isEmpty(x87, target);
            if (address == null) {
                final int other = X87Unit.register(x87, source);
                missing |= X87Unit.isEmpty(x87, other);
                se = x87.signExponent[other];
                sig = x87.significand[other];
            } else {
                load(cpu, x, address.linear(cpu), bytes, integer);
                se = x.signExponent;
                sig = x.significand;
            }
            if (missing) {
                x.flags = 0;
                if (!X87Unit.underflow(cpu, x)) {
                    return;
                }
            } else {
                compute(x, x87.signExponent[target], x87.significand[target], se, sig);
                x.dropDenormalIfDecided();
                if (!X87Unit.settle(cpu, x)) {
                    return;
                }
            }
            X87Unit.put(x87, target, x);
            if (pops) {
                X87Unit.pop(x87);
            }
        }

        private void compute(Extended x, int aSe, long aSig, int bSe, long bSig) {
            switch (kind) {
                case ADD -> x.add(aSe, aSig, bSe, bSig, false);
                case MULTIPLY -> x.multiply(aSe, aSig, bSe, bSig);
                case SUBTRACT -> {
                    if (reverse) {
                        x.add(bSe, bSig, aSe, aSig, true);
                    } else {
                        x.add(aSe, aSig, bSe, bSig, true);
                    }
                }
                case DIVIDE -> {
                    if (reverse) {
                        Division.divide(x, bSe, bSig, aSe, aSig);
                    } else {
                        Division.divide(x, aSe, aSig, bSe, bSig);
                    }
                }
            }
        }
    }

    /** Into the condition codes. */
    private static final class Compare extends Step {
        private final boolean quiet;
        private final boolean integer;
        private final boolean withZero;
        private final int pops;
        private final int source;
        private final int bytes;
        private final @Nullable Address address;

        Compare(Insn insn) {
            quiet = insn.op.name().startsWith("FU");
            integer = insn.op.name().startsWith("FI");
            withZero = insn.op == Op.FTST;
            pops = insn.op.name().endsWith("PP") ? 2 : insn.op.name().endsWith("P") ? 1 : 0;
            source = insn.kind2 == OperandKind.ST ? insn.reg2 : 1;
            bytes = insn.operandBytes;
            address = insn.kind1 == OperandKind.MEM ? new Address(insn, bytes, false) : null;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            final X87 x87 = cpu.x87;
            boolean missing = X87Unit.isEmpty(x87, x87.top);
            if (address != null) {
                load(cpu, x, address.linear(cpu), bytes, integer);
            } else if (withZero) {
                x.set(0, 0);
            } else {
                missing |= X87Unit.isEmpty(x87, X87Unit.register(x87, source));
                x.set(X87Unit.signExponent(x87, source), X87Unit.significand(x87, source));
            }
            int result = Comparison.UNORDERED;
            boolean done;
            if (missing) {
                done = X87Unit.underflow(cpu, x);
            } else {
                result = Comparison.compare(
                        x,
                        X87Unit.signExponent(x87, 0),
                        X87Unit.significand(x87, 0),
                        x.signExponent,
                        x.significand,
                        quiet);
                if (result == Comparison.UNORDERED) {
                    x.flags &= ~Extended.DENORMAL;
                }
                done = X87Unit.settle(cpu, x);
            }
            // CF is C0, PF is C2, ZF is C3: the same bits, one byte up.
            x87.statusWord = (x87.statusWord & ~X87Unit.CONDITIONS) | result << 8;
            for (int i = 0; done && i < pops; i++) {
                X87Unit.pop(x87);
            }
        }
    }

    /** FCOMI and the like: into ZF, PF and CF; OF, SF and AF are cleared. */
    private static final class CompareToFlags extends Step {
        private final boolean quiet;
        private final boolean pops;
        private final int source;

        CompareToFlags(Insn insn) {
            quiet = insn.op.name().startsWith("FU");
            pops = insn.op.name().endsWith("P");
            source = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.beginKeepingC1(cpu);
            final X87 x87 = cpu.x87;
            final int other = X87Unit.register(x87, source);
            int result = Comparison.UNORDERED;
            boolean done;
            if (X87Unit.isEmpty(x87, x87.top) || X87Unit.isEmpty(x87, other)) {
                done = X87Unit.underflow(cpu, x);
            } else {
                result = Comparison.compare(
                        x,
                        X87Unit.signExponent(x87, 0),
                        X87Unit.significand(x87, 0),
                        x87.signExponent[other],
                        x87.significand[other],
                        quiet);
                if (result == Comparison.UNORDERED) {
                    x.flags &= ~Extended.DENORMAL;
                }
                done = X87Unit.settle(cpu, x);
            }
            cpu.setStatusFlags(result & (Flags.CF | Flags.PF | Flags.ZF));
            if (done && pops) {
                X87Unit.pop(x87);
            }
        }
    }

    /** What changes registers, tags or TOP without computing. */
    private static final class Registers extends Step {
        private final Insn insn;

        Registers(Insn insn) {
            this.insn = insn;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            final X87 x87 = cpu.x87;
            switch (insn.op) {
                case FXCH -> exchange(cpu, x, X87Unit.register(x87, insn.reg2));
                case FXAM -> {
                    final int sign = (x87.signExponent[x87.top] & 0x8000) == 0 ? 0 : X87Unit.C1;
                    x87.statusWord = (x87.statusWord & ~X87Unit.CONDITIONS)
                            | Comparison.classify(
                                    x87.signExponent[x87.top], x87.significand[x87.top], X87Unit.isEmpty(x87, x87.top))
                            | sign;
                }
                case FFREE, FFREEP -> {
                    x87.tagWord |= X87.TAG_EMPTY << (2 * X87Unit.register(x87, insn.reg1));
                    if (insn.op == Op.FFREEP) {
                        X87Unit.pop(x87);
                    }
                }
                case FDECSTP -> x87.top = (x87.top - 1) & 7;
                case FINCSTP -> x87.top = (x87.top + 1) & 7;
                default -> sign(cpu, x);
            }
        }

        /** FCHS and FABS: of a NaN too, and without exceptions. */
        private void sign(Cpu cpu, Extended x) {
            final X87 x87 = cpu.x87;
            if (!X87Unit.isEmpty(x87, x87.top)) {
                final int se = x87.signExponent[x87.top];
                final boolean negate = insn.op == Op.FCHS;
                X87Unit.put(x87, x87.top, negate ? se ^ 0x8000 : se & 0x7fff, x87.significand[x87.top]);
            } else if (X87Unit.underflow(cpu, x)) {
                X87Unit.put(x87, x87.top, x);
            }
        }

        private static void exchange(Cpu cpu, Extended x, int other) {
            final X87 x87 = cpu.x87;
            final int top = x87.top;
            final boolean topEmpty = X87Unit.isEmpty(x87, top);
            final boolean otherEmpty = X87Unit.isEmpty(x87, other);
            if (topEmpty || otherEmpty) {
                if (!X87Unit.underflow(cpu, x)) {
                    return;
                }
                if (topEmpty) {
                    X87Unit.put(x87, top, x);
                }
                if (otherEmpty) {
                    X87Unit.put(x87, other, x);
                }
            }
            final int se = x87.signExponent[top];
            final long sig = x87.significand[top];
            X87Unit.put(x87, top, x87.signExponent[other], x87.significand[other]);
            X87Unit.put(x87, other, se, sig);
        }
    }

    private static final class ConditionalMove extends Step {
        private final int condition;
        private final int source;

        ConditionalMove(Insn insn) {
            condition = switch (insn.op) {
                case FCMOVB -> 2;
                case FCMOVNB -> 3;
                case FCMOVE -> 4;
                case FCMOVNE -> 5;
                case FCMOVBE -> 6;
                case FCMOVNBE -> 7;
                case FCMOVU -> 10;
                default -> 11;
            };
            source = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.beginKeepingC1(cpu);
            final X87 x87 = cpu.x87;
            final int from = X87Unit.register(x87, source);
            if (X87Unit.isEmpty(x87, x87.top) || X87Unit.isEmpty(x87, from)) {
                if (X87Unit.underflow(cpu, x)) {
                    X87Unit.put(x87, x87.top, x);
                }
            } else if (cpu.condition(condition)) {
                X87Unit.put(x87, x87.top, x87.signExponent[from], x87.significand[from]);
            }
        }
    }
}
