package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Segmentation;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/**
 * Moves that depend on flags, conversions within registers, and flags themselves: CMOVcc, SETcc, BSWAP, CBW, CWD, XLAT, LAHF, SAHF,
 * CLC, STC, CMC, CLD, STD (SDM 2); hints that do nothing.
 */
final class MoveStepsRegister {
    private static final long MASK = 0xffff_ffffL;

    private MoveStepsRegister() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case CMOVCC -> new ConditionalMove(insn);
            case SETCC -> insn.kind1 == OperandKind.GPR ? new SetRegister(insn) : new Set(insn);
            case BSWAP -> new ByteSwap(insn);
            case CBW -> new ConvertWithin(insn);
            case CWD -> new ConvertToPair(insn);
            case XLAT -> new Translate(insn);
            case LAHF -> new LoadFlags();
            case SAHF -> new StoreFlags();
            case CLC, STC, CMC -> new CarryFlag(insn);
            case CLD, STD -> new DirectionFlag(insn);
            case NOP, ENDBR, PREFETCH -> new Nothing();
            default -> null;
        };
    }

    /** The source is read, and the upper half of a 32-bit destination cleared, whatever the condition. */
    private static final class ConditionalMove extends Step {
        private final Operand source;
        private final int condition;
        private final int register;
        private final int bytes;

        ConditionalMove(Insn insn) {
            this.bytes = insn.operandBytes;
            this.source = Operand.second(insn, bytes);
            this.condition = insn.condition;
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long value = source.read(cpu);
            if (cpu.condition(condition)) {
                Operand.writeRegister(cpu.r, register, bytes, value);
            } else if (bytes == 4) {
                cpu.r[register] &= MASK;
            }
        }
    }

    private static final class SetRegister extends Step {
        private final int register;
        private final int condition;

        SetRegister(Insn insn) {
            this.register = insn.reg1;
            this.condition = insn.condition;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[register] = (cpu.r[register] & ~0xffL) | (cpu.condition(condition) ? 1 : 0);
        }
    }

    private static final class Set extends Step {
        private final Operand operand;
        private final int condition;

        Set(Insn insn) {
            this.operand = Operand.first(insn, 1, true);
            this.condition = insn.condition;
        }

        @Override
        public void run(Cpu cpu) {
            operand.write(cpu, operand.locate(cpu), cpu.condition(condition) ? 1 : 0);
        }
    }

    /** Of 16 bits it is undefined; processors leave zero. */
    private static final class ByteSwap extends Step {
        private final int register;
        private final int bytes;

        ByteSwap(Insn insn) {
            this.register = insn.reg1;
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            switch (bytes) {
                case 8 -> r[register] = Long.reverseBytes(r[register]);
                case 4 -> r[register] = Long.reverseBytes(r[register]) >>> 32;
                default -> r[register] &= ~0xffffL;
            }
        }
    }

    /** CBW, CWDE, CDQE. */
    private static final class ConvertWithin extends Step {
        private final int bytes;

        ConvertWithin(Insn insn) {
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            Operand.writeRegister(r, Cpu.RAX, bytes, Operand.signed(r[Cpu.RAX], bytes / 2));
        }
    }

    /** CWD, CDQ, CQO. */
    private static final class ConvertToPair extends Step {
        private final int bytes;

        ConvertToPair(Insn insn) {
            this.bytes = insn.operandBytes;
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            Operand.writeRegister(r, Cpu.RDX, bytes, Operand.signed(r[Cpu.RAX], bytes) >> 63);
        }
    }

    private static final class Translate extends Step {
        private final int segment;
        private final long mask;

        Translate(Insn insn) {
            this.segment = insn.segment;
            this.mask = Address.bits(insn.addressBytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long offset = (r[Cpu.RBX] + (r[Cpu.RAX] & 0xff)) & mask;
            final int value = cpu.mmu.read8(Segmentation.linear(cpu, segment, offset, 1, false));
            r[Cpu.RAX] = (r[Cpu.RAX] & ~0xffL) | value;
        }
    }

    private static final class LoadFlags extends Step {
        @Override
        public void run(Cpu cpu) {
            final long flags = (cpu.statusFlags() & 0xff) | 2;
            cpu.r[Cpu.RAX] = (cpu.r[Cpu.RAX] & ~0xff00L) | flags << 8;
        }
    }

    private static final class StoreFlags extends Step {
        @Override
        public void run(Cpu cpu) {
            final int overflow = cpu.statusFlags() & Flags.OF;
            cpu.setStatusFlags(overflow | ((int) (cpu.r[Cpu.RAX] >>> 8) & 0xff));
        }
    }

    private static final class CarryFlag extends Step {
        private final int and;
        private final int xor;

        CarryFlag(Insn insn) {
            switch (insn.op) {
                case CLC -> {
                    and = ~Flags.CF;
                    xor = 0;
                }
                case STC -> {
                    and = ~Flags.CF;
                    xor = Flags.CF;
                }
                default -> {
                    and = -1;
                    xor = Flags.CF;
                }
            }
        }

        @Override
        public void run(Cpu cpu) {
            cpu.setStatusFlags((cpu.statusFlags() & and) ^ xor);
        }
    }

    private static final class DirectionFlag extends Step {
        private final int or;

        DirectionFlag(Insn insn) {
            this.or = insn.op == Op.STD ? Flags.DF : 0;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.otherFlags = (cpu.otherFlags & ~Flags.DF) | or;
        }
    }

    private static final class Nothing extends Step {
        @Override
        public void run(Cpu cpu) {
            // Neither registers nor memory.
        }
    }
}
