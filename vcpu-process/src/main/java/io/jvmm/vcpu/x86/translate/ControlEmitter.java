package io.jvmm.vcpu.x86.translate;

import static io.jvmm.vcpu.x86.translate.Emitter.T0;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.mmu.GuestException;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a unit ends: jumps within the region are jumps, with a look at the budget where they go backwards; a target known
 * only at run time goes through the region's switch if it is in the page; everything else leaves.
 */
final class ControlEmitter {
    /** A backward branch that is taken, emitted behind everything else. */
    private record Stub(Label label, Unit from, long target) {}

    private final Emitter e;
    private final CodeBuilder code;
    private final FlagEmitter flags;
    private final MemoryEmitter memory;
    private final Exits exits;
    /** Where RIP is looked up among the units; the budget is looked at there. */
    private final Label dispatch;

    private final List<Stub> stubs = new ArrayList<>();

    ControlEmitter(Emitter e, FlagEmitter flags, MemoryEmitter memory, Exits exits, Label dispatch) {
        this.e = e;
        this.code = e.code;
        this.flags = flags;
        this.memory = memory;
        this.exits = exits;
        this.dispatch = dispatch;
    }

    /** Whether an instruction ends a unit here. */
    static boolean transfers(Insn i) {
        return switch (i.op) {
            case JMP, JCC, CALL, RET -> true;
            default -> false;
        };
    }

    /** Emits the control transfer that ends a unit. */
    void emit(Unit unit, @Nullable Unit next) {
        final int n = unit.count - 1;
        final Insn i = unit.insns[n];
        flags.end(unit.flagsLiveAtEnd);
        if (unit.effects[n].mayFault() || i.kind1 != OperandKind.REL) {
            exits.at(unit, n);
        } else {
            e.flush();
        }
        switch (i.op) {
            case JMP -> {
                if (i.kind1 == OperandKind.REL) {
                    go(unit, RegionPlan.target(unit), next);
                } else {
                    indirectTarget(unit, i);
                    code.goto_(dispatch);
                }
            }
            case JCC -> branch(unit, next);
            case CALL -> call(unit, n, next);
            case RET -> {
                e.get(Cpu.RSP);
                memory.read(8);
                code.lstore(Emitter.RIP);
                canonical();
                memory.stack(8 + (i.imm & 0xffff));
                e.set(Cpu.RSP);
                e.flush();
                code.goto_(dispatch);
            }
            default -> throw new IllegalArgumentException(i.op.name());
        }
    }

    private void branch(Unit unit, @Nullable Unit next) {
        final long target = RegionPlan.target(unit);
        final Unit to = plan().unitAt(target);
        final int condition = unit.last().condition;
        if (to != null && to.start() > unit.start()) {
            flags.branch(condition, label(to));
        } else {
            final Stub stub = new Stub(code.newLabel(), unit, target);
            stubs.add(stub);
            flags.branch(condition, stub.label);
        }
        final Unit behind = plan().unitAt(unit.end());
        if (behind != null && behind.start() > unit.start() && isBranch(behind)) {
            // A second branch on the same flags: here they are known.
            code.iinc(Emitter.BUDGET, -1);
            branch(behind, null);
        } else {
            go(unit, unit.end(), next);
        }
    }

    /** Whether a unit is a conditional jump and nothing else. */
    private static boolean isBranch(Unit unit) {
        return unit.count == 1 && unit.inline[0] && unit.last().op == Op.JCC;
    }

    private RegionPlan plan() {
        return e.plan;
    }

    private static Label label(Unit unit) {
        final Label label = unit.label;
        if (label == null) {
            throw new IllegalStateException("unit without label");
        }
        return label;
    }

    private void call(Unit unit, int n, @Nullable Unit next) {
        final Insn i = unit.insns[n];
        final boolean direct = i.kind1 == OperandKind.REL;
        if (!direct) {
            indirectTarget(unit, i);
        }
        code.lload(Emitter.PAGE).loadConstant((long) unit.end()).ladd().lstore(T0);
        memory.stack(-8);
        memory.store(
                8,
                () -> code.lload(T0),
                () -> {
                    memory.stack(-8);
                    e.set(Cpu.RSP);
                },
                () -> {
                    if (direct) {
                        exits.exitTo(RegionPlan.target(unit));
                    } else {
                        e.flush();
                        code.goto_(exits.exit);
                    }
                });
        if (direct) {
            go(unit, RegionPlan.target(unit), next);
        } else {
            e.flush();
            code.goto_(dispatch);
        }
    }

    /** The target from a register or memory, into RIP's local. */
    private void indirectTarget(Unit unit, Insn i) {
        if (i.kind1 == OperandKind.MEM) {
            memory.load(unit, i, 8);
        } else {
            e.get(i.reg1);
        }
        code.lstore(Emitter.RIP);
        canonical();
    }

    /** #GP(0) at the instruction when the target is not canonical. */
    private void canonical() {
        final Label good = code.newLabel();
        code.lload(Emitter.RIP)
                .bipush(16)
                .lshl()
                .bipush(16)
                .lshr()
                .lload(Emitter.RIP)
                .lcmp()
                .ifeq(good);
        code.aload(Emitter.CPU)
                .invokevirtual(Names.CPU, "protection", MethodTypeDesc.of(Names.of(GuestException.class)))
                .athrow();
        code.labelBinding(good);
    }

    /** On to an offset from the page; {@code next} is the unit that is emitted next. */
    void go(Unit from, long target, @Nullable Unit next) {
        e.flush();
        final Unit to = plan().unitAt(target);
        if (to == null) {
            exits.exitTo(target);
        } else if (to.start() <= from.start()) {
            code.iload(Emitter.BUDGET).ifgt(label(to));
            exits.exitTo(target);
        } else if (to != next) {
            code.goto_(label(to));
        }
    }

    /** Emits what was put off. */
    void emitStubs() {
        for (final Stub stub : stubs) {
            code.labelBinding(stub.label);
            go(stub.from, stub.target, null);
        }
    }
}
