package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A plan to a class. The method is: registers and flags into locals; a search for the offset of RIP in its page; the units in
 * order; the ways out.
 */
final class RegionEmitter {
    /** Bytes of the class, and what the object needs besides. Handed from one method to its caller, never compared. */
    @SuppressWarnings("ArrayRecordComponent")
    record Result(byte[] classFile, Step[] steps, int[] points) {}

    /** So many offsets are compared one by one. */
    private static final int LEAF = 3;

    private final RegionPlan plan;
    private @Nullable Emitter emitter;

    private RegionEmitter(RegionPlan plan) {
        this.plan = plan;
    }

    static Result emit(RegionPlan plan) {
        final RegionEmitter r = new RegionEmitter(plan);
        final byte[] bytes = ClassFile.of().build(Names.THIS, r::classBody);
        final Emitter e = Objects.requireNonNull(r.emitter);
        return new Result(bytes, e.steps(), e.points());
    }

    private void classBody(ClassBuilder c) {
        final MethodTypeDesc nothing = MethodTypeDesc.of(ConstantDescs.CD_void);
        c.withSuperclass(Names.REGION).withFlags(ClassFile.ACC_FINAL | ClassFile.ACC_SUPER);
        c.withMethodBody(
                ConstantDescs.INIT_NAME,
                nothing,
                0,
                code -> code.aload(0)
                        .invokespecial(Names.REGION, ConstantDescs.INIT_NAME, nothing)
                        .return_());
        // The one object is handed over by the initialiser: no reflection, whose classes would be loaded in the jail.
        c.withMethodBody(
                ConstantDescs.CLASS_INIT_NAME,
                nothing,
                ClassFile.ACC_STATIC,
                code -> code.new_(Names.THIS)
                        .dup()
                        .invokespecial(Names.THIS, ConstantDescs.INIT_NAME, nothing)
                        .putstatic(Names.REGION, "made", Names.REGION)
                        .return_());
        c.withMethodBody("run", Names.RUN, ClassFile.ACC_PUBLIC, this::runBody);
    }

    private void runBody(CodeBuilder code) {
        final Emitter e = new Emitter(code, plan);
        emitter = e;
        final FlagEmitter flags = new FlagEmitter(e);
        final MemoryEmitter memory = new MemoryEmitter(e, flags);
        final Exits exits = new Exits(e, flags);
        final Label dispatch = code.newLabel();
        final ControlEmitter control = new ControlEmitter(e, flags, memory, exits, dispatch);
        final InstructionEmitter instructions = new InstructionEmitter(e, flags, memory, exits);
        final VectorEmitter vectors = new VectorEmitter(e, flags, memory, exits);
        final StepEmitter steps = new StepEmitter(e, flags, exits, dispatch);
        for (final Unit unit : plan.units) {
            unit.label = code.newLabel();
        }
        enter(e);
        final Label entry = code.newLabel();
        code.goto_(entry);
        code.labelBinding(dispatch);
        code.iload(Emitter.BUDGET).ifle(exits.exit);
        code.lload(Emitter.RIP)
                .loadConstant(-4096L)
                .land()
                .lload(Emitter.PAGE)
                .lcmp()
                .ifne(exits.exit);
        code.labelBinding(entry);
        select(code, exits);
        for (int u = 0; u < plan.units.size(); u++) {
            final Unit next = u + 1 < plan.units.size() ? plan.units.get(u + 1) : null;
            unit(plan.units.get(u), next, e, flags, instructions, vectors, steps, control);
            exits.endOfUnit();
        }
        control.emitStubs();
        exits.emit();
    }

    private void enter(Emitter e) {
        final CodeBuilder code = e.code;
        if (plan.usesVectors) {
            VectorEmitter.enter(e);
        }
        e.cpuField("r", Names.LONGS);
        code.astore(Emitter.R);
        e.loadMmu();
        e.loadSegments();
        code.aload(Emitter.CPU);
        e.cpuField("budget", Names.I);
        code.dup().istore(Emitter.BUDGET).putfield(Names.CPU, "regionBudget", Names.I);
        e.cpuField("rip", Names.J);
        code.dup2().lstore(Emitter.RIP).loadConstant(-4096L).land().lstore(Emitter.PAGE);
        // For the verifier: no way leads from here to where they are read.
        code.iconst_0().istore(Emitter.POINT).iconst_0().istore(Emitter.FLAGS_KIND);
        code.lconst_0().lstore(Emitter.FLAGS_RESULT).lconst_0().lstore(Emitter.FLAGS_SOURCE);
        code.lconst_0().lstore(Emitter.OVER);
        e.loadRegisters(0xffff);
    }

    /** From the offset of RIP in its page to a unit; out if there is none. A tree: C1 makes a chain of a switch. */
    private void select(CodeBuilder code, Exits exits) {
        code.lload(Emitter.RIP).l2i().sipush(4095).iand().istore(Emitter.COUNT);
        select(code, exits, plan.units);
    }

    private static void select(CodeBuilder code, Exits exits, List<Unit> among) {
        if (among.size() > LEAF) {
            final int middle = among.size() / 2;
            final Label below = code.newLabel();
            code.iload(Emitter.COUNT).sipush(among.get(middle).start()).if_icmplt(below);
            select(code, exits, among.subList(middle, among.size()));
            code.labelBinding(below);
            select(code, exits, among.subList(0, middle));
            return;
        }
        for (final Unit unit : among) {
            code.iload(Emitter.COUNT).sipush(unit.start()).if_icmpeq(Objects.requireNonNull(unit.label));
        }
        code.goto_(exits.exit);
    }

    private static void unit(
            Unit unit,
            @Nullable Unit next,
            Emitter e,
            FlagEmitter flags,
            InstructionEmitter instructions,
            VectorEmitter vectors,
            StepEmitter steps,
            ControlEmitter control) {
        e.code.labelBinding(Objects.requireNonNull(unit.label));
        e.code.iinc(Emitter.BUDGET, -unit.count);
        flags.forget();
        e.drop();
        e.forgetNarrow();
        int n = 0;
        while (n < unit.count) {
            final Insn i = unit.insns[n];
            if (!unit.inline[n]) {
                n = steps.emit(unit, n);
                if (n < 0) {
                    return;
                }
            } else if (ControlEmitter.transfers(i)) {
                control.emit(unit, next);
                return;
            } else if (VectorInline.supports(i)) {
                vectors.emit(unit, n);
                n++;
            } else {
                instructions.emit(unit, n);
                n++;
            }
        }
        flags.end(unit.flagsLiveAtEnd);
        control.go(unit, unit.end(), next);
    }
}
