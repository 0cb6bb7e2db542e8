package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.jspecify.annotations.Nullable;

/**
 * Near control transfer: JMP, Jcc, JCXZ, LOOPcc, CALL, RET, and BOUND (SDM 2). Each sets {@code cpu.rip}, having first checked that the
 * target is canonical, or in legacy modes within the limit of CS.
 */
final class BranchSteps {
    private BranchSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        final boolean plain = insn.codeBytes == 8 && insn.operandBytes != 2;
        final boolean relative = insn.kind1 == OperandKind.REL;
        return switch (insn.op) {
            case JMP ->
                relative
                        ? plain ? new Jump(insn) : new JumpLegacy(insn)
                        : plain && insn.kind1 == OperandKind.GPR ? new JumpRegister(insn) : new JumpIndirect(insn);
            case JCC -> plain ? new Conditional(insn) : new ConditionalLegacy(insn);
            case JCXZ, LOOP, LOOPE, LOOPNE -> new Loop(insn);
            case CALL ->
                relative
                        ? plain ? new Call(insn) : new CallLegacy(insn)
                        : plain && insn.kind1 == OperandKind.GPR ? new CallRegister(insn) : new CallIndirect(insn);
            case RET -> plain && insn.imm == 0 ? new Return() : new ReturnLegacy(insn);
            case BOUND -> new Bound(insn);
            default -> null;
        };
    }

    /**
     * Whether RIP may become this.
     *
     * @return the target
     */
    static long checked(Cpu cpu, long target) {
        if (cpu.codeBytes == 8) {
            if (target << 16 >> 16 != target) {
                throw cpu.protection();
            }
        } else if (target > cpu.segments[Segment.CS].limit) {
            throw cpu.protection();
        }
        return target;
    }

    private static void checkCanonical(Cpu cpu, long target) {
        if (target << 16 >> 16 != target) {
            throw cpu.protection();
        }
    }

    private static final class Jump extends Step {
        private final long target;

        Jump(Insn insn) {
            this.target = insn.end() + insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            final long to = cpu.blockRip + target;
            checkCanonical(cpu, to);
            cpu.rip = to;
        }
    }

    private static final class JumpLegacy extends Step {
        private final long target;
        private final long mask;

        JumpLegacy(Insn insn) {
            this.target = insn.end() + insn.imm;
            this.mask = Address.bits(insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.rip = checked(cpu, (cpu.blockRip + target) & mask);
        }
    }

    private static final class JumpRegister extends Step {
        private final int register;

        JumpRegister(Insn insn) {
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long to = cpu.r[register];
            checkCanonical(cpu, to);
            cpu.rip = to;
        }
    }

    private static final class JumpIndirect extends Step {
        private final Operand target;

        JumpIndirect(Insn insn) {
            this.target = Operand.first(insn, insn.operandBytes, false);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.rip = checked(cpu, target.read(cpu));
        }
    }

    /** In 64-bit mode a relative target that is not canonical is found by the fetch that follows. */
    private static final class Conditional extends Step {
        private final int condition;
        private final long target;
        private final long next;

        Conditional(Insn insn) {
            this.condition = insn.condition;
            this.next = insn.end();
            this.target = next + insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.rip = cpu.blockRip + (cpu.condition(condition) ? target : next);
        }
    }

    private static final class ConditionalLegacy extends Step {
        private final int condition;
        private final long target;
        private final long next;
        private final long mask;

        ConditionalLegacy(Insn insn) {
            this.condition = insn.condition;
            this.next = insn.end();
            this.target = next + insn.imm;
            this.mask = Address.bits(insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            if (cpu.condition(condition)) {
                cpu.rip = checked(cpu, (cpu.blockRip + target) & mask);
            } else {
                cpu.rip = cpu.blockRip + next;
            }
        }
    }

    /** JCXZ, LOOP, LOOPE, LOOPNE: the counter has the width of addresses. */
    private static final class Loop extends Step {
        private final Op op;
        private final long target;
        private final long next;
        private final long mask;
        private final int addressBytes;

        Loop(Insn insn) {
            this.op = insn.op;
            this.next = insn.end();
            this.target = next + insn.imm;
            this.mask = Address.bits(insn.operandBytes);
            this.addressBytes = insn.addressBytes;
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long counterMask = Address.bits(addressBytes);
            final long count = (op == Op.JCXZ ? r[Cpu.RCX] : r[Cpu.RCX] - 1) & counterMask;
            final boolean taken = switch (op) {
                case JCXZ -> count == 0;
                case LOOPE -> count != 0 && cpu.condition(4);
                case LOOPNE -> count != 0 && cpu.condition(5);
                default -> count != 0;
            };
            final long to = taken ? checked(cpu, (cpu.blockRip + target) & mask) : cpu.blockRip + next;
            if (op != Op.JCXZ) {
                Operand.writeRegister(r, Cpu.RCX, addressBytes, count);
            }
            cpu.rip = to;
        }
    }

    private static final class Call extends Step {
        private final long target;
        private final long next;

        Call(Insn insn) {
            this.next = insn.end();
            this.target = next + insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            final long to = cpu.blockRip + target;
            checkCanonical(cpu, to);
            final long top = cpu.r[Cpu.RSP] - 8;
            cpu.mmu.write64(top, cpu.blockRip + next);
            cpu.r[Cpu.RSP] = top;
            cpu.rip = to;
        }
    }

    private static final class CallRegister extends Step {
        private final int register;
        private final long next;

        CallRegister(Insn insn) {
            this.register = insn.reg1;
            this.next = insn.end();
        }

        @Override
        public void run(Cpu cpu) {
            final long to = cpu.r[register];
            checkCanonical(cpu, to);
            final long top = cpu.r[Cpu.RSP] - 8;
            cpu.mmu.write64(top, cpu.blockRip + next);
            cpu.r[Cpu.RSP] = top;
            cpu.rip = to;
        }
    }

    private static final class CallLegacy extends Step {
        private final long target;
        private final long next;
        private final int bytes;

        CallLegacy(Insn insn) {
            this.next = insn.end();
            this.target = next + insn.imm;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            final long to = checked(cpu, (cpu.blockRip + target) & Address.bits(bytes));
            StackSteps.push(cpu, cpu.blockRip + next, bytes);
            cpu.rip = to;
        }
    }

    private static final class CallIndirect extends Step {
        private final Operand target;
        private final long next;
        private final int bytes;

        CallIndirect(Insn insn) {
            this.bytes = insn.operandBytes;
            this.target = Operand.first(insn, bytes, false);
            this.next = insn.end();
        }

        @Override
        public void run(Cpu cpu) {
            final long to = checked(cpu, target.read(cpu));
            StackSteps.push(cpu, cpu.blockRip + next, bytes);
            cpu.rip = to;
        }
    }

    private static final class Return extends Step {
        @Override
        public void run(Cpu cpu) {
            final long top = cpu.r[Cpu.RSP];
            final long to = cpu.mmu.read64(top);
            checkCanonical(cpu, to);
            cpu.r[Cpu.RSP] = top + 8;
            cpu.rip = to;
        }
    }

    private static final class ReturnLegacy extends Step {
        private final int bytes;
        private final int release;

        ReturnLegacy(Insn insn) {
            this.bytes = insn.operandBytes;
            this.release = (int) insn.imm & 0xffff;
        }

        @Override
        public void run(Cpu cpu) {
            final long to = checked(cpu, StackSteps.peek(cpu, 0, bytes));
            StackSteps.release(cpu, bytes + release);
            cpu.rip = to;
        }
    }

    /** #BR when the signed index is outside the two bounds in memory. */
    private static final class Bound extends Step {
        private final Operand index;
        private final Address bounds;
        private final int bytes;

        Bound(Insn insn) {
            this.bytes = insn.operandBytes;
            this.index = Operand.first(insn, bytes, false);
            this.bounds = new Address(insn, 2 * bytes, false);
        }

        @Override
        public void run(Cpu cpu) {
            final long linear = bounds.linear(cpu);
            final long value = Operand.signed(index.read(cpu), bytes);
            final long lower = Operand.signed(cpu.mmu.read(linear, bytes), bytes);
            final long upper = Operand.signed(cpu.mmu.read(linear + bytes, bytes), bytes);
            if (value < lower || value > upper) {
                throw cpu.exception.of(Vector.BR);
            }
        }
    }
}
