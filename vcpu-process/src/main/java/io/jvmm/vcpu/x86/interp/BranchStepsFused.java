package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/**
 * CMP, TEST, SUB, AND, DEC and a conditional jump as one step: the condition comes from the operands or the result instead of from lazy
 * flags, which are left behind as well. In 64-bit mode only, and for the conditions that follow such instructions.
 *
 * <p>Operands are sign-extended to 64 bits: that keeps their order both as signed and as unsigned numbers, so that one comparison serves
 * all widths.
 */
final class BranchStepsFused {
    private static final long MASK = 0xffff_ffffL;

    private BranchStepsFused() {}

    /** The pair as one step, or null where it has to be two. */
    static @Nullable Step build(Insn first, Insn second) {
        if (second.op != Op.JCC || second.codeBytes != 8 || second.operandBytes == 2 || first.lock) {
            return null;
        }
        return switch (first.op) {
            case CMP -> comparesWith(second.condition) ? compare(first, second) : null;
            case TEST -> judgesResult(second.condition) ? test(first, second) : null;
            case SUB -> comparesWith(second.condition) ? subtract(first, second) : null;
            case AND -> judgesResult(second.condition) ? and(first, second) : null;
            case DEC -> isZeroOrSign(second.condition) ? decrement(first, second) : null;
            default -> null;
        };
    }

    /** All but O, S, P and their opposites. */
    private static boolean comparesWith(int condition) {
        return (condition >= 2 && condition <= 7) || condition >= 12;
    }

    /** All but P and NP. */
    private static boolean judgesResult(int condition) {
        return condition >> 1 != 5;
    }

    private static boolean isZeroOrSign(int condition) {
        return condition >> 1 == 2 || condition >> 1 == 4;
    }

    private static boolean isWord(Insn insn) {
        return insn.operandBytes >= 4;
    }

    private static @Nullable Step compare(Insn first, Insn second) {
        final boolean wide = isWide(first);
        if (first.kind1 == OperandKind.GPR) {
            return switch (first.kind2) {
                case GPR ->
                    wide
                            ? new CompareRegisters64(first, second)
                            : isWord(first)
                                    ? new CompareRegisters32(first, second)
                                    : new CompareRegistersNarrow(first, second);
                case IMM ->
                    wide
                            ? new CompareImmediate64(first, second)
                            : isWord(first)
                                    ? new CompareImmediate32(first, second)
                                    : new CompareImmediateNarrow(first, second);
                case MEM -> isWord(first) ? new CompareLoad(first, second) : null;
                default -> null;
            };
        }
        if (first.kind1 == OperandKind.MEM && first.kind2 == OperandKind.IMM) {
            return switch (first.operandBytes) {
                case 1 -> new CompareMemory8(first, second);
                case 4 -> new CompareMemory32(first, second);
                case 8 -> new CompareMemory64(first, second);
                default -> null;
            };
        }
        return first.kind1 == OperandKind.MEM && first.kind2 == OperandKind.GPR && isWord(first)
                ? new CompareMemoryRegister(first, second)
                : null;
    }

    private static boolean isWide(Insn insn) {
        return insn.operandBytes == 8;
    }

    private static @Nullable Step test(Insn first, Insn second) {
        if (first.kind1 == OperandKind.GPR && first.kind2 == OperandKind.GPR) {
            return isWide(first) ? new TestRegisters64(first, second) : new TestRegisters(first, second);
        }
        if (first.kind1 == OperandKind.GPR && first.kind2 == OperandKind.IMM) {
            return new TestImmediate(first, second);
        }
        if (first.kind1 == OperandKind.MEM && first.kind2 == OperandKind.IMM) {
            return first.operandBytes == 1 ? new TestMemory8(first, second) : new TestMemory(first, second);
        }
        return null;
    }

    private static @Nullable Step subtract(Insn first, Insn second) {
        if (first.kind1 != OperandKind.GPR || !isWord(first)) {
            return null;
        }
        return switch (first.kind2) {
            case GPR, IMM -> new Subtract(first, second);
            default -> null;
        };
    }

    private static @Nullable Step and(Insn first, Insn second) {
        if (first.kind1 != OperandKind.GPR || !isWord(first)) {
            return null;
        }
        return first.kind2 == OperandKind.IMM || first.kind2 == OperandKind.GPR ? new And(first, second) : null;
    }

    private static @Nullable Step decrement(Insn first, Insn second) {
        return first.kind1 == OperandKind.GPR && isWord(first) ? new Decrement(first, second) : null;
    }

    /** B AE E NE BE A, L GE LE G of two sign-extended operands. */
    static boolean compares(int condition, long a, long b) {
        return switch (condition) {
            case 2 -> a + Long.MIN_VALUE < b + Long.MIN_VALUE;
            case 3 -> a + Long.MIN_VALUE >= b + Long.MIN_VALUE;
            case 4 -> a == b;
            case 5 -> a != b;
            case 6 -> a + Long.MIN_VALUE <= b + Long.MIN_VALUE;
            case 7 -> a + Long.MIN_VALUE > b + Long.MIN_VALUE;
            case 12 -> a < b;
            case 13 -> a >= b;
            case 14 -> a <= b;
            default -> a > b;
        };
    }

    /** Of a sign-extended result, CF and OF being 0. */
    static boolean judges(int condition, long x) {
        return switch (condition) {
            case 0, 2 -> false;
            case 1, 3 -> true;
            case 4, 6 -> x == 0;
            case 5, 7 -> x != 0;
            case 8, 12 -> x < 0;
            case 9, 13 -> x >= 0;
            case 14 -> x <= 0;
            default -> x > 0;
        };
    }

    /** The jump. */
    private abstract static class Fused extends Step {
        final int condition;
        private final long target;
        private final long next;

        Fused(Insn second) {
            this.condition = second.condition;
            this.next = second.end();
            this.target = next + second.imm;
        }

        final void jump(Cpu cpu, boolean taken) {
            cpu.rip = cpu.blockRip + (taken ? target : next);
        }
    }

    private abstract static class OfRegisters extends Fused {
        final int a;
        final int b;
        /** What brings the operand's top bit to the top. */
        final int up;

        final int log2;

        OfRegisters(Insn first, Insn second) {
            super(second);
            this.a = first.reg1;
            this.b = first.reg2;
            this.up = 64 - 8 * first.operandBytes;
            this.log2 = IntegerSteps.log2(first.operandBytes);
        }
    }

    private static final class CompareRegisters64 extends OfRegisters {
        CompareRegisters64(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[a];
            final long y = cpu.r[b];
            cpu.setLazy(Flags.SUB + 3, x - y, y);
            jump(cpu, compares(condition, x, y));
        }
    }

    private static final class CompareRegisters32 extends OfRegisters {
        CompareRegisters32(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = (int) cpu.r[a];
            final long y = (int) cpu.r[b];
            cpu.setLazy(Flags.SUB + 2, x - y, y);
            jump(cpu, compares(condition, x, y));
        }
    }

    private static final class CompareRegistersNarrow extends OfRegisters {
        CompareRegistersNarrow(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[a] << up >> up;
            final long y = cpu.r[b] << up >> up;
            cpu.setLazy(Flags.SUB + log2, x - y, y);
            jump(cpu, compares(condition, x, y));
        }
    }

    private static final class TestRegisters64 extends OfRegisters {
        TestRegisters64(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[a] & cpu.r[b];
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
            jump(cpu, judges(condition, x));
        }
    }

    private static final class TestRegisters extends OfRegisters {
        TestRegisters(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = (cpu.r[a] & cpu.r[b]) << up >> up;
            cpu.setLazy(Flags.LOGIC + log2, x, 0);
            jump(cpu, judges(condition, x));
        }
    }

    private abstract static class OfImmediate extends Fused {
        final int a;
        final long b;
        final int up;
        final int log2;

        OfImmediate(Insn first, Insn second) {
            super(second);
            this.a = first.reg1;
            this.b = Operand.signed(first.imm, first.operandBytes);
            this.up = 64 - 8 * first.operandBytes;
            this.log2 = IntegerSteps.log2(first.operandBytes);
        }
    }

    private static final class CompareImmediate64 extends OfImmediate {
        CompareImmediate64(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[a];
            cpu.setLazy(Flags.SUB + 3, x - b, b);
            jump(cpu, compares(condition, x, b));
        }
    }

    private static final class CompareImmediate32 extends OfImmediate {
        CompareImmediate32(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = (int) cpu.r[a];
            cpu.setLazy(Flags.SUB + 2, x - b, b);
            jump(cpu, compares(condition, x, b));
        }
    }

    private static final class CompareImmediateNarrow extends OfImmediate {
        CompareImmediateNarrow(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[a] << up >> up;
            cpu.setLazy(Flags.SUB + log2, x - b, b);
            jump(cpu, compares(condition, x, b));
        }
    }

    private static final class TestImmediate extends OfImmediate {
        TestImmediate(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = (cpu.r[a] & b) << up >> up;
            cpu.setLazy(Flags.LOGIC + log2, x, 0);
            jump(cpu, judges(condition, x));
        }
    }

    private abstract static class OfMemory extends Fused {
        final Address address;
        final long b;
        final int bytes;

        OfMemory(Insn first, Insn second) {
            super(second);
            this.bytes = first.operandBytes;
            this.address = new Address(first, bytes, false);
            this.b = Operand.signed(first.imm, bytes);
        }
    }

    private static final class CompareMemory8 extends OfMemory {
        CompareMemory8(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = (byte) cpu.mmu.read8(address.linear(cpu));
            cpu.setLazy(Flags.SUB, x - b, b);
            jump(cpu, compares(condition, x, b));
        }
    }

    private static final class CompareMemory32 extends OfMemory {
        CompareMemory32(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.mmu.read32(address.linear(cpu));
            cpu.setLazy(Flags.SUB + 2, x - b, b);
            jump(cpu, compares(condition, x, b));
        }
    }

    private static final class CompareMemory64 extends OfMemory {
        CompareMemory64(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.mmu.read64(address.linear(cpu));
            cpu.setLazy(Flags.SUB + 3, x - b, b);
            jump(cpu, compares(condition, x, b));
        }
    }

    private static final class TestMemory8 extends OfMemory {
        TestMemory8(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = (byte) cpu.mmu.read8(address.linear(cpu)) & b;
            cpu.setLazy(Flags.LOGIC, x, 0);
            jump(cpu, judges(condition, x));
        }
    }

    private static final class TestMemory extends OfMemory {
        TestMemory(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = Operand.signed(cpu.mmu.read(address.linear(cpu), bytes) & b, bytes);
            cpu.setLazy(Flags.LOGIC + IntegerSteps.log2(bytes), x, 0);
            jump(cpu, judges(condition, x));
        }
    }

    /** Register first, 32 or 64 bits. */
    private static final class CompareLoad extends Fused {
        private final int a;
        private final Address address;
        private final boolean wide;

        CompareLoad(Insn first, Insn second) {
            super(second);
            this.a = first.reg1;
            this.wide = isWide(first);
            this.address = new Address(first, first.operandBytes, false);
        }

        @Override
        public void run(Cpu cpu) {
            final long linear = address.linear(cpu);
            final long y = wide ? cpu.mmu.read64(linear) : cpu.mmu.read32(linear);
            final long x = wide ? cpu.r[a] : (int) cpu.r[a];
            cpu.setLazy(wide ? Flags.SUB + 3 : Flags.SUB + 2, x - y, y);
            jump(cpu, compares(condition, x, y));
        }
    }

    /** Memory first, 32 or 64 bits. */
    private static final class CompareMemoryRegister extends Fused {
        private final int b;
        private final Address address;
        private final boolean wide;

        CompareMemoryRegister(Insn first, Insn second) {
            super(second);
            this.b = first.reg2;
            this.wide = isWide(first);
            this.address = new Address(first, first.operandBytes, false);
        }

        @Override
        public void run(Cpu cpu) {
            final long linear = address.linear(cpu);
            final long x = wide ? cpu.mmu.read64(linear) : cpu.mmu.read32(linear);
            final long y = wide ? cpu.r[b] : (int) cpu.r[b];
            cpu.setLazy(wide ? Flags.SUB + 3 : Flags.SUB + 2, x - y, y);
            jump(cpu, compares(condition, x, y));
        }
    }

    /** A register, changed by a register or an immediate, 32 or 64 bits. */
    private abstract static class Changing extends Fused {
        final int a;
        final boolean wide;
        private final int register;
        private final long immediate;

        Changing(Insn first, Insn second) {
            super(second);
            this.a = first.reg1;
            this.wide = isWide(first);
            // An immediate is added to the register that is always zero.
            final boolean hasRegister = first.kind2 == OperandKind.GPR;
            this.register = hasRegister ? first.reg2 : Cpu.ZERO;
            this.immediate = hasRegister ? 0 : first.imm;
        }

        final long value(long x) {
            return wide ? x : (int) x;
        }

        final long second(Cpu cpu) {
            return value(cpu.r[register] + immediate);
        }

        final void store(Cpu cpu, long x) {
            cpu.r[a] = wide ? x : x & MASK;
        }
    }

    private static final class Subtract extends Changing {
        Subtract(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = value(cpu.r[a]);
            final long y = second(cpu);
            store(cpu, x - y);
            cpu.setLazy(wide ? Flags.SUB + 3 : Flags.SUB + 2, x - y, y);
            jump(cpu, compares(condition, x, y));
        }
    }

    private static final class And extends Changing {
        And(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = value(cpu.r[a] & second(cpu));
            store(cpu, x);
            cpu.setLazy(wide ? Flags.LOGIC + 3 : Flags.LOGIC + 2, x, 0);
            jump(cpu, judges(condition, x));
        }
    }

    private static final class Decrement extends Changing {
        Decrement(Insn first, Insn second) {
            super(first, second);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = value(cpu.r[a] - 1);
            final long carry = cpu.carry() ? 1 : 0;
            store(cpu, x);
            cpu.setLazy(wide ? Flags.DEC + 3 : Flags.DEC + 2, x, carry);
            jump(cpu, judges(condition, x));
        }
    }
}
