package io.jvmm.vcpu.x86.decode;

import static io.jvmm.vcpu.x86.decode.Entry.ES;
import static io.jvmm.vcpu.x86.decode.Entry.EX;
import static io.jvmm.vcpu.x86.decode.Entry.G;
import static io.jvmm.vcpu.x86.decode.Entry.IB;
import static io.jvmm.vcpu.x86.decode.Entry.M;
import static io.jvmm.vcpu.x86.decode.Entry.P;
import static io.jvmm.vcpu.x86.decode.Entry.Q;
import static io.jvmm.vcpu.x86.decode.Entry.V;
import static io.jvmm.vcpu.x86.decode.Entry.W;
import static io.jvmm.vcpu.x86.decode.Entry.WC;
import static io.jvmm.vcpu.x86.decode.Entry.WIDE_IS_NEXT;
import static io.jvmm.vcpu.x86.decode.Entry.WV;
import static io.jvmm.vcpu.x86.decode.Entry.WY;
import static io.jvmm.vcpu.x86.decode.Entry.of;
import static io.jvmm.vcpu.x86.decode.Entry.source;
import static io.jvmm.vcpu.x86.decode.Entry.with;
import static io.jvmm.vcpu.x86.decode.TwoByteMap.F2;
import static io.jvmm.vcpu.x86.decode.TwoByteMap.P66;

/** The maps 0F 38 xx and 0F 3A xx (SDM 2 tables ), laid out as {@link TwoByteMap}. */
// Static imports: a line of the map should look like one of the SDM.
@SuppressWarnings("BadImport")
final class ThreeByteMap {
    private ThreeByteMap() {}

    static void fill(long[] map38, long[] map3a) {
        ssse3(map38);
        sse41(map38);
        final long crc = of(Op.CRC32, WY, G, ES);
        map38[F2 + 0xf0] = source(crc, 1);
        map38[F2 + 0xf1] = source(crc, WV);
        for (int prefix = 0; prefix <= P66; prefix += P66) {
            map38[prefix + 0xf0] = of(Op.MOVBE, WV, G, M);
            map38[prefix + 0xf1] = of(Op.MOVBE, WV, M, G);
        }
        map38[P66 + 0x82] = of(Op.INVPCID, WC, G, M);
        immediate(map3a);
    }

    private static void ssse3(long[] map) {
        final Op[] row = {
            Op.PSHUFB,
            Op.PHADDW,
            Op.PHADDD,
            Op.PHADDSW,
            Op.PMADDUBSW,
            Op.PHSUBW,
            Op.PHSUBD,
            Op.PHSUBSW,
            Op.PSIGNB,
            Op.PSIGNW,
            Op.PSIGND,
            Op.PMULHRSW
        };
        for (int i = 0; i < row.length; i++) {
            mmxAndXmm(map, i, row[i]);
        }
        mmxAndXmm(map, 0x1c, Op.PABSB);
        mmxAndXmm(map, 0x1d, Op.PABSW);
        mmxAndXmm(map, 0x1e, Op.PABSD);
    }

    private static void mmxAndXmm(long[] map, int opcode, Op op) {
        map[opcode] = of(op, 8, P, Q);
        map[P66 + opcode] = of(op, 16, V, W);
    }

    private static void sse41(long[] map) {
        map[P66 + 0x10] = of(Op.PBLENDVB, 16, V, W);
        map[P66 + 0x14] = of(Op.BLENDVPS, 16, V, W);
        map[P66 + 0x15] = of(Op.BLENDVPD, 16, V, W);
        map[P66 + 0x17] = of(Op.PTEST, 16, V, W);
        final Op[] signs = {Op.PMOVSXBW, Op.PMOVSXBD, Op.PMOVSXBQ, Op.PMOVSXWD, Op.PMOVSXWQ, Op.PMOVSXDQ};
        final Op[] zeros = {Op.PMOVZXBW, Op.PMOVZXBD, Op.PMOVZXBQ, Op.PMOVZXWD, Op.PMOVZXWQ, Op.PMOVZXDQ};
        final int[] bytes = {8, 4, 2, 8, 4, 8};
        for (int i = 0; i < signs.length; i++) {
            map[P66 + 0x20 + i] = of(signs[i], bytes[i], V, W);
            map[P66 + 0x30 + i] = of(zeros[i], bytes[i], V, W);
        }
        map[P66 + 0x28] = of(Op.PMULDQ, 16, V, W);
        map[P66 + 0x29] = of(Op.PCMPEQQ, 16, V, W);
        map[P66 + 0x2a] = of(Op.MOVNTDQA, 16, V, M);
        map[P66 + 0x2b] = of(Op.PACKUSDW, 16, V, W);
        final Op[] row = {
            Op.PCMPGTQ,
            Op.PMINSB,
            Op.PMINSD,
            Op.PMINUW,
            Op.PMINUD,
            Op.PMAXSB,
            Op.PMAXSD,
            Op.PMAXUW,
            Op.PMAXUD,
            Op.PMULLD,
            Op.PHMINPOSUW
        };
        for (int i = 0; i < row.length; i++) {
            map[P66 + 0x37 + i] = of(row[i], 16, V, W);
        }
    }

    private static void immediate(long[] map) {
        map[P66 + 0x08] = of(Op.ROUNDPS, 16, V, W, IB);
        map[P66 + 0x09] = of(Op.ROUNDPD, 16, V, W, IB);
        map[P66 + 0x0a] = of(Op.ROUNDSS, 4, V, W, IB);
        map[P66 + 0x0b] = of(Op.ROUNDSD, 8, V, W, IB);
        map[P66 + 0x0c] = of(Op.BLENDPS, 16, V, W, IB);
        map[P66 + 0x0d] = of(Op.BLENDPD, 16, V, W, IB);
        map[P66 + 0x0e] = of(Op.PBLENDW, 16, V, W, IB);
        map[0x0f] = of(Op.PALIGNR, 8, P, Q, IB);
        map[P66 + 0x0f] = of(Op.PALIGNR, 16, V, W, IB);
        map[P66 + 0x14] = of(Op.PEXTRB, 1, EX, V, IB);
        map[P66 + 0x15] = of(Op.PEXTRW, 2, EX, V, IB);
        map[P66 + 0x16] = with(of(Op.PEXTRD, WY, EX, V, IB), WIDE_IS_NEXT);
        map[P66 + 0x17] = of(Op.EXTRACTPS, 4, EX, V, IB);
        map[P66 + 0x20] = of(Op.PINSRB, 1, V, EX, IB);
        map[P66 + 0x21] = of(Op.INSERTPS, 4, V, W, IB);
        map[P66 + 0x22] = with(of(Op.PINSRD, WY, V, EX, IB), WIDE_IS_NEXT);
        map[P66 + 0x40] = of(Op.DPPS, 16, V, W, IB);
        map[P66 + 0x41] = of(Op.DPPD, 16, V, W, IB);
        map[P66 + 0x42] = of(Op.MPSADBW, 16, V, W, IB);
        // With REX.W the lengths in rAX and rDX have 64 bits: Insn.sourceBytes.
        map[P66 + 0x60] = source(of(Op.PCMPESTRM, 16, V, W, IB), WY);
        map[P66 + 0x61] = source(of(Op.PCMPESTRI, 16, V, W, IB), WY);
        map[P66 + 0x62] = of(Op.PCMPISTRM, 16, V, W, IB);
        map[P66 + 0x63] = of(Op.PCMPISTRI, 16, V, W, IB);
    }
}
