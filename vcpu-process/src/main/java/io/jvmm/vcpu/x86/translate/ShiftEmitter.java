package io.jvmm.vcpu.x86.translate;

import static io.jvmm.vcpu.x86.translate.Emitter.COUNT;
import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_RESULT;
import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_SOURCE;
import static io.jvmm.vcpu.x86.translate.Emitter.T0;
import static io.jvmm.vcpu.x86.translate.Emitter.T3;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;

/** Shifts, rotates, and instructions on single bits. */
final class ShiftEmitter {
    private final Emitter e;
    private final CodeBuilder code;
    private final FlagEmitter flags;
    private final InstructionEmitter base;

    ShiftEmitter(Emitter e, FlagEmitter flags, InstructionEmitter base) {
        this.e = e;
        this.code = e.code;
        this.flags = flags;
        this.base = base;
    }

    /** SHL SHR SAR ROL ROR, by a constant or CL. */
    void emit(Unit unit, int n, boolean live) {
        final Insn i = unit.insns[n];
        final boolean rotate = i.op == Op.ROL || i.op == Op.ROR;
        final int mask = i.operandBytes == 8 ? 63 : 31;
        final Runnable compute = rotate ? () -> rotated(i) : () -> shifted(i);
        if (i.kind2 == OperandKind.IMM) {
            final int count = (int) i.imm & mask;
            base.change(unit, n, compute, () -> {
                if (live && count != 0) {
                    setFlags(i, rotate);
                }
            });
            return;
        }
        e.getLow(Cpu.RCX);
        code.l2i().loadConstant(mask).iand().istore(COUNT);
        base.change(unit, n, compute, () -> {
            if (live) {
                final Label zero = code.newLabel();
                flags.load();
                code.iload(COUNT).ifeq(zero);
                setFlags(i, rotate);
                flags.settle();
                code.labelBinding(zero);
                flags.inLocals();
            }
        });
    }

    /** Pushes the count less a constant. */
    private void pushCount(Insn i, int less) {
        if (i.kind2 == OperandKind.IMM) {
            code.loadConstant(((int) i.imm & (i.operandBytes == 8 ? 63 : 31)) - less);
        } else {
            code.iload(COUNT);
            if (less != 0) {
                code.loadConstant(less).isub();
            }
        }
    }

    private void setFlags(Insn i, boolean rotate) {
        if (rotate) {
            code.lload(T3);
            flags.lay(i.op == Op.ROL ? RareFlags.ROL : RareFlags.ROR, i.operandBytes);
            return;
        }
        shift(i, 1);
        code.lstore(FLAGS_SOURCE).lload(T3).lstore(FLAGS_RESULT);
        flags.known(i.op == Op.SHL ? Flags.SHL : i.op == Op.SHR ? Flags.SHR : Flags.SAR, i.operandBytes, false);
    }

    /** T0 to T3; what is narrower than 32 bits is extended in T0 as the operation wants it. */
    private void shifted(Insn i) {
        if (i.operandBytes < 4 && i.op != Op.SHL) {
            code.lload(T0);
            if (i.op == Op.SAR) {
                base.signExtend(i.operandBytes);
            } else {
                code.loadConstant((1L << (8 * i.operandBytes)) - 1).land();
            }
            code.lstore(T0);
        }
        shift(i, 0);
        code.lstore(T3);
    }

    /** Pushes T0 shifted by the count less a constant. C1 shifts an int by a constant in one instruction, a long by CL only. */
    private void shift(Insn i, int less) {
        code.lload(T0);
        if (i.operandBytes == 4) {
            code.l2i();
            pushCount(i, less);
            switch (i.op) {
                case SHL -> code.ishl();
                case SHR -> code.iushr();
                default -> code.ishr();
            }
            code.i2l();
        } else {
            pushCount(i, less);
            switch (i.op) {
                case SHL -> code.lshl();
                case SHR -> code.lushr();
                default -> code.lshr();
            }
        }
    }

    private void rotated(Insn i) {
        final String name = i.op == Op.ROL ? "rotateLeft" : "rotateRight";
        code.lload(T0);
        switch (i.operandBytes) {
            case 8 -> {
                pushCount(i, 0);
                e.call(Names.LONG, name, Names.J, Names.J, Names.I);
            }
            case 4 -> {
                code.l2i();
                pushCount(i, 0);
                e.call(Names.INTEGER, name, Names.I, Names.I, Names.I);
                code.i2l();
            }
            default -> {
                // Two or four copies of the value beside each other in an int rotate like one.
                final int bits = 8 * i.operandBytes;
                code.loadConstant((1L << bits) - 1).land().loadConstant(bits == 8 ? 0x0101_0101L : 0x0001_0001L);
                code.lmul().l2i();
                pushCount(i, 0);
                e.call(Names.INTEGER, name, Names.I, Names.I, Names.I);
                code.i2l().loadConstant((1L << bits) - 1).land();
            }
        }
        code.lstore(T3);
    }

    /** BT of a register, or of memory with a constant offset. */
    void bitTest(Unit unit, int n, boolean live) {
        final Insn i = unit.insns[n];
        base.source(unit, i, 1, i.operandBytes);
        if (i.kind2 == OperandKind.IMM) {
            code.loadConstant((int) i.imm & (8 * i.operandBytes - 1));
        } else {
            e.getLow(i.reg2);
            code.l2i().loadConstant(8 * i.operandBytes - 1).iand();
        }
        code.lushr().l2i().iconst_1().iand();
        if (!live) {
            code.pop();
            return;
        }
        code.i2l();
        flags.lay(RareFlags.BIT, i.operandBytes);
    }

    /** BSF, BSR: a source of 0 leaves the destination as it is. */
    void scan(Unit unit, int n, boolean live) {
        final Insn i = unit.insns[n];
        final Label zero = code.newLabel();
        extended(unit, i);
        if (live) {
            code.lload(T0);
            flags.lay(RareFlags.ZERO, i.operandBytes);
        }
        e.hold(i.reg1);
        final boolean wasNarrow = e.isNarrow(i.reg1);
        code.lload(T0).lconst_0().lcmp().ifeq(zero);
        if (i.op == Op.BSR) {
            code.bipush(63);
        }
        code.lload(T0);
        e.call(Names.LONG, i.op == Op.BSF ? "numberOfTrailingZeros" : "numberOfLeadingZeros", Names.I, Names.J);
        if (i.op == Op.BSR) {
            code.isub();
        }
        code.i2l();
        if (i.operandBytes == 2) {
            e.set(i.reg1, 2);
        } else {
            e.setNarrow(i.reg1, false);
        }
        code.labelBinding(zero);
        if (!wasNarrow) {
            e.forgetNarrow(i.reg1);
        }
    }

    /** POPCNT. */
    void count(Unit unit, int n, boolean live) {
        final Insn i = unit.insns[n];
        extended(unit, i);
        code.lload(T0);
        e.call(Names.LONG, "bitCount", Names.I, Names.J);
        code.i2l();
        if (live) {
            code.dup2().lstore(FLAGS_RESULT);
        }
        e.set(i.reg1, i.operandBytes);
        if (live) {
            // ZF if no bit is set, the others 0 (SDM 2, POPCNT).
            final Label some = code.newLabel();
            code.lconst_0().lstore(FLAGS_SOURCE);
            code.lload(FLAGS_RESULT).lconst_0().lcmp().ifne(some);
            code.loadConstant((long) Flags.ZF).lstore(FLAGS_SOURCE);
            code.labelBinding(some);
            flags.known(Flags.EXPLICIT, 1, false);
        }
    }

    /** The second operand, zero-extended, in T0. */
    private void extended(Unit unit, Insn i) {
        base.source(unit, i, 2, i.operandBytes);
        if (i.kind2 != OperandKind.MEM && i.operandBytes < 8) {
            code.loadConstant((1L << (8 * i.operandBytes)) - 1).land();
        }
        code.lstore(T0);
    }
}
