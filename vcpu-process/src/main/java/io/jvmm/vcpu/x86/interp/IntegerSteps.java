package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.mmu.Mmu;
import org.jspecify.annotations.Nullable;

/**
 * Arithmetic and logic of two operands and of one (SDM 2: ADD, ADC, SUB, SBB, CMP, AND, OR, XOR, TEST, INC, DEC, NEG, NOT).
 * The frequent shapes of 32 and 64 bits have classes of their own; the rest, and everything with LOCK, is generic.
 */
final class IntegerSteps {
    private IntegerSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST -> binary(insn);
            case INC, DEC -> increment(insn);
            case NEG, NOT -> insn.lock ? new LockedUnary(insn) : new Unary(insn);
            default -> null;
        };
    }

    /** Whether the first operand is a result. */
    static boolean writesFirst(Op op) {
        return op != Op.CMP && op != Op.TEST;
    }

    private static Step binary(Insn insn) {
        if (insn.lock) {
            return new LockedBinary(insn);
        }
        if (insn.operandBytes >= 4) {
            final Step special = specialised(insn);
            if (special != null) {
                return special;
            }
        } else if (insn.operandBytes == 1 && !writesFirst(insn.op)) {
            final Step special = IntegerStepsByte.build(insn);
            if (special != null) {
                return special;
            }
        }
        return new Binary(insn);
    }

    private static @Nullable Step specialised(Insn insn) {
        if (insn.kind1 == OperandKind.GPR) {
            return switch (insn.kind2) {
                case GPR -> IntegerStepsRegister.registerRegister(insn);
                case IMM -> IntegerStepsRegister.registerImmediate(insn);
                case MEM -> IntegerStepsLoad.registerMemory(insn);
                default -> null;
            };
        }
        if (insn.kind1 == OperandKind.MEM) {
            return insn.kind2 == OperandKind.GPR
                    ? IntegerStepsStore.memoryRegister(insn)
                    : IntegerStepsStore.memoryImmediate(insn);
        }
        return null;
    }

    private static Step increment(Insn insn) {
        if (insn.lock) {
            return new LockedUnary(insn);
        }
        if (insn.kind1 == OperandKind.GPR && insn.operandBytes >= 4) {
            if (insn.op == Op.INC) {
                return insn.operandBytes == 8 ? new Increment64(insn) : new Increment32(insn);
            }
            return insn.operandBytes == 8 ? new Decrement64(insn) : new Decrement32(insn);
        }
        return new Unary(insn);
    }

    /** log2 of the width in bytes: what is added to a kind of {@link Flags}. */
    static int log2(int bytes) {
        return Integer.numberOfTrailingZeros(bytes);
    }

    /** The result of a two-operand instruction; {@code carry} is 0 or 1. */
    static long binary(Op op, long a, long b, int carry) {
        return switch (op) {
            case ADD -> a + b;
            case ADC -> a + b + carry;
            case SUB, CMP -> a - b;
            case SBB -> a - b - carry;
            case AND, TEST -> a & b;
            case OR -> a | b;
            case XOR -> a ^ b;
            default -> throw new IllegalArgumentException(op.name());
        };
    }

    /** Kind of flags, without the width. */
    static int kind(Op op, int carry) {
        return switch (op) {
            case ADD -> Flags.ADD;
            case ADC -> carry == 0 ? Flags.ADD : Flags.ADC;
            case SUB, CMP -> Flags.SUB;
            case SBB -> carry == 0 ? Flags.SUB : Flags.SBB;
            default -> Flags.LOGIC;
        };
    }

    private static boolean takesCarry(Op op) {
        return op == Op.ADC || op == Op.SBB;
    }

    /** Any shape and width, without LOCK. */
    private static final class Binary extends Step {
        private final Op op;
        private final boolean takesCarry;
        private final boolean writes;
        private final Operand first;
        private final Operand second;
        private final int log2;

        Binary(Insn insn) {
            this.op = insn.op;
            this.takesCarry = takesCarry(op);
            this.writes = writesFirst(op);
            this.first = Operand.first(insn, insn.operandBytes, writes);
            this.second = Operand.second(insn, insn.operandBytes);
            this.log2 = log2(insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long b = second.read(cpu);
            final long linear = first.locate(cpu);
            final int carry = takesCarry && cpu.carry() ? 1 : 0;
            final long a = writes ? first.readForUpdate(cpu, linear) : first.read(cpu, linear);
            final long x = binary(op, a, b, carry);
            if (writes) {
                first.write(cpu, linear, x);
            }
            cpu.setLazy(kind(op, carry) + log2, x, b);
        }
    }

    /** LOCK: memory first, second a register or an immediate. */
    private static final class LockedBinary extends Step {
        private final Op op;
        private final boolean takesCarry;
        private final Operand first;
        private final Operand second;
        private final int bytes;

        LockedBinary(Insn insn) {
            this.op = insn.op;
            this.takesCarry = takesCarry(op);
            this.bytes = insn.operandBytes;
            this.first = Operand.first(insn, bytes, true);
            this.second = Operand.second(insn, bytes);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long linear = first.locate(cpu);
            final long b = second.read(cpu);
            final int carry = takesCarry && cpu.carry() ? 1 : 0;
            final long mask = Address.bits(bytes);
            long a = Update.read(mmu, linear, bytes);
            long x = binary(op, a, b, carry);
            long found = mmu.update(linear, bytes, a, x & mask);
            while (found != a) {
                a = found;
                x = binary(op, a, b, carry);
                found = mmu.update(linear, bytes, a, x & mask);
            }
            cpu.setLazy(kind(op, carry) + log2(bytes), x, b);
        }
    }

    private static long unary(Op op, long a) {
        return switch (op) {
            case INC -> a + 1;
            case DEC -> a - 1;
            case NEG -> -a;
            default -> ~a;
        };
    }

    private static void unaryFlags(Cpu cpu, Op op, int log2, long a, long x) {
        switch (op) {
            case INC -> cpu.setLazy(Flags.INC + log2, x, cpu.carry() ? 1 : 0);
            case DEC -> cpu.setLazy(Flags.DEC + log2, x, cpu.carry() ? 1 : 0);
            case NEG -> cpu.setLazy(Flags.SUB + log2, x, a);
            default -> {
                // NOT affects no flags.
            }
        }
    }

    private static final class Unary extends Step {
        private final Op op;
        private final Operand operand;
        private final int log2;

        Unary(Insn insn) {
            this.op = insn.op;
            this.operand = Operand.first(insn, insn.operandBytes, true);
            this.log2 = log2(insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long linear = operand.locate(cpu);
            final long a = operand.readForUpdate(cpu, linear);
            final long x = unary(op, a);
            operand.write(cpu, linear, x);
            unaryFlags(cpu, op, log2, a, x);
        }
    }

    private static final class LockedUnary extends Step {
        private final Op op;
        private final Operand operand;
        private final int bytes;

        LockedUnary(Insn insn) {
            this.op = insn.op;
            this.bytes = insn.operandBytes;
            this.operand = Operand.first(insn, bytes, true);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long linear = operand.locate(cpu);
            final long mask = Address.bits(bytes);
            long a = Update.read(mmu, linear, bytes);
            long x = unary(op, a);
            long found = mmu.update(linear, bytes, a, x & mask);
            while (found != a) {
                a = found;
                x = unary(op, a);
                found = mmu.update(linear, bytes, a, x & mask);
            }
            unaryFlags(cpu, op, log2(bytes), a, x);
        }
    }

    private static final class Increment64 extends Step {
        private final int register;

        Increment64(Insn insn) {
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[register] + 1;
            cpu.r[register] = x;
            cpu.setLazy(Flags.INC + 3, x, cpu.carry() ? 1 : 0);
        }
    }

    private static final class Increment32 extends Step {
        private final int register;

        Increment32(Insn insn) {
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[register] + 1;
            cpu.r[register] = x & 0xffff_ffffL;
            cpu.setLazy(Flags.INC + 2, x, cpu.carry() ? 1 : 0);
        }
    }

    private static final class Decrement64 extends Step {
        private final int register;

        Decrement64(Insn insn) {
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[register] - 1;
            cpu.r[register] = x;
            cpu.setLazy(Flags.DEC + 3, x, cpu.carry() ? 1 : 0);
        }
    }

    private static final class Decrement32 extends Step {
        private final int register;

        Decrement32(Insn insn) {
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[register] - 1;
            cpu.r[register] = x & 0xffff_ffffL;
            cpu.setLazy(Flags.DEC + 2, x, cpu.carry() ? 1 : 0);
        }
    }
}
