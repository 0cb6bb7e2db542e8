package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.Address;
import org.jspecify.annotations.Nullable;

/** Between vectors and general registers: MOVD, MOVQ, PINSRx, PEXTRx, EXTRACTPS, PMOVMSKB, MOVMSKPx. */
final class ElementSteps {
    private static final long EACH_BYTE = 0x0101_0101_0101_0101L;
    /** Collects the lowest bits of eight bytes in the top byte. */
    private static final long GATHER = 0x0102_0408_1020_4080L;

    private ElementSteps() {}

    static Step build(Insn insn) {
        final boolean toVector = insn.kind1 == OperandKind.XMM || insn.kind1 == OperandKind.MMX;
        return toVector ? new Insert(insn) : new Extract(insn);
    }

    /** One bit for the top of each byte. */
    static int byteSigns(long value) {
        return (int) (((value >>> 7 & EACH_BYTE) * GATHER) >>> 56);
    }

    private static final class Insert extends Step {
        private final Op op;
        private final boolean mmx;
        private final int d;
        private final int s;
        private final int bytes;
        private final int imm;
        private final @Nullable Address address;

        Insert(Insn insn) {
            this.op = insn.op;
            this.mmx = insn.kind1 == OperandKind.MMX;
            this.d = insn.reg1;
            this.s = insn.reg2;
            this.bytes = insn.operandBytes;
            this.imm = (int) insn.imm;
            this.address = insn.kind2 == OperandKind.MEM ? new Address(insn, bytes, false) : null;
        }

        @Override
        public void run(Cpu cpu) {
            if (mmx) {
                Access.mmx(cpu);
            } else {
                Access.sse(cpu);
            }
            final Address from = address;
            final long value = from == null ? cpu.r[s] : cpu.mmu.read(from.linear(cpu), bytes);
            if (mmx) {
                final long old = cpu.x87.significand[d];
                Access.setMmx(
                        cpu, d, op == Op.PINSRW ? insert(old, value, 16, imm & 3) : bytes == 8 ? value : low(value));
                return;
            }
            final long[] x = cpu.xmm;
            switch (op) {
                case MOVD, MOVQ -> {
                    x[2 * d] = bytes == 8 ? value : low(value);
                    x[2 * d + 1] = 0;
                }
                case PINSRQ -> x[2 * d + (imm & 1)] = value;
                case PINSRD -> into(x, value, 32, imm & 3);
                case PINSRW -> into(x, value, 16, imm & 7);
                default -> into(x, value, 8, imm & 15);
            }
        }

        private void into(long[] x, long value, int width, int place) {
            final int perHalf = 64 / width;
            final int i = 2 * d + place / perHalf;
            x[i] = insert(x[i], value, width, place % perHalf);
        }

        private static long low(long value) {
            return value & 0xffff_ffffL;
        }

        private static long insert(long old, long value, int width, int place) {
            final long mask = (1L << width) - 1;
            final int shift = place * width;
            return (old & ~(mask << shift)) | (value & mask) << shift;
        }
    }

    private static final class Extract extends Step {
        private final Op op;
        private final boolean mmx;
        private final int d;
        private final int s;
        private final int bytes;
        private final int imm;
        private final @Nullable Address address;

        Extract(Insn insn) {
            this.op = insn.op;
            this.mmx = insn.kind2 == OperandKind.MMX;
            this.d = insn.reg1;
            this.s = insn.reg2;
            this.bytes = insn.operandBytes;
            this.imm = (int) insn.imm;
            this.address = insn.kind1 == OperandKind.MEM ? new Address(insn, bytes, true) : null;
        }

        @Override
        public void run(Cpu cpu) {
            final long value;
            if (mmx) {
                Access.mmx(cpu);
                value = mmxValue(cpu.x87.significand[s]);
            } else {
                Access.sse(cpu);
                value = value(cpu.xmm[2 * s], cpu.xmm[2 * s + 1]);
            }
            final Address to = address;
            if (to == null) {
                cpu.r[d] = value;
            } else {
                cpu.mmu.write(to.linear(cpu), bytes, value);
            }
            if (mmx) {
                Access.enterMmx(cpu);
            }
        }

        private long mmxValue(long low) {
            return switch (op) {
                case PMOVMSKB -> byteSigns(low);
                case PEXTRW -> low >>> (16 * (imm & 3)) & 0xffff;
                default -> bytes == 8 ? low : low & 0xffff_ffffL;
            };
        }

        private long value(long low, long high) {
            return switch (op) {
                case PMOVMSKB -> byteSigns(low) | byteSigns(high) << 8;
                case MOVMSKPS -> (low >>> 31 & 1) | low >>> 63 << 1 | (high >>> 31 & 1) << 2 | high >>> 63 << 3;
                case MOVMSKPD -> low >>> 63 | high >>> 63 << 1;
                case PEXTRQ -> (imm & 1) == 0 ? low : high;
                case PEXTRD, EXTRACTPS -> element(low, high, 32);
                case PEXTRW -> element(low, high, 16);
                case PEXTRB -> element(low, high, 8);
                default -> bytes == 8 ? low : low & 0xffff_ffffL;
            };
        }

        private long element(long low, long high, int width) {
            final int perHalf = 64 / width;
            final int place = imm & 2 * perHalf - 1;
            return (place < perHalf ? low : high) >>> (place % perHalf * width) & (1L << width) - 1;
        }
    }
}
