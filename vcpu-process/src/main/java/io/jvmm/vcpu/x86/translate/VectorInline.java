package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;

/** Which SSE instructions {@link VectorEmitter} knows. None of MMX. */
final class VectorInline {
    private VectorInline() {}

    static boolean supports(Insn i) {
        if (i.kind1 == OperandKind.MMX
                || i.kind2 == OperandKind.MMX
                || (i.kind1 != OperandKind.XMM && i.kind2 != OperandKind.XMM)) {
            return false;
        }
        return isMove(i.op) || isFloat(i.op) || isInteger(i);
    }

    static boolean isMove(Op op) {
        return switch (op) {
            case MOVAPS, MOVAPD, MOVDQA, MOVNTPS, MOVNTPD, MOVNTDQ, MOVNTDQA -> true;
            case MOVUPS, MOVUPD, MOVDQU, LDDQU -> true;
            case MOVSS, MOVSD, MOVQ, MOVD, MOVLPS, MOVLPD, MOVHPS, MOVHPD, MOVLHPS, MOVHLPS, MOVDDUP -> true;
            default -> false;
        };
    }

    /** Those that may raise #XM. */
    static boolean isFloat(Op op) {
        return switch (op) {
            case ADDSD, SUBSD, MULSD, DIVSD, SQRTSD, MINSD, MAXSD -> true;
            case ADDSS, SUBSS, MULSS, DIVSS, SQRTSS, MINSS, MAXSS -> true;
            case ADDPD, SUBPD, MULPD, DIVPD -> true;
            case COMISD, COMISS, UCOMISD, UCOMISS -> true;
            case CVTSI2SD, CVTSI2SS, CVTTSD2SI, CVTTSS2SI, CVTSS2SD, CVTSD2SS -> true;
            default -> false;
        };
    }

    private static boolean isInteger(Insn i) {
        return switch (i.op) {
            case PXOR, XORPS, XORPD, POR, ORPS, ORPD, PAND, ANDPS, ANDPD, PANDN, ANDNPS, ANDNPD -> true;
            case PADDB, PADDW, PADDD, PADDQ, PSUBB, PSUBW, PSUBD, PSUBQ, PMULUDQ -> true;
            case PCMPEQB, PCMPEQW, PCMPEQD, PCMPGTB, PCMPGTW, PCMPGTD, PMINUB, PMAXUB -> true;
            case PSHUFD, SHUFPS, PSHUFLW, PSHUFHW, PSHUFB, PALIGNR -> true;
            case PUNPCKLBW, PUNPCKLWD, PUNPCKLDQ, PUNPCKLQDQ, UNPCKLPS, UNPCKLPD -> true;
            case PUNPCKHBW, PUNPCKHWD, PUNPCKHDQ, PUNPCKHQDQ, UNPCKHPS, UNPCKHPD -> true;
            case PSLLW, PSLLD, PSLLQ, PSRLW, PSRLD, PSRLQ, PSRAD, PSLLDQ, PSRLDQ -> i.kind2 == OperandKind.IMM;
            case PMOVMSKB, MOVMSKPD -> true;
            default -> false;
        };
    }

    /** Whether a memory operand of 16 bytes has to be aligned. */
    static boolean isAligned(Op op) {
        return switch (op) {
            case MOVUPS, MOVUPD, MOVDQU, LDDQU -> false;
            default -> true;
        };
    }
}
