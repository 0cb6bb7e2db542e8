package io.jvmm.vcpu.x86.decode;

import static io.jvmm.vcpu.x86.decode.Entry.EX;
import static io.jvmm.vcpu.x86.decode.Entry.G;
import static io.jvmm.vcpu.x86.decode.Entry.IB;
import static io.jvmm.vcpu.x86.decode.Entry.INVALID;
import static io.jvmm.vcpu.x86.decode.Entry.M;
import static io.jvmm.vcpu.x86.decode.Entry.N;
import static io.jvmm.vcpu.x86.decode.Entry.P;
import static io.jvmm.vcpu.x86.decode.Entry.Q;
import static io.jvmm.vcpu.x86.decode.Entry.U;
import static io.jvmm.vcpu.x86.decode.Entry.V;
import static io.jvmm.vcpu.x86.decode.Entry.W;
import static io.jvmm.vcpu.x86.decode.Entry.WIDE_IS_NEXT;
import static io.jvmm.vcpu.x86.decode.Entry.WY;
import static io.jvmm.vcpu.x86.decode.Entry.of;
import static io.jvmm.vcpu.x86.decode.Entry.source;
import static io.jvmm.vcpu.x86.decode.Entry.with;
import static io.jvmm.vcpu.x86.decode.TwoByteMap.F2;
import static io.jvmm.vcpu.x86.decode.TwoByteMap.F3;
import static io.jvmm.vcpu.x86.decode.TwoByteMap.P66;

/** MMX, SSE, SSE2 and SSE3 in the two-byte map 0F xx (SDM 2 table A-3). */
// Static imports: a line of the map should look like one of the SDM.
@SuppressWarnings("BadImport")
final class SseMap {
    private final long[] map;
    private final Groups groups;

    private SseMap(long[] map, Groups groups) {
        this.map = map;
        this.groups = groups;
    }

    static void fill(long[] map, Groups groups) {
        final SseMap builder = new SseMap(map, groups);
        builder.floatMoves();
        builder.floatArithmetic();
        builder.conversions();
        builder.integerMoves();
        builder.integerArithmetic();
        builder.shifts();
    }

    private void floatMoves() {
        both(0x10, V, W, Op.MOVUPS, Op.MOVUPD, Op.MOVSS, Op.MOVSD);
        both(0x11, W, V, Op.MOVUPS, Op.MOVUPD, Op.MOVSS, Op.MOVSD);
        map[0x12] = groups.split(of(Op.MOVLPS, 8, V, M), of(Op.MOVHLPS, 8, V, U));
        map[P66 + 0x12] = of(Op.MOVLPD, 8, V, M);
        map[F3 + 0x12] = of(Op.MOVSLDUP, 16, V, W);
        map[F2 + 0x12] = of(Op.MOVDDUP, 8, V, W);
        map[0x13] = of(Op.MOVLPS, 8, M, V);
        map[P66 + 0x13] = of(Op.MOVLPD, 8, M, V);
        map[0x16] = groups.split(of(Op.MOVHPS, 8, V, M), of(Op.MOVLHPS, 8, V, U));
        map[P66 + 0x16] = of(Op.MOVHPD, 8, V, M);
        map[F3 + 0x16] = of(Op.MOVSHDUP, 16, V, W);
        map[0x17] = of(Op.MOVHPS, 8, M, V);
        map[P66 + 0x17] = of(Op.MOVHPD, 8, M, V);
        packed(0x14, Op.UNPCKLPS, Op.UNPCKLPD);
        packed(0x15, Op.UNPCKHPS, Op.UNPCKHPD);
        packed(0x28, Op.MOVAPS, Op.MOVAPD);
        map[0x29] = of(Op.MOVAPS, 16, W, V);
        map[P66 + 0x29] = of(Op.MOVAPD, 16, W, V);
        map[0x2b] = of(Op.MOVNTPS, 16, M, V);
        map[P66 + 0x2b] = of(Op.MOVNTPD, 16, M, V);
        map[0x50] = of(Op.MOVMSKPS, 4, G, U);
        map[P66 + 0x50] = of(Op.MOVMSKPD, 4, G, U);
        map[0xc6] = of(Op.SHUFPS, 16, V, W, IB);
        map[P66 + 0xc6] = of(Op.SHUFPD, 16, V, W, IB);
    }

    private void floatArithmetic() {
        packed(0x54, Op.ANDPS, Op.ANDPD);
        packed(0x55, Op.ANDNPS, Op.ANDNPD);
        packed(0x56, Op.ORPS, Op.ORPD);
        packed(0x57, Op.XORPS, Op.XORPD);
        both(0x51, V, W, Op.SQRTPS, Op.SQRTPD, Op.SQRTSS, Op.SQRTSD);
        map[0x52] = of(Op.RSQRTPS, 16, V, W);
        map[F3 + 0x52] = of(Op.RSQRTSS, 4, V, W);
        map[0x53] = of(Op.RCPPS, 16, V, W);
        map[F3 + 0x53] = of(Op.RCPSS, 4, V, W);
        both(0x58, V, W, Op.ADDPS, Op.ADDPD, Op.ADDSS, Op.ADDSD);
        both(0x59, V, W, Op.MULPS, Op.MULPD, Op.MULSS, Op.MULSD);
        both(0x5c, V, W, Op.SUBPS, Op.SUBPD, Op.SUBSS, Op.SUBSD);
        both(0x5d, V, W, Op.MINPS, Op.MINPD, Op.MINSS, Op.MINSD);
        both(0x5e, V, W, Op.DIVPS, Op.DIVPD, Op.DIVSS, Op.DIVSD);
        both(0x5f, V, W, Op.MAXPS, Op.MAXPD, Op.MAXSS, Op.MAXSD);
        map[0x2e] = of(Op.UCOMISS, 4, V, W);
        map[P66 + 0x2e] = of(Op.UCOMISD, 8, V, W);
        map[0x2f] = of(Op.COMISS, 4, V, W);
        map[P66 + 0x2f] = of(Op.COMISD, 8, V, W);
        map[P66 + 0x7c] = of(Op.HADDPD, 16, V, W);
        map[F2 + 0x7c] = of(Op.HADDPS, 16, V, W);
        map[P66 + 0x7d] = of(Op.HSUBPD, 16, V, W);
        map[F2 + 0x7d] = of(Op.HSUBPS, 16, V, W);
        map[P66 + 0xd0] = of(Op.ADDSUBPD, 16, V, W);
        map[F2 + 0xd0] = of(Op.ADDSUBPS, 16, V, W);
        map[0xc2] = of(Op.CMPPS, 16, V, W, IB);
        map[P66 + 0xc2] = of(Op.CMPPD, 16, V, W, IB);
        map[F3 + 0xc2] = of(Op.CMPSS, 4, V, W, IB);
        map[F2 + 0xc2] = of(Op.CMPSD, 8, V, W, IB);
    }

    /** Where a general register takes part, operandBytes is the destination's width and sourceBytes the source's. */
    private void conversions() {
        map[0x2a] = of(Op.CVTPI2PS, 8, V, Q);
        map[P66 + 0x2a] = of(Op.CVTPI2PD, 8, V, Q);
        map[F3 + 0x2a] = source(of(Op.CVTSI2SS, 4, V, EX), WY);
        map[F2 + 0x2a] = source(of(Op.CVTSI2SD, 8, V, EX), WY);
        map[0x2c] = of(Op.CVTTPS2PI, 8, P, W);
        map[P66 + 0x2c] = of(Op.CVTTPD2PI, 16, P, W);
        map[F3 + 0x2c] = source(of(Op.CVTTSS2SI, WY, G, W), 4);
        map[F2 + 0x2c] = source(of(Op.CVTTSD2SI, WY, G, W), 8);
        map[0x2d] = of(Op.CVTPS2PI, 8, P, W);
        map[P66 + 0x2d] = of(Op.CVTPD2PI, 16, P, W);
        map[F3 + 0x2d] = source(of(Op.CVTSS2SI, WY, G, W), 4);
        map[F2 + 0x2d] = source(of(Op.CVTSD2SI, WY, G, W), 8);
        map[0x5a] = of(Op.CVTPS2PD, 8, V, W);
        map[P66 + 0x5a] = of(Op.CVTPD2PS, 16, V, W);
        map[F3 + 0x5a] = of(Op.CVTSS2SD, 4, V, W);
        map[F2 + 0x5a] = of(Op.CVTSD2SS, 8, V, W);
        map[0x5b] = of(Op.CVTDQ2PS, 16, V, W);
        map[P66 + 0x5b] = of(Op.CVTPS2DQ, 16, V, W);
        map[F3 + 0x5b] = of(Op.CVTTPS2DQ, 16, V, W);
        map[P66 + 0xe6] = of(Op.CVTTPD2DQ, 16, V, W);
        map[F3 + 0xe6] = of(Op.CVTDQ2PD, 8, V, W);
        map[F2 + 0xe6] = of(Op.CVTPD2DQ, 16, V, W);
    }

    private void integerMoves() {
        map[0x6e] = with(of(Op.MOVD, WY, P, EX), WIDE_IS_NEXT);
        map[P66 + 0x6e] = with(of(Op.MOVD, WY, V, EX), WIDE_IS_NEXT);
        map[0x7e] = with(of(Op.MOVD, WY, EX, P), WIDE_IS_NEXT);
        map[P66 + 0x7e] = with(of(Op.MOVD, WY, EX, V), WIDE_IS_NEXT);
        map[F3 + 0x7e] = of(Op.MOVQ, 8, V, W);
        map[P66 + 0xd6] = of(Op.MOVQ, 8, W, V);
        map[0x6f] = of(Op.MOVQ, 8, P, Q);
        map[P66 + 0x6f] = of(Op.MOVDQA, 16, V, W);
        map[F3 + 0x6f] = of(Op.MOVDQU, 16, V, W);
        map[0x7f] = of(Op.MOVQ, 8, Q, P);
        map[P66 + 0x7f] = of(Op.MOVDQA, 16, W, V);
        map[F3 + 0x7f] = of(Op.MOVDQU, 16, W, V);
        map[F3 + 0xd6] = of(Op.MOVQ2DQ, 8, V, N);
        map[F2 + 0xd6] = of(Op.MOVDQ2Q, 8, P, U);
        map[0xe7] = of(Op.MOVNTQ, 8, M, P);
        map[P66 + 0xe7] = of(Op.MOVNTDQ, 16, M, V);
        map[F2 + 0xf0] = of(Op.LDDQU, 16, V, M);
        map[0xf7] = of(Op.MASKMOVQ, 8, P, N);
        map[P66 + 0xf7] = of(Op.MASKMOVDQU, 16, V, U);
        map[0xd7] = of(Op.PMOVMSKB, 4, G, N);
        map[P66 + 0xd7] = of(Op.PMOVMSKB, 4, G, U);
        map[0xc4] = of(Op.PINSRW, 2, P, EX, IB);
        map[P66 + 0xc4] = of(Op.PINSRW, 2, V, EX, IB);
        map[0xc5] = of(Op.PEXTRW, 2, G, N, IB);
        map[P66 + 0xc5] = of(Op.PEXTRW, 2, G, U, IB);
        map[0x70] = of(Op.PSHUFW, 8, P, Q, IB);
        map[P66 + 0x70] = of(Op.PSHUFD, 16, V, W, IB);
        map[F3 + 0x70] = of(Op.PSHUFHW, 16, V, W, IB);
        map[F2 + 0x70] = of(Op.PSHUFLW, 16, V, W, IB);
        map[0x77] = of(Op.EMMS, 8);
        map[P66 + 0x6c] = of(Op.PUNPCKLQDQ, 16, V, W);
        map[P66 + 0x6d] = of(Op.PUNPCKHQDQ, 16, V, W);
    }

    private void integerArithmetic() {
        row(
                0x60,
                Op.PUNPCKLBW,
                Op.PUNPCKLWD,
                Op.PUNPCKLDQ,
                Op.PACKSSWB,
                Op.PCMPGTB,
                Op.PCMPGTW,
                Op.PCMPGTD,
                Op.PACKUSWB);
        for (int i = 0x60; i < 0x63; i++) {
            // SDM 2 PUNPCKL: the MMX forms read 32 bits of memory.
            map[i] = of(new Op[] {Op.PUNPCKLBW, Op.PUNPCKLWD, Op.PUNPCKLDQ}[i - 0x60], 4, P, Q);
        }
        row(0x68, Op.PUNPCKHBW, Op.PUNPCKHWD, Op.PUNPCKHDQ, Op.PACKSSDW);
        row(0x74, Op.PCMPEQB, Op.PCMPEQW, Op.PCMPEQD);
        row(0xd1, Op.PSRLW, Op.PSRLD, Op.PSRLQ, Op.PADDQ, Op.PMULLW);
        row(0xd8, Op.PSUBUSB, Op.PSUBUSW, Op.PMINUB, Op.PAND, Op.PADDUSB, Op.PADDUSW, Op.PMAXUB, Op.PANDN);
        row(0xe0, Op.PAVGB, Op.PSRAW, Op.PSRAD, Op.PAVGW, Op.PMULHUW, Op.PMULHW);
        row(0xe8, Op.PSUBSB, Op.PSUBSW, Op.PMINSW, Op.POR, Op.PADDSB, Op.PADDSW, Op.PMAXSW, Op.PXOR);
        row(0xf1, Op.PSLLW, Op.PSLLD, Op.PSLLQ, Op.PMULUDQ, Op.PMADDWD, Op.PSADBW);
        row(0xf8, Op.PSUBB, Op.PSUBW, Op.PSUBD, Op.PSUBQ, Op.PADDB, Op.PADDW, Op.PADDD);
    }

    private void shifts() {
        for (int wide = 0; wide < 2; wide++) {
            final int at = wide == 0 ? 0 : P66;
            final int width = wide == 0 ? 8 : 16;
            final int register = wide == 0 ? N : U;
            map[at + 0x71] = shifts(
                    of(Op.PSRLW, width, register, IB),
                    INVALID,
                    of(Op.PSRAW, width, register, IB),
                    of(Op.PSLLW, width, register, IB),
                    INVALID);
            map[at + 0x72] = shifts(
                    of(Op.PSRLD, width, register, IB),
                    INVALID,
                    of(Op.PSRAD, width, register, IB),
                    of(Op.PSLLD, width, register, IB),
                    INVALID);
            map[at + 0x73] = shifts(
                    of(Op.PSRLQ, width, register, IB),
                    wide == 0 ? INVALID : of(Op.PSRLDQ, width, register, IB),
                    INVALID,
                    of(Op.PSLLQ, width, register, IB),
                    wide == 0 ? INVALID : of(Op.PSLLDQ, width, register, IB));
        }
    }

    /** Groups 12 to 14: ModRM.reg 2, 3, 4, 6 and 7 with registers. */
    private long shifts(long two, long three, long four, long six, long seven) {
        return groups.group(new long[8], new long[] {INVALID, INVALID, two, three, four, INVALID, six, seven});
    }

    /** One opcode with the four prefixes: packed single, packed double, scalar single, scalar double. */
    private void both(int opcode, int first, int second, Op ps, Op pd, Op ss, Op sd) {
        map[opcode] = of(ps, 16, first, second);
        map[P66 + opcode] = of(pd, 16, first, second);
        map[F3 + opcode] = of(ss, 4, first, second);
        map[F2 + opcode] = of(sd, 8, first, second);
    }

    private void packed(int opcode, Op ps, Op pd) {
        map[opcode] = of(ps, 16, V, W);
        map[P66 + opcode] = of(pd, 16, V, W);
    }

    /** Consecutive opcodes that exist for MMX and, with 66, for XMM. */
    private void row(int opcode, Op... ops) {
        for (int i = 0; i < ops.length; i++) {
            map[opcode + i] = of(ops[i], 8, P, Q);
            map[P66 + opcode + i] = of(ops[i], 16, V, W);
        }
    }
}
