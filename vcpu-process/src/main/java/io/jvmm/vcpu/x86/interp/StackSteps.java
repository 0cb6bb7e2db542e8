package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Segmentation;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/**
 * PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER, LEAVE (SDM 2). The stack pointer changes last. Its width is that of the mode: 64 bits, or as SS.B
 * says.
 */
final class StackSteps {
    private static final int GREATEST_LEVEL = 31;

    private StackSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        final boolean quad = insn.codeBytes == 8 && insn.operandBytes == 8;
        return switch (insn.op) {
            case PUSH -> push(insn, quad);
            case POP -> pop(insn, quad);
            case PUSHF -> new PushFlags(insn);
            case POPF -> new PopFlags(insn);
            case PUSHA -> new PushAll(insn);
            case POPA -> new PopAll(insn);
            case ENTER -> new Enter(insn);
            case LEAVE -> quad ? new Leave64() : new Leave(insn);
            default -> null;
        };
    }

    private static Step push(Insn insn, boolean quad) {
        if (insn.kind1 == OperandKind.SEGMENT) {
            return new PushSegment(insn);
        }
        if (quad) {
            if (insn.kind1 == OperandKind.GPR) {
                return new PushRegister64(insn);
            }
            if (insn.kind1 == OperandKind.IMM) {
                return new PushImmediate64(insn);
            }
        }
        return new Push(insn);
    }

    private static @Nullable Step pop(Insn insn, boolean quad) {
        return switch (insn.kind1) {
            case GPR -> quad ? new PopRegister64(insn) : new PopRegister(insn);
            case MEM -> new PopMemory(insn);
            default -> null;
        };
    }

    /** Bits of the stack pointer that count. */
    static long mask(Cpu cpu) {
        if (cpu.codeBytes == 8) {
            return -1L;
        }
        return cpu.segments[Segment.SS].isBig() ? 0xffff_ffffL : 0xffffL;
    }

    /** Linear address of {@code bytes} bytes, {@code distance} above the top of the stack. */
    static long linear(Cpu cpu, long distance, int bytes, boolean write) {
        final long offset = (cpu.r[Cpu.RSP] + distance) & mask(cpu);
        return Segmentation.linear(cpu, Segment.SS, offset, bytes, write);
    }

    /** Reads {@code distance} above the top of the stack, which does not move. */
    static long peek(Cpu cpu, long distance, int bytes) {
        return cpu.mmu.read(linear(cpu, distance, bytes, false), bytes);
    }

    /** Moves the top of the stack up by so many bytes. */
    static void release(Cpu cpu, long bytes) {
        final long mask = mask(cpu);
        final long rsp = cpu.r[Cpu.RSP];
        setPointer(cpu, Cpu.RSP, (rsp + bytes) & mask, mask);
    }

    private static void setPointer(Cpu cpu, int register, long offset, long mask) {
        cpu.r[register] = mask == 0xffffL ? (cpu.r[register] & ~0xffffL) | offset : offset;
    }

    /** Pushes a value; the last thing that an instruction does that may fault. */
    static void push(Cpu cpu, long value, int bytes) {
        cpu.mmu.write(linear(cpu, -bytes, bytes, true), bytes, value);
        release(cpu, -bytes);
    }

    private static final class PushRegister64 extends Step {
        private final int register;

        PushRegister64(Insn insn) {
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long top = cpu.r[Cpu.RSP] - 8;
            cpu.mmu.write64(top, cpu.r[register]);
            cpu.r[Cpu.RSP] = top;
        }
    }

    private static final class PushImmediate64 extends Step {
        private final long value;

        PushImmediate64(Insn insn) {
            this.value = insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            final long top = cpu.r[Cpu.RSP] - 8;
            cpu.mmu.write64(top, value);
            cpu.r[Cpu.RSP] = top;
        }
    }

    private static final class Push extends Step {
        private final Operand operand;

        Push(Insn insn) {
            this.operand = Operand.first(insn, insn.operandBytes, false);
        }

        @Override
        public void run(Cpu cpu) {
            push(cpu, operand.read(cpu), operand.bytes);
        }
    }

    /** The selector, zero-extended; 32-bit processors of today write 16 bits of the 32 that the stack moves by. */
    private static final class PushSegment extends Step {
        private final int segment;
        private final int bytes;

        PushSegment(Insn insn) {
            this.segment = insn.reg1;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            push(cpu, cpu.segments[segment].selector & 0xffffL, bytes);
        }
    }

    private static final class PopRegister64 extends Step {
        private final int register;

        PopRegister64(Insn insn) {
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long top = cpu.r[Cpu.RSP];
            final long value = cpu.mmu.read64(top);
            cpu.r[Cpu.RSP] = top + 8;
            cpu.r[register] = value;
        }
    }

    private static final class PopRegister extends Step {
        private final int register;
        private final int bytes;

        PopRegister(Insn insn) {
            this.register = insn.reg1;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            final long value = peek(cpu, 0, bytes);
            release(cpu, bytes);
            Operand.writeRegister(cpu.r, register, bytes, value);
        }
    }

    /** An address relative to RSP is that of after the pop. */
    private static final class PopMemory extends Step {
        private final Address address;
        private final int bytes;
        private final int distance;

        PopMemory(Insn insn) {
            this.bytes = insn.operandBytes;
            this.address = new Address(insn, bytes, true);
            this.distance = address.uses(Cpu.RSP) ? bytes : 0;
        }

        @Override
        public void run(Cpu cpu) {
            final long value = peek(cpu, 0, bytes);
            cpu.mmu.write(address.linear(cpu, distance), bytes, value);
            release(cpu, bytes);
        }
    }

    /** Virtual-8086 mode with IOPL below 3 has no stack of flags. */
    private static void checkVirtual(Cpu cpu) {
        if (cpu.isVirtual86() && cpu.iopl() < 3) {
            throw cpu.protection();
        }
    }

    private static final class PushFlags extends Step {
        private final int bytes;

        PushFlags(Insn insn) {
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            checkVirtual(cpu);
            push(cpu, cpu.flags() & ~(Flags.VM | Flags.RF), bytes);
        }
    }

    /** IOPL takes CPL 0 to change, IF a CPL up to IOPL; RF becomes 0, VM, VIF and VIP stay. */
    private static final class PopFlags extends Step {
        private static final int ANYBODY = Flags.STATUS | Flags.TF | Flags.DF | Flags.NT | Flags.AC | Flags.ID;

        private final int bytes;

        PopFlags(Insn insn) {
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            checkVirtual(cpu);
            final int value = (int) peek(cpu, 0, bytes);
            int mask = ANYBODY;
            if (cpu.cpl == 0) {
                mask |= Flags.IOPL;
            }
            if (cpu.cpl <= cpu.iopl()) {
                mask |= Flags.IF;
            }
            release(cpu, bytes);
            cpu.setFlags(value & ~Flags.RF, (bytes == 2 ? mask & 0xffff : mask) | Flags.RF);
        }
    }

    private static final class PushAll extends Step {
        private final int bytes;

        PushAll(Insn insn) {
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            for (int i = 0; i < 8; i++) {
                Update.prepare(cpu.mmu, linear(cpu, -(i + 1L) * bytes, bytes, true), bytes);
            }
            for (int i = 0; i < 8; i++) {
                cpu.mmu.write(linear(cpu, -(i + 1L) * bytes, bytes, true), bytes, cpu.r[i]);
            }
            release(cpu, -8L * bytes);
        }
    }

    /** DI SI BP (SP is skipped) BX DX CX AX; all are read before the first changes. */
    private static final class PopAll extends Step {
        private final int bytes;

        PopAll(Insn insn) {
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            final long di = peek(cpu, 0, bytes);
            final long si = peek(cpu, bytes, bytes);
            final long bp = peek(cpu, 2L * bytes, bytes);
            final long bx = peek(cpu, 4L * bytes, bytes);
            final long dx = peek(cpu, 5L * bytes, bytes);
            final long cx = peek(cpu, 6L * bytes, bytes);
            final long ax = peek(cpu, 7L * bytes, bytes);
            release(cpu, 8L * bytes);
            Operand.writeRegister(cpu.r, Cpu.RDI, bytes, di);
            Operand.writeRegister(cpu.r, Cpu.RSI, bytes, si);
            Operand.writeRegister(cpu.r, Cpu.RBP, bytes, bp);
            Operand.writeRegister(cpu.r, Cpu.RBX, bytes, bx);
            Operand.writeRegister(cpu.r, Cpu.RDX, bytes, dx);
            Operand.writeRegister(cpu.r, Cpu.RCX, bytes, cx);
            Operand.writeRegister(cpu.r, Cpu.RAX, bytes, ax);
        }
    }

    /**
     * What it pushes is written before the last check, as in processors; registers change after it. The last check is that the new
     * top of the stack could be written.
     */
    private static final class Enter extends Step {
        private final int bytes;
        private final long size;
        private final int level;

        Enter(Insn insn) {
            this.bytes = insn.operandBytes;
            this.size = insn.imm & 0xffff;
            this.level = insn.imm2 & GREATEST_LEVEL;
        }

        @Override
        public void run(Cpu cpu) {
            final long mask = mask(cpu);
            final long frame = (cpu.r[Cpu.RSP] - bytes) & mask;
            cpu.mmu.write(linear(cpu, -bytes, bytes, true), bytes, cpu.r[Cpu.RBP]);
            long distance = -bytes;
            for (int i = 1; i < level; i++) {
                final long from = (cpu.r[Cpu.RBP] - (long) i * bytes) & mask;
                final long pointer = cpu.mmu.read(Segmentation.linear(cpu, Segment.SS, from, bytes, false), bytes);
                distance -= bytes;
                cpu.mmu.write(linear(cpu, distance, bytes, true), bytes, pointer);
            }
            if (level > 0) {
                distance -= bytes;
                cpu.mmu.write(linear(cpu, distance, bytes, true), bytes, frame);
            }
            distance -= size;
            Update.prepare(cpu.mmu, linear(cpu, distance, bytes, true), bytes);
            release(cpu, distance);
            Operand.writeRegister(cpu.r, Cpu.RBP, bytes, frame);
        }
    }

    private static final class Leave64 extends Step {
        @Override
        public void run(Cpu cpu) {
            final long frame = cpu.r[Cpu.RBP];
            final long value = cpu.mmu.read64(frame);
            cpu.r[Cpu.RSP] = frame + 8;
            cpu.r[Cpu.RBP] = value;
        }
    }

    private static final class Leave extends Step {
        private final int bytes;

        Leave(Insn insn) {
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            final long mask = mask(cpu);
            final long frame = cpu.r[Cpu.RBP] & mask;
            final long value = cpu.mmu.read(Segmentation.linear(cpu, Segment.SS, frame, bytes, false), bytes);
            setPointer(cpu, Cpu.RSP, (frame + bytes) & mask, mask);
            Operand.writeRegister(cpu.r, Cpu.RBP, bytes, value);
        }
    }
}
