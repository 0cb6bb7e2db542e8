package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.mmu.Mmu;
import org.jspecify.annotations.Nullable;

/** ADD SUB AND OR XOR CMP TEST of 32 and 64 bits with memory first, without LOCK. */
final class IntegerStepsStore {
    private IntegerStepsStore() {}

    /** Memory, register. */
    static @Nullable Step memoryRegister(Insn insn) {
        final boolean wide = insn.operandBytes == 8;
        return switch (insn.op) {
            case ADD -> wide ? new Add64MemoryRegister(insn) : new Add32MemoryRegister(insn);
            case SUB -> wide ? new Sub64MemoryRegister(insn) : new Sub32MemoryRegister(insn);
            case AND -> wide ? new And64MemoryRegister(insn) : new And32MemoryRegister(insn);
            case OR -> wide ? new Or64MemoryRegister(insn) : new Or32MemoryRegister(insn);
            case XOR -> wide ? new Xor64MemoryRegister(insn) : new Xor32MemoryRegister(insn);
            case CMP -> wide ? new Cmp64MemoryRegister(insn) : new Cmp32MemoryRegister(insn);
            case TEST -> wide ? new Test64MemoryRegister(insn) : new Test32MemoryRegister(insn);
            default -> null;
        };
    }

    /** Memory, immediate. */
    static @Nullable Step memoryImmediate(Insn insn) {
        final boolean wide = insn.operandBytes == 8;
        return switch (insn.op) {
            case ADD -> wide ? new Add64MemoryImmediate(insn) : new Add32MemoryImmediate(insn);
            case SUB -> wide ? new Sub64MemoryImmediate(insn) : new Sub32MemoryImmediate(insn);
            case AND -> wide ? new And64MemoryImmediate(insn) : new And32MemoryImmediate(insn);
            case OR -> wide ? new Or64MemoryImmediate(insn) : new Or32MemoryImmediate(insn);
            case XOR -> wide ? new Xor64MemoryImmediate(insn) : new Xor32MemoryImmediate(insn);
            case CMP -> wide ? new Cmp64MemoryImmediate(insn) : new Cmp32MemoryImmediate(insn);
            case TEST -> wide ? new Test64MemoryImmediate(insn) : new Test32MemoryImmediate(insn);
            default -> null;
        };
    }

    private abstract static class MemoryRegister extends Step {
        final Address first;
        final int second;

        MemoryRegister(Insn insn) {
            this.first = new Address(insn, insn.operandBytes, IntegerSteps.writesFirst(insn.op));
            this.second = insn.reg2;
        }
    }

    private abstract static class MemoryImmediate extends Step {
        final Address first;
        final long b;

        MemoryImmediate(Insn insn) {
            this.first = new Address(insn, insn.operandBytes, IntegerSteps.writesFirst(insn.op));
            this.b = insn.imm;
        }
    }

    private static final class Add64MemoryRegister extends MemoryRegister {
        Add64MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long b = cpu.r[second];
            final long x = Update.read64(mmu, a) + b;
            mmu.write64(a, x);
            cpu.setLazy(Flags.ADD + 3, x, b);
        }
    }

    private static final class Add32MemoryRegister extends MemoryRegister {
        Add32MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long b = cpu.r[second];
            final long x = Update.read32(mmu, a) + b;
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.ADD + 2, x, b);
        }
    }

    private static final class Sub64MemoryRegister extends MemoryRegister {
        Sub64MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long b = cpu.r[second];
            final long x = Update.read64(mmu, a) - b;
            mmu.write64(a, x);
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Sub32MemoryRegister extends MemoryRegister {
        Sub32MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long b = cpu.r[second];
            final long x = Update.read32(mmu, a) - b;
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }

    private static final class And64MemoryRegister extends MemoryRegister {
        And64MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read64(mmu, a) & cpu.r[second];
            mmu.write64(a, x);
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class And32MemoryRegister extends MemoryRegister {
        And32MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read32(mmu, a) & cpu.r[second];
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Or64MemoryRegister extends MemoryRegister {
        Or64MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read64(mmu, a) | cpu.r[second];
            mmu.write64(a, x);
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Or32MemoryRegister extends MemoryRegister {
        Or32MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read32(mmu, a) | cpu.r[second];
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Xor64MemoryRegister extends MemoryRegister {
        Xor64MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read64(mmu, a) ^ cpu.r[second];
            mmu.write64(a, x);
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Xor32MemoryRegister extends MemoryRegister {
        Xor32MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read32(mmu, a) ^ cpu.r[second];
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Cmp64MemoryRegister extends MemoryRegister {
        Cmp64MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long b = cpu.r[second];
            final long x = cpu.mmu.read64(first.linear(cpu)) - b;
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Cmp32MemoryRegister extends MemoryRegister {
        Cmp32MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long b = cpu.r[second];
            final long x = cpu.mmu.read32(first.linear(cpu)) - b;
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }

    private static final class Test64MemoryRegister extends MemoryRegister {
        Test64MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.mmu.read64(first.linear(cpu)) & cpu.r[second];
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Test32MemoryRegister extends MemoryRegister {
        Test32MemoryRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.mmu.read32(first.linear(cpu)) & cpu.r[second];
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Add64MemoryImmediate extends MemoryImmediate {
        Add64MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read64(mmu, a) + b;
            mmu.write64(a, x);
            cpu.setLazy(Flags.ADD + 3, x, b);
        }
    }

    private static final class Add32MemoryImmediate extends MemoryImmediate {
        Add32MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read32(mmu, a) + b;
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.ADD + 2, x, b);
        }
    }

    private static final class Sub64MemoryImmediate extends MemoryImmediate {
        Sub64MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read64(mmu, a) - b;
            mmu.write64(a, x);
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Sub32MemoryImmediate extends MemoryImmediate {
        Sub32MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read32(mmu, a) - b;
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }

    private static final class And64MemoryImmediate extends MemoryImmediate {
        And64MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read64(mmu, a) & b;
            mmu.write64(a, x);
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class And32MemoryImmediate extends MemoryImmediate {
        And32MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read32(mmu, a) & b;
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Or64MemoryImmediate extends MemoryImmediate {
        Or64MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read64(mmu, a) | b;
            mmu.write64(a, x);
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Or32MemoryImmediate extends MemoryImmediate {
        Or32MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read32(mmu, a) | b;
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Xor64MemoryImmediate extends MemoryImmediate {
        Xor64MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read64(mmu, a) ^ b;
            mmu.write64(a, x);
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Xor32MemoryImmediate extends MemoryImmediate {
        Xor32MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long a = first.linear(cpu);
            final long x = Update.read32(mmu, a) ^ b;
            mmu.write32(a, (int) x);
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Cmp64MemoryImmediate extends MemoryImmediate {
        Cmp64MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.mmu.read64(first.linear(cpu)) - b;
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Cmp32MemoryImmediate extends MemoryImmediate {
        Cmp32MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.mmu.read32(first.linear(cpu)) - b;
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }

    private static final class Test64MemoryImmediate extends MemoryImmediate {
        Test64MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.mmu.read64(first.linear(cpu)) & b;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Test32MemoryImmediate extends MemoryImmediate {
        Test32MemoryImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.mmu.read32(first.linear(cpu)) & b;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }
}
