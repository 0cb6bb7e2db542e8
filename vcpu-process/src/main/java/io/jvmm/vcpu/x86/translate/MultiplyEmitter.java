package io.jvmm.vcpu.x86.translate;

import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_RESULT;
import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_SOURCE;
import static io.jvmm.vcpu.x86.translate.Emitter.MASK_32;
import static io.jvmm.vcpu.x86.translate.Emitter.T0;
import static io.jvmm.vcpu.x86.translate.Emitter.T1;
import static io.jvmm.vcpu.x86.translate.Emitter.T3;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import java.lang.classfile.CodeBuilder;

/** MUL and IMUL. */
final class MultiplyEmitter {
    private final Emitter e;
    private final CodeBuilder code;
    private final FlagEmitter flags;
    private final InstructionEmitter base;

    MultiplyEmitter(Emitter e, FlagEmitter flags, InstructionEmitter base) {
        this.e = e;
        this.code = e.code;
        this.flags = flags;
        this.base = base;
    }

    void emit(Unit unit, int n, boolean live) {
        final Insn i = unit.insns[n];
        if (i.kind2 == OperandKind.NONE) {
            if (i.operandBytes == 8) {
                wide64(unit, i, live);
            } else {
                wide32(unit, i, live);
            }
            return;
        }
        final int bytes = i.operandBytes;
        final boolean three = i.kind3 != OperandKind.NONE;
        base.source(unit, i, 2, bytes);
        base.signExtend(bytes);
        code.lstore(T0);
        e.getOperand(i, three ? 3 : 1, bytes);
        base.signExtend(bytes);
        code.lstore(T1);
        code.lload(T0).lload(T1).lmul().dup2().lstore(T3);
        e.set(i.reg1, bytes);
        if (live) {
            // CF and OF: the product is not the sign-extended low part.
            if (bytes == 8) {
                high(false);
                code.lload(T3).bipush(63).lshr().lxor();
            } else {
                code.lload(T3).dup2();
                base.signExtend(bytes);
                code.lxor();
            }
            setFlags(bytes);
        }
    }

    /** Pops what is not 0 when CF and OF are set. */
    private void setFlags(int bytes) {
        code.lstore(FLAGS_SOURCE).lload(T3).lstore(FLAGS_RESULT);
        flags.known(Flags.MUL, bytes, false);
    }

    /** Pushes the high half of the product of T0 and T1. */
    private void high(boolean unsigned) {
        code.lload(T0).lload(T1);
        e.call(Names.PRODUCT, unsigned ? "unsignedHigh" : "signedHigh", Names.J, Names.J, Names.J);
    }

    private void wide64(Unit unit, Insn i, boolean live) {
        base.source(unit, i, 1, 8);
        code.lstore(T0);
        e.get(Cpu.RAX);
        code.lstore(T1);
        code.lload(T0).lload(T1).lmul().dup2().lstore(T3);
        e.set(Cpu.RAX);
        high(i.op == Op.MUL);
        if (live) {
            code.dup2();
        }
        e.set(Cpu.RDX);
        if (live) {
            if (i.op == Op.IMUL) {
                code.lload(T3).bipush(63).lshr().lxor();
            }
            setFlags(8);
        }
    }

    private void wide32(Unit unit, Insn i, boolean live) {
        base.source(unit, i, 1, 4);
        extend(i);
        e.getLow(Cpu.RAX);
        extend(i);
        code.lmul().dup2().lstore(T3);
        e.set(Cpu.RAX, 4);
        code.lload(T3).bipush(32).lushr();
        e.setNarrow(Cpu.RDX, false);
        if (live) {
            if (i.op == Op.MUL) {
                code.lload(T3).bipush(32).lushr();
            } else {
                code.lload(T3).dup2();
                base.signExtend(4);
                code.lxor();
            }
            setFlags(4);
        }
    }

    private void extend(Insn i) {
        if (i.op == Op.MUL) {
            code.loadConstant(MASK_32).land();
        } else {
            base.signExtend(4);
        }
    }
}
