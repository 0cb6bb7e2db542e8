package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ConstantDescs;

/**
 * Instructions that run as the interpreter's steps: before the call, what the step may look at goes from the locals to the
 * processor, afterwards what it may have changed comes back.
 */
final class StepEmitter {
    private final Emitter e;
    private final CodeBuilder code;
    private final FlagEmitter flags;
    private final Exits exits;
    private final Label dispatch;

    StepEmitter(Emitter e, FlagEmitter flags, Exits exits, Label dispatch) {
        this.e = e;
        this.code = e.code;
        this.flags = flags;
        this.exits = exits;
        this.dispatch = dispatch;
    }

    /**
     * Runs the step that begins with instruction {@code n}.
     *
     * @return the index behind the last instruction it covers; -1 if control has gone elsewhere
     */
    int emit(Unit unit, int n) {
        e.flush();
        final int s = unit.stepAt(n);
        final int end = unit.stepEnd(s);
        final Step step = unit.block.steps[s];
        final Insn first = unit.insns[n];
        final Effects effects = unit.effects[n];
        if (end == n + 1 && effects.known() && !ControlEmitter.transfers(first)) {
            knownStep(unit, n, step, effects);
            return end;
        }
        flags.store();
        flags.forget();
        exits.at(e.point(unit.offset(n), unit.count - n, TranslatedRegion.SYNCED));
        e.storeRegisters(0xffff);
        setBlockRip(unit);
        if (end < unit.insns.length) {
            e.callStep(step);
            reload();
            checkValid(unit, end - 1);
            return end;
        }
        code.aload(Emitter.CPU)
                .lload(Emitter.PAGE)
                .loadConstant((long) unit.end())
                .ladd();
        code.putfield(Names.CPU, "rip", Names.J);
        e.callStep(step);
        e.cpuField("rip", Names.J);
        code.lstore(Emitter.RIP);
        if (staysInMode(unit.insns[end - 1])) {
            code.aload(0).getfield(Names.REGION, "valid", ConstantDescs.CD_boolean);
            code.ifeq(exits.exitStored);
            reload();
            code.goto_(dispatch);
        } else {
            code.goto_(exits.exitStored);
        }
        return -1;
    }

    /** Steps at the end of a block that change no mode, privilege or interrupt state. */
    private static boolean staysInMode(Insn i) {
        return switch (i.op) {
            case JMP, JCC, CALL, RET, JCXZ, LOOP, LOOPE, LOOPNE -> true;
            // A repetition charges the budget for its items: the region is left, so that the executor looks at it.
            case MOVS, CMPS, STOS, LODS, SCAS -> !i.rep && !i.repne;
            default -> false;
        };
    }

    private void reload() {
        e.loadRegisters(0xffff);
        e.loadMmu();
        e.drop();
        e.forgetNarrow();
        flags.forget();
    }

    private void setBlockRip(Unit unit) {
        code.aload(Emitter.CPU)
                .lload(Emitter.PAGE)
                .loadConstant((long) unit.block.pageOffset)
                .ladd();
        code.putfield(Names.CPU, "blockRip", Names.J);
    }

    private void knownStep(Unit unit, int n, Step step, Effects effects) {
        final Insn i = unit.insns[n];
        final boolean wantsFlags = effects.readsFlags() || (effects.touchesFlags() && !effects.killsFlags());
        if (wantsFlags) {
            flags.store();
            flags.forget();
        }
        if (effects.mayFault()) {
            exits.at(unit, n);
        }
        e.storeRegisters(effects.reads());
        if (i.base == Insn.RIP) {
            setBlockRip(unit);
        }
        e.callStep(step);
        e.drop();
        e.loadRegisters(effects.writes());
        for (int r = 0; r < 16; r++) {
            if ((effects.writes() & (1 << r)) != 0) {
                e.forgetNarrow(r);
            }
        }
        if (effects.touchesFlags()) {
            flags.forget();
        }
        if (effects.writesMemory()) {
            checkValid(unit, n);
        }
    }

    private void checkValid(Unit unit, int n) {
        final Label good = code.newLabel();
        code.aload(0).getfield(Names.REGION, "valid", ConstantDescs.CD_boolean).ifne(good);
        exits.leaveBehind(unit, n);
        code.labelBinding(good);
    }
}
