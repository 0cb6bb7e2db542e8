package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import org.jspecify.annotations.Nullable;

/**
 * ADD SUB AND OR XOR CMP TEST of 32 and 64 bits between registers, and between a register and an immediate: a class for
 * each, so that what runs is only what the instruction does.
 */
final class IntegerStepsRegister {
    private static final long MASK = 0xffff_ffffL;

    private IntegerStepsRegister() {}

    /** Register, register. */
    static @Nullable Step registerRegister(Insn insn) {
        final boolean wide = insn.operandBytes == 8;
        return switch (insn.op) {
            case ADD -> wide ? new Add64RegisterRegister(insn) : new Add32RegisterRegister(insn);
            case SUB -> wide ? new Sub64RegisterRegister(insn) : new Sub32RegisterRegister(insn);
            case AND -> wide ? new And64RegisterRegister(insn) : new And32RegisterRegister(insn);
            case OR -> wide ? new Or64RegisterRegister(insn) : new Or32RegisterRegister(insn);
            case XOR -> wide ? new Xor64RegisterRegister(insn) : new Xor32RegisterRegister(insn);
            case CMP -> wide ? new Cmp64RegisterRegister(insn) : new Cmp32RegisterRegister(insn);
            case TEST -> wide ? new Test64RegisterRegister(insn) : new Test32RegisterRegister(insn);
            default -> null;
        };
    }

    /** Register, immediate. */
    static @Nullable Step registerImmediate(Insn insn) {
        final boolean wide = insn.operandBytes == 8;
        return switch (insn.op) {
            case ADD -> wide ? new Add64RegisterImmediate(insn) : new Add32RegisterImmediate(insn);
            case SUB -> wide ? new Sub64RegisterImmediate(insn) : new Sub32RegisterImmediate(insn);
            case AND -> wide ? new And64RegisterImmediate(insn) : new And32RegisterImmediate(insn);
            case OR -> wide ? new Or64RegisterImmediate(insn) : new Or32RegisterImmediate(insn);
            case XOR -> wide ? new Xor64RegisterImmediate(insn) : new Xor32RegisterImmediate(insn);
            case CMP -> wide ? new Cmp64RegisterImmediate(insn) : new Cmp32RegisterImmediate(insn);
            case TEST -> wide ? new Test64RegisterImmediate(insn) : new Test32RegisterImmediate(insn);
            default -> null;
        };
    }

    private abstract static class RegisterRegister extends Step {
        final int first;
        final int second;

        RegisterRegister(Insn insn) {
            this.first = insn.reg1;
            this.second = insn.reg2;
        }
    }

    private abstract static class RegisterImmediate extends Step {
        final int first;
        final long b;

        RegisterImmediate(Insn insn) {
            this.first = insn.reg1;
            this.b = insn.imm;
        }
    }

    private static final class Add64RegisterRegister extends RegisterRegister {
        Add64RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long b = r[second];
            final long x = r[first] + b;
            r[first] = x;
            cpu.setLazy(Flags.ADD + 3, x, b);
        }
    }

    private static final class Add32RegisterRegister extends RegisterRegister {
        Add32RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long b = r[second];
            final long x = r[first] + b;
            r[first] = x & MASK;
            cpu.setLazy(Flags.ADD + 2, x, b);
        }
    }

    private static final class Sub64RegisterRegister extends RegisterRegister {
        Sub64RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long b = r[second];
            final long x = r[first] - b;
            r[first] = x;
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Sub32RegisterRegister extends RegisterRegister {
        Sub32RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long b = r[second];
            final long x = r[first] - b;
            r[first] = x & MASK;
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }

    private static final class And64RegisterRegister extends RegisterRegister {
        And64RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] & r[second];
            r[first] = x;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class And32RegisterRegister extends RegisterRegister {
        And32RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] & r[second];
            r[first] = x & MASK;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Or64RegisterRegister extends RegisterRegister {
        Or64RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] | r[second];
            r[first] = x;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Or32RegisterRegister extends RegisterRegister {
        Or32RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] | r[second];
            r[first] = x & MASK;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Xor64RegisterRegister extends RegisterRegister {
        Xor64RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] ^ r[second];
            r[first] = x;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Xor32RegisterRegister extends RegisterRegister {
        Xor32RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] ^ r[second];
            r[first] = x & MASK;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Cmp64RegisterRegister extends RegisterRegister {
        Cmp64RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long b = r[second];
            final long x = r[first] - b;
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Cmp32RegisterRegister extends RegisterRegister {
        Cmp32RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long b = r[second];
            final long x = r[first] - b;
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }

    private static final class Test64RegisterRegister extends RegisterRegister {
        Test64RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] & r[second];
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Test32RegisterRegister extends RegisterRegister {
        Test32RegisterRegister(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] & r[second];
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Add64RegisterImmediate extends RegisterImmediate {
        Add64RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] + b;
            r[first] = x;
            cpu.setLazy(Flags.ADD + 3, x, b);
        }
    }

    private static final class Add32RegisterImmediate extends RegisterImmediate {
        Add32RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] + b;
            r[first] = x & MASK;
            cpu.setLazy(Flags.ADD + 2, x, b);
        }
    }

    private static final class Sub64RegisterImmediate extends RegisterImmediate {
        Sub64RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] - b;
            r[first] = x;
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Sub32RegisterImmediate extends RegisterImmediate {
        Sub32RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] - b;
            r[first] = x & MASK;
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }

    private static final class And64RegisterImmediate extends RegisterImmediate {
        And64RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] & b;
            r[first] = x;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class And32RegisterImmediate extends RegisterImmediate {
        And32RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] & b;
            r[first] = x & MASK;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Or64RegisterImmediate extends RegisterImmediate {
        Or64RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] | b;
            r[first] = x;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Or32RegisterImmediate extends RegisterImmediate {
        Or32RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] | b;
            r[first] = x & MASK;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Xor64RegisterImmediate extends RegisterImmediate {
        Xor64RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] ^ b;
            r[first] = x;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Xor32RegisterImmediate extends RegisterImmediate {
        Xor32RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long x = r[first] ^ b;
            r[first] = x & MASK;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }

    private static final class Cmp64RegisterImmediate extends RegisterImmediate {
        Cmp64RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] - b;
            cpu.setLazy(Flags.SUB + 3, x, b);
        }
    }

    private static final class Cmp32RegisterImmediate extends RegisterImmediate {
        Cmp32RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] - b;
            cpu.setLazy(Flags.SUB + 2, x, b);
        }
    }

    private static final class Test64RegisterImmediate extends RegisterImmediate {
        Test64RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] & b;
            cpu.setLazy(Flags.LOGIC + 3, x, 0);
        }
    }

    private static final class Test32RegisterImmediate extends RegisterImmediate {
        Test32RegisterImmediate(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = cpu.r[first] & b;
            cpu.setLazy(Flags.LOGIC + 2, x, 0);
        }
    }
}
