package io.jvmm.vcpu.x86.oracle;

import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;

/** Which flags an instruction leaves undefined (SDM 2, "Flags affected" of each; SDM 1 appendix A). */
final class UndefinedFlags {
    private UndefinedFlags() {}

    /** As bits of RFLAGS, given RCX before. */
    static int of(Insn insn, long rcx) {
        return switch (insn.op) {
            case AND, OR, XOR, TEST -> Flags.AF;
            case MUL, IMUL -> Flags.SF | Flags.ZF | Flags.AF | Flags.PF;
            case DIV, IDIV -> Flags.STATUS;
            case BSF, BSR -> Flags.STATUS & ~Flags.ZF;
            case BT, BTS, BTR, BTC -> Flags.STATUS & ~(Flags.CF | Flags.ZF);
            case DAA, DAS -> Flags.OF;
            case AAA, AAS -> Flags.OF | Flags.SF | Flags.ZF | Flags.PF;
            case AAM, AAD -> Flags.OF | Flags.AF | Flags.CF;
            case SHL, SHR, SAR -> shift(insn, count(insn, insn.kind2, rcx));
            case ROL, ROR, RCL, RCR -> count(insn, insn.kind2, rcx) > 1 ? Flags.OF : 0;
            case SHLD, SHRD -> doubleShift(insn, count(insn, insn.kind3, rcx));
            default -> 0;
        };
    }

    /**
     * Whether the result itself is: of SHLD and SHRD of 16 bits by more than 16; and MOVSXD of 16 bits, of which AMD's processors
     * read 32 and Intel's 16.
     */
    static boolean undefinesResult(Insn insn, long rcx) {
        if (insn.op == Op.MOVSXD && insn.operandBytes == 2) {
            return true;
        }
        return (insn.op == Op.SHLD || insn.op == Op.SHRD)
                && insn.operandBytes == 2
                && count(insn, insn.kind3, rcx) > 16;
    }

    private static int count(Insn insn, OperandKind kind, long rcx) {
        final long count = kind == OperandKind.IMM ? insn.imm : rcx;
        return (int) count & (insn.operandBytes == 8 ? 63 : 31);
    }

    private static int shift(Insn insn, int count) {
        if (count == 0) {
            return 0;
        }
        final int carry = count > insn.operandBytes * 8 ? Flags.CF : 0;
        return Flags.AF | (count > 1 ? Flags.OF : 0) | carry;
    }

    private static int doubleShift(Insn insn, int count) {
        if (count == 0) {
            return 0;
        }
        return count > insn.operandBytes * 8 ? Flags.STATUS : Flags.AF | (count > 1 ? Flags.OF : 0);
    }
}
