package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.jspecify.annotations.Nullable;

/** DAA, DAS, AAA, AAS, AAM, AAD (SDM 2); none exists in 64-bit mode. */
final class DecimalSteps {
    private DecimalSteps() {}

    /** A step for the instruction, or null when it is not one of these. */
    static @Nullable Step build(Insn insn) {
        return switch (insn.op) {
            case DAA, DAS -> new AdjustPacked(insn.op == Op.DAS);
            case AAA, AAS -> new AdjustUnpacked(insn.op == Op.AAS);
            case AAM -> new AfterMultiply((int) insn.imm & 0xff);
            case AAD -> new BeforeDivide((int) insn.imm & 0xff);
            default -> null;
        };
    }

    private static void setAx(Cpu cpu, int value) {
        Operand.writeRegister(cpu.r, Cpu.RAX, 2, value);
    }

    private static int resultFlags(int al) {
        return Flags.status(Flags.LOGIC, al, 0);
    }

    private static final class AdjustPacked extends Step {
        private final boolean subtract;

        AdjustPacked(boolean subtract) {
            this.subtract = subtract;
        }

        @Override
        public void run(Cpu cpu) {
            final int old = (int) cpu.r[Cpu.RAX] & 0xff;
            final int status = cpu.statusFlags();
            final boolean carry = (status & Flags.CF) != 0;
            int al = old;
            int flags = 0;
            if ((old & 0xf) > 9 || (status & Flags.AF) != 0) {
                al += subtract ? -6 : 6;
                flags |= Flags.AF;
                // DAS sets CF when this borrows, whatever follows.
                flags |= (subtract && al < 0) || carry ? Flags.CF : 0;
            }
            if (old > 0x99 || carry) {
                al += subtract ? -0x60 : 0x60;
                flags |= Flags.CF;
            }
            al &= 0xff;
            Operand.writeRegister(cpu.r, Cpu.RAX, 1, al);
            cpu.setStatusFlags(flags | resultFlags(al));
        }
    }

    /** SF, ZF, PF and OF are undefined. */
    private static final class AdjustUnpacked extends Step {
        private final boolean subtract;

        AdjustUnpacked(boolean subtract) {
            this.subtract = subtract;
        }

        @Override
        public void run(Cpu cpu) {
            int ax = (int) cpu.r[Cpu.RAX] & 0xffff;
            int flags = 0;
            if ((ax & 0xf) > 9 || (cpu.statusFlags() & Flags.AF) != 0) {
                ax += subtract ? -0x106 : 0x106;
                flags = Flags.AF | Flags.CF;
            }
            ax &= 0xff0f;
            setAx(cpu, ax);
            cpu.setStatusFlags(flags | resultFlags(ax));
        }
    }

    private static final class AfterMultiply extends Step {
        private final int base;

        AfterMultiply(int base) {
            this.base = base;
        }

        @Override
        public void run(Cpu cpu) {
            if (base == 0) {
                throw cpu.exception.of(Vector.DE);
            }
            final int al = (int) cpu.r[Cpu.RAX] & 0xff;
            setAx(cpu, (al / base) << 8 | (al % base));
            cpu.setStatusFlags(resultFlags(al % base));
        }
    }

    private static final class BeforeDivide extends Step {
        private final int base;

        BeforeDivide(int base) {
            this.base = base;
        }

        @Override
        public void run(Cpu cpu) {
            final int ax = (int) cpu.r[Cpu.RAX] & 0xffff;
            final int al = (ax + (ax >> 8) * base) & 0xff;
            setAx(cpu, al);
            cpu.setStatusFlags(resultFlags(al));
        }
    }
}
