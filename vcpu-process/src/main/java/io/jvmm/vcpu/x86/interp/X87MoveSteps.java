package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.fpu.Conversion;
import io.jvmm.vcpu.x86.fpu.Extended;
import io.jvmm.vcpu.x86.fpu.X87;
import org.jspecify.annotations.Nullable;

/** x87 loads, stores and constants (SDM 1 8.3.3, 8.3.4; SDM 2). */
public final class X87MoveSteps implements StepFactory {
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
            case FLD, FILD, FBLD -> new Load(insn);
            case FST, FSTP -> insn.kind1 == OperandKind.ST ? new Copy(insn) : new StoreReal(insn);
            case FIST, FISTP, FISTTP -> new StoreInteger(insn);
            case FBSTP -> new StoreDecimal(insn);
            case FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ -> new Constant(insn.op);
            default -> null;
        };
    }

    private static final class Load extends Step {
        private final Op op;
        private final int bytes;
        private final int source;
        private final @Nullable Address address;

        Load(Insn insn) {
            op = insn.op;
            bytes = insn.operandBytes;
            source = insn.reg1;
            address = insn.kind1 == OperandKind.MEM ? new Address(insn, bytes, false) : null;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            if (address == null) {
                copy(cpu, x);
                return;
            }
            final long linear = address.linear(cpu);
            if (bytes == 10) {
                final long low = cpu.mmu.read64(linear);
                final int high = cpu.mmu.read16(linear + 8);
                if (op == Op.FBLD) {
                    Conversion.fromDecimal(x, low, high);
                } else {
                    x.set(high, low);
                }
            } else {
                X87Steps.load(cpu, x, linear, bytes, op == Op.FILD);
                x.quiet();
            }
            // A denormal is loaded even where its exception is not masked: processors do, whatever SDM 1 8.5.2 says.
            final int denormal = x.flags & Extended.DENORMAL;
            x.flags &= ~Extended.DENORMAL;
            if (!X87Unit.settle(cpu, x)) {
                // A signaling NaN and no room: both are told.
                if (!X87Unit.hasRoom(cpu.x87)) {
                    X87Unit.overflow(cpu, x);
                }
            } else if (X87Unit.push(cpu, x)) {
                X87Unit.raise(cpu, denormal);
            }
        }

        private void copy(Cpu cpu, Extended x) {
            final X87 x87 = cpu.x87;
            final int from = X87Unit.register(x87, source);
            if (!X87Unit.isEmpty(x87, from)) {
                x.set(x87.signExponent[from], x87.significand[from]);
                X87Unit.push(cpu, x);
            } else if (X87Unit.underflow(cpu, x)) {
                X87Unit.pushAnyway(x87, x);
            }
        }
    }

    /** FST and FSTP to a register: tags and all, no exceptions but the stack's. */
    private static final class Copy extends Step {
        private final boolean pops;
        private final int target;

        Copy(Insn insn) {
            pops = insn.op == Op.FSTP;
            target = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            final X87 x87 = cpu.x87;
            if (!X87Unit.isEmpty(x87, x87.top)) {
                x.set(x87.signExponent[x87.top], x87.significand[x87.top]);
            } else if (!X87Unit.underflow(cpu, x)) {
                return;
            }
            X87Unit.put(x87, X87Unit.register(x87, target), x);
            if (pops) {
                X87Unit.pop(x87);
            }
        }
    }

    /** An unmasked exception but precision leaves memory and stack alone. */
    private abstract static class Store extends Step {
        private final boolean pops;
        final int bytes;
        final Address address;

        Store(Insn insn) {
            pops = insn.op != Op.FST && insn.op != Op.FIST;
            bytes = insn.operandBytes;
            address = new Address(insn, bytes, true);
        }

        @Override
        public final void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            final X87 x87 = cpu.x87;
            final long linear = address.linear(cpu);
            if (X87Unit.isEmpty(x87, x87.top)) {
                cpu.mmu.probeWrite(linear, bytes);
                if (!X87Unit.underflow(cpu, x)) {
                    return;
                }
            } else {
                x.set(x87.signExponent[x87.top], x87.significand[x87.top]);
            }
            x.flags = 0;
            final int se = x.signExponent;
            final long value = convert(cpu, x, se, x.significand);
            final int unmasked = x.flags & ~x87.controlWord & ~Extended.PRECISION;
            if (unmasked == 0) {
                write(cpu, x, linear, value);
            } else {
                cpu.mmu.probeWrite(linear, bytes);
                x.flags &= ~Extended.PRECISION;
            }
            // A missing operand has been noted already; its NaN adds nothing.
            X87Unit.raise(cpu, x.flags);
            if (x.roundedUp && (x.flags & Extended.PRECISION) != 0) {
                x87.statusWord |= X87Unit.C1;
            }
            if (pops && unmasked == 0) {
                X87Unit.pop(x87);
            }
        }

        abstract long convert(Cpu cpu, Extended x, int se, long sig);

        void write(Cpu cpu, Extended x, long linear, long value) {
            cpu.mmu.write(linear, bytes, value);
        }
    }

    private static final class StoreReal extends Store {
        StoreReal(Insn insn) {
            super(insn);
        }

        @Override
        long convert(Cpu cpu, Extended x, int se, long sig) {
            return switch (bytes) {
                case 4 -> Conversion.toFloat(x, se, sig, cpu.x87.controlWord);
                case 8 -> Conversion.toDouble(x, se, sig, cpu.x87.controlWord);
                default -> sig;
            };
        }

        @Override
        void write(Cpu cpu, Extended x, long linear, long value) {
            if (bytes == 10) {
                cpu.mmu.probeWrite(linear, bytes);
                cpu.mmu.write64(linear, value);
                cpu.mmu.write16(linear + 8, x.signExponent);
            } else {
                super.write(cpu, x, linear, value);
            }
        }
    }

    private static final class StoreInteger extends Store {
        private final boolean chop;

        StoreInteger(Insn insn) {
            super(insn);
            chop = insn.op == Op.FISTTP;
        }

        @Override
        long convert(Cpu cpu, Extended x, int se, long sig) {
            return Conversion.toInteger(x, se, sig, 8 * bytes, chop);
        }
    }

    private static final class StoreDecimal extends Store {
        StoreDecimal(Insn insn) {
            super(insn);
        }

        @Override
        long convert(Cpu cpu, Extended x, int se, long sig) {
            return Conversion.toDecimal(x, se, sig);
        }

        @Override
        void write(Cpu cpu, Extended x, long linear, long value) {
            cpu.mmu.probeWrite(linear, bytes);
            cpu.mmu.write64(linear, value);
            cpu.mmu.write16(linear + 8, x.signExponent);
        }
    }

    /** The constants have 66 bits inside and are rounded by RC (SDM 1 8.3.8). */
    private static final class Constant extends Step {
        private final int exponent;
        private final long down;
        private final boolean nearestIsUp;

        Constant(Op op) {
            exponent = switch (op) {
                case FLD1 -> 0x3fff;
                case FLDL2T -> 0x4000;
                case FLDL2E -> 0x3fff;
                case FLDPI -> 0x4000;
                case FLDLG2 -> 0x3ffd;
                case FLDLN2 -> 0x3ffe;
                default -> 0;
            };
            down = switch (op) {
                case FLD1 -> 0x8000_0000_0000_0000L;
                case FLDL2T -> 0xd49a_784b_cd1b_8afeL;
                case FLDL2E -> 0xb8aa_3b29_5c17_f0bbL;
                case FLDPI -> 0xc90f_daa2_2168_c234L;
                case FLDLG2 -> 0x9a20_9a84_fbcf_f798L;
                case FLDLN2 -> 0xb172_17f7_d1cf_79abL;
                default -> 0;
            };
            nearestIsUp = switch (op) {
                case FLDL2E, FLDPI, FLDLG2, FLDLN2 -> true;
                default -> false;
            };
        }

        @Override
        public void run(Cpu cpu) {
            final Extended x = X87Unit.begin(cpu);
            final int rounding = cpu.x87.controlWord >> 10 & 3;
            final boolean exact = down << 1 == 0;
            final boolean up = !exact && (rounding == Extended.UP || (rounding == Extended.NEAREST && nearestIsUp));
            x.set(exponent, up ? down + 1 : down);
            X87Unit.push(cpu, x);
        }
    }
}
