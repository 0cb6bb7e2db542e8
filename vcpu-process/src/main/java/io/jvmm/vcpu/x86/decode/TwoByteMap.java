package io.jvmm.vcpu.x86.decode;

import static io.jvmm.vcpu.x86.decode.Entry.CL;
import static io.jvmm.vcpu.x86.decode.Entry.CR;
import static io.jvmm.vcpu.x86.decode.Entry.DR;
import static io.jvmm.vcpu.x86.decode.Entry.E;
import static io.jvmm.vcpu.x86.decode.Entry.ES;
import static io.jvmm.vcpu.x86.decode.Entry.G;
import static io.jvmm.vcpu.x86.decode.Entry.IB;
import static io.jvmm.vcpu.x86.decode.Entry.INVALID;
import static io.jvmm.vcpu.x86.decode.Entry.JZ;
import static io.jvmm.vcpu.x86.decode.Entry.LOCKABLE;
import static io.jvmm.vcpu.x86.decode.Entry.M;
import static io.jvmm.vcpu.x86.decode.Entry.MODRM;
import static io.jvmm.vcpu.x86.decode.Entry.ONLY_64;
import static io.jvmm.vcpu.x86.decode.Entry.R;
import static io.jvmm.vcpu.x86.decode.Entry.REGISTER_ONLY;
import static io.jvmm.vcpu.x86.decode.Entry.SEG;
import static io.jvmm.vcpu.x86.decode.Entry.W512;
import static io.jvmm.vcpu.x86.decode.Entry.W64;
import static io.jvmm.vcpu.x86.decode.Entry.W8X;
import static io.jvmm.vcpu.x86.decode.Entry.WC;
import static io.jvmm.vcpu.x86.decode.Entry.WD;
import static io.jvmm.vcpu.x86.decode.Entry.WIDE_IS_NEXT;
import static io.jvmm.vcpu.x86.decode.Entry.WV;
import static io.jvmm.vcpu.x86.decode.Entry.WV_MEM2;
import static io.jvmm.vcpu.x86.decode.Entry.WY;
import static io.jvmm.vcpu.x86.decode.Entry.Z;
import static io.jvmm.vcpu.x86.decode.Entry.of;
import static io.jvmm.vcpu.x86.decode.Entry.source;
import static io.jvmm.vcpu.x86.decode.Entry.with;

/**
 * What is not SIMD in the two-byte map 0F xx (SDM 2 table A-3): four times 256 cells, by the mandatory prefix (none, 66, F3,
 * F2). Where a prefix selects nothing, all four are alike.
 */
// Static imports: a line of the map should look like one of the SDM.
@SuppressWarnings("BadImport")
final class TwoByteMap {
    static final int NONE = 0;
    static final int P66 = 256;
    static final int F3 = 512;
    static final int F2 = 768;

    private final long[] map;
    private final Groups groups;

    private TwoByteMap(long[] map, Groups groups) {
        this.map = map;
        this.groups = groups;
    }

    static void fill(long[] map, Groups groups) {
        final TwoByteMap builder = new TwoByteMap(map, groups);
        builder.system();
        builder.hints();
        builder.saves();
        builder.conditional();
        builder.bits();
        builder.exchanges();
    }

    private void all(int opcode, long entry) {
        map[opcode] = entry;
        map[P66 + opcode] = entry;
        map[F3 + opcode] = entry;
        map[F2 + opcode] = entry;
    }

    private void system() {
        all(
                0x00,
                groups.group(
                        of(Op.SLDT, WV_MEM2, E),
                        of(Op.STR, WV_MEM2, E),
                        of(Op.LLDT, 2, E),
                        of(Op.LTR, 2, E),
                        of(Op.VERR, 2, E),
                        of(Op.VERW, 2, E)));
        descriptorTables();
        all(0x02, source(of(Op.LAR, WV, G, ES), 2));
        all(0x03, source(of(Op.LSL, WV, G, ES), 2));
        all(0x05, of(Op.SYSCALL, WV));
        all(0x06, of(Op.CLTS, WV));
        all(0x07, of(Op.SYSRET, WV));
        all(0x08, of(Op.INVD, WV));
        all(0x09, of(Op.WBINVD, WV));
        all(0x0b, of(Op.UD, WV));
        all(0xb9, with(of(Op.UD, WV), MODRM));
        all(0xff, with(of(Op.UD, WV), MODRM));
        all(0x20, with(of(Op.MOV_CR, WC, R, CR), REGISTER_ONLY));
        all(0x21, with(of(Op.MOV_DR, WC, R, DR), REGISTER_ONLY));
        all(0x22, with(of(Op.MOV_CR, WC, CR, R), REGISTER_ONLY));
        all(0x23, with(of(Op.MOV_DR, WC, DR, R), REGISTER_ONLY));
        all(0x30, of(Op.WRMSR, 8));
        all(0x31, of(Op.RDTSC, 8));
        all(0x32, of(Op.RDMSR, 8));
        all(0x33, of(Op.RDPMC, 8));
        all(0x34, of(Op.SYSENTER, WV));
        all(0x35, of(Op.SYSEXIT, WV));
        all(0xa0, of(Op.PUSH, W64, SEG + 4));
        all(0xa1, of(Op.POP, W64, SEG + 4));
        all(0xa2, of(Op.CPUID, 4));
        all(0xa8, of(Op.PUSH, W64, SEG + 5));
        all(0xa9, of(Op.POP, W64, SEG + 5));
        all(0xaa, of(Op.RSM, WV));
    }

    private void descriptorTables() {
        final long store = of(Op.SMSW, WV_MEM2, E);
        final long load = of(Op.LMSW, 2, E);
        final long[] memory = {
            of(Op.SGDT, WD, M),
            of(Op.SIDT, WD, M),
            of(Op.LGDT, WD, M),
            of(Op.LIDT, WD, M),
            store,
            INVALID,
            load,
            of(Op.INVLPG, WV, M)
        };
        final long prefixed = groups.group(memory, new long[] {
            INVALID,
            INVALID,
            INVALID,
            INVALID,
            store,
            INVALID,
            load,
            groups.byRm(with(of(Op.SWAPGS, 8), ONLY_64), of(Op.RDTSCP, 8))
        });
        all(0x01, prefixed);
        map[0x01] = groups.group(memory, new long[] {
            INVALID,
            groups.byRm(of(Op.MONITOR, 1), of(Op.MWAIT, 4), of(Op.CLAC, 4), of(Op.STAC, 4)),
            groups.byRm(of(Op.XGETBV, 8), of(Op.XSETBV, 8)),
            INVALID,
            store,
            INVALID,
            load,
            groups.byRm(with(of(Op.SWAPGS, 8), ONLY_64), of(Op.RDTSCP, 8))
        });
    }

    /** 0F 0D and 0F 18 to 0F 1F: prefetches, and what is a NOP of any length (SDM 2 NOP, PREFETCHh). */
    private void hints() {
        final long nop = with(of(Op.NOP, WV), MODRM);
        final long prefetch = of(Op.PREFETCH, 1, M);
        // SDM 2 PREFETCHW; with a register AMD's processors raise #UD.
        all(
                0x0d,
                groups.group(
                        new long[] {prefetch, prefetch, prefetch, prefetch, prefetch, prefetch, prefetch, prefetch},
                        new long[8]));
        all(0x18, groups.group(new long[] {prefetch, prefetch, prefetch, prefetch, nop, nop, nop, nop}, new long[] {
            nop, nop, nop, nop, nop, nop, nop, nop
        }));
        for (int opcode = 0x19; opcode <= 0x1f; opcode++) {
            all(opcode, nop);
        }
        // ENDBR64 is F3 0F 1E FA, ENDBR32 FB.
        final long endbr = of(Op.ENDBR, WV);
        final long[] nops = {nop, nop, nop, nop, nop, nop, nop, nop};
        map[F3 + 0x1e] = groups.group(nops, new long[] {
            nop, nop, nop, nop, nop, nop, nop, groups.byRm(nop, nop, endbr, endbr, nop, nop, nop, nop)
        });
    }

    /** 0F AE, group 15. REX.W makes the 64-bit forms: {@link Insn#sourceBytes}. */
    private void saves() {
        map[0xae] = groups.group(
                new long[] {
                    source(of(Op.FXSAVE, W512, M), WY),
                    source(of(Op.FXRSTOR, W512, M), WY),
                    of(Op.LDMXCSR, 4, M),
                    of(Op.STMXCSR, 4, M),
                    source(of(Op.XSAVE, W512, M), WY),
                    source(of(Op.XRSTOR, W512, M), WY),
                    source(of(Op.XSAVEOPT, W512, M), WY),
                    of(Op.CLFLUSH, 1, M)
                },
                new long[] {
                    INVALID, INVALID, INVALID, INVALID, INVALID, of(Op.LFENCE, WV), of(Op.MFENCE, WV), of(Op.SFENCE, WV)
                });
        map[P66 + 0xae] = groups.group(
                new long[] {
                    INVALID, INVALID, INVALID, INVALID, INVALID, INVALID, of(Op.CLWB, 1, M), of(Op.CLFLUSHOPT, 1, M)
                },
                new long[8]);
        map[F3 + 0xae] = groups.group(new long[8], new long[] {
            with(of(Op.RDFSBASE, WY, R), ONLY_64),
            with(of(Op.RDGSBASE, WY, R), ONLY_64),
            with(of(Op.WRFSBASE, WY, R), ONLY_64),
            with(of(Op.WRGSBASE, WY, R), ONLY_64)
        });
    }

    private void conditional() {
        for (int i = 0; i < 16; i++) {
            all(0x40 + i, of(Op.CMOVCC, WV, G, E));
            all(0x80 + i, of(Op.JCC, W64, JZ));
            all(0x90 + i, of(Op.SETCC, 1, E));
        }
    }

    private void bits() {
        all(0xa3, of(Op.BT, WV, E, G));
        all(0xa4, of(Op.SHLD, WV, E, G, IB));
        all(0xa5, of(Op.SHLD, WV, E, G, CL));
        all(0xab, with(of(Op.BTS, WV, E, G), LOCKABLE));
        all(0xac, of(Op.SHRD, WV, E, G, IB));
        all(0xad, of(Op.SHRD, WV, E, G, CL));
        all(0xb3, with(of(Op.BTR, WV, E, G), LOCKABLE));
        all(0xbb, with(of(Op.BTC, WV, E, G), LOCKABLE));
        all(
                0xba,
                groups.group(
                        INVALID,
                        INVALID,
                        INVALID,
                        INVALID,
                        of(Op.BT, WV, E, IB),
                        with(of(Op.BTS, WV, E, IB), LOCKABLE),
                        with(of(Op.BTR, WV, E, IB), LOCKABLE),
                        with(of(Op.BTC, WV, E, IB), LOCKABLE)));
        map[F3 + 0xb8] = of(Op.POPCNT, WV, G, E);
        // With F3 these are TZCNT and LZCNT where BMI is offered. It is not, and the prefix is ignored.
        all(0xbc, of(Op.BSF, WV, G, E));
        all(0xbd, of(Op.BSR, WV, G, E));
    }

    private void exchanges() {
        all(0xaf, of(Op.IMUL, WV, G, E));
        all(0xb0, with(of(Op.CMPXCHG, 1, E, G), LOCKABLE));
        all(0xb1, with(of(Op.CMPXCHG, WV, E, G), LOCKABLE));
        all(0xb2, of(Op.LSS, WV, G, M));
        all(0xb4, of(Op.LFS, WV, G, M));
        all(0xb5, of(Op.LGS, WV, G, M));
        all(0xb6, source(of(Op.MOVZX, WV, G, ES), 1));
        all(0xb7, source(of(Op.MOVZX, WV, G, ES), 2));
        all(0xbe, source(of(Op.MOVSX, WV, G, ES), 1));
        all(0xbf, source(of(Op.MOVSX, WV, G, ES), 2));
        all(0xc0, with(of(Op.XADD, 1, E, G), LOCKABLE));
        all(0xc1, with(of(Op.XADD, WV, E, G), LOCKABLE));
        map[0xc3] = of(Op.MOVNTI, WY, M, G);
        final long[] nothing = new long[8];
        all(0xc7, groups.group(new long[] {INVALID, with(of(Op.CMPXCHG8B, W8X, M), LOCKABLE | WIDE_IS_NEXT)}, nothing));
        for (int i = 0; i < 8; i++) {
            all(0xc8 + i, of(Op.BSWAP, WV, Z));
        }
    }
}
