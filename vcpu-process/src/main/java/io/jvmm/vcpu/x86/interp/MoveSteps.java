package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/**
 * MOV, MOVNTI, LEA, MOVZX, MOVSX, MOVSXD (SDM 2): frequent shapes as classes of their own, bytes and words into registers, which
 * merge, generically.
 */
final class MoveSteps {
    private static final long MASK = 0xffff_ffffL;

    private MoveSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case MOV -> move(insn);
            case MOVNTI -> store(insn);
            case LEA ->
                insn.operandBytes == 8 ? new Lea64(insn) : insn.operandBytes == 4 ? new Lea32(insn) : new Lea16(insn);
            case MOVZX -> zeroExtend(insn);
            case MOVSX, MOVSXD -> signExtend(insn);
            default -> null;
        };
    }

    private static @Nullable Step move(Insn insn) {
        if (insn.kind1 == OperandKind.MEM) {
            return insn.kind2 == OperandKind.GPR || insn.kind2 == OperandKind.IMM ? store(insn) : new Generic(insn);
        }
        if (insn.operandBytes < 4 || insn.kind1 != OperandKind.GPR) {
            return new Generic(insn);
        }
        final boolean wide = insn.operandBytes == 8;
        return switch (insn.kind2) {
            case GPR -> wide ? new Register64(insn) : new Register32(insn);
            case IMM -> new Immediate(insn);
            case MEM -> wide ? new Load64(insn) : new Load32(insn);
            default -> null;
        };
    }

    private static Step store(Insn insn) {
        final boolean immediate = insn.kind2 == OperandKind.IMM;
        return switch (insn.operandBytes) {
            case 1 -> immediate ? new StoreImmediate8(insn) : new Store8(insn);
            case 2 -> immediate ? new StoreImmediate16(insn) : new Store16(insn);
            case 4 -> immediate ? new StoreImmediate32(insn) : new Store32(insn);
            default -> immediate ? new StoreImmediate64(insn) : new Store64(insn);
        };
    }

    private static Step zeroExtend(Insn insn) {
        if (insn.operandBytes >= 4) {
            if (insn.kind2 == OperandKind.MEM) {
                return insn.sourceBytes == 1 ? new ZeroExtendLoad8(insn) : new ZeroExtendLoad16(insn);
            }
            if (insn.kind2 == OperandKind.GPR) {
                return new ZeroExtendRegister(insn);
            }
        }
        return new Generic(insn);
    }

    private static Step signExtend(Insn insn) {
        if (insn.operandBytes >= 4) {
            if (insn.kind2 == OperandKind.MEM) {
                return switch (insn.sourceBytes) {
                    case 1 -> new SignExtendLoad8(insn);
                    case 2 -> new SignExtendLoad16(insn);
                    default -> new SignExtendLoad32(insn);
                };
            }
            if (insn.kind2 == OperandKind.GPR) {
                return new SignExtendRegister(insn);
            }
        }
        return new SignExtendGeneric(insn);
    }

    /** Bits that a register keeps of a result of so many bytes: 4 or 8. */
    private static long kept(Insn insn) {
        return insn.operandBytes == 8 ? -1L : MASK;
    }

    private static final class Register64 extends Step {
        private final int first;
        private final int second;

        Register64(Insn insn) {
            this.first = insn.reg1;
            this.second = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = cpu.r[second];
        }
    }

    private static final class Register32 extends Step {
        private final int first;
        private final int second;

        Register32(Insn insn) {
            this.first = insn.reg1;
            this.second = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = cpu.r[second] & MASK;
        }
    }

    private static final class Immediate extends Step {
        private final int first;
        private final long value;

        Immediate(Insn insn) {
            this.first = insn.reg1;
            this.value = insn.imm & kept(insn);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = value;
        }
    }

    private static final class Load64 extends Step {
        private final int first;
        private final Address second;

        Load64(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 8, false);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = cpu.mmu.read64(second.linear(cpu));
        }
    }

    private static final class Load32 extends Step {
        private final int first;
        private final Address second;

        Load32(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 4, false);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = cpu.mmu.read32(second.linear(cpu)) & MASK;
        }
    }

    private static final class Store8 extends Step {
        private final Address first;
        private final int second;

        Store8(Insn insn) {
            this.first = new Address(insn, 1, true);
            this.second = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.mmu.write8(first.linear(cpu), (int) cpu.r[second]);
        }
    }

    private static final class Store16 extends Step {
        private final Address first;
        private final int second;

        Store16(Insn insn) {
            this.first = new Address(insn, 2, true);
            this.second = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.mmu.write16(first.linear(cpu), (int) cpu.r[second]);
        }
    }

    private static final class Store32 extends Step {
        private final Address first;
        private final int second;

        Store32(Insn insn) {
            this.first = new Address(insn, 4, true);
            this.second = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.mmu.write32(first.linear(cpu), (int) cpu.r[second]);
        }
    }

    private static final class Store64 extends Step {
        private final Address first;
        private final int second;

        Store64(Insn insn) {
            this.first = new Address(insn, 8, true);
            this.second = insn.reg2;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.mmu.write64(first.linear(cpu), cpu.r[second]);
        }
    }

    private static final class StoreImmediate8 extends Step {
        private final Address first;
        private final int value;

        StoreImmediate8(Insn insn) {
            this.first = new Address(insn, 1, true);
            this.value = (int) insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.mmu.write8(first.linear(cpu), value);
        }
    }

    private static final class StoreImmediate16 extends Step {
        private final Address first;
        private final int value;

        StoreImmediate16(Insn insn) {
            this.first = new Address(insn, 2, true);
            this.value = (int) insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.mmu.write16(first.linear(cpu), value);
        }
    }

    private static final class StoreImmediate32 extends Step {
        private final Address first;
        private final int value;

        StoreImmediate32(Insn insn) {
            this.first = new Address(insn, 4, true);
            this.value = (int) insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.mmu.write32(first.linear(cpu), value);
        }
    }

    private static final class StoreImmediate64 extends Step {
        private final Address first;
        private final long value;

        StoreImmediate64(Insn insn) {
            this.first = new Address(insn, 8, true);
            this.value = insn.imm;
        }

        @Override
        public void run(Cpu cpu) {
            cpu.mmu.write64(first.linear(cpu), value);
        }
    }

    private static final class Lea64 extends Step {
        private final int first;
        private final Address second;

        Lea64(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 8, false);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = second.effective(cpu);
        }
    }

    private static final class Lea32 extends Step {
        private final int first;
        private final Address second;

        Lea32(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 4, false);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = second.effective(cpu) & MASK;
        }
    }

    private static final class Lea16 extends Step {
        private final int first;
        private final Address second;

        Lea16(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 2, false);
        }

        @Override
        public void run(Cpu cpu) {
            Operand.writeRegister(cpu.r, first, 2, second.effective(cpu));
        }
    }

    private static final class ZeroExtendLoad8 extends Step {
        private final int first;
        private final Address second;

        ZeroExtendLoad8(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 1, false);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = cpu.mmu.read8(second.linear(cpu));
        }
    }

    private static final class ZeroExtendLoad16 extends Step {
        private final int first;
        private final Address second;

        ZeroExtendLoad16(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 2, false);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = cpu.mmu.read16(second.linear(cpu));
        }
    }

    private static final class ZeroExtendRegister extends Step {
        private final int first;
        private final int second;
        private final long mask;

        ZeroExtendRegister(Insn insn) {
            this.first = insn.reg1;
            this.second = insn.reg2;
            this.mask = Address.bits(insn.sourceBytes);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = cpu.r[second] & mask;
        }
    }

    private static final class SignExtendLoad8 extends Step {
        private final int first;
        private final Address second;
        private final long kept;

        SignExtendLoad8(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 1, false);
            this.kept = kept(insn);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = (byte) cpu.mmu.read8(second.linear(cpu)) & kept;
        }
    }

    private static final class SignExtendLoad16 extends Step {
        private final int first;
        private final Address second;
        private final long kept;

        SignExtendLoad16(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 2, false);
            this.kept = kept(insn);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = (short) cpu.mmu.read16(second.linear(cpu)) & kept;
        }
    }

    private static final class SignExtendLoad32 extends Step {
        private final int first;
        private final Address second;
        private final long kept;

        SignExtendLoad32(Insn insn) {
            this.first = insn.reg1;
            this.second = new Address(insn, 4, false);
            this.kept = kept(insn);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = cpu.mmu.read32(second.linear(cpu)) & kept;
        }
    }

    private static final class SignExtendRegister extends Step {
        private final int first;
        private final int second;
        private final int up;
        private final long kept;

        SignExtendRegister(Insn insn) {
            this.first = insn.reg1;
            this.second = insn.reg2;
            this.up = 64 - 8 * insn.sourceBytes;
            this.kept = kept(insn);
        }

        @Override
        public void run(Cpu cpu) {
            cpu.r[first] = cpu.r[second] << up >> up & kept;
        }
    }

    private static final class Generic extends Step {
        private final Operand first;
        private final Operand second;

        Generic(Insn insn) {
            // The source is zero-extended: MOVZX is the same with a narrower source.
            this.first = Operand.first(insn, insn.operandBytes, true);
            this.second = Operand.second(insn, insn.sourceBytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long value = second.read(cpu);
            first.write(cpu, first.locate(cpu), value);
        }
    }

    private static final class SignExtendGeneric extends Step {
        private final Operand first;
        private final Operand second;

        SignExtendGeneric(Insn insn) {
            this.first = Operand.first(insn, insn.operandBytes, true);
            this.second = Operand.second(insn, insn.sourceBytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long value = second.read(cpu);
            first.write(cpu, 0, Operand.signed(value, second.bytes));
        }
    }
}
