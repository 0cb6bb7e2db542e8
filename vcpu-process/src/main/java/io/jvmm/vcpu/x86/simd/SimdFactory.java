package io.jvmm.vcpu.x86.simd;

import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.StepFactory;
import org.jspecify.annotations.Nullable;

/** All of MMX and of SSE to SSE4.2 (but EMMS, LDMXCSR and STMXCSR, which are with the x87 state). */
public final class SimdFactory implements StepFactory {
    @Override
    public int build(Insn[] insns, int at, int modeKey, Step[] into) {
        final Step step = single(insns[at]);
        if (step == null) {
            return 0;
        }
        into[0] = step;
        return 1;
    }

    private static @Nullable Step single(Insn insn) {
        return switch (insn.op) {
            case MOVAPS, MOVAPD, MOVUPS, MOVUPD, MOVDQA, MOVDQU, MOVNTDQA, LDDQU, MOVNTPS, MOVNTPD, MOVNTDQ ->
                MoveSteps.build(insn);
            case MOVSS, MOVSD, MOVLPS, MOVLPD, MOVHPS, MOVHPD, MOVLHPS, MOVHLPS, MOVSHDUP, MOVSLDUP, MOVDDUP ->
                MoveSteps.build(insn);
            case MOVQ -> quad(insn);
            case MOVNTQ, MOVQ2DQ, MOVDQ2Q, MASKMOVQ, MASKMOVDQU -> MmxMoveSteps.build(insn);
            case MOVD, PINSRB, PINSRW, PINSRD, PINSRQ, PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS, PMOVMSKB ->
                ElementSteps.build(insn);
            case MOVMSKPS, MOVMSKPD -> ElementSteps.build(insn);
            case PACKSSWB, PACKSSDW, PACKUSWB, PACKUSDW -> LaneSteps.buildFold(insn);
            case PHADDW, PHADDD, PHADDSW, PHSUBW, PHSUBD, PHSUBSW -> LaneSteps.buildFold(insn);
            case PUNPCKLBW, PUNPCKLWD, PUNPCKLDQ, PUNPCKLQDQ, UNPCKLPS, UNPCKLPD -> LaneSteps.buildInterleave(insn);
            case PUNPCKHBW, PUNPCKHWD, PUNPCKHDQ, PUNPCKHQDQ, UNPCKHPS, UNPCKHPD -> LaneSteps.buildInterleave(insn);
            case PSLLW, PSLLD, PSLLQ, PSRLW, PSRLD, PSRLQ, PSRAW, PSRAD, PSLLDQ, PSRLDQ -> ShiftSteps.build(insn);
            default -> other(insn);
        };
    }

    /** MOVQ: between vectors, or with a general register, or MMX. */
    private static Step quad(Insn insn) {
        if (insn.kind1 == OperandKind.GPR || insn.kind2 == OperandKind.GPR) {
            return ElementSteps.build(insn);
        }
        return insn.kind1 == OperandKind.MMX || insn.kind2 == OperandKind.MMX
                ? MmxMoveSteps.build(insn)
                : MoveSteps.build(insn);
    }

    private static @Nullable Step other(Insn insn) {
        return switch (insn.op) {
            case PAND, PANDN, POR, PXOR, ANDPS, ANDPD, ANDNPS, ANDNPD, ORPS, ORPD, XORPS, XORPD ->
                LaneSteps.build(insn);
            case PADDB, PADDW, PADDD, PADDQ, PADDSB, PADDSW, PADDUSB, PADDUSW -> LaneSteps.build(insn);
            case PSUBB, PSUBW, PSUBD, PSUBQ, PSUBSB, PSUBSW, PSUBUSB, PSUBUSW -> LaneSteps.build(insn);
            case PCMPEQB, PCMPEQW, PCMPEQD, PCMPEQQ, PCMPGTB, PCMPGTW, PCMPGTD, PCMPGTQ -> LaneSteps.build(insn);
            case PMINUB, PMINUW, PMINUD, PMINSB, PMINSW, PMINSD -> LaneSteps.build(insn);
            case PMAXUB, PMAXUW, PMAXUD, PMAXSB, PMAXSW, PMAXSD -> LaneSteps.build(insn);
            case PAVGB, PAVGW, PABSB, PABSW, PABSD, PSIGNB, PSIGNW, PSIGND, PSADBW -> LaneSteps.build(insn);
            case PMULLW, PMULHW, PMULHUW, PMULUDQ, PMULDQ, PMULLD, PMULHRSW, PMADDWD, PMADDUBSW ->
                LaneSteps.build(insn);
            case PSHUFW, PSHUFD, PSHUFHW, PSHUFLW, PSHUFB, PALIGNR, SHUFPS, SHUFPD, INSERTPS, MPSADBW, PHMINPOSUW ->
                ShuffleSteps.build(insn);
            case BLENDPS, BLENDPD, PBLENDW, BLENDVPS, BLENDVPD, PBLENDVB, PTEST -> ShuffleSteps.build(insn);
            case PMOVSXBW, PMOVSXBD, PMOVSXBQ, PMOVSXWD, PMOVSXWQ, PMOVSXDQ -> ShuffleSteps.build(insn);
            case PMOVZXBW, PMOVZXBD, PMOVZXBQ, PMOVZXWD, PMOVZXWQ, PMOVZXDQ -> ShuffleSteps.build(insn);
            case PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI -> TextSteps.build(insn);
            default -> floats(insn);
        };
    }

    private static @Nullable Step floats(Insn insn) {
        return switch (insn.op) {
            case ADDPS, ADDPD, ADDSS, ADDSD, SUBPS, SUBPD, SUBSS, SUBSD -> FloatSteps.build(insn);
            case MULPS, MULPD, MULSS, MULSD, DIVPS, DIVPD, DIVSS, DIVSD -> FloatSteps.build(insn);
            case MINPS, MINPD, MINSS, MINSD, MAXPS, MAXPD, MAXSS, MAXSD -> FloatSteps.build(insn);
            case SQRTPS, SQRTPD, SQRTSS, SQRTSD, RCPPS, RCPSS, RSQRTPS, RSQRTSS -> FloatSteps.build(insn);
            case CMPPS, CMPPD, CMPSS, CMPSD, COMISS, COMISD, UCOMISS, UCOMISD -> FloatSteps.build(insn);
            case ADDSUBPS, ADDSUBPD, HADDPS, HADDPD, HSUBPS, HSUBPD -> FloatSteps.build(insn);
            case DPPS, DPPD, ROUNDPS, ROUNDPD, ROUNDSS, ROUNDSD -> DotSteps.build(insn);
            case CVTPS2PD, CVTPD2PS, CVTSS2SD, CVTSD2SS, CVTDQ2PS, CVTDQ2PD -> ConvertSteps.build(insn);
            case CVTPS2DQ, CVTTPS2DQ, CVTPD2DQ, CVTTPD2DQ -> ConvertSteps.build(insn);
            case CVTPI2PS, CVTPI2PD, CVTPS2PI, CVTTPS2PI, CVTPD2PI, CVTTPD2PI -> ConvertSteps.build(insn);
            case CVTSI2SS, CVTSI2SD, CVTSS2SI, CVTTSS2SI, CVTSD2SI, CVTTSD2SI -> ConvertSteps.build(insn);
            default -> null;
        };
    }
}
