package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;

/** Floating-point arithmetic and comparisons on XMM registers. */
final class FloatSteps {
    private static final long LOW = 0xffff_ffffL;

    private FloatSteps() {}

    static Step build(Insn insn) {
        return switch (insn.op) {
            case ADDSD, SUBSD, MULSD, DIVSD, MINSD, MAXSD, SQRTSD -> new ScalarDouble(insn, kind(insn.op));
            case ADDSS, SUBSS, MULSS, DIVSS, MINSS, MAXSS, SQRTSS -> new ScalarSingle(insn, kind(insn.op));
            case ADDPD, SUBPD, MULPD, DIVPD, MINPD, MAXPD, SQRTPD -> new PackedDouble(insn, kind(insn.op));
            case ADDPS, SUBPS, MULPS, DIVPS, MINPS, MAXPS, SQRTPS -> new PackedSingle(insn, kind(insn.op));
            case COMISS, COMISD, UCOMISS, UCOMISD -> new CompareToFlags(insn);
            case CMPPS, CMPPD, CMPSS, CMPSD -> new Compare(insn);
            case RCPPS, RCPSS, RSQRTPS, RSQRTSS -> new Approximation(insn);
            default -> new Horizontal(insn);
        };
    }

    static int kind(Op op) {
        return switch (op) {
            case ADDSD, ADDSS, ADDPD, ADDPS -> Arithmetic.ADD;
            case SUBSD, SUBSS, SUBPD, SUBPS -> Arithmetic.SUBTRACT;
            case MULSD, MULSS, MULPD, MULPS -> Arithmetic.MULTIPLY;
            case DIVSD, DIVSS, DIVPD, DIVPS -> Arithmetic.DIVIDE;
            case MINSD, MINSS, MINPD, MINPS -> Arithmetic.MINIMUM;
            case MAXSD, MAXSS, MAXPD, MAXPS -> Arithmetic.MAXIMUM;
            default -> Arithmetic.ROOT;
        };
    }

    private static final class ScalarDouble extends XmmStep {
        private final int kind;

        ScalarDouble(Insn insn, int kind) {
            super(insn);
            this.kind = kind;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final long result = Arithmetic.wide(cpu, kind, x[d], low);
            Format.settle(cpu);
            x[d] = result;
        }
    }

    private static final class ScalarSingle extends XmmStep {
        private final int kind;

        ScalarSingle(Insn insn, int kind) {
            super(insn);
            this.kind = kind;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final long result = Arithmetic.narrow(cpu, kind, x[d], low);
            Format.settle(cpu);
            x[d] = (x[d] & ~LOW) | result;
        }
    }

    private static final class PackedDouble extends XmmStep {
        private final int kind;

        PackedDouble(Insn insn, int kind) {
            super(insn);
            this.kind = kind;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            pair(cpu, x, d, low, high, kind);
        }
    }

    /** The slow way of translated ADDPD and the like. */
    static void packedDouble(Cpu cpu, long[] x, int d, int s, int kind) {
        pair(cpu, x, d, x[s], x[s + 1], kind);
    }

    private static void pair(Cpu cpu, long[] x, int d, long low, long high, int kind) {
        final long first = Arithmetic.wide(cpu, kind, x[d], low);
        final long second = Arithmetic.wide(cpu, kind, x[d + 1], high);
        Format.settle(cpu);
        x[d] = first;
        x[d + 1] = second;
    }

    private static final class PackedSingle extends XmmStep {
        private final int kind;

        PackedSingle(Insn insn, int kind) {
            super(insn);
            this.kind = kind;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final long first = Arithmetic.narrowPair(cpu, kind, x[d], low);
            final long second = Arithmetic.narrowPair(cpu, kind, x[d + 1], high);
            Format.settle(cpu);
            x[d] = first;
            x[d + 1] = second;
        }
    }

    /** ZF PF CF: 111 unordered, 000 greater, 001 less, 100 equal; OF SF AF are cleared (SDM 2 COMISD). */
    private static final class CompareToFlags extends XmmStep {
        private final int f;
        /** UCOMISx: quiet NaNs are no exception. */
        private final boolean quiet;

        CompareToFlags(Insn insn) {
            super(insn);
            this.f = insn.operandBytes == 8 ? Format.DOUBLE : Format.SINGLE;
            this.quiet = insn.op == Op.UCOMISD || insn.op == Op.UCOMISS;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            cpu.setStatusFlags(compare(cpu, f, x[d], low, quiet));
        }
    }

    /** What COMISx and UCOMISx ({@code quiet}) make the status flags; settled. */
    static int compare(Cpu cpu, int f, long first, long second, boolean quiet) {
        final long a = f == Format.DOUBLE ? first : first & LOW;
        final long b = f == Format.DOUBLE ? second : second & LOW;
        final int flags;
        if (Format.isNan(f, a) || Format.isNan(f, b)) {
            if (!quiet || Format.isSignaling(f, a) || Format.isSignaling(f, b)) {
                Format.raise(cpu, Format.INVALID);
            }
            flags = Flags.ZF | Flags.PF | Flags.CF;
        } else {
            final int order = SoftFloat.compare(f, Format.operand(cpu, f, a), Format.operand(cpu, f, b));
            flags = order > 0 ? 0 : order < 0 ? Flags.CF : Flags.ZF;
        }
        Format.settle(cpu);
        return flags;
    }

    private static final class Compare extends XmmStep {
        private final Op op;
        private final int predicate;

        Compare(Insn insn) {
            super(insn);
            this.op = insn.op;
            this.predicate = (int) insn.imm & 7;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final long first;
            long second = x[d + 1];
            switch (op) {
                case CMPSS -> first = (x[d] & ~LOW) | single(cpu, x[d], low);
                case CMPSD -> first = wide(cpu, x[d], low);
                case CMPPD -> {
                    first = wide(cpu, x[d], low);
                    second = wide(cpu, second, high);
                }
                default -> {
                    first = single(cpu, x[d], low) | single(cpu, x[d] >>> 32, low >>> 32) << 32;
                    second = single(cpu, second, high) | single(cpu, second >>> 32, high >>> 32) << 32;
                }
            }
            Format.settle(cpu);
            x[d] = first;
            x[d + 1] = second;
        }

        private long wide(Cpu cpu, long a, long b) {
            return Arithmetic.holds(cpu, Format.DOUBLE, predicate, a, b) ? -1 : 0;
        }

        private long single(Cpu cpu, long a, long b) {
            return Arithmetic.holds(cpu, Format.SINGLE, predicate, a & LOW, b & LOW) ? LOW : 0;
        }
    }

    /**
     * RCPxx and RSQRTxx: no exceptions, denormals are zeros. The SDM allows a relative error of 1.5 * 2^-12; this has less than 2^-23.
     */
    private static final class Approximation extends XmmStep {
        private final boolean root;
        private final boolean packed;

        Approximation(Insn insn) {
            super(insn);
            this.root = insn.op == Op.RSQRTPS || insn.op == Op.RSQRTSS;
            this.packed = insn.op == Op.RCPPS || insn.op == Op.RSQRTPS;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            if (packed) {
                x[d] = one(low) | one(low >>> 32) << 32;
                x[d + 1] = one(high) | one(high >>> 32) << 32;
            } else {
                x[d] = (x[d] & ~LOW) | one(low);
            }
        }

        private long one(long value) {
            final int f = Format.SINGLE;
            final long a = value & LOW;
            final boolean negative = Format.isNegative(f, a);
            if (Format.isNan(f, a)) {
                return a | 1L << (f - 1);
            }
            if (Format.exponent(f, a) == 0) {
                return Format.infinity(f, negative);
            }
            if (root && negative) {
                return Format.indefinite(f);
            }
            final double number = Float.intBitsToFloat((int) a);
            final long result = Float.floatToRawIntBits((float) (1 / (root ? Math.sqrt(number) : number))) & LOW;
            return Format.exponent(f, result) == 0 ? Format.zero(f, negative) : result;
        }
    }

    /** HADDPx, HSUBPx, ADDSUBPx. */
    private static final class Horizontal extends XmmStep {
        private final Op op;

        Horizontal(Insn insn) {
            super(insn);
            this.op = insn.op;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final long a = x[d];
            final long b = x[d + 1];
            final int kind = op == Op.HADDPS || op == Op.HADDPD ? Arithmetic.ADD : Arithmetic.SUBTRACT;
            final long first;
            final long second;
            switch (op) {
                case HADDPD, HSUBPD -> {
                    first = Arithmetic.wide(cpu, kind, a, b);
                    second = Arithmetic.wide(cpu, kind, low, high);
                }
                case HADDPS, HSUBPS -> {
                    first = Arithmetic.narrow(cpu, kind, a, a >>> 32) | Arithmetic.narrow(cpu, kind, b, b >>> 32) << 32;
                    second = Arithmetic.narrow(cpu, kind, low, low >>> 32)
                            | Arithmetic.narrow(cpu, kind, high, high >>> 32) << 32;
                }
                case ADDSUBPD -> {
                    first = Arithmetic.wide(cpu, Arithmetic.SUBTRACT, a, low);
                    second = Arithmetic.wide(cpu, Arithmetic.ADD, b, high);
                }
                default -> {
                    first = alternate(cpu, a, low);
                    second = alternate(cpu, b, high);
                }
            }
            Format.settle(cpu);
            x[d] = first;
            x[d + 1] = second;
        }

        private static long alternate(Cpu cpu, long a, long b) {
            return Arithmetic.narrow(cpu, Arithmetic.SUBTRACT, a, b)
                    | Arithmetic.narrow(cpu, Arithmetic.ADD, a >>> 32, b >>> 32) << 32;
        }
    }
}
