package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;

/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM 2 chapter 4.1). */
final class TextSteps {
    private static final int EQUAL_ANY = 0;
    private static final int RANGES = 1;
    private static final int EQUAL_EACH = 2;

    private TextSteps() {}

    static Step build(Insn insn) {
        return new Compare(insn);
    }

    private static final class Compare extends XmmStep {
        private final int imm;
        private final boolean explicit;
        private final boolean index;
        private final boolean wideLengths;
        private final boolean words;
        private final boolean signed;
        private final int count;

        Compare(Insn insn) {
            super(insn, false);
            this.imm = (int) insn.imm;
            this.explicit = insn.op == Op.PCMPESTRI || insn.op == Op.PCMPESTRM;
            this.index = insn.op == Op.PCMPESTRI || insn.op == Op.PCMPISTRI;
            // The decoder leaves REX.W behind in the source's width.
            this.wideLengths = insn.sourceBytes == 8;
            this.words = (imm & 1) != 0;
            this.signed = (imm & 2) != 0;
            this.count = words ? 8 : 16;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final long a = x[d];
            final long b = x[d + 1];
            final int validA = explicit ? length(cpu.r[Cpu.RAX]) : terminator(a, b);
            final int validB = explicit ? length(cpu.r[Cpu.RDX]) : terminator(low, high);
            final int all = (1 << count) - 1;
            int result = aggregate(a, b, validA, low, high, validB);
            if ((imm & 0x10) != 0) {
                result ^= (imm & 0x20) != 0 ? (1 << validB) - 1 : all;
            }
            cpu.setStatusFlags((result != 0 ? Flags.CF : 0)
                    | (validB < count ? Flags.ZF : 0)
                    | (validA < count ? Flags.SF : 0)
                    | ((result & 1) != 0 ? Flags.OF : 0));
            if (index) {
                final boolean last = (imm & 0x40) != 0;
                cpu.r[Cpu.RCX] = result == 0
                        ? count
                        : last ? 31 - Integer.numberOfLeadingZeros(result) : Integer.numberOfTrailingZeros(result);
            } else if ((imm & 0x40) != 0) {
                x[0] = expand(result);
                x[1] = expand(result >>> (count / 2));
            } else {
                x[0] = result;
                x[1] = 0;
            }
        }

        /** Elements that an explicit length (absolute, saturated) makes valid. */
        private int length(long register) {
            final long value = wideLengths ? register : (int) register;
            return value < -count || value > count ? count : (int) Math.abs(value);
        }

        private int terminator(long low, long high) {
            for (int i = 0; i < count; i++) {
                if (element(low, high, i) == 0) {
                    return i;
                }
            }
            return count;
        }

        private int element(long low, long high, int i) {
            if (words) {
                final int word = (int) ((i < 4 ? low : high) >>> (16 * (i & 3)));
                return signed ? (short) word : word & 0xffff;
            }
            final int value = (int) ((i < 8 ? low : high) >>> (8 * (i & 7)));
            return signed ? (byte) value : value & 0xff;
        }

        private int aggregate(long a, long b, int validA, long low, long high, int validB) {
            int result = 0;
            for (int j = 0; j < count; j++) {
                final boolean bit = switch (imm >> 2 & 3) {
                    case EQUAL_ANY -> j < validB && any(a, b, validA, element(low, high, j));
                    case RANGES -> j < validB && inRange(a, b, validA, element(low, high, j));
                    case EQUAL_EACH ->
                        (j < validA && j < validB)
                                ? element(a, b, j) == element(low, high, j)
                                : j >= validA && j >= validB;
                    default -> isSubstring(a, b, validA, low, high, validB, j);
                };
                result |= bit ? 1 << j : 0;
            }
            return result;
        }

        private boolean any(long a, long b, int validA, int wanted) {
            for (int i = 0; i < validA; i++) {
                if (element(a, b, i) == wanted) {
                    return true;
                }
            }
            return false;
        }

        private boolean inRange(long a, long b, int validA, int wanted) {
            for (int i = 0; i + 1 < validA; i += 2) {
                if (wanted >= element(a, b, i) && wanted <= element(a, b, i + 1)) {
                    return true;
                }
            }
            return false;
        }

        /** Whether the first string is found at place j of the second, or at least as far as the register reaches. */
        private boolean isSubstring(long a, long b, int validA, long low, long high, int validB, int j) {
            for (int i = 0; i < validA && i + j < count; i++) {
                if (i + j >= validB || element(a, b, i) != element(low, high, i + j)) {
                    return false;
                }
            }
            return true;
        }

        private long expand(int bits) {
            long result = 0;
            final int width = words ? 16 : 8;
            for (int i = 0; i < count / 2; i++) {
                result |= (bits >> i & 1) != 0 ? ((1L << width) - 1) << (width * i) : 0;
            }
            return result;
        }
    }
}
