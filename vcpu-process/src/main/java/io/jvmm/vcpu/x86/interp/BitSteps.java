package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.mmu.Mmu;
import org.jspecify.annotations.Nullable;

/** BT, BTS, BTR, BTC, BSF, BSR, POPCNT, CRC32 (SDM 2). */
final class BitSteps {
    private BitSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case BT, BTS, BTR, BTC -> insn.lock ? new LockedBitTest(insn) : new BitTest(insn);
            case BSF, BSR -> new Scan(insn);
            case POPCNT -> new Count(insn);
            case CRC32 -> new Crc32c(insn);
            default -> null;
        };
    }

    private static long apply(Op op, long value, long bit) {
        return switch (op) {
            case BTS -> value | bit;
            case BTR -> value & ~bit;
            case BTC -> value ^ bit;
            default -> value;
        };
    }

    private static void setCarry(Cpu cpu, boolean carry) {
        cpu.setStatusFlags((cpu.statusFlags() & ~Flags.CF) | (carry ? Flags.CF : 0));
    }

    /** The bit offset: modulo the width, but for a register offset into memory, which reaches as far as it says. */
    private abstract static class Bits extends Step {
        final Op op;
        final int bytes;
        final Operand operand;
        private final Operand offset;
        private final boolean far;

        Bits(Insn insn) {
            this.op = insn.op;
            this.bytes = insn.operandBytes;
            this.operand = Operand.first(insn, bytes, op != Op.BT);
            this.offset = Operand.second(insn, bytes);
            this.far = insn.kind1 == OperandKind.MEM && insn.kind2 == OperandKind.GPR;
        }

        final long bit(Cpu cpu) {
            return 1L << (offset.read(cpu) & (bytes * 8 - 1));
        }

        final long locate(Cpu cpu) {
            if (far) {
                final long words = Operand.signed(offset.read(cpu), bytes) >> (3 + IntegerSteps.log2(bytes));
                return operand.locate(cpu, words * bytes);
            }
            return operand.locate(cpu);
        }
    }

    private static final class BitTest extends Bits {
        BitTest(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final long bit = bit(cpu);
            final long linear = locate(cpu);
            final long a;
            if (op == Op.BT) {
                a = operand.read(cpu, linear);
            } else {
                a = operand.readForUpdate(cpu, linear);
                operand.write(cpu, linear, apply(op, a, bit));
            }
            setCarry(cpu, (a & bit) != 0);
        }
    }

    private static final class LockedBitTest extends Bits {
        LockedBitTest(Insn insn) {
            super(insn);
        }

        @Override
        public void run(Cpu cpu) {
            final Mmu mmu = cpu.mmu;
            final long bit = bit(cpu);
            final long linear = locate(cpu);
            long a = Update.read(mmu, linear, bytes);
            long found = mmu.update(linear, bytes, a, apply(op, a, bit));
            while (found != a) {
                a = found;
                found = mmu.update(linear, bytes, a, apply(op, a, bit));
            }
            setCarry(cpu, (a & bit) != 0);
        }
    }

    /**
     * Of zero: ZF, and the destination keeps its value (the SDM leaves it undefined, processors and kernels that rely on
     * them do not). Flags other than ZF are undefined.
     */
    private static final class Scan extends Step {
        private final Operand source;
        private final int register;
        private final int bytes;
        private final boolean reverse;

        Scan(Insn insn) {
            this.bytes = insn.operandBytes;
            this.source = Operand.second(insn, bytes);
            this.register = insn.reg1;
            this.reverse = insn.op == Op.BSR;
        }

        @Override
        public void run(Cpu cpu) {
            final long a = source.read(cpu);
            if (a != 0) {
                final int index = reverse ? 63 - Long.numberOfLeadingZeros(a) : Long.numberOfTrailingZeros(a);
                Operand.writeRegister(cpu.r, register, bytes, index);
            }
            cpu.setStatusFlags((cpu.statusFlags() & ~Flags.ZF) | (a == 0 ? Flags.ZF : 0));
        }
    }

    private static final class Count extends Step {
        private final Operand source;
        private final int register;
        private final int bytes;

        Count(Insn insn) {
            this.bytes = insn.operandBytes;
            this.source = Operand.second(insn, bytes);
            this.register = insn.reg1;
        }

        @Override
        public void run(Cpu cpu) {
            final long a = source.read(cpu);
            Operand.writeRegister(cpu.r, register, bytes, Long.bitCount(a));
            cpu.setStatusFlags(a == 0 ? Flags.ZF : 0);
        }
    }

    /** CRC-32C, polynomial 11EDC6F41 (SDM 2, CRC32); no flags. */
    private static final class Crc32c extends Step {
        private static final int[] TABLE = table();

        private final Operand source;
        private final int register;
        private final int sourceBytes;

        Crc32c(Insn insn) {
            this.sourceBytes = insn.sourceBytes;
            this.source = Operand.second(insn, sourceBytes);
            this.register = insn.reg1;
        }

        private static int[] table() {
            final int[] table = new int[256];
            for (int i = 0; i < 256; i++) {
                int crc = i;
                for (int bit = 0; bit < 8; bit++) {
                    crc = crc >>> 1 ^ ((crc & 1) != 0 ? 0x82f6_3b78 : 0);
                }
                table[i] = crc;
            }
            return table;
        }

        @Override
        public void run(Cpu cpu) {
            long value = source.read(cpu);
            int crc = (int) cpu.r[register];
            for (int i = 0; i < sourceBytes; i++) {
                crc = crc >>> 8 ^ TABLE[(crc ^ (int) value) & 0xff];
                value >>>= 8;
            }
            cpu.r[register] = crc & 0xffff_ffffL;
        }
    }
}
