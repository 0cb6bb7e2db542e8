package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Privilege;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Segmentation;
import io.jvmm.vcpu.x86.cpu.SelectorProbe;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import org.jspecify.annotations.Nullable;

/** Descriptor-table registers, and questions about selectors (SDM 2). */
final class SystemStepsTable {
    private SystemStepsTable() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case LGDT, LIDT -> new LoadTable(insn);
            case SGDT, SIDT -> new StoreTable(insn);
            case LLDT, LTR -> new LoadSystem(insn);
            case SLDT, STR -> new StoreSystem(insn);
            case LAR, LSL -> new Probe(insn);
            case VERR, VERW -> new Verify(insn);
            case ARPL -> new AdjustPrivilege(insn);
            default -> null;
        };
    }

    private static void setZero(Cpu cpu, boolean zero) {
        cpu.setStatusFlags((cpu.statusFlags() & ~Flags.ZF) | (zero ? Flags.ZF : 0));
    }

    /** Width of the base in memory: 8 in 64-bit mode, else 4. */
    private static int baseBytes(Insn insn) {
        return insn.operandBytes == 8 ? 8 : 4;
    }

    private static final class LoadTable extends Step {
        private final boolean global;
        private final Address address;
        private final int baseBytes;
        private final long baseMask;

        LoadTable(Insn insn) {
            this.global = insn.op == Op.LGDT;
            this.baseBytes = baseBytes(insn);
            this.baseMask = insn.operandBytes == 2 ? 0xff_ffff : -1L;
            this.address = new Address(insn, 2 + baseBytes, false);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkSupervisor(cpu);
            final long linear = address.linear(cpu);
            final int limit = cpu.mmu.read16(linear);
            final long base = cpu.mmu.read(linear + 2, baseBytes) & baseMask;
            if (!Segmentation.isCanonical(base)) {
                throw cpu.protection();
            }
            if (global) {
                cpu.gdtBase = base;
                cpu.gdtLimit = limit;
            } else {
                cpu.idtBase = base;
                cpu.idtLimit = limit;
            }
            cpu.serialize();
        }
    }

    /** Processors of today store all of the base even with a 16-bit operand. */
    private static final class StoreTable extends Step {
        private final boolean global;
        private final Address address;
        private final int baseBytes;

        StoreTable(Insn insn) {
            this.global = insn.op == Op.SGDT;
            this.baseBytes = baseBytes(insn);
            this.address = new Address(insn, 2 + baseBytes, true);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkTableRead(cpu);
            final long linear = address.linear(cpu);
            Update.prepare(cpu.mmu, linear, 2 + baseBytes);
            cpu.mmu.write16(linear, global ? cpu.gdtLimit : cpu.idtLimit);
            cpu.mmu.write(linear + 2, baseBytes, global ? cpu.gdtBase : cpu.idtBase);
        }
    }

    private static final class LoadSystem extends Step {
        private final boolean task;
        private final Operand source;

        LoadSystem(Insn insn) {
            this.task = insn.op == Op.LTR;
            this.source = Operand.first(insn, 2, false);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkDescriptorMode(cpu);
            Privilege.checkSupervisor(cpu);
            final int selector = (int) source.read(cpu);
            if (task) {
                Segmentation.loadTask(cpu, selector);
            } else {
                Segmentation.loadLocalTable(cpu, selector);
            }
            cpu.serialize();
        }
    }

    private static final class StoreSystem extends Step {
        private final int segment;
        private final Operand destination;

        StoreSystem(Insn insn) {
            this.segment = insn.op == Op.STR ? Segment.TR : Segment.LDTR;
            this.destination = Operand.first(insn, insn.operandBytes, true);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkDescriptorMode(cpu);
            Privilege.checkTableRead(cpu);
            destination.write(cpu, destination.locate(cpu), cpu.segments[segment].selector);
        }
    }

    private static final class Probe extends Step {
        private final boolean limit;
        private final Operand source;
        private final int register;
        private final int bytes;

        Probe(Insn insn) {
            this.limit = insn.op == Op.LSL;
            this.source = Operand.second(insn, 2);
            this.register = insn.reg1;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkDescriptorMode(cpu);
            final int selector = (int) source.read(cpu);
            final long answer = limit ? SelectorProbe.limit(cpu, selector) : SelectorProbe.accessRights(cpu, selector);
            if (answer != SelectorProbe.NO) {
                Operand.writeRegister(cpu.r, register, bytes, answer);
            }
            setZero(cpu, answer != SelectorProbe.NO);
        }
    }

    private static final class Verify extends Step {
        private final boolean write;
        private final Operand source;

        Verify(Insn insn) {
            this.write = insn.op == Op.VERW;
            this.source = Operand.first(insn, 2, false);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkDescriptorMode(cpu);
            final int selector = (int) source.read(cpu);
            setZero(cpu, write ? SelectorProbe.isWritable(cpu, selector) : SelectorProbe.isReadable(cpu, selector));
        }
    }

    private static final class AdjustPrivilege extends Step {
        private final Operand destination;
        private final Operand source;

        AdjustPrivilege(Insn insn) {
            this.destination = Operand.first(insn, 2, true);
            this.source = Operand.second(insn, 2);
        }

        @Override
        public void run(Cpu cpu) {
            Privilege.checkDescriptorMode(cpu);
            final long linear = destination.locate(cpu);
            final long selector = destination.readForUpdate(cpu, linear);
            final long wanted = source.read(cpu) & 3;
            final boolean lower = (selector & 3) < wanted;
            if (lower) {
                destination.write(cpu, linear, (selector & ~3L) | wanted);
            }
            setZero(cpu, lower);
        }
    }
}
