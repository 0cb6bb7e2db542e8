package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.Address;
import org.jspecify.annotations.Nullable;

/** Conversions between the floating-point formats and integers in XMM, MMX and general registers. */
final class ConvertSteps {
    private static final long LOW = 0xffff_ffffL;
    /** The precision exception is masked and has been met. */
    static final int PRECISION_IS_NOTHING_NEW = 0x1020;

    private ConvertSteps() {}

    static Step build(Insn insn) {
        return switch (insn.op) {
            case CVTSI2SS, CVTSI2SD -> new FromGeneral(insn);
            case CVTSS2SI, CVTTSS2SI, CVTSD2SI, CVTTSD2SI -> new ToGeneral(insn);
            case CVTPI2PS, CVTPI2PD -> new FromMmx(insn);
            case CVTPS2PI, CVTTPS2PI, CVTPD2PI, CVTTPD2PI -> new ToMmx(insn);
            default -> new Vector(insn);
        };
    }

    private static long singles(Cpu cpu, long pair, int rounding) {
        final int f = Format.SINGLE;
        return SoftFloat.toInteger(cpu, f, pair & LOW, 32, rounding)
                | SoftFloat.toInteger(cpu, f, pair >>> 32, 32, rounding) << 32;
    }

    private static long doubles(Cpu cpu, long low, long high, int rounding) {
        final int f = Format.DOUBLE;
        return SoftFloat.toInteger(cpu, f, low, 32, rounding) | SoftFloat.toInteger(cpu, f, high, 32, rounding) << 32;
    }

    private static long fromInts(Cpu cpu, long pair) {
        final int f = Format.SINGLE;
        return SoftFloat.fromInteger(cpu, f, pair << 32 >> 32) | SoftFloat.fromInteger(cpu, f, pair >> 32) << 32;
    }

    /** CVTTxx2SI of one number, to 32 bits (zero-extended) or 64. */
    static long truncate(Cpu cpu, int f, long value, int bits) {
        final long result = SoftFloat.toInteger(cpu, f, value, bits, Format.TRUNCATE);
        Format.settle(cpu);
        return result;
    }

    /** Exact, therefore without rounding or exceptions. */
    private static long wide(int value) {
        return Double.doubleToRawLongBits(value);
    }

    private static final class Vector extends XmmStep {
        private final Op op;

        Vector(Insn insn) {
            super(insn);
            this.op = insn.op;
        }

        @Override
        void compute(Cpu cpu, long[] x, long low, long high) {
            final int s = Format.SINGLE;
            final int w = Format.DOUBLE;
            long first = x[d];
            long second = x[d + 1];
            switch (op) {
                case CVTSS2SD -> first = SoftFloat.convert(cpu, s, w, low & LOW);
                case CVTSD2SS -> first = (first & ~LOW) | SoftFloat.convert(cpu, w, s, low);
                case CVTPS2PD -> {
                    first = SoftFloat.convert(cpu, s, w, low & LOW);
                    second = SoftFloat.convert(cpu, s, w, low >>> 32);
                }
                case CVTPD2PS -> {
                    first = SoftFloat.convert(cpu, w, s, low) | SoftFloat.convert(cpu, w, s, high) << 32;
                    second = 0;
                }
                case CVTDQ2PS -> {
                    first = fromInts(cpu, low);
                    second = fromInts(cpu, high);
                }
                case CVTDQ2PD -> {
                    first = wide((int) low);
                    second = wide((int) (low >>> 32));
                }
                case CVTPS2DQ, CVTTPS2DQ -> {
                    final int rounding = op == Op.CVTPS2DQ ? Format.rounding(cpu) : Format.TRUNCATE;
                    first = singles(cpu, low, rounding);
                    second = singles(cpu, high, rounding);
                }
                default -> {
                    first = doubles(cpu, low, high, op == Op.CVTPD2DQ ? Format.rounding(cpu) : Format.TRUNCATE);
                    second = 0;
                }
            }
            Format.settle(cpu);
            x[d] = first;
            x[d + 1] = second;
        }
    }

    /** From a general register or memory. */
    private static final class FromGeneral extends Step {
        private final int d;
        private final int s;
        private final int bytes;
        private final boolean single;
        private final @Nullable Address address;

        FromGeneral(Insn insn) {
            this.d = 2 * insn.reg1;
            this.s = insn.reg2;
            this.bytes = insn.sourceBytes;
            this.single = insn.op == Op.CVTSI2SS;
            this.address = insn.kind2 == OperandKind.MEM ? new Address(insn, bytes, false) : null;
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            final Address from = address;
            final long raw = from == null ? cpu.r[s] : cpu.mmu.read(from.linear(cpu), bytes);
            final long value = bytes == 8 ? raw : (int) raw;
            final long[] x = cpu.xmm;
            if (single) {
                final long result = SoftFloat.fromInteger(cpu, Format.SINGLE, value);
                Format.settle(cpu);
                x[d] = (x[d] & ~LOW) | result;
            } else if (bytes == 4) {
                x[d] = wide((int) value);
            } else {
                final long result = SoftFloat.fromInteger(cpu, Format.DOUBLE, value);
                Format.settle(cpu);
                x[d] = result;
            }
        }
    }

    /** To a general register. */
    private static final class ToGeneral extends Step {
        private final int d;
        private final int s;
        private final int f;
        private final int sourceBytes;
        private final int bits;
        private final boolean truncate;
        private final @Nullable Address address;

        ToGeneral(Insn insn) {
            this.d = insn.reg1;
            this.s = 2 * insn.reg2;
            this.sourceBytes = insn.sourceBytes;
            this.f = sourceBytes == 8 ? Format.DOUBLE : Format.SINGLE;
            this.bits = 8 * insn.operandBytes;
            this.truncate = insn.op == Op.CVTTSD2SI || insn.op == Op.CVTTSS2SI;
            this.address = insn.kind2 == OperandKind.MEM ? new Address(insn, sourceBytes, false) : null;
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            final Address from = address;
            final long raw = from == null ? cpu.xmm[s] : cpu.mmu.read(from.linear(cpu), sourceBytes);
            final long value = sourceBytes == 8 ? raw : raw & LOW;
            if (truncate && (cpu.mxcsr & PRECISION_IS_NOTHING_NEW) == PRECISION_IS_NOTHING_NEW) {
                final double number =
                        f == Format.DOUBLE ? Double.longBitsToDouble(value) : Float.intBitsToFloat((int) value);
                final long whole = (long) number;
                // Java's cast truncates too; what does not fit, and NaN, is left to the slow way.
                if (whole != 0
                        && (bits == 64 ? whole < Long.MAX_VALUE && whole > Long.MIN_VALUE : whole == (int) whole)) {
                    cpu.r[d] = bits == 64 ? whole : whole & LOW;
                    return;
                }
            }
            final int rounding = truncate ? Format.TRUNCATE : Format.rounding(cpu);
            final long result = SoftFloat.toInteger(cpu, f, value, bits, rounding);
            Format.settle(cpu);
            cpu.r[d] = result;
        }
    }

    /** From an MMX register or memory, which alone does not touch the x87 state. */
    private static final class FromMmx extends Step {
        private final int d;
        private final int s;
        private final boolean single;
        private final @Nullable Address address;

        FromMmx(Insn insn) {
            this.d = 2 * insn.reg1;
            this.s = insn.reg2;
            this.single = insn.op == Op.CVTPI2PS;
            this.address = insn.kind2 == OperandKind.MEM ? new Address(insn, 8, false) : null;
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            final Address from = address;
            final long value;
            if (from == null) {
                Access.mmx(cpu);
                value = cpu.x87.significand[s];
            } else {
                value = cpu.mmu.read64(from.linear(cpu));
            }
            final long[] x = cpu.xmm;
            if (from == null) {
                // Even when an exception follows.
                Access.enterMmx(cpu);
            }
            if (single) {
                final long result = fromInts(cpu, value);
                Format.settle(cpu);
                x[d] = result;
            } else {
                x[d] = wide((int) value);
                x[d + 1] = wide((int) (value >>> 32));
            }
        }
    }

    /** To an MMX register. */
    private static final class ToMmx extends Step {
        private final int d;
        private final int s;
        private final int bytes;
        private final boolean truncate;
        private final @Nullable Address address;

        ToMmx(Insn insn) {
            this.d = insn.reg1;
            this.s = 2 * insn.reg2;
            this.bytes = insn.operandBytes;
            this.truncate = insn.op == Op.CVTTPS2PI || insn.op == Op.CVTTPD2PI;
            this.address = insn.kind2 == OperandKind.MEM ? new Address(insn, bytes, false) : null;
        }

        @Override
        public void run(Cpu cpu) {
            Access.sse(cpu);
            Access.mmx(cpu);
            final Address from = address;
            final long low;
            long high = 0;
            if (from == null) {
                low = cpu.xmm[s];
                high = cpu.xmm[s + 1];
            } else {
                final long linear = from.linear(cpu);
                if (bytes == 16) {
                    Access.align(cpu, linear);
                    high = cpu.mmu.read64(linear + 8);
                }
                low = cpu.mmu.read64(linear);
            }
            final int rounding = truncate ? Format.TRUNCATE : Format.rounding(cpu);
            final long result = bytes == 16 ? doubles(cpu, low, high, rounding) : singles(cpu, low, rounding);
            // Even when an exception follows.
            Access.enterMmx(cpu);
            Format.settle(cpu);
            Access.setMmx(cpu, d, result);
        }
    }
}
