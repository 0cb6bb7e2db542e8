package io.jvmm.vcpu.x86.translate;

import static io.jvmm.vcpu.x86.translate.Emitter.XMM;

import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import java.lang.classfile.CodeBuilder;

/** Moves between XMM registers, memory and general registers. */
final class VectorMoveEmitter {
    private final Emitter e;
    private final CodeBuilder code;
    private final MemoryEmitter memory;
    private final Exits exits;
    private final VectorEmitter vectors;

    VectorMoveEmitter(Emitter e, MemoryEmitter memory, Exits exits, VectorEmitter vectors) {
        this.e = e;
        this.code = e.code;
        this.memory = memory;
        this.exits = exits;
        this.vectors = vectors;
    }

    void emit(Unit unit, int n) {
        final Insn i = unit.insns[n];
        if (i.kind1 == OperandKind.MEM) {
            store(unit, n);
        } else if (i.kind2 == OperandKind.MEM) {
            load(unit, i);
        } else if (i.kind1 == OperandKind.GPR) {
            vectors.push(2 * i.reg2);
            e.set(i.reg1, i.operandBytes);
        } else if (i.kind2 == OperandKind.GPR) {
            code.aload(XMM).loadConstant(VectorEmitter.first(i));
            if (i.operandBytes == 4) {
                e.getLow(i.reg2);
                code.loadConstant(Emitter.MASK_32).land();
            } else {
                e.get(i.reg2);
            }
            code.lastore();
            vectors.clear(VectorEmitter.first(i) + 1);
        } else {
            move(i);
        }
    }

    private void store(Unit unit, int n) {
        final Insn i = unit.insns[n];
        final int from = 2 * i.reg2;
        if (i.operandBytes == 16) {
            vectors.store(unit, n, from);
            return;
        }
        final int element = i.op == Op.MOVHPS || i.op == Op.MOVHPD ? from + 1 : from;
        memory.address(unit, i);
        memory.store(i.operandBytes, () -> vectors.push(element), () -> {}, () -> exits.leaveBehind(unit, n));
    }

    private void load(Unit unit, Insn i) {
        final int d = VectorEmitter.first(i);
        if (i.operandBytes == 16) {
            vectors.load(unit, i, d);
            return;
        }
        memory.load(unit, i, i.operandBytes);
        switch (i.op) {
            case MOVLPS, MOVLPD -> vectors.pop(d);
            case MOVHPS, MOVHPD -> vectors.pop(d + 1);
            case MOVDDUP -> {
                vectors.pop(d);
                vectors.copy(d + 1, d);
            }
            default -> {
                vectors.pop(d);
                vectors.clear(d + 1);
            }
        }
    }

    /** Between XMM registers. */
    private void move(Insn i) {
        final int d = VectorEmitter.first(i);
        final int s = 2 * i.reg2;
        switch (i.op) {
            case MOVSD -> vectors.copy(d, s);
            case MOVHLPS -> vectors.copy(d, s + 1);
            case MOVLHPS -> vectors.copy(d + 1, s);
            case MOVQ -> {
                vectors.copy(d, s);
                vectors.clear(d + 1);
            }
            case MOVDDUP -> {
                vectors.copy(d, s);
                vectors.copy(d + 1, s);
            }
            case MOVSS -> {
                code.aload(XMM).loadConstant(d);
                vectors.push(s);
                code.loadConstant(Emitter.MASK_32).land();
                vectors.push(d);
                code.loadConstant(~Emitter.MASK_32).land().lor().lastore();
            }
            default -> {
                vectors.copy(d, s);
                vectors.copy(d + 1, s + 1);
            }
        }
    }
}
