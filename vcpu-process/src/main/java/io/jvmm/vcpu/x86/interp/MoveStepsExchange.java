package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.mmu.Mmu;
import org.jspecify.annotations.Nullable;

/**
 * XCHG, XADD, CMPXCHG, CMPXCHG8B (SDM 2). With LOCK, and XCHG with memory always, they are loops of compare-and-exchange on guest
 * memory. CMPXCHG16B is not here: nothing in Java swaps 16 bytes atomically, so the processor does not offer it.
 */
final class MoveStepsExchange {
    private static final long MASK = 0xffff_ffffL;

    private MoveStepsExchange() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case XCHG -> exchange(insn);
            case XADD -> insn.lock ? new LockedExchangeAdd(insn) : new ExchangeAdd(insn);
            case CMPXCHG -> insn.lock ? new LockedCompareExchange(insn) : new CompareExchange(insn);
            case CMPXCHG8B -> new CompareExchange8Bytes(insn);
            default -> null;
        };
    }

    private static Step exchange(Insn insn) {
        if (insn.kind1 == OperandKind.MEM) {
            return new ExchangeMemory(insn, insn.kind2 == OperandKind.GPR_HIGH, insn.reg2);
        }
        if (insn.kind2 == OperandKind.MEM) {
            return new ExchangeMemory(insn, insn.kind1 == OperandKind.GPR_HIGH, insn.reg1);
        }
        return new ExchangeRegisters(insn);
    }

    private static final class ExchangeRegisters extends Step {
        private final Operand first;
        private final Operand second;

        ExchangeRegisters(Insn insn) {
            this.first = Operand.first(insn, insn.operandBytes, true);
            this.second = Operand.second(insn, insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long a = first.read(cpu);
            final long b = second.read(cpu);
            first.write(cpu, 0, b);
            second.write(cpu, 0, a);
        }
    }

    private static final class ExchangeMemory extends Step {
        private final Address memory;
        private final int bytes;
        private final int register;
        private final int down;

        ExchangeMemory(Insn insn, boolean high, int register) {
            this.bytes = insn.operandBytes;
            this.memory = new Address(insn, bytes, true);
            this.register = register;
            this.down = high ? 8 : 0;
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long[] r = cpu.r;
            final long linear = memory.linear(cpu);
            final long value = (r[register] >>> down) & Address.bits(bytes);
            long old = Update.read(mmu, linear, bytes);
            long found = mmu.update(linear, bytes, old, value);
            while (found != old) {
                old = found;
                found = mmu.update(linear, bytes, old, value);
            }
            if (down == 0) {
                Operand.writeRegister(r, register, bytes, old);
            } else {
                r[register] = (r[register] & ~0xff00L) | old << 8;
            }
        }
    }

    /** The sum goes to the first operand last: with both the same register, it is what remains. */
    private static final class ExchangeAdd extends Step {
        private final Operand first;
        private final Operand second;
        private final int log2;

        ExchangeAdd(Insn insn) {
            this.first = Operand.first(insn, insn.operandBytes, true);
            this.second = Operand.second(insn, insn.operandBytes);
            this.log2 = IntegerSteps.log2(insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long linear = first.locate(cpu);
            final long a = first.readForUpdate(cpu, linear);
            final long b = second.read(cpu);
            final long sum = a + b;
            if (first.isMemory()) {
                first.write(cpu, linear, sum);
                second.write(cpu, 0, a);
            } else {
                second.write(cpu, 0, a);
                first.write(cpu, 0, sum);
            }
            cpu.setLazy(Flags.ADD + log2, sum, b);
        }
    }

    private static final class LockedExchangeAdd extends Step {
        private final Address memory;
        private final Operand second;
        private final int bytes;

        LockedExchangeAdd(Insn insn) {
            this.bytes = insn.operandBytes;
            this.memory = new Address(insn, bytes, true);
            this.second = Operand.second(insn, bytes);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long linear = memory.linear(cpu);
            final long mask = Address.bits(bytes);
            final long b = second.read(cpu);
            long a = Update.read(mmu, linear, bytes);
            long found = mmu.update(linear, bytes, a, (a + b) & mask);
            while (found != a) {
                a = found;
                found = mmu.update(linear, bytes, a, (a + b) & mask);
            }
            second.write(cpu, 0, a);
            cpu.setLazy(Flags.ADD + IntegerSteps.log2(bytes), a + b, b);
        }
    }

    /** Without LOCK. Memory is written in any case, with itself when the comparison fails; a register is not. */
    private static final class CompareExchange extends Step {
        private final Operand first;
        private final Operand second;
        private final int bytes;

        CompareExchange(Insn insn) {
            this.bytes = insn.operandBytes;
            this.first = Operand.first(insn, bytes, true);
            this.second = Operand.second(insn, bytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long linear = first.locate(cpu);
            final long old = first.readForUpdate(cpu, linear);
            final long accumulator = cpu.r[Cpu.RAX] & Address.bits(bytes);
            if (accumulator == old) {
                first.write(cpu, linear, second.read(cpu));
            } else {
                if (first.isMemory()) {
                    first.write(cpu, linear, old);
                }
                Operand.writeRegister(cpu.r, Cpu.RAX, bytes, old);
            }
            cpu.setLazy(Flags.SUB + IntegerSteps.log2(bytes), accumulator - old, old);
        }
    }

    private static final class LockedCompareExchange extends Step {
        private final Address memory;
        private final Operand second;
        private final int bytes;

        LockedCompareExchange(Insn insn) {
            this.bytes = insn.operandBytes;
            this.memory = new Address(insn, bytes, true);
            this.second = Operand.second(insn, bytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long accumulator = cpu.r[Cpu.RAX] & Address.bits(bytes);
            final long old = cpu.mmu.compareAndExchange(memory.linear(cpu), bytes, accumulator, second.read(cpu));
            if (accumulator != old) {
                Operand.writeRegister(cpu.r, Cpu.RAX, bytes, old);
            }
            cpu.setLazy(Flags.SUB + IntegerSteps.log2(bytes), accumulator - old, old);
        }
    }

    /** EDX:EAX and ECX:EBX; ZF is the only flag affected. Atomic with LOCK and without. */
    private static final class CompareExchange8Bytes extends Step {
        private final Address memory;

        CompareExchange8Bytes(Insn insn) {
            this.memory = new Address(insn, 8, true);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long expected = r[Cpu.RDX] << 32 | (r[Cpu.RAX] & MASK);
            final long replacement = r[Cpu.RCX] << 32 | (r[Cpu.RBX] & MASK);
            final long old = cpu.mmu.compareAndExchange(memory.linear(cpu), 8, expected, replacement);
            final int others = cpu.statusFlags() & ~Flags.ZF;
            if (old == expected) {
                cpu.setStatusFlags(others | Flags.ZF);
            } else {
                r[Cpu.RDX] = old >>> 32;
                r[Cpu.RAX] = old & MASK;
                cpu.setStatusFlags(others);
            }
        }
    }
}
