package io.jvmm.vcpu.x86.translate;

import static io.jvmm.vcpu.x86.translate.Emitter.LINEAR;
import static io.jvmm.vcpu.x86.translate.Emitter.T0;
import static io.jvmm.vcpu.x86.translate.Emitter.TLB;
import static io.jvmm.vcpu.x86.translate.Emitter.XMM;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ConstantDescs;

/**
 * SSE instructions on {@code cpu.xmm}, of which each register is two elements. A memory operand that is computed with goes to
 * {@link Cpu#XMM_SCRATCH} first, so that everything else is between registers. Whether SSE may be used at all was asked when the region was
 * entered: nothing inside it changes that.
 */
final class VectorEmitter {
    private static final int SCRATCH = 2 * Cpu.XMM_SCRATCH;

    private final Emitter e;
    private final CodeBuilder code;
    private final MemoryEmitter memory;
    private final Exits exits;
    private final VectorMoveEmitter moves;
    private final FloatEmitter floats;

    VectorEmitter(Emitter e, FlagEmitter flags, MemoryEmitter memory, Exits exits) {
        this.e = e;
        this.code = e.code;
        this.memory = memory;
        this.exits = exits;
        this.moves = new VectorMoveEmitter(e, memory, exits, this);
        this.floats = new FloatEmitter(e, flags, this);
    }

    /** At the entry of a region with SSE instructions: where they are forbidden, its first block is interpreted. */
    static void enter(Emitter e) {
        final CodeBuilder code = e.code;
        final Label allowed = code.newLabel();
        code.aload(Emitter.CPU);
        e.call(Names.VECTOR_ACCESS, "isForbidden", ConstantDescs.CD_boolean, Names.CPU);
        code.ifeq(allowed)
                .aload(0)
                .aload(Emitter.CPU)
                .invokevirtual(Names.REGION, "interpret", Names.RUN)
                .return_();
        code.labelBinding(allowed);
        e.cpuField("xmm", Names.LONGS);
        code.astore(XMM);
    }

    /** Emits an instruction for which {@link VectorInline#supports} holds. */
    void emit(Unit unit, int n) {
        final Insn i = unit.insns[n];
        if (unit.effects[n].mayFault()) {
            exits.at(unit, n);
        }
        if (VectorInline.isMove(i.op)) {
            moves.emit(unit, n);
        } else if (VectorInline.isFloat(i.op)) {
            floats.emit(unit, n);
        } else {
            integer(unit, i);
        }
    }

    /** Index of the low half of the first operand. */
    static int first(Insn i) {
        return 2 * i.reg1;
    }

    /** Brings the second operand, if it is memory, to the scratch register; its index. What is behind its width there is not defined. */
    int source(Unit unit, Insn i) {
        if (i.kind2 != OperandKind.MEM) {
            return 2 * i.reg2;
        }
        if (i.operandBytes == 16) {
            load(unit, i, SCRATCH);
        } else {
            scalar(unit, i, i.operandBytes);
        }
        return SCRATCH;
    }

    /** Loads a memory operand of up to eight bytes to the scratch register, zero-extended; its index. */
    int scalar(Unit unit, Insn i, int bytes) {
        memory.load(unit, i, bytes);
        pop(SCRATCH);
        return SCRATCH;
    }

    /** Pushes an element. */
    void push(int element) {
        code.aload(XMM).loadConstant(element).laload();
    }

    /** Pops into an element. */
    void pop(int element) {
        code.lstore(T0).aload(XMM).loadConstant(element).lload(T0).lastore();
    }

    void clear(int element) {
        code.aload(XMM).loadConstant(element).lconst_0().lastore();
    }

    void copy(int to, int from) {
        if (to != from) {
            code.aload(XMM).loadConstant(to);
            push(from);
            code.lastore();
        }
    }

    /** Loads 16 bytes. */
    void load(Unit unit, Insn i, int to) {
        address(unit, i);
        code.aload(XMM).loadConstant(to).lload(LINEAR).aload(TLB).lload(LINEAR);
        e.call(Names.ACCESS, "entry", ConstantDescs.CD_int, ConstantDescs.CD_long);
        e.mmu();
        e.call(
                Names.VECTOR_ACCESS,
                "load",
                ConstantDescs.CD_void,
                Names.LONGS,
                Names.I,
                Names.J,
                Names.LONGS,
                Names.I,
                Names.MMU);
        e.drop();
    }

    /** Stores 16 bytes. */
    void store(Unit unit, int n, int from) {
        final Label done = code.newLabel();
        address(unit, unit.insns[n]);
        code.aload(XMM).loadConstant(from).lload(LINEAR).aload(TLB).lload(LINEAR);
        e.call(Names.ACCESS, "entry", ConstantDescs.CD_int, ConstantDescs.CD_long);
        code.iconst_1().iadd();
        e.mmu();
        e.call(
                Names.VECTOR_ACCESS,
                "store",
                ConstantDescs.CD_boolean,
                Names.LONGS,
                Names.I,
                Names.J,
                Names.LONGS,
                Names.I,
                Names.MMU);
        code.ifne(done);
        code.aload(0).getfield(Names.REGION, "valid", ConstantDescs.CD_boolean).ifne(done);
        exits.leaveBehind(unit, n);
        code.labelBinding(done);
        e.drop();
    }

    private void address(Unit unit, Insn i) {
        memory.address(unit, i);
        code.lstore(LINEAR);
        if (VectorInline.isAligned(i.op)) {
            code.aload(Emitter.CPU).lload(LINEAR);
            e.call(Names.VECTOR_ACCESS, "align", ConstantDescs.CD_void, Names.CPU, Names.J);
        }
    }

    private void integer(Unit unit, Insn i) {
        final int d = first(i);
        switch (i.op) {
            case PSLLW, PSLLD, PSLLQ, PSRLW, PSRLD, PSRLQ, PSRAD, PSLLDQ, PSRLDQ -> shift(i);
            case PMOVMSKB, MOVMSKPD -> {
                code.aload(XMM).loadConstant(2 * i.reg2);
                e.call(Names.VECTORS, i.op == Op.PMOVMSKB ? "byteSigns" : "doubleSigns", Names.J, Names.LONGS, Names.I);
                e.setNarrow(i.reg1, false);
            }
            case PXOR, XORPS, XORPD -> {
                if (i.kind2 == OperandKind.XMM && i.reg1 == i.reg2) {
                    clear(d);
                    clear(d + 1);
                } else {
                    logic(i, source(unit, i));
                }
            }
            case POR, ORPS, ORPD, PAND, ANDPS, ANDPD, PANDN, ANDNPS, ANDNPD, PADDQ, PSUBQ -> logic(i, source(unit, i));
            case PSHUFD -> whole("shuffle", d, source(unit, i), (int) i.imm);
            case SHUFPS -> whole("shuffleTwo", d, source(unit, i), (int) i.imm);
            case PALIGNR -> whole("align", d, source(unit, i), (int) i.imm);
            case PSHUFLW -> words(d, source(unit, i), 0, (int) i.imm);
            case PSHUFHW -> words(d, source(unit, i), 1, (int) i.imm);
            case PSHUFB -> {
                code.aload(XMM).loadConstant(d).loadConstant(source(unit, i));
                e.call(Names.VECTORS, "permute", ConstantDescs.CD_void, Names.LONGS, Names.I, Names.I);
            }
            case PUNPCKLBW, PUNPCKLWD, PUNPCKLDQ, UNPCKLPS -> interleave(i, 0, source(unit, i));
            case PUNPCKHBW, PUNPCKHWD, PUNPCKHDQ, UNPCKHPS -> interleave(i, 1, source(unit, i));
            case PUNPCKLQDQ, UNPCKLPD -> copy(d + 1, source(unit, i));
            case PUNPCKHQDQ, UNPCKHPD -> {
                final int s = source(unit, i);
                copy(d, d + 1);
                copy(d + 1, s + 1);
            }
            default -> halves(i, source(unit, i));
        }
    }

    private void whole(String name, int d, int s, int imm) {
        code.aload(XMM).loadConstant(d).loadConstant(s).loadConstant(imm);
        e.call(Names.VECTORS, name, ConstantDescs.CD_void, Names.LONGS, Names.I, Names.I, Names.I);
    }

    private void words(int d, int s, int half, int imm) {
        copy(d + 1 - half, s + 1 - half);
        whole("shuffleWords", d + half, s + half, imm);
    }

    private void interleave(Insn i, int half, int s) {
        final String name = switch (i.op) {
            case PUNPCKLBW, PUNPCKHBW -> "interleaveBytes";
            case PUNPCKLWD, PUNPCKHWD -> "interleaveWords";
            default -> "interleaveDoubles";
        };
        code.aload(XMM).loadConstant(first(i));
        push(first(i) + half);
        push(s + half);
        e.call(Names.VECTORS, name, ConstantDescs.CD_void, Names.LONGS, Names.I, Names.J, Names.J);
    }

    private void logic(Insn i, int s) {
        for (int half = 0; half < 2; half++) {
            code.aload(XMM).loadConstant(first(i) + half).dup2().laload();
            switch (i.op) {
                case PANDN, ANDNPS, ANDNPD -> code.loadConstant(-1L).lxor();
                default -> {}
            }
            push(s + half);
            switch (i.op) {
                case PXOR, XORPS, XORPD -> code.lxor();
                case POR, ORPS, ORPD -> code.lor();
                case PADDQ -> code.ladd();
                case PSUBQ -> code.lsub();
                default -> code.land();
            }
            code.lastore();
        }
    }

    private void halves(Insn i, int s) {
        final String name = switch (i.op) {
            case PADDB -> "addBytes";
            case PADDW -> "addWords";
            case PADDD -> "addDoubles";
            case PSUBB -> "subtractBytes";
            case PSUBW -> "subtractWords";
            case PSUBD -> "subtractDoubles";
            case PCMPEQB -> "equalBytes";
            case PCMPEQW -> "equalWords";
            case PCMPEQD -> "equalDoubles";
            case PCMPGTB -> "greaterBytes";
            case PCMPGTW -> "greaterWords";
            case PCMPGTD -> "greaterDoubles";
            case PMINUB -> "minBytes";
            case PMAXUB -> "maxBytes";
            case PMULUDQ -> "multiplyDoubles";
            default -> throw new IllegalArgumentException(i.op.name());
        };
        for (int half = 0; half < 2; half++) {
            code.aload(XMM).loadConstant(first(i) + half).loadConstant(s + half);
            e.call(Names.HALVES, name, ConstantDescs.CD_void, Names.LONGS, Names.I, Names.I);
        }
    }

    /** Shifts by an immediate. */
    private void shift(Insn i) {
        final int d = first(i);
        final int count = (int) i.imm;
        switch (i.op) {
            case PSLLDQ, PSRLDQ -> {
                code.aload(XMM).loadConstant(d).loadConstant(Math.min(count, 16));
                e.call(
                        Names.VECTORS,
                        i.op == Op.PSLLDQ ? "shiftLeft" : "shiftRight",
                        ConstantDescs.CD_void,
                        Names.LONGS,
                        Names.I,
                        Names.I);
            }
            case PSRAD -> {
                for (int half = 0; half < 2; half++) {
                    code.aload(XMM).loadConstant(d + half).loadConstant(Math.min(count, 31));
                    e.call(Names.HALVES, "shiftDoubles", ConstantDescs.CD_void, Names.LONGS, Names.I, Names.I);
                }
            }
            case PSLLW, PSRLW -> shift(d, count, 16, i.op == Op.PSLLW);
            case PSLLD, PSRLD -> shift(d, count, 32, i.op == Op.PSLLD);
            default -> shift(d, count, 64, i.op == Op.PSLLQ);
        }
    }

    private void shift(int d, int count, int width, boolean left) {
        if (count >= width) {
            clear(d);
            clear(d + 1);
            return;
        }
        final long ones = -1L >>> (64 - width);
        long mask = left ? ones << count & ones : ones >>> count;
        for (int bits = width; bits < 64; bits *= 2) {
            mask |= mask << bits;
        }
        for (int half = 0; half < 2; half++) {
            code.aload(XMM).loadConstant(d + half).loadConstant(count).loadConstant(mask);
            e.call(
                    Names.HALVES,
                    left ? "shiftLeft" : "shiftRight",
                    ConstantDescs.CD_void,
                    Names.LONGS,
                    Names.I,
                    Names.I,
                    Names.J);
        }
    }
}
