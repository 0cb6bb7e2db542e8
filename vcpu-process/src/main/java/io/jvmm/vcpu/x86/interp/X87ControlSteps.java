package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.fpu.X87;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.jspecify.annotations.Nullable;

/**
 * The x87 instructions that compute nothing (SDM 1 8.3.11): control, status and environment. Those beginning with FN do not wait for a
 * pending exception; FWAIT does nothing else.
 */
public final class X87ControlSteps implements StepFactory {
    private static final long CR0_MP = 2;
    private static final long CR0_EM = 4;
    private static final long CR0_TS = 8;
    private static final int EXCEPTION_FLAGS = 0xff;
    private static final int ENVIRONMENT_FIELDS = 7;

    @Override
    public int build(Insn[] insns, int at, int modeKey, Step[] into) {
        final @Nullable Step step = step(insns[at]);
        if (step == null) {
            return 0;
        }
        into[0] = step;
        return 1;
    }

    private static @Nullable Step step(Insn insn) {
        return switch (insn.op) {
            case FNINIT, FNCLEX, FNOP, FWAIT, EMMS -> new Plain(insn);
            case FNSTCW, FLDCW -> new ControlWord(insn);
            case FNSTSW -> new StatusWord(insn);
            case FNSTENV, FLDENV, FNSAVE, FRSTOR -> new Environment(insn);
            default -> null;
        };
    }

    /** #NM when the unit is emulated or belongs to another task. */
    static void checkAvailable(Cpu cpu) {
        if ((cpu.cr0 & (CR0_EM | CR0_TS)) != 0) {
            throw cpu.exception.of(Vector.NM);
        }
    }

    /** What a waiting instruction does first: #MF for a pending unmasked exception. */
    static void checkPending(Cpu cpu) {
        checkAvailable(cpu);
        if (cpu.x87.isErrorPending()) {
            throw cpu.exception.of(Vector.MF);
        }
    }

    private static final class Plain extends Step {
        private final Insn insn;

        Plain(Insn insn) {
            this.insn = insn;
        }

        @Override
        public void run(Cpu cpu) {
            switch (insn.op) {
                case FWAIT -> {
                    if ((cpu.cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) {
                        throw cpu.exception.of(Vector.NM);
                    }
                    if (cpu.x87.isErrorPending()) {
                        throw cpu.exception.of(Vector.MF);
                    }
                }
                case EMMS -> emms(cpu);
                case FNINIT -> {
                    checkAvailable(cpu);
                    FpuState.initX87(cpu);
                }
                case FNCLEX -> {
                    checkAvailable(cpu);
                    cpu.x87.statusWord &= ~(EXCEPTION_FLAGS | X87.BUSY);
                }
                default -> checkPending(cpu);
            }
        }

        private static void emms(Cpu cpu) {
            if ((cpu.cr0 & CR0_EM) != 0) {
                throw cpu.undefined();
            }
            checkPending(cpu);
            cpu.x87.tagWord = 0xffff;
        }
    }

    private static final class ControlWord extends Step {
        private final boolean load;
        private final Address address;

        ControlWord(Insn insn) {
            load = insn.op == Op.FLDCW;
            address = new Address(insn, 2, !load);
        }

        @Override
        public void run(Cpu cpu) {
            if (load) {
                checkPending(cpu);
                // Bit 6 always reads as one; bits 7 and 13..15 as zero.
                cpu.x87.controlWord = (cpu.mmu.read16(address.linear(cpu)) & 0x1f3f) | 0x40;
                cpu.x87.updateSummary();
            } else {
                checkAvailable(cpu);
                cpu.mmu.write16(address.linear(cpu), cpu.x87.controlWord);
            }
        }
    }

    private static final class StatusWord extends Step {
        private final @Nullable Address address;

        StatusWord(Insn insn) {
            address = insn.kind1 == OperandKind.MEM ? new Address(insn, 2, true) : null;
        }

        @Override
        public void run(Cpu cpu) {
            checkAvailable(cpu);
            final int word = FpuState.statusWord(cpu.x87);
            if (address == null) {
                cpu.r[Cpu.RAX] = (cpu.r[Cpu.RAX] & ~0xffffL) | word;
            } else {
                cpu.mmu.write16(address.linear(cpu), word);
            }
        }
    }

    /**
     * FNSTENV, FLDENV (14 or 28 bytes) and FNSAVE, FRSTOR (with the eight registers behind). The layout is that of protected
     * mode (SDM 1 figures 8-9 and 8-11) also in real mode, where the pointers' upper bits differ.
     */
    private static final class Environment extends Step {
        private final boolean load;
        private final boolean registers;
        private final boolean wide;
        private final Address address;
        private final int bytes;

        Environment(Insn insn) {
            load = insn.op == Op.FLDENV || insn.op == Op.FRSTOR;
            registers = insn.op == Op.FNSAVE || insn.op == Op.FRSTOR;
            bytes = insn.operandBytes;
            wide = bytes == 28 || bytes == 108;
            address = new Address(insn, bytes, !load);
        }

        @Override
        public void run(Cpu cpu) {
            final long at = address.linear(cpu);
            if (load) {
                checkPending(cpu);
                load(cpu, at);
                return;
            }
            checkAvailable(cpu);
            cpu.mmu.probeWrite(at, bytes);
            store(cpu, at);
        }

        private int field() {
            return wide ? 4 : 2;
        }

        private void store(Cpu cpu, long at) {
            final X87 x87 = cpu.x87;
            put(cpu, at, 0, wide ? x87.controlWord | 0xffff_0000 : x87.controlWord);
            put(cpu, at, 1, wide ? FpuState.statusWord(x87) | 0xffff_0000 : FpuState.statusWord(x87));
            put(cpu, at, 2, wide ? x87.tagWord | 0xffff_0000 : x87.tagWord);
            put(cpu, at, 3, (int) x87.instructionPointer);
            put(cpu, at, 4, (x87.instructionSelector & 0xffff) | (wide ? x87.opcode << 16 : 0));
            put(cpu, at, 5, (int) x87.dataPointer);
            put(cpu, at, 6, wide ? x87.dataSelector | 0xffff_0000 : x87.dataSelector);
            if (registers) {
                final long first = at + (long) ENVIRONMENT_FIELDS * field();
                for (int i = 0; i < 8; i++) {
                    final int register = (x87.top + i) & 7;
                    // In pieces of two bytes: of this image no more needs to be aligned.
                    for (int piece = 0; piece < 4; piece++) {
                        final int part = (int) (x87.significand[register] >>> (16 * piece));
                        cpu.mmu.write16(first + 10L * i + 2L * piece, part);
                    }
                    cpu.mmu.write16(first + 10L * i + 8, x87.signExponent[register]);
                }
                FpuState.initX87(cpu);
            } else {
                x87.controlWord |= X87.EXCEPTIONS;
                x87.updateSummary();
            }
        }

        private void put(Cpu cpu, long at, int field, int value) {
            if (wide) {
                cpu.mmu.write32(at + 4L * field, value);
            } else {
                cpu.mmu.write16(at + 2L * field, value);
            }
        }

        private void load(Cpu cpu, long at) {
            final Mmu mmu = cpu.mmu;
            final long[] words = cpu.fpuImage;
            for (int i = 0; i < ENVIRONMENT_FIELDS; i++) {
                words[i] = mmu.read(at + (long) field() * i, field());
            }
            final long first = at + (long) ENVIRONMENT_FIELDS * field();
            for (int i = 0; registers && i < 8; i++) {
                for (int piece = 0; piece < 4; piece++) {
                    final long part = (long) mmu.read16(first + 10L * i + 2L * piece) << (16 * piece);
                    words[8 + 2 * i] = piece == 0 ? part : words[8 + 2 * i] | part;
                }
                words[9 + 2 * i] = mmu.read16(first + 10L * i + 8);
            }
            final X87 x87 = cpu.x87;
            x87.controlWord = ((int) words[0] & 0x1f3f) | 0x40;
            FpuState.setStatusWord(x87, (int) words[1] & 0xffff);
            for (int i = 0; registers && i < 8; i++) {
                final int register = (x87.top + i) & 7;
                x87.significand[register] = words[8 + 2 * i];
                x87.signExponent[register] = (int) words[9 + 2 * i];
            }
            loadTags(x87, (int) words[2]);
            x87.instructionPointer = words[3];
            x87.instructionSelector = (int) words[4] & 0xffff;
            x87.opcode = wide ? (int) (words[4] >>> 16) & 0x7ff : 0;
            x87.dataPointer = words[5];
            x87.dataSelector = (int) words[6] & 0xffff;
        }

        /** Only "empty" is taken from memory; what a register holds says the rest (SDM 1 8.1.7). */
        private static void loadTags(X87 x87, int tags) {
            int word = 0;
            for (int register = 0; register < 8; register++) {
                final boolean empty = (tags >> (2 * register) & 3) == X87.TAG_EMPTY;
                word |= (empty ? X87.TAG_EMPTY : x87.tagOf(register)) << (2 * register);
            }
            x87.tagWord = word;
        }
    }
}
