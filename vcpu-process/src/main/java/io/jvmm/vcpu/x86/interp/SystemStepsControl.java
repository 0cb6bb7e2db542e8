package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.ControlRegisters;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Debugging;
import io.jvmm.vcpu.x86.cpu.Msrs;
import io.jvmm.vcpu.x86.cpu.Privilege;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/** Control, debug and model-specific registers, and INVLPG (SDM 2). */
final class SystemStepsControl {
    private static final long LOW = 0xffff_ffffL;

    private SystemStepsControl() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case MOV_CR -> insn.kind1 == OperandKind.CONTROL ? new WriteControl(insn) : new ReadControl(insn);
            case MOV_DR -> insn.kind1 == OperandKind.DEBUG ? new WriteDebug(insn) : new ReadDebug(insn);
            case LMSW -> new LoadStatusWord(insn);
            case SMSW -> new StoreStatusWord(insn);
            case CLTS -> new ClearTaskSwitched();
            case XGETBV -> new ReadExtended();
            case XSETBV -> new WriteExtended();
            case RDMSR -> new ReadMsr();
            case WRMSR -> new WriteMsr();
            case INVLPG -> new InvalidatePage(insn);
            default -> null;
        };
    }

    /** A value of 64 bits to EDX:EAX. */
    private static void split(Cpu cpu, long value) {
        cpu.r[Cpu.RAX] = value & LOW;
        cpu.r[Cpu.RDX] = value >>> 32;
    }

    private static long joined(Cpu cpu) {
        return cpu.r[Cpu.RDX] << 32 | (cpu.r[Cpu.RAX] & LOW);
    }

    private static final class ReadControl extends Step {
        private final int register;
        private final int number;
        private final int bytes;

        ReadControl(Insn insn) {
            this.register = insn.reg1;
            this.number = insn.reg2;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            Operand.writeRegister(cpu.r, register, bytes, ControlRegisters.read(cpu, number));
        }
    }

    private static final class WriteControl extends Step {
        private final int register;
        private final int number;
        private final long mask;

        WriteControl(Insn insn) {
            this.number = insn.reg1;
            this.register = insn.reg2;
            this.mask = Address.bits(insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            ControlRegisters.write(cpu, number, cpu.r[register] & mask);
            cpu.serialize();
        }
    }

    private static final class ReadDebug extends Step {
        private final int register;
        private final int number;
        private final int bytes;

        ReadDebug(Insn insn) {
            this.register = insn.reg1;
            this.number = insn.reg2;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            Operand.writeRegister(cpu.r, register, bytes, Debugging.read(cpu, number));
        }
    }

    private static final class WriteDebug extends Step {
        private final int register;
        private final int number;
        private final long mask;

        WriteDebug(Insn insn) {
            this.number = insn.reg1;
            this.register = insn.reg2;
            this.mask = Address.bits(insn.operandBytes);
        }

        @Override
        public void run(Cpu cpu) {
            Debugging.write(cpu, number, cpu.r[register] & mask);
            cpu.serialize();
        }
    }

    private static final class LoadStatusWord extends Step {
        private final Operand source;

        LoadStatusWord(Insn insn) {
            this.source = Operand.first(insn, 2, false);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            ControlRegisters.loadStatusWord(cpu, (int) source.read(cpu));
            cpu.serialize();
        }
    }

    private static final class StoreStatusWord extends Step {
        private final Operand destination;

        StoreStatusWord(Insn insn) {
            this.destination = Operand.first(insn, insn.operandBytes, true);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkTableRead(cpu);
            destination.write(cpu, destination.locate(cpu), cpu.cr0);
        }
    }

    private static final class ClearTaskSwitched extends Step {
        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            cpu.cr0 &= ~ControlRegisters.CR0_TS;
        }
    }

    private static final class ReadExtended extends Step {
        @Override
        public void run(Cpu cpu) {
            split(cpu, ControlRegisters.readXcr(cpu, (int) cpu.r[Cpu.RCX]));
        }
    }

    private static final class WriteExtended extends Step {
        @Override
        public void run(Cpu cpu) {
            if ((cpu.cr4 & ControlRegisters.CR4_OSXSAVE) == 0) {
                throw cpu.undefined();
            }
            Privilege.checkSupervisor(cpu);
            ControlRegisters.writeXcr(cpu, (int) cpu.r[Cpu.RCX], joined(cpu));
        }
    }

    private static final class ReadMsr extends Step {
        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            split(cpu, Msrs.read(cpu, (int) cpu.r[Cpu.RCX]));
        }
    }

    private static final class WriteMsr extends Step {
        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            Msrs.write(cpu, (int) cpu.r[Cpu.RCX], joined(cpu));
            cpu.serialize();
        }
    }

    private static final class InvalidatePage extends Step {
        private final Address address;

        InvalidatePage(Insn insn) {
            this.address = new Address(insn, 1, false);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            cpu.mmu.flushPage(address.linear(cpu));
            cpu.serialize();
        }
    }
}
