package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;

/** Instructions that move elements about within and between vectors: shuffles, blends, alignments, widening moves, PTEST. */
final class ShuffleSteps {
    private static final int XMM0 = 0;

    private ShuffleSteps() {}

    static Step build(Insn insn) {
        if (insn.kind1 == OperandKind.MMX) {
            return new Mmx(insn);
        }
        return switch (insn.op) {
            case PSHUFD -> new ShuffleDoubles(insn);
            case PTEST -> new Test(insn);
            default -> new Xmm(insn);
        };
    }

    /** Eight bytes of the 32 that b (low, high) and, above them, a (low, high) are, from byte {@code from} on; beyond are zeros. */
    static long bytes(long bLow, long bHigh, long aLow, long aHigh, int from) {
        if (from >= 32 || from < 0) {
            return 0;
        }
        final int quad = from >> 3;
        final int shift = (from & 7) * 8;
        final long low = quad == 0 ? bLow : quad == 1 ? bHigh : quad == 2 ? aLow : aHigh;
        final long high = quad == 0 ? bHigh : quad == 1 ? aLow : quad == 2 ? aHigh : 0;
        return shift == 0 ? low : low >>> shift | high << (64 - shift);
    }

    /** One of four doublewords. */
    static long pick(long low, long high, int which) {
        return ((which & 2) == 0 ? low : high) >>> (32 * (which & 1)) & 0xffff_ffffL;
    }

    /** Four words of one half by an immediate. */
    static long words(long value, int imm) {
        return (value >>> (16 * (imm & 3)) & 0xffff)
                | (value >>> (16 * (imm >> 2 & 3)) & 0xffff) << 16
                | (value >>> (16 * (imm >> 4 & 3)) & 0xffff) << 32
                | value >>> (16 * (imm >> 6 & 3)) << 48;
    }

    /** Eight bytes of sixteen, each chosen by a byte of {@code control} (SDM 2 PSHUFB). */
    static long permute(long a, long b, long control) {
        long result = 0;
        for (int shift = 56; shift >= 0; shift -= 8) {
            final int c = (int) (control >>> shift);
            final long value = (c & 0x80) != 0 ? 0 : ((c & 8) == 0 ? a : b) >>> (8 * (c & 7)) & 0xff;
            result = result << 8 | value;
        }
        return result;
    }

    private static final class ShuffleDoubles extends XmmStep {
        private final int imm;

        ShuffleDoubles(Insn insn) {
            super(insn);
            this.imm = (int) insn.imm;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            x[d] = pick(low, high, imm) | pick(low, high, imm >> 2) << 32;
            x[d + 1] = pick(low, high, imm >> 4) | pick(low, high, imm >> 6) << 32;
        }
    }

    /** ZF: no common bits; CF: no bits of the source outside the destination. */
    private static final class Test extends XmmStep {
        Test(Insn insn) {
            super(insn);
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final boolean zero = ((x[d] & low) | (x[d + 1] & high)) == 0;
            final boolean carry = ((~x[d] & low) | (~x[d + 1] & high)) == 0;
            cpu.setStatusFlags((zero ? Flags.ZF : 0) | (carry ? Flags.CF : 0));
        }
    }

    private static final class Xmm extends XmmStep {
        private final Op op;
        private final int imm;

        Xmm(Insn insn) {
            super(insn);
            this.op = insn.op;
            this.imm = (int) insn.imm;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final long a = x[d];
            final long b = x[d + 1];
            switch (op) {
                case PSHUFLW -> set(x, words(low, imm), high);
                case PSHUFHW -> set(x, low, words(high, imm));
                case SHUFPS ->
                    set(
                            x,
                            pick(a, b, imm) | pick(a, b, imm >> 2) << 32,
                            pick(low, high, imm >> 4) | pick(low, high, imm >> 6) << 32);
                case SHUFPD -> set(x, (imm & 1) == 0 ? a : b, (imm & 2) == 0 ? low : high);
                case PALIGNR -> set(x, bytes(low, high, a, b, imm), bytes(low, high, a, b, imm + 8));
                case PSHUFB -> set(x, permute(a, b, low), permute(a, b, high));
                case INSERTPS -> insert(x, low, high);
                case MPSADBW -> {
                    final int block = (int) pick(low, high, imm & 3);
                    final int from = imm & 4;
                    set(
                            x,
                            Products.sumsOfFour(bytes(a, b, 0, 0, from), block),
                            Products.sumsOfFour(bytes(a, b, 0, 0, from + 4), block));
                }
                case PHMINPOSUW -> set(x, leastWord(low, high), 0);
                case BLENDPS, BLENDPD, PBLENDW -> {
                    final int half = op == Op.PBLENDW ? 4 : op == Op.BLENDPS ? 2 : 1;
                    final int width = 64 / half;
                    blend(x, low, high, elements(imm, width), elements(imm >> half, width));
                }
                case PBLENDVB -> blend(x, low, high, signs(x[XMM0], 8), signs(x[XMM0 + 1], 8));
                case BLENDVPS -> blend(x, low, high, signs(x[XMM0], 32), signs(x[XMM0 + 1], 32));
                case BLENDVPD -> blend(x, low, high, x[XMM0] >> 63, x[XMM0 + 1] >> 63);
                default -> {
                    final int from = narrowBits();
                    // What the low half of the result takes, the high half goes on behind.
                    set(x, widen(low, from), widen(low >>> (64 / widenedBits() * from), from));
                }
            }
        }

        private void set(long[] x, long low, long high) {
            x[d] = low;
            x[d + 1] = high;
        }

        private void blend(long[] x, long low, long high, long maskLow, long maskHigh) {
            set(x, (x[d] & ~maskLow) | (low & maskLow), (x[d + 1] & ~maskHigh) | (high & maskHigh));
        }

        /** A mask of elements from the low bits of an immediate. */
        private static long elements(int bits, int width) {
            final long one = width == 64 ? -1 : (1L << width) - 1;
            long mask = 0;
            for (int i = 0; i < 64 / width; i++) {
                mask |= (bits >> i & 1) != 0 ? one << (i * width) : 0;
            }
            return mask;
        }

        /** A mask of elements from their top bits. */
        private static long signs(long value, int width) {
            final long top = width == 8 ? Lanes.B : Lanes.D;
            return Lanes.spread(value & top, top);
        }

        private void insert(long[] x, long low, long high) {
            // From memory there is but one element (SDM 2 INSERTPS).
            final long value = isLoad() ? low : pick(low, high, imm >> 6);
            for (int i = 0; i < 4; i++) {
                final long mask = 0xffff_ffffL << (32 * (i & 1));
                final int at = d + (i >> 1);
                if ((imm >> i & 1) != 0) {
                    x[at] &= ~mask;
                } else if ((imm >> 4 & 3) == i) {
                    x[at] = (x[at] & ~mask) | value << (32 * (i & 1));
                }
            }
        }

        private static long leastWord(long low, long high) {
            long least = 0xffff;
            long index = 0;
            for (int i = 7; i >= 0; i--) {
                final long word = (i < 4 ? low : high) >>> (16 * (i & 3)) & 0xffff;
                if (word <= least) {
                    least = word;
                    index = i;
                }
            }
            return least | index << 16;
        }

        private int narrowBits() {
            return switch (op) {
                case PMOVSXBW, PMOVSXBD, PMOVSXBQ, PMOVZXBW, PMOVZXBD, PMOVZXBQ -> 8;
                case PMOVSXWD, PMOVSXWQ, PMOVZXWD, PMOVZXWQ -> 16;
                default -> 32;
            };
        }

        private int widenedBits() {
            return switch (op) {
                case PMOVSXBW, PMOVZXBW -> 16;
                case PMOVSXBD, PMOVSXWD, PMOVZXBD, PMOVZXWD -> 32;
                default -> 64;
            };
        }

        private boolean isSigned() {
            return switch (op) {
                case PMOVSXBW, PMOVSXBD, PMOVSXBQ, PMOVSXWD, PMOVSXWQ, PMOVSXDQ -> true;
                default -> false;
            };
        }

        /** 64 bits of wide elements from the lowest narrow ones. */
        private long widen(long value, int from) {
            final int to = widenedBits();
            final long mask = to == 64 ? -1 : (1L << to) - 1;
            long result = 0;
            for (int i = 64 / to - 1; i >= 0; i--) {
                final long up = value << (64 - from - i * from);
                final long one = isSigned() ? up >> (64 - from) : up >>> (64 - from);
                result = to == 64 ? one : result << to | (one & mask);
            }
            return result;
        }
    }

    private static final class Mmx extends MmxStep {
        private final Op op;
        private final int imm;

        Mmx(Insn insn) {
            super(insn);
            this.op = insn.op;
            this.imm = (int) insn.imm;
        }

        @Override
        long compute(long destination, long source) {
            return switch (op) {
                case PSHUFW -> words(source, imm);
                case PALIGNR -> imm > 15 ? 0 : bytes(source, destination, 0, 0, imm);
                case PSHUFB -> permute(destination, destination, source);
                default -> throw new IllegalStateException(op.toString());
            };
        }
    }
}
