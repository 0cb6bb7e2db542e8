package io.jvmm.vcpu.x86.translate;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;

/**
 * The ways out of a region, shared by all its units so that the method stays small: to a known place, to a point behind a
 * store that made the region invalid, by an exception. Each leaves registers, flags, RIP and counts exact.
 */
final class Exits {
    private final Emitter e;
    private final CodeBuilder code;
    /** RIP is in its local; registers and flags are to be stored. */
    final Label exit;
    /** RIP is in its local; registers and flags are stored. */
    final Label exitStored;

    private final Label leave;
    private final Label handler;

    Exits(Emitter e) {
        this.e = e;
        this.code = e.code;
        this.exit = code.newLabel();
        this.exitStored = code.newLabel();
        this.leave = code.newLabel();
        this.handler = code.newLabel();
    }

    /** The point at which an instruction faults. */
    int pointAt(Unit unit, int n) {
        return e.point(unit.offset(n), unit.count - n, 0);
    }

    /** Leaves the region with the instruction done. */
    void leaveBehind(Unit unit, int n) {
        e.at(e.point(unit.offsetBehind(n), unit.count - n - 1, 0));
        code.goto_(leave);
    }

    /** Leaves the region for an offset from its page. */
    void exitTo(long pageOffset) {
        e.flush();
        code.lload(Emitter.PAGE)
                .loadConstant(pageOffset)
                .ladd()
                .lstore(Emitter.RIP)
                .goto_(exit);
    }

    /** Emits the ends, and the handler for what lies between two labels. */
    void emit(Label from, Label to) {
        code.labelBinding(leave);
        backToPoint();
        code.goto_(exit);
        code.labelBinding(handler);
        code.astore(Emitter.THROWN);
        backToPoint();
        code.iload(Emitter.COUNT).loadConstant(TranslatedRegion.SYNCED).iand().ifne(exitStored);
        code.labelBinding(exit);
        e.storeRegisters(0xffff);
        e.storeFlags();
        code.labelBinding(exitStored);
        count();
        final Label normal = code.newLabel();
        code.aload(Emitter.THROWN).ifnull(normal);
        code.aload(Emitter.THROWN).athrow();
        code.labelBinding(normal);
        code.return_();
        code.exceptionCatchAll(from, to, handler);
    }

    /** RIP of the point, and what of its block has not been executed counts as not executed. */
    private void backToPoint() {
        code.aload(0)
                .getfield(Names.REGION, "points", Names.INTS)
                .iload(Emitter.POINT)
                .iaload();
        code.istore(Emitter.COUNT);
        if (e.usesOver) {
            final Label nothing = code.newLabel();
            code.iload(Emitter.COUNT)
                    .bipush(TranslatedRegion.OVER_SHIFT)
                    .ishr()
                    .bipush(TranslatedRegion.OVER_MASK)
                    .iand();
            code.dup().istore(Emitter.ENTRY).ifeq(nothing);
            code.iload(Emitter.ENTRY);
            FlagEmitter.workOut(e);
            code.labelBinding(nothing);
        }
        code.iload(Emitter.BUDGET)
                .iload(Emitter.COUNT)
                .loadConstant(TranslatedRegion.LEFT_SHIFT)
                .ishr();
        code.loadConstant(TranslatedRegion.LEFT_MASK).iand().iadd().istore(Emitter.BUDGET);
        code.lload(Emitter.PAGE)
                .iload(Emitter.COUNT)
                .loadConstant(TranslatedRegion.OFFSET_MASK)
                .iand()
                .i2l()
                .ladd();
        code.lstore(Emitter.RIP);
    }

    /** {@code cpu.budget} may have been changed meanwhile, to make us leave: what was executed is taken off. */
    private void count() {
        code.aload(Emitter.CPU).lload(Emitter.RIP).putfield(Names.CPU, "rip", Names.J);
        code.iload(Emitter.START_BUDGET).iload(Emitter.BUDGET).isub().istore(Emitter.COUNT);
        code.aload(Emitter.CPU).dup().getfield(Names.CPU, "budget", Names.I);
        code.iload(Emitter.COUNT).isub().putfield(Names.CPU, "budget", Names.I);
        code.aload(Emitter.CPU).dup().getfield(Names.CPU, "retired", Names.J);
        code.iload(Emitter.COUNT).i2l().ladd().putfield(Names.CPU, "retired", Names.J);
    }
}
