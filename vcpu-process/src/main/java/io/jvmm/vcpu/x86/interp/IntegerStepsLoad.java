package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import org.jspecify.annotations.Nullable;

/** ADD SUB AND OR XOR CMP of 32 and 64 bits from memory to a register. */
final class IntegerStepsLoad {
    private static final long MASK = 0xffff_ffffL;

    private IntegerStepsLoad() {}

    /** Register, memory. */
    static @Nullable Step registerMemory(Insn insn) {
        final boolean wide = insn.operandBytes == 8;
        return switch (insn.op) {
            case ADD -> wide ? new Add64RegisterMemory(insn) : new Add32RegisterMemory(insn);
            case SUB -> wide ? new Sub64RegisterMemory(insn) : new Sub32RegisterMemory(insn);
            case AND -> wide ? new And64RegisterMemory(insn) : new And32RegisterMemory(insn);
            case OR -> wide ? new Or64RegisterMemory(insn) : new Or32RegisterMemory(insn);
            case XOR -> wide ? new Xor64RegisterMemory(insn) : new Xor32RegisterMemory(insn);
            case CMP -> wide ? new Cmp64RegisterMemory(insn) : new Cmp32RegisterMemory(insn);
            default -> null;
        };
    }

    private abstract static class RegisterMemory extends Step {
        final int first;
        final Address second;

        RegisterMemory(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, insn.operandBytes, false);
        }
    }

    private static final class Add64RegisterMemory extends RegisterMemory {
        Add64RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long b = cpu.mmu.read64(second.linear(cpu));
            final long x = cpu.r[first] + b;
            cpu.r[first] = x;
            cpu.setLazy(Flags.ADD + 3, x, b);
        }
    }

    private static final class Add32RegisterMemory extends RegisterMemory {
        Add32RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long b = cpu.mmu.read32(second.linear(cpu));
            final long x = cpu.r[first] + b;
            cpu.r[first] = x & MASK;
            cpu.setLazy(Flags.ADD + 2, x, b);
        }
    }

    private static final class Sub64RegisterMemory extends RegisterMemory {
        Sub64RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long b = cpu.mmu.read64(second.linear(cpu));
            final long x = cpu.r[first] - b;
            cpu.r[first] = x;
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Sub32RegisterMemory extends RegisterMemory {
        Sub32RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long b = cpu.mmu.read32(second.linear(cpu));
            final long x = cpu.r[first] - b;
            cpu.r[first] = x & MASK;
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }

    private static final class And64RegisterMemory extends RegisterMemory {
        And64RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] & cpu.mmu.read64(second.linear(cpu));
            cpu.r[first] = x;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class And32RegisterMemory extends RegisterMemory {
        And32RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] & cpu.mmu.read32(second.linear(cpu));
            cpu.r[first] = x & MASK;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Or64RegisterMemory extends RegisterMemory {
        Or64RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] | cpu.mmu.read64(second.linear(cpu));
            cpu.r[first] = x;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Or32RegisterMemory extends RegisterMemory {
        Or32RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] | cpu.mmu.read32(second.linear(cpu));
            cpu.r[first] = x & MASK;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Xor64RegisterMemory extends RegisterMemory {
        Xor64RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] ^ cpu.mmu.read64(second.linear(cpu));
            cpu.r[first] = x;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Xor32RegisterMemory extends RegisterMemory {
        Xor32RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] ^ cpu.mmu.read32(second.linear(cpu));
            cpu.r[first] = x & MASK;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Cmp64RegisterMemory extends RegisterMemory {
        Cmp64RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long b = cpu.mmu.read64(second.linear(cpu));
            final long x = cpu.r[first] - b;
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Cmp32RegisterMemory extends RegisterMemory {
        Cmp32RegisterMemory(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long b = cpu.mmu.read32(second.linear(cpu));
            final long x = cpu.r[first] - b;
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }
}
