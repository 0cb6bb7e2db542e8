package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/** CMP and TEST of bytes: low registers and memory, with each other and with immediates. */
final class IntegerStepsByte {
    private IntegerStepsByte() {}

    /** A step, or null for a shape that is not frequent. */
    static @Nullable Step build(Insn insn) {
        final boolean compare = insn.op == Op.CMP;
        if (insn.kind1 == OperandKind.GPR) {
            return switch (insn.kind2) {
                case GPR -> compare ? new CompareRegisterRegister(insn) : new TestRegisterRegister(insn);
                case IMM -> compare ? new CompareRegisterImmediate(insn) : new TestRegisterImmediate(insn);
                default -> null;
            };
        }
        if (insn.kind1 == OperandKind.MEM && insn.kind2 == OperandKind.IMM) {
            return compare ? new CompareMemoryImmediate(insn) : new TestMemoryImmediate(insn);
        }
        return null;
    }

    private static final class CompareRegisterRegister extends Step {
        private final int first;
        private final int second;

        CompareRegisterRegister(Insn insn) {
            this.first = insn.reg1;
            this.second = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            final long b = cpu.r[second];
            cpu.setLazy(Flags.SUB, cpu.r[first] - b, b);
        }
    }

    private static final class TestRegisterRegister extends Step {
        private final int first;
        private final int second;

        TestRegisterRegister(Insn insn) {
            this.first = insn.reg1;
            this.second = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.setLazy(Flags.LOGIC, cpu.r[first] & cpu.r[second], 0);
        }
    }

    private static final class CompareRegisterImmediate extends Step {
        private final int first;
        private final long b;

        CompareRegisterImmediate(Insn insn) {
            this.first = insn.reg1;
            this.b = insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.setLazy(Flags.SUB, cpu.r[first] - b, b);
        }
    }

    private static final class TestRegisterImmediate extends Step {
        private final int first;
        private final long b;

        TestRegisterImmediate(Insn insn) {
            this.first = insn.reg1;
            this.b = insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.setLazy(Flags.LOGIC, cpu.r[first] & b, 0);
        }
    }

    private static final class CompareMemoryImmediate extends Step {
        private final Address first;
        private final long b;

        CompareMemoryImmediate(Insn insn) {
            this.first = new Address(insn, 1, false);
            this.b = insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.setLazy(Flags.SUB, cpu.mmu.read8(first.linear(cpu)) - b, b);
        }
    }

    private static final class TestMemoryImmediate extends Step {
        private final Address first;
        private final long b;

        TestMemoryImmediate(Insn insn) {
            this.first = new Address(insn, 1, false);
            this.b = insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.setLazy(Flags.LOGIC, cpu.mmu.read8(first.linear(cpu)) & b, 0);
        }
    }
}
