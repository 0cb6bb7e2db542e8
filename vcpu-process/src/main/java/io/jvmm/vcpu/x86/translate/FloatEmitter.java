package io.jvmm.vcpu.x86.translate;

import static io.jvmm.vcpu.x86.translate.Emitter.XMM;

import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.simd.QuickFloat;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ConstantDescs;

/** Floating point: calls of {@link QuickFloat}, which C1 makes straight code of. */
final class FloatEmitter {
    private final Emitter e;
    private final CodeBuilder code;
    private final FlagEmitter flags;
    private final VectorEmitter vectors;

    FloatEmitter(Emitter e, FlagEmitter flags, VectorEmitter vectors) {
        this.e = e;
        this.code = e.code;
        this.flags = flags;
        this.vectors = vectors;
    }

    void emit(Unit unit, int n) {
        final Insn i = unit.insns[n];
        switch (i.op) {
            case COMISD, UCOMISD, COMISS, UCOMISS -> compare(unit, n);
            case CVTSI2SD, CVTSI2SS -> fromInteger(unit, i);
            case CVTTSD2SI, CVTTSS2SI -> toInteger(unit, i);
            default -> {
                arithmetic(unit, i);
                e.drop();
            }
        }
    }

    private void arithmetic(Unit unit, Insn i) {
        switch (i.op) {
            case CVTSS2SD -> call("widen", i, vectors.source(unit, i));
            case CVTSD2SS -> call("narrow", i, vectors.source(unit, i));
            case ADDSD -> call("addDouble", i, vectors.source(unit, i));
            case SUBSD -> call("subtractDouble", i, vectors.source(unit, i));
            case MULSD -> call("multiplyDouble", i, vectors.source(unit, i));
            case DIVSD -> call("divideDouble", i, vectors.source(unit, i));
            case ADDSS -> call("addSingle", i, vectors.source(unit, i));
            case SUBSS -> call("subtractSingle", i, vectors.source(unit, i));
            case MULSS -> call("multiplySingle", i, vectors.source(unit, i));
            case DIVSS -> call("divideSingle", i, vectors.source(unit, i));
            case MINSD, MAXSD, SQRTSD -> call("rareDouble", i, vectors.source(unit, i), QuickFloat.kind(i.op));
            case MINSS, MAXSS, SQRTSS -> call("rareSingle", i, vectors.source(unit, i), QuickFloat.kind(i.op));
            case ADDPD -> pair("addHalf", i, vectors.source(unit, i));
            case SUBPD -> pair("subtractHalf", i, vectors.source(unit, i));
            case MULPD -> pair("multiplyHalf", i, vectors.source(unit, i));
            case DIVPD -> pair("divideHalf", i, vectors.source(unit, i));
            default -> throw new IllegalArgumentException(i.op.name());
        }
    }

    private void operands(Insn i, int s) {
        code.aload(Emitter.CPU).aload(XMM).loadConstant(VectorEmitter.first(i)).loadConstant(s);
    }

    private void call(String name, Insn i, int s) {
        operands(i, s);
        e.call(Names.QUICK_FLOAT, name, ConstantDescs.CD_void, Names.CPU, Names.LONGS, Names.I, Names.I);
    }

    private void call(String name, Insn i, int s, int kind) {
        operands(i, s);
        code.loadConstant(kind);
        e.call(Names.QUICK_FLOAT, name, ConstantDescs.CD_void, Names.CPU, Names.LONGS, Names.I, Names.I, Names.I);
    }

    private void pair(String name, Insn i, int s) {
        for (int half = 0; half < 2; half++) {
            code.aload(XMM)
                    .loadConstant(half)
                    .loadConstant(VectorEmitter.first(i) + half)
                    .loadConstant(s + half);
            e.call(Names.QUICK_FLOAT, name, ConstantDescs.CD_void, Names.LONGS, Names.I, Names.I, Names.I);
        }
        call("finishPair", i, s, QuickFloat.kind(i.op));
    }

    private void compare(Unit unit, int n) {
        final Insn i = unit.insns[n];
        operands(i, vectors.source(unit, i));
        code.loadConstant(i.op == Op.UCOMISD || i.op == Op.UCOMISS ? 1 : 0);
        e.call(
                Names.QUICK_FLOAT,
                i.op == Op.UCOMISD || i.op == Op.COMISD ? "compareDouble" : "compareSingle",
                Names.J,
                Names.CPU,
                Names.LONGS,
                Names.I,
                Names.I,
                Names.I);
        e.drop();
        if (unit.flagsLive[n]) {
            code.lstore(Emitter.FLAGS_SOURCE);
            flags.known(Flags.EXPLICIT, 1, false);
        } else {
            code.pop2();
        }
    }

    private void fromInteger(Unit unit, Insn i) {
        final int source = i.kind2 == OperandKind.MEM ? vectors.scalar(unit, i, i.sourceBytes) : -1;
        final boolean exact = i.op == Op.CVTSI2SD && i.sourceBytes == 4;
        if (!exact) {
            code.aload(Emitter.CPU);
        }
        code.aload(XMM).loadConstant(VectorEmitter.first(i));
        if (source >= 0) {
            vectors.push(source);
        } else {
            e.get(i.reg2);
        }
        if (i.sourceBytes == 4) {
            code.l2i();
        }
        if (exact) {
            e.call(Names.QUICK_FLOAT, "intToDouble", ConstantDescs.CD_void, Names.LONGS, Names.I, Names.I);
            return;
        }
        if (i.sourceBytes == 4) {
            code.i2l();
        }
        e.call(
                Names.QUICK_FLOAT,
                i.op == Op.CVTSI2SD ? "longToDouble" : "longToSingle",
                ConstantDescs.CD_void,
                Names.CPU,
                Names.LONGS,
                Names.I,
                Names.J);
        e.drop();
    }

    private void toInteger(Unit unit, Insn i) {
        final int s = i.kind2 == OperandKind.MEM ? vectors.scalar(unit, i, i.sourceBytes) : 2 * i.reg2;
        code.aload(Emitter.CPU).aload(XMM).loadConstant(s);
        e.call(
                Names.QUICK_FLOAT,
                (i.op == Op.CVTTSD2SI ? "doubleTo" : "singleTo") + (i.operandBytes == 4 ? "Int" : "Long"),
                Names.J,
                Names.CPU,
                Names.LONGS,
                Names.I);
        e.drop();
        if (i.operandBytes == 4) {
            e.setNarrow(i.reg1, false);
        } else {
            e.set(i.reg1);
        }
    }
}
