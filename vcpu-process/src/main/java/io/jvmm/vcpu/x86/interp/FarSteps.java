package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Delivery;
import io.jvmm.vcpu.x86.cpu.FarTransfer;
import io.jvmm.vcpu.x86.cpu.FastCalls;
import io.jvmm.vcpu.x86.cpu.InterruptReturn;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.jspecify.annotations.Nullable;

/** Far control transfer, software interrupts, system calls (SDM 2). The work is done by package {@code cpu}. */
final class FarSteps {
    private FarSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case JMP_FAR, CALL_FAR -> insn.kind1 == OperandKind.FAR ? new Direct(insn) : new Indirect(insn);
            case RET_FAR -> new Return(insn);
            case INT, INT3, INT1, INTO -> new Interrupt(insn);
            case IRET -> new ReturnFromInterrupt(insn);
            case SYSCALL -> new SystemCall(insn);
            case SYSRET, SYSENTER, SYSEXIT -> new Fast(insn);
            case SWAPGS -> new SwapGs();
            default -> null;
        };
    }

    private static void go(Cpu cpu, boolean call, int selector, long offset, int bytes, long next) {
        if (call) {
            FarTransfer.call(cpu, selector, offset, bytes, cpu.blockRip + next);
        } else {
            FarTransfer.jump(cpu, selector, offset, bytes, cpu.blockRip + next);
        }
    }

    private static final class Direct extends Step {
        private final boolean call;
        private final int selector;
        private final long offset;
        private final int bytes;
        private final long next;

        Direct(Insn insn) {
            this.call = insn.op == Op.CALL_FAR;
            this.selector = insn.imm2 & 0xffff;
            this.bytes = insn.operandBytes;
            this.offset = insn.imm & Address.bits(bytes);
            this.next = insn.end();
        }

        @Override
        public void run(Cpu cpu) {
            go(cpu, call, selector, offset, bytes, next);
        }
    }

    private static final class Indirect extends Step {
        private final boolean call;
        private final Address address;
        private final int bytes;
        private final long next;

        Indirect(Insn insn) {
            this.call = insn.op == Op.CALL_FAR;
            this.bytes = insn.operandBytes;
            this.address = new Address(insn, bytes + 2, false);
            this.next = insn.end();
        }

        @Override
        public void run(Cpu cpu) {
            final long linear = address.linear(cpu);
            final long offset = cpu.mmu.read(linear, bytes);
            go(cpu, call, cpu.mmu.read16(linear + bytes), offset, bytes, next);
        }
    }

    private static final class Return extends Step {
        private final int bytes;
        private final int release;

        Return(Insn insn) {
            this.bytes = insn.operandBytes;
            this.release = insn.kind1 == OperandKind.IMM ? (int) insn.imm & 0xffff : 0;
        }

        @Override
        public void run(Cpu cpu) {
            FarTransfer.ret(cpu, bytes, release);
        }
    }

    /** A gate that cannot be entered raises its exception at the instruction, hence nothing is set before. */
    private static final class Interrupt extends Step {
        private final Op op;
        private final int vector;
        private final long next;

        Interrupt(Insn insn) {
            this.op = insn.op;
            this.vector = (int) insn.imm & 0xff;
            this.next = insn.end();
        }

        @Override
        public void run(Cpu cpu) {
            final long nextRip = cpu.blockRip + next;
            switch (op) {
                case INT3 -> Delivery.software(cpu, Vector.BP, nextRip);
                case INT1 -> Delivery.int1(cpu, nextRip);
                case INTO -> {
                    if (cpu.condition(0)) {
                        Delivery.software(cpu, Vector.OF, nextRip);
                    } else {
                        cpu.rip = nextRip;
                    }
                }
                default -> Delivery.interruptInstruction(cpu, vector, nextRip);
            }
        }
    }

    private static final class ReturnFromInterrupt extends Step {
        private final int bytes;
        private final long next;

        ReturnFromInterrupt(Insn insn) {
            this.bytes = insn.operandBytes;
            this.next = insn.end();
        }

        @Override
        public void run(Cpu cpu) {
            InterruptReturn.run(cpu, bytes, cpu.blockRip + next);
        }
    }

    private static final class SystemCall extends Step {
        private final long next;

        SystemCall(Insn insn) {
            this.next = insn.end();
        }

        @Override
        public void run(Cpu cpu) {
            FastCalls.syscall(cpu, cpu.blockRip + next);
        }
    }

    private static final class Fast extends Step {
        private final Op op;
        private final int bytes;

        Fast(Insn insn) {
            this.op = insn.op;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            switch (op) {
                case SYSRET -> FastCalls.sysret(cpu, bytes);
                case SYSENTER -> FastCalls.sysenter(cpu);
                default -> FastCalls.sysexit(cpu);
            }
        }
    }

    private static final class SwapGs extends Step {
        @Override
        public void run(Cpu cpu) {
            FastCalls.swapgs(cpu);
        }
    }
}
