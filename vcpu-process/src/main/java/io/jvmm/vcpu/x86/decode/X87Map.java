package io.jvmm.vcpu.x86.decode;

import static io.jvmm.vcpu.x86.decode.Entry.A;
import static io.jvmm.vcpu.x86.decode.Entry.INVALID;
import static io.jvmm.vcpu.x86.decode.Entry.M;
import static io.jvmm.vcpu.x86.decode.Entry.NO;
import static io.jvmm.vcpu.x86.decode.Entry.ST0;
import static io.jvmm.vcpu.x86.decode.Entry.STI;
import static io.jvmm.vcpu.x86.decode.Entry.WENV;
import static io.jvmm.vcpu.x86.decode.Entry.WSAVE;
import static io.jvmm.vcpu.x86.decode.Entry.of;

/** Opcodes D8 to DF (SDM 2 tables ), with the aliases that processors have had since the 8087. */
// Static imports: a line of the map should look like one of the SDM.
@SuppressWarnings("BadImport")
final class X87Map {
    private final Groups groups;

    private X87Map(Groups groups) {
        this.groups = groups;
    }

    static void fill(long[] oneByte, Groups groups) {
        final X87Map map = new X87Map(groups);
        oneByte[0xd8] = groups.group(map.realMemory(4), map.d8());
        oneByte[0xd9] = groups.group(map.d9Memory(), map.d9());
        oneByte[0xda] = groups.group(map.integerMemory(4), map.da());
        oneByte[0xdb] = groups.group(map.dbMemory(), map.db());
        oneByte[0xdc] = groups.group(map.realMemory(8), map.dc());
        oneByte[0xdd] = groups.group(map.ddMemory(), map.dd());
        oneByte[0xde] = groups.group(map.integerMemory(2), map.de());
        oneByte[0xdf] = groups.group(map.dfMemory(), map.df());
    }

    private static long[] each(Op[] ops, int width, int first, int second) {
        final long[] cells = new long[ops.length];
        for (int i = 0; i < ops.length; i++) {
            cells[i] = of(ops[i], width, first, second);
        }
        return cells;
    }

    private static long plain(Op op) {
        return of(op, 10);
    }

    /** ST(0), ST(i). */
    private static long forward(Op op) {
        return of(op, 10, ST0, STI);
    }

    /** ST(i), ST(0). */
    private static long backward(Op op) {
        return of(op, 10, STI, ST0);
    }

    private static long one(Op op) {
        return of(op, 10, STI);
    }

    private long[] realMemory(int width) {
        return each(new Op[] {Op.FADD, Op.FMUL, Op.FCOM, Op.FCOMP, Op.FSUB, Op.FSUBR, Op.FDIV, Op.FDIVR}, width, M, NO);
    }

    private long[] integerMemory(int width) {
        return each(
                new Op[] {Op.FIADD, Op.FIMUL, Op.FICOM, Op.FICOMP, Op.FISUB, Op.FISUBR, Op.FIDIV, Op.FIDIVR},
                width,
                M,
                NO);
    }

    private long[] d8() {
        return each(new Op[] {Op.FADD, Op.FMUL, Op.FCOM, Op.FCOMP, Op.FSUB, Op.FSUBR, Op.FDIV, Op.FDIVR}, 10, ST0, STI);
    }

    private long[] d9Memory() {
        return new long[] {
            of(Op.FLD, 4, M),
            INVALID,
            of(Op.FST, 4, M),
            of(Op.FSTP, 4, M),
            of(Op.FLDENV, WENV, M),
            of(Op.FLDCW, 2, M),
            of(Op.FNSTENV, WENV, M),
            of(Op.FNSTCW, 2, M)
        };
    }

    private long[] d9() {
        return new long[] {
            one(Op.FLD),
            forward(Op.FXCH),
            groups.byRm(plain(Op.FNOP)),
            one(Op.FSTP),
            groups.byRm(plain(Op.FCHS), plain(Op.FABS), INVALID, INVALID, plain(Op.FTST), plain(Op.FXAM)),
            groups.byRm(
                    plain(Op.FLD1),
                    plain(Op.FLDL2T),
                    plain(Op.FLDL2E),
                    plain(Op.FLDPI),
                    plain(Op.FLDLG2),
                    plain(Op.FLDLN2),
                    plain(Op.FLDZ)),
            groups.byRm(
                    plain(Op.F2XM1),
                    plain(Op.FYL2X),
                    plain(Op.FPTAN),
                    plain(Op.FPATAN),
                    plain(Op.FXTRACT),
                    plain(Op.FPREM1),
                    plain(Op.FDECSTP),
                    plain(Op.FINCSTP)),
            groups.byRm(
                    plain(Op.FPREM),
                    plain(Op.FYL2XP1),
                    plain(Op.FSQRT),
                    plain(Op.FSINCOS),
                    plain(Op.FRNDINT),
                    plain(Op.FSCALE),
                    plain(Op.FSIN),
                    plain(Op.FCOS))
        };
    }

    private long[] da() {
        return new long[] {
            forward(Op.FCMOVB),
            forward(Op.FCMOVE),
            forward(Op.FCMOVBE),
            forward(Op.FCMOVU),
            INVALID,
            groups.byRm(INVALID, plain(Op.FUCOMPP))
        };
    }

    private long[] dbMemory() {
        return new long[] {
            of(Op.FILD, 4, M),
            of(Op.FISTTP, 4, M),
            of(Op.FIST, 4, M),
            of(Op.FISTP, 4, M),
            INVALID,
            of(Op.FLD, 10, M),
            INVALID,
            of(Op.FSTP, 10, M)
        };
    }

    private long[] db() {
        // E0, E1, E4: FENI and FDISI of the 8087, FSETPM of the 80287.
        return new long[] {
            forward(Op.FCMOVNB),
            forward(Op.FCMOVNE),
            forward(Op.FCMOVNBE),
            forward(Op.FCMOVNU),
            groups.byRm(plain(Op.FNOP), plain(Op.FNOP), plain(Op.FNCLEX), plain(Op.FNINIT), plain(Op.FNOP)),
            forward(Op.FUCOMI),
            forward(Op.FCOMI)
        };
    }

    private long[] dc() {
        return new long[] {
            backward(Op.FADD),
            backward(Op.FMUL),
            forward(Op.FCOM),
            forward(Op.FCOMP),
            backward(Op.FSUBR),
            backward(Op.FSUB),
            backward(Op.FDIVR),
            backward(Op.FDIV)
        };
    }

    private long[] ddMemory() {
        return new long[] {
            of(Op.FLD, 8, M),
            of(Op.FISTTP, 8, M),
            of(Op.FST, 8, M),
            of(Op.FSTP, 8, M),
            of(Op.FRSTOR, WSAVE, M),
            INVALID,
            of(Op.FNSAVE, WSAVE, M),
            of(Op.FNSTSW, 2, M)
        };
    }

    private long[] dd() {
        return new long[] {
            one(Op.FFREE), forward(Op.FXCH), one(Op.FST), one(Op.FSTP), forward(Op.FUCOM), forward(Op.FUCOMP)
        };
    }

    private long[] de() {
        return new long[] {
            backward(Op.FADDP),
            backward(Op.FMULP),
            forward(Op.FCOMP),
            groups.byRm(INVALID, plain(Op.FCOMPP)),
            backward(Op.FSUBRP),
            backward(Op.FSUBP),
            backward(Op.FDIVRP),
            backward(Op.FDIVP)
        };
    }

    private long[] dfMemory() {
        return new long[] {
            of(Op.FILD, 2, M),
            of(Op.FISTTP, 2, M),
            of(Op.FIST, 2, M),
            of(Op.FISTP, 2, M),
            of(Op.FBLD, 10, M),
            of(Op.FILD, 8, M),
            of(Op.FBSTP, 10, M),
            of(Op.FISTP, 8, M)
        };
    }

    private long[] df() {
        return new long[] {
            one(Op.FFREEP),
            forward(Op.FXCH),
            one(Op.FSTP),
            one(Op.FSTP),
            groups.byRm(of(Op.FNSTSW, 2, A)),
            forward(Op.FUCOMIP),
            forward(Op.FCOMIP)
        };
    }
}
