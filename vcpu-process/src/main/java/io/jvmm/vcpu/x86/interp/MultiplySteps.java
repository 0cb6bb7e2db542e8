package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.jspecify.annotations.Nullable;

/** MUL, IMUL, DIV, IDIV (SDM 2). Division leaves the flags, which are undefined, alone. */
final class MultiplySteps {
    private static final long MASK = 0xffff_ffffL;

    private MultiplySteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case MUL -> new MultiplyPair(insn, false);
            case IMUL -> insn.kind2 == OperandKind.NONE ? new MultiplyPair(insn, true) : product(insn);
            case DIV -> new Divide(insn);
            case IDIV -> new DivideSigned(insn);
            default -> null;
        };
    }

    private static Step product(Insn insn) {
        return insn.operandBytes == 8 ? new Multiply64(insn) : new Multiply(insn);
    }

    /** One operand: AX, DX:AX, EDX:EAX, RDX:RAX from the accumulator and the operand. */
    private static final class MultiplyPair extends Step {
        private final Operand operand;
        private final int bytes;
        private final boolean signed;

        MultiplyPair(Insn insn, boolean signed) {
            this.bytes = insn.operandBytes;
            this.operand = Operand.first(insn, bytes, false);
            this.signed = signed;
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long b = operand.read(cpu);
            if (bytes == 8) {
                final long a = r[Cpu.RAX];
                final long low = a * b;
                final long high = signed ? Math.multiplyHigh(a, b) : Math.unsignedMultiplyHigh(a, b);
                r[Cpu.RAX] = low;
                r[Cpu.RDX] = high;
                cpu.setLazy(Flags.MUL + 3, low, high == (signed ? low >> 63 : 0) ? 0 : 1);
                return;
            }
            final int bits = bytes * 8;
            final long product;
            final boolean significant;
            if (signed) {
                product = Operand.signed(r[Cpu.RAX], bytes) * Operand.signed(b, bytes);
                significant = product != Operand.signed(product, bytes);
            } else {
                product = (r[Cpu.RAX] & Address.bits(bytes)) * b;
                significant = product >>> bits != 0;
            }
            if (bytes == 1) {
                Operand.writeRegister(r, Cpu.RAX, 2, product);
            } else {
                Operand.writeRegister(r, Cpu.RAX, bytes, product);
                Operand.writeRegister(r, Cpu.RDX, bytes, product >>> bits);
            }
            cpu.setLazy(Flags.MUL + IntegerSteps.log2(bytes), product, significant ? 1 : 0);
        }
    }

    /** Two or three operands, 64 bits. */
    private static final class Multiply64 extends Step {
        private final Operand a;
        private final Operand b;
        private final int register;

        Multiply64(Insn insn) {
            this.register = insn.reg1;
            this.a = Operand.second(insn, 8);
            this.b = insn.kind3 == OperandKind.NONE ? Operand.first(insn, 8, false) : Operand.third(insn, 8);
        }

        @Override
        public void run(Cpu cpu) {
            final long x = a.read(cpu);
            final long y = b.read(cpu);
            final long product = x * y;
            cpu.r[register] = product;
            cpu.setLazy(Flags.MUL + 3, product, Math.multiplyHigh(x, y) == product >> 63 ? 0 : 1);
        }
    }

    /** Two or three operands, 16 and 32 bits. */
    private static final class Multiply extends Step {
        private final Operand a;
        private final Operand b;
        private final int register;
        private final int bytes;

        Multiply(Insn insn) {
            this.register = insn.reg1;
            this.bytes = insn.operandBytes;
            this.a = Operand.second(insn, bytes);
            this.b = insn.kind3 == OperandKind.NONE ? Operand.first(insn, bytes, false) : Operand.third(insn, bytes);
        }

        @Override
        public void run(Cpu cpu) {
            final long product = Operand.signed(a.read(cpu), bytes) * Operand.signed(b.read(cpu), bytes);
            Operand.writeRegister(cpu.r, register, bytes, product);
            cpu.setLazy(
                    Flags.MUL + IntegerSteps.log2(bytes), product, product == Operand.signed(product, bytes) ? 0 : 1);
        }
    }

    private static GuestException divideError(Cpu cpu) {
        return cpu.exception.of(Vector.DE);
    }

    /** The dividend of 8, 16 and 32 bits: AX, DX:AX, EDX:EAX, zero-extended. */
    private static long dividend(long[] r, int bytes) {
        if (bytes == 1) {
            return r[Cpu.RAX] & 0xffff;
        }
        final long mask = Address.bits(bytes);
        return (r[Cpu.RDX] & mask) << (8 * bytes) | (r[Cpu.RAX] & mask);
    }

    private static void store(long[] r, int bytes, long quotient, long remainder) {
        if (bytes == 1) {
            Operand.writeRegister(r, Cpu.RAX, 2, (quotient & 0xff) | (remainder & 0xff) << 8);
        } else {
            Operand.writeRegister(r, Cpu.RAX, bytes, quotient);
            Operand.writeRegister(r, Cpu.RDX, bytes, remainder);
        }
    }

    private static final class Divide extends Step {
        private final Operand operand;
        private final int bytes;

        Divide(Insn insn) {
            this.bytes = insn.operandBytes;
            this.operand = Operand.first(insn, bytes, false);
        }

        @Override
        public void run(Cpu cpu) {
            final long[] r = cpu.r;
            final long divisor = operand.read(cpu);
            if (divisor == 0) {
                throw divideError(cpu);
            }
            if (bytes == 8) {
                final long high = r[Cpu.RDX];
                final long low = r[Cpu.RAX];
                if (Long.compareUnsigned(high, divisor) >= 0) {
                    throw divideError(cpu);
                }
                final long quotient = WideDivision.quotient(high, low, divisor);
                r[Cpu.RAX] = quotient;
                r[Cpu.RDX] = low - quotient * divisor;
                return;
            }
            final long dividend = dividend(r, bytes);
            final long quotient = Long.divideUnsigned(dividend, divisor);
            if (quotient >>> (8 * bytes) != 0) {
                throw divideError(cpu);
            }
            store(r, bytes, quotient, dividend - quotient * divisor);
        }
    }

    private static final class DivideSigned extends Step {
        private final Operand operand;
        private final int bytes;

        DivideSigned(Insn insn) {
            this.bytes = insn.operandBytes;
            this.operand = Operand.first(insn, bytes, false);
        }

        @Override
        public void run(Cpu cpu) {
            final long divisor = Operand.signed(operand.read(cpu), bytes);
            if (divisor == 0) {
                throw divideError(cpu);
            }
            if (bytes == 8) {
                divide128(cpu, divisor);
                return;
            }
            final long[] r = cpu.r;
            final int both = bytes == 1 ? 2 : 2 * bytes;
            final long dividend = Operand.signed(dividend(r, bytes), both);
            if (dividend == Long.MIN_VALUE && divisor == -1) {
                throw divideError(cpu);
            }
            final long quotient = dividend / divisor;
            if (quotient != Operand.signed(quotient, bytes)) {
                throw divideError(cpu);
            }
            store(r, bytes, quotient, dividend - quotient * divisor);
        }

        /** By magnitudes; the remainder has the sign of the dividend. */
        private static void divide128(Cpu cpu, long divisor) {
            final long[] r = cpu.r;
            long high = r[Cpu.RDX];
            long low = r[Cpu.RAX];
            final boolean negative = high < 0;
            if (negative) {
                low = -low;
                high = ~high + (low == 0 ? 1 : 0);
            }
            final long magnitude = Math.abs(divisor);
            if (Long.compareUnsigned(high, magnitude) >= 0) {
                throw divideError(cpu);
            }
            final long unsignedQuotient = WideDivision.quotient(high, low, magnitude);
            final long unsignedRemainder = low - unsignedQuotient * magnitude;
            final boolean negativeQuotient = negative != divisor < 0;
            // The quotient's magnitude may reach 2^63 only when it is negative.
            if (unsignedQuotient < 0 && !(negativeQuotient && unsignedQuotient == Long.MIN_VALUE)) {
                throw divideError(cpu);
            }
            r[Cpu.RAX] = negativeQuotient ? -unsignedQuotient : unsignedQuotient;
            r[Cpu.RDX] = negative ? -unsignedRemainder : unsignedRemainder;
        }
    }

    /** 128 bits by 64, unsigned, exact: Knuth's algorithm D with digits of 32 bits (TAOCP 2, 4.3.1). */
    static final class WideDivision {
        private WideDivision() {}

        /** {@code high < divisor} unsigned, so that the quotient fits. */
        static long quotient(long high, long low, long divisor) {
            if (high == 0) {
                return Long.divideUnsigned(low, divisor);
            }
            final int shift = Long.numberOfLeadingZeros(divisor);
            final long d = divisor << shift;
            final long top = shift == 0 ? high : high << shift | low >>> (64 - shift);
            final long rest = low << shift;
            final long q1 = digit(top, rest >>> 32, d);
            final long middle = (top << 32 | rest >>> 32) - q1 * d;
            final long q0 = digit(middle, rest & MASK, d);
            return q1 << 32 | q0;
        }

        /** One digit: (n, next) / d where d has its top bit set and n is less than d. */
        private static long digit(long n, long next, long d) {
            final long dHigh = d >>> 32;
            final long dLow = d & MASK;
            long q = Long.divideUnsigned(n, dHigh);
            long remainder = n - q * dHigh;
            while (q > MASK || Long.compareUnsigned(q * dLow, remainder << 32 | next) > 0) {
                q--;
                remainder += dHigh;
                if (remainder > MASK) {
                    break;
                }
            }
            return q;
        }
    }
}
