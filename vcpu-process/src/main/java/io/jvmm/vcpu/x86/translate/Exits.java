package io.jvmm.vcpu.x86.translate;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The ways out of a region, shared by all its units so that the method stays small: to a known place, to a point behind a
 * store that made the region invalid, by an exception. Each leaves registers, flags, RIP and counts exact.
 *
 * <p>An exception has a handler for each state that the flags may be in ({@link FlagEmitter#place}). The ranges of the handlers
 * begin at the first point of a unit, so that nothing of this has to be kept from unit to unit.
 */
final class Exits {
    private static final int PLACES = 4;

    /** Instructions between two labels whose exceptions go to the handler of a place. */
    private record Range(Label from, Label to, int place) {}

    private final Emitter e;
    private final CodeBuilder code;
    private final FlagEmitter flags;
    /** RIP is in its local, flags are stored; registers are to be stored. */
    final Label exit;
    /** RIP is in its local; registers and flags are stored. */
    final Label exitStored;

    private final @Nullable Label[] leave = new Label[PLACES];
    private final List<Range> ranges = new ArrayList<>();
    private @Nullable Label from;
    private int place;

    Exits(Emitter e, FlagEmitter flags) {
        this.e = e;
        this.code = e.code;
        this.flags = flags;
        this.exit = code.newLabel();
        this.exitStored = code.newLabel();
    }

    /** The instruction that is emitted next may fault, and begins at this point. */
    void at(Unit unit, int n) {
        at(e.point(unit.offset(n), unit.count - n, 0));
    }

    /** From here on an exception is at this point: the registers are stored. */
    void at(int point) {
        e.flush();
        code.loadConstant(point).istore(Emitter.POINT);
        if (from == null || place != flags.place()) {
            endOfUnit();
            place = flags.place();
            from = code.newLabel();
            code.labelBinding(from);
        }
    }

    /** No exception from here to the next point. */
    void endOfUnit() {
        if (from != null) {
            final Label to = code.newLabel();
            code.labelBinding(to);
            ranges.add(new Range(from, to, place));
            from = null;
        }
    }

    /** Leaves the region with the instruction done. */
    void leaveBehind(Unit unit, int n) {
        at(e.point(unit.offsetBehind(n), unit.count - n - 1, 0));
        Label to = leave[place];
        if (to == null) {
            to = code.newLabel();
            leave[place] = to;
        }
        code.goto_(to);
    }

    /** Leaves the region for an offset from its page; the flags are stored. */
    void exitTo(long pageOffset) {
        e.flush();
        code.lload(Emitter.PAGE)
                .loadConstant(pageOffset)
                .ladd()
                .lstore(Emitter.RIP)
                .goto_(exit);
    }

    /** Emits the ends. */
    void emit() {
        for (int p = 0; p < PLACES; p++) {
            unexpected(p);
        }
        code.labelBinding(exit);
        e.storeRegisters(0xffff);
        code.labelBinding(exitStored);
        count();
        code.return_();
    }

    /** Leaving at a point, with an exception or without, where the flags are in one place. */
    private void unexpected(int where) {
        final List<Range> mine = ranges.stream().filter(r -> r.place == where).toList();
        final Label left = leave[where];
        if (mine.isEmpty() && left == null) {
            return;
        }
        final Label end = code.newLabel();
        if (left != null) {
            code.labelBinding(left);
            code.aconst_null().astore(Emitter.THROWN);
            if (!mine.isEmpty()) {
                code.goto_(end);
            }
        }
        if (!mine.isEmpty()) {
            final Label handler = code.newLabel();
            code.labelBinding(handler);
            code.astore(Emitter.THROWN);
            for (final Range r : mine) {
                code.exceptionCatchAll(r.from, r.to, handler);
            }
        }
        code.labelBinding(end);
        code.aload(0)
                .getfield(Names.REGION, "points", Names.INTS)
                .iload(Emitter.POINT)
                .iaload();
        code.istore(Emitter.COUNT);
        storeFlags(where);
        backToPoint();
        if (e.plan.locals != 0) {
            final Label stored = code.newLabel();
            code.iload(Emitter.COUNT)
                    .loadConstant(TranslatedRegion.SYNCED)
                    .iand()
                    .ifne(stored);
            e.storeRegisters(0xffff);
            code.labelBinding(stored);
        }
        code.aload(Emitter.THROWN).ifnull(exitStored);
        count();
        code.aload(Emitter.THROWN).athrow();
    }

    private void storeFlags(int where) {
        if (where == FlagEmitter.MEMORY_OVER) {
            e.loadFlags();
        }
        if (where == FlagEmitter.MEMORY_OVER || where == FlagEmitter.LOCALS_OVER) {
            code.iload(Emitter.COUNT)
                    .bipush(TranslatedRegion.OVER_SHIFT)
                    .ishr()
                    .bipush(TranslatedRegion.OVER_MASK)
                    .iand();
            FlagEmitter.workOut(e);
        }
        if (where != FlagEmitter.MEMORY) {
            e.storeFlags();
        }
    }

    /** RIP of the point, and what of its block has not been executed counts as not executed. */
    private void backToPoint() {
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
        e.cpuField("regionBudget", Names.I);
        code.iload(Emitter.BUDGET).isub().istore(Emitter.COUNT);
        code.aload(Emitter.CPU).dup().getfield(Names.CPU, "budget", Names.I);
        code.iload(Emitter.COUNT).isub().putfield(Names.CPU, "budget", Names.I);
        code.aload(Emitter.CPU).dup().getfield(Names.CPU, "retired", Names.J);
        code.iload(Emitter.COUNT).i2l().ladd().putfield(Names.CPU, "retired", Names.J);
    }
}
