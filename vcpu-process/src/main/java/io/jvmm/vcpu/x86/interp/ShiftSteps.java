package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/**
 * Shifts, rotates and double shifts (SDM 2: SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD). Counts are taken modulo 32, or 64 for 64-bit
 * operands; a count of zero leaves the flags alone, but writes the destination (which clears the upper half of a 32-bit register).
 */
final class ShiftSteps {
    private static final long MASK = 0xffff_ffffL;

    private ShiftSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case SHL, SHR, SAR -> shift(insn);
            case ROL, ROR -> rotate(insn);
            case RCL, RCR -> new Rotate(insn);
            case SHLD, SHRD -> new DoubleShift(insn);
            default -> null;
        };
    }

    private static Step shift(Insn insn) {
        final boolean constant = insn.kind2 == OperandKind.IMM && (insn.imm & countMask(insn)) != 0;
        if (constant && insn.kind1 == OperandKind.GPR && insn.operandBytes >= 4) {
            final boolean wide = insn.operandBytes == 8;
            return switch (insn.op) {
                case SHL -> wide ? new Left64(insn) : new Left32(insn);
                case SHR -> wide ? new Right64(insn) : new Right32(insn);
                default -> wide ? new Arithmetic64(insn) : new Arithmetic32(insn);
            };
        }
        return new Shift(insn);
    }

    private static Step rotate(Insn insn) {
        final boolean constant = insn.kind2 == OperandKind.IMM && (insn.imm & countMask(insn)) != 0;
        if (constant && insn.kind1 == OperandKind.GPR && insn.operandBytes >= 4) {
            return insn.operandBytes == 8 ? new Rotate64(insn) : new Rotate32(insn);
        }
        return new Rotate(insn);
    }

    private static int countMask(Insn insn) {
        return insn.operandBytes == 8 ? 63 : 31;
    }

    /** By a constant that is not 0. */
    private abstract static class Constant extends Step {
        final int register;
        /** One less than the count. */
        final int before;

        Constant(Insn insn) {
            this.register = insn.reg1;
            this.before = ((int) insn.imm & countMask(insn)) - 1;
        }
    }

    private static final class Left64 extends Constant {
        Left64(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long nearly = cpu.r[register] << before;
            final long x = nearly << 1;
            cpu.r[register] = x;
            cpu.setLazy(Flags.SHL + 3, x, nearly);
        }
    }

    private static final class Left32 extends Constant {
        Left32(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long nearly = cpu.r[register] << before;
            final long x = nearly << 1;
            cpu.r[register] = x & MASK;
            cpu.setLazy(Flags.SHL + 2, x, nearly);
        }
    }

    private static final class Right64 extends Constant {
        Right64(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long nearly = cpu.r[register] >>> before;
            final long x = nearly >>> 1;
            cpu.r[register] = x;
            cpu.setLazy(Flags.SHR + 3, x, nearly);
        }
    }

    private static final class Right32 extends Constant {
        Right32(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long nearly = (cpu.r[register] & MASK) >>> before;
            final long x = nearly >>> 1;
            cpu.r[register] = x;
            cpu.setLazy(Flags.SHR + 2, x, nearly);
        }
    }

    private static final class Arithmetic64 extends Constant {
        Arithmetic64(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long nearly = cpu.r[register] >> before;
            final long x = nearly >> 1;
            cpu.r[register] = x;
            cpu.setLazy(Flags.SAR + 3, x, nearly);
        }
    }

    private static final class Arithmetic32 extends Constant {
        Arithmetic32(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long nearly = (int) cpu.r[register] >> before;
            final long x = nearly >> 1;
            cpu.r[register] = x & MASK;
            cpu.setLazy(Flags.SAR + 2, x, nearly);
        }
    }

    /** ROL or ROR by a constant that is not 0, as a rotation to the left. */
    private abstract static class ConstantRotate extends Step {
        final int register;
        final int left;
        private final boolean isLeft;

        ConstantRotate(Insn insn) {
            this.register = insn.reg1;
            this.isLeft = insn.op == Op.ROL;
            this.left = isLeft ? (int) insn.imm : -(int) insn.imm;
        }

        /** From the top two bits and the lowest of the result. */
        final void flags(Cpu cpu, int top, int next, int low) {
            final int carry = isLeft ? low : top;
            final int overflow = (isLeft ? top ^ low : top ^ next) * Flags.OF;
            cpu.setStatusFlags((cpu.statusFlags() & ~(Flags.CF | Flags.OF)) | carry | overflow);
        }
    }

    private static final class Rotate64 extends ConstantRotate {
        Rotate64(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = Long.rotateLeft(cpu.r[register], left);
            cpu.r[register] = x;
            flags(cpu, (int) (x >>> 63), (int) (x >>> 62) & 1, (int) x & 1);
        }
    }

    private static final class Rotate32 extends ConstantRotate {
        Rotate32(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final int x = Integer.rotateLeft((int) cpu.r[register], left);
            cpu.r[register] = x & MASK;
            flags(cpu, x >>> 31, x >>> 30 & 1, x & 1);
        }
    }

    /** What all the generic ones have: an operand of any kind, and a count from CL or an immediate. */
    private abstract static class Counted extends Step {
        final Op op;
        final Operand operand;
        final int bytes;
        private final int constant;
        private final boolean fromRegister;
        private final int countMask;

        Counted(Insn insn, OperandKind countKind) {
            this.op = insn.op;
            this.bytes = insn.operandBytes;
            this.operand = Operand.first(insn, bytes, true);
            this.constant = (int) insn.imm;
            this.fromRegister = countKind != OperandKind.IMM;
            this.countMask = countMask(insn);
        }

        final int count(Cpu cpu) {
            return (fromRegister ? (int) cpu.r[Cpu.RCX] : constant) & countMask;
        }
    }

    private static final class Shift extends Counted {
        Shift(Insn insn) {
            super(insn, insn.kind2);
        }

        @Override
        public void run(Cpu cpu) {
            final int count = count(cpu);
            final long linear = operand.locate(cpu);
            final long a = operand.readForUpdate(cpu, linear);
            if (count == 0) {
                operand.write(cpu, linear, a);
                return;
            }
            final long nearly;
            final long x;
            final int kind;
            switch (op) {
                case SHL -> {
                    nearly = a << (count - 1);
                    x = nearly << 1;
                    kind = Flags.SHL;
                }
                case SHR -> {
                    nearly = a >>> (count - 1);
                    x = nearly >>> 1;
                    kind = Flags.SHR;
                }
                default -> {
                    nearly = Operand.signed(a, bytes) >> (count - 1);
                    x = nearly >> 1;
                    kind = Flags.SAR;
                }
            }
            operand.write(cpu, linear, x);
            cpu.setLazy(kind + IntegerSteps.log2(bytes), x, nearly);
        }
    }

    /** CF and OF only; OF is defined for a count of 1, and computed alike for others, as processors do. */
    private static final class Rotate extends Counted {
        Rotate(Insn insn) {
            super(insn, insn.kind2);
        }

        @Override
        public void run(Cpu cpu) {
            final int bits = bytes * 8;
            final int count = count(cpu);
            final long linear = operand.locate(cpu);
            final long a = operand.readForUpdate(cpu, linear);
            if (count == 0) {
                operand.write(cpu, linear, a);
                return;
            }
            final int status = cpu.statusFlags();
            final long carryIn = status & Flags.CF;
            final long x;
            long carry;
            switch (op) {
                case ROL -> {
                    x = rotate(a, count & (bits - 1), bits);
                    carry = x & 1;
                }
                case ROR -> {
                    x = rotate(a, -count & (bits - 1), bits);
                    carry = x >>> (bits - 1) & 1;
                }
                case RCL -> {
                    final int n = count % (bits + 1);
                    x = throughCarry(a, carryIn, n, bits);
                    carry = n == 0 ? carryIn : a >>> (bits - n) & 1;
                }
                default -> {
                    final int n = count % (bits + 1);
                    x = throughCarry(a, carryIn, (bits + 1 - n) % (bits + 1), bits);
                    carry = n == 0 ? carryIn : a >>> (n - 1) & 1;
                }
            }
            operand.write(cpu, linear, x);
            final long top = x >>> (bits - 1) & 1;
            final long overflow = op == Op.ROL || op == Op.RCL ? top ^ carry : top ^ (x >>> (bits - 2) & 1);
            cpu.setStatusFlags((status & ~(Flags.CF | Flags.OF)) | (int) carry | (overflow != 0 ? Flags.OF : 0));
        }

        /** Left by n, 0 to bits - 1, of a zero-extended value. */
        private static long rotate(long a, int n, int bits) {
            return n == 0 ? a : (a << n | a >>> (bits - n)) & Address.bits(bits / 8);
        }

        /** Left by n, 0 to bits, of bits + 1 bits of which the top one is the carry. */
        private static long throughCarry(long a, long carry, int n, int bits) {
            if (n == 0) {
                return a;
            }
            final long low = n == 1 ? 0 : a >>> (bits + 1 - n);
            final long high = n == 64 ? 0 : a << n;
            return (high | carry << (n - 1) | low) & Address.bits(bits / 8);
        }
    }

    /**
     * SHLD, SHRD. 16-bit operands with counts above 16 are undefined: the source follows itself, as in recent AMD
     * processors.
     */
    private static final class DoubleShift extends Counted {
        private final Operand filler;

        DoubleShift(Insn insn) {
            super(insn, insn.kind3);
            this.filler = Operand.second(insn, insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            final int count = count(cpu);
            final long linear = operand.locate(cpu);
            final long a = operand.readForUpdate(cpu, linear);
            if (count == 0) {
                operand.write(cpu, linear, a);
                return;
            }
            final int bits = bytes * 8;
            final long b = filler.read(cpu);
            final long x;
            final long carry;
            if (op == Op.SHLD) {
                if (count > bits) {
                    x = b << (count - bits) | b >>> (2 * bits - count);
                    carry = b >>> (2 * bits - count) & 1;
                } else {
                    x = (count == 64 ? 0 : a << count) | b >>> (bits - count);
                    carry = a >>> (bits - count) & 1;
                }
            } else {
                if (count > bits) {
                    x = b >>> (count - bits) | b << (2 * bits - count);
                    carry = b >>> (count - bits - 1) & 1;
                } else {
                    x = a >>> count | b << (bits - count);
                    carry = a >>> (count - 1) & 1;
                }
            }
            operand.write(cpu, linear, x);
            final int up = 64 - bits;
            final int overflow = (x ^ a) << up < 0 ? Flags.OF : 0;
            final int others = Flags.status(Flags.LOGIC + IntegerSteps.log2(bytes), x, 0);
            cpu.setStatusFlags(others | (int) carry | overflow);
        }
    }
}
