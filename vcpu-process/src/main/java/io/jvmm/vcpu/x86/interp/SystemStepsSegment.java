package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.ControlRegisters;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Segmentation;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/** Segment registers and the bases of FS and GS (SDM 2: MOV, POP, LDS and its kind, RDFSBASE and its kind). */
final class SystemStepsSegment {
    private SystemStepsSegment() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case MOV_SEG -> insn.kind1 == OperandKind.SEGMENT ? new Load(insn) : new Store(insn);
            case POP -> new Pop(insn);
            case LES -> new LoadPointer(insn, Segment.ES);
            case LSS -> new LoadPointer(insn, Segment.SS);
            case LDS -> new LoadPointer(insn, Segment.DS);
            case LFS -> new LoadPointer(insn, Segment.FS);
            case LGS -> new LoadPointer(insn, Segment.GS);
            case RDFSBASE, RDGSBASE -> new ReadBase(insn);
            case WRFSBASE, WRGSBASE -> new WriteBase(insn);
            default -> null;
        };
    }

    /**
     * Behind a load of SS the next instruction, which will load the stack pointer, is not interrupted (SDM 3A 6.8.3).
     */
    private static void afterLoad(Cpu cpu, int segment) {
        if (segment == Segment.SS) {
            cpu.interruptShadow = true;
            cpu.debugShadow = true;
            cpu.budget = 0;
        }
    }

    private static final class Load extends Step {
        private final int segment;
        private final Operand source;

        Load(Insn insn) {
            this.segment = insn.reg1;
            this.source = Operand.second(insn, 2);
        }

        @Override
        public void run(Cpu cpu) {
            Segmentation.load(cpu, segment, (int) source.read(cpu));
            afterLoad(cpu, segment);
        }
    }

    private static final class Store extends Step {
        private final int segment;
        private final Operand destination;

        Store(Insn insn) {
            this.segment = insn.reg2;
            this.destination = Operand.first(insn, insn.operandBytes, true);
        }

        @Override
        public void run(Cpu cpu) {
            destination.write(cpu, destination.locate(cpu), cpu.segments[segment].selector);
        }
    }

    private static final class Pop extends Step {
        private final int segment;
        private final int bytes;

        Pop(Insn insn) {
            this.segment = insn.reg1;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            // The stack is read with the operand width, of which two bytes count.
            final int selector = (int) StackSteps.peek(cpu, 0, bytes) & 0xffff;
            Segmentation.load(cpu, segment, selector);
            StackSteps.release(cpu, bytes);
            afterLoad(cpu, segment);
        }
    }

    private static final class LoadPointer extends Step {
        private final int segment;
        private final Address address;
        private final int register;
        private final int bytes;

        LoadPointer(Insn insn, int segment) {
            this.segment = segment;
            this.bytes = insn.operandBytes;
            this.address = new Address(insn, bytes + 2, false);
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long linear = address.linear(cpu);
            final long offset = cpu.mmu.read(linear, bytes);
            Segmentation.load(cpu, segment, cpu.mmu.read16(linear + bytes));
            Operand.writeRegister(cpu.r, register, bytes, offset);
        }
    }

    private static void checkBaseAccess(Cpu cpu) {
        if ((cpu.cr4 & ControlRegisters.CR4_FSGSBASE) == 0) {
            throw cpu.undefined();
        }
    }

    private static final class ReadBase extends Step {
        private final int segment;
        private final int register;
        private final int bytes;

        ReadBase(Insn insn) {
            this.segment = insn.op == Op.RDFSBASE ? Segment.FS : Segment.GS;
            this.register = insn.reg1;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            checkBaseAccess(cpu);
            Operand.writeRegister(cpu.r, register, bytes, cpu.segments[segment].base);
        }
    }

    private static final class WriteBase extends Step {
        private final int segment;
        private final int register;
        private final long mask;

        WriteBase(Insn insn) {
            this.segment = insn.op == Op.WRFSBASE ? Segment.FS : Segment.GS;
            this.register = insn.reg1;
            this.mask = Address.bits(insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            checkBaseAccess(cpu);
            final long base = cpu.r[register] & mask;
            if (!Segmentation.isCanonical(base)) {
                throw cpu.protection();
            }
            cpu.segments[segment].base = base;
        }
    }
}
