package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What all parts of the emission of one region share: the local variables of the method, where each guest register lives,
 * the points at which the code may be left.
 *
 * <p>A guest register has one of two homes: its element of {@code cpu.r}, or a local variable of the method, loaded at entry and
 * stored at every exit. Which one is decided by the region's plan; the rest of the emission does not see the difference. A
 * register of the array is held in a local variable, too, from where it is first used to the next access to memory or label; what
 * was changed is stored at {@link #flush}. Code with a branch within an instruction takes care that all ways hold the same:
 * {@link #hold}, {@link #state}.
 */
final class Emitter {
    static final int CPU = 1;
    static final int R = 2;
    static final int TLB = 3;
    /** Instructions still allowed. */
    static final int BUDGET = 4;
    /** Number of the point ({@link TranslatedRegion#points}) at which an exception would be. */
    static final int POINT = 5;

    static final int FLAGS_KIND = 6;
    static final int ENTRY = 7;
    /** Linear address of the page. */
    static final int PAGE = 10;

    static final int FLAGS_RESULT = 12;
    static final int FLAGS_SOURCE = 14;
    /** First operand of the comparison that gave the flags. */
    static final int FLAGS_FIRST = 16;
    /** CF as 0 or 1, after ADC and SBB. */
    static final int CARRY = 18;

    static final int LINEAR = 20;
    static final int HOST = 22;
    static final int T0 = 24;
    static final int T1 = 26;
    static final int T2 = 28;
    static final int RIP = 30;
    static final int THROWN = 32;
    static final int FS = 33;
    static final int GS = 34;
    static final int T3 = 35;
    static final int COUNT = 37;
    /** What is laid over the flags, see {@link RareFlags}. */
    static final int OVER = 38;

    static final int T4 = 40;
    private static final int REGISTERS = 42;
    /** {@code cpu.xmm}, in regions with SSE instructions. */
    static final int XMM = REGISTERS + 2 * 16;

    static final long MASK_32 = 0xffff_ffffL;

    final CodeBuilder code;
    final RegionPlan plan;
    private final List<Step> steps = new ArrayList<>();
    private int[] points = new int[64];
    private int pointCount;
    /** What is laid over the flags here, see {@link RareFlags}; a point takes note of it. */
    int over;
    /** Registers known to have zeros above bit 31 here. */
    private int narrow;
    /** Registers of the array whose value is in their local variable, too. */
    private int held;
    /** Those of them that are not yet in the array. */
    private int changed;
    /** Those of them whose local variable may have anything above bit 31, where the register has zeros. */
    private int loose;

    Emitter(CodeBuilder code, RegionPlan plan) {
        this.code = code;
        this.plan = plan;
    }

    // Guest registers.

    private boolean isLocal(int register) {
        return (plan.locals & (1 << register)) != 0;
    }

    private static int local(int register) {
        return REGISTERS + 2 * register;
    }

    /** Pushes a register, 64 bits. */
    void get(int register) {
        getLow(register);
        if ((loose & (1 << register)) != 0) {
            loose &= ~(1 << register);
            code.loadConstant(MASK_32).land().dup2().lstore(local(register));
        }
    }

    /** Pushes a register of which only the low 32 bits matter; those above may be anything. */
    void getLow(int register) {
        if (isLocal(register) || (held & (1 << register)) != 0) {
            code.lload(local(register));
        } else {
            code.aload(R).loadConstant(register).laload().dup2().lstore(local(register));
            held |= 1 << register;
        }
    }

    /** Has a register in its local variable, exactly: before a branch behind which it may be set. */
    void hold(int register) {
        if (!isLocal(register)) {
            get(register);
            code.pop2();
        }
    }

    /** Pops 64 bits into a register. */
    void set(int register) {
        narrow &= ~(1 << register);
        put(register);
    }

    private void put(int register) {
        code.lstore(local(register));
        loose &= ~(1 << register);
        if (!isLocal(register)) {
            held |= 1 << register;
            changed |= 1 << register;
        }
    }

    /** Pops a value of which the low bytes go into a register as an instruction of that width writes it. */
    void set(int register, int bytes) {
        switch (bytes) {
            case 8 -> set(register);
            case 4 -> setNarrow(register, true);
            default -> {
                final long mask = bytes == 1 ? 0xffL : 0xffffL;
                code.loadConstant(mask).land();
                merge(register, mask);
            }
        }
    }

    /** Pops what goes into some bits of a register; nothing changes in what is known of its upper half. */
    private void merge(int register, long mask) {
        final int before = narrow;
        final int wasLoose = loose;
        getLow(register);
        code.loadConstant(~mask).land().lor();
        put(register);
        narrow = before;
        loose = wasLoose;
    }

    /** Pops a value into a register, its upper half cleared; {@code mask} is false where it is known to be 0. */
    void setNarrow(int register, boolean mask) {
        if (mask && isLocal(register)) {
            code.loadConstant(MASK_32).land();
        }
        put(register);
        narrow |= 1 << register;
        if (mask && !isLocal(register)) {
            loose |= 1 << register;
        }
    }

    /** Pops a value of which the low byte goes into AH, CH, DH or BH. */
    void setHigh(int register) {
        code.loadConstant(0xffL).land().bipush(8).lshl();
        merge(register, 0xff00L);
    }

    /**
     * Stores to {@code cpu.r} what has changed: before anything that may fault, before a step, at the end of a unit. On every way
     * to a label the same registers must have been stored.
     */
    void flush() {
        for (int i = 0; i < 16; i++) {
            if ((changed & (1 << i)) != 0) {
                code.aload(R).loadConstant(i);
                get(i);
                code.lastore();
            }
        }
        changed = 0;
    }

    /** What local variables hold is not believed any more: behind a call that may be taken, where it would cost C1 a spill, and at labels. */
    void drop() {
        if (changed != 0) {
            throw new IllegalStateException("registers not stored");
        }
        held = 0;
        loose = 0;
    }

    /** What is held where, to go on from the same state on another way: {@link #restore}. */
    long state() {
        return held | (long) changed << 16 | (long) loose << 32 | (long) narrow << 48;
    }

    void restore(long state) {
        held = (int) state & 0xffff;
        changed = (int) (state >>> 16) & 0xffff;
        loose = (int) (state >>> 32) & 0xffff;
        narrow = (int) (state >>> 48);
    }

    /** Whether what {@link #getOperand} pushes is known to have zeros above bit 31. */
    boolean isNarrow(int register) {
        return (narrow & ~loose & (1 << register)) != 0;
    }

    /** Nothing is known of the upper halves: at the start of a block, after a step. */
    void forgetNarrow() {
        narrow = 0;
    }

    /** Nothing is known of the upper half of a register. */
    void forgetNarrow(int register) {
        narrow &= ~(1 << register);
    }

    /** Pushes an operand that is a register or a constant; what is above its width is not defined. */
    void getOperand(Insn i, int operand, int bytes) {
        switch (operand == 1 ? i.kind1 : operand == 2 ? i.kind2 : i.kind3) {
            case GPR -> {
                if (bytes == 8) {
                    get(number(i, operand));
                } else {
                    getLow(number(i, operand));
                }
            }
            case GPR_HIGH -> {
                getLow(number(i, operand));
                code.bipush(8).lushr();
            }
            case IMM -> code.loadConstant(bytes == 4 ? i.imm & MASK_32 : i.imm);
            case NONE, MEM, SEGMENT, CONTROL, DEBUG, XMM, MMX, ST, REL, FAR ->
                throw new IllegalArgumentException(i.op + " operand " + operand);
        }
    }

    private static int number(Insn i, int operand) {
        return operand == 1 ? i.reg1 : operand == 2 ? i.reg2 : i.reg3;
    }

    /** From {@code cpu.r} to the locals. */
    void loadRegisters(int mask) {
        for (int i = 0; i < 16; i++) {
            if ((mask & plan.locals & (1 << i)) != 0) {
                code.aload(R).loadConstant(i).laload().lstore(local(i));
            }
        }
    }

    /** From the locals to {@code cpu.r}: those that the region changes. */
    void storeRegisters(int mask) {
        for (int i = 0; i < 16; i++) {
            if ((mask & plan.locals & plan.written & (1 << i)) != 0) {
                code.aload(R).loadConstant(i).lload(local(i)).lastore();
            }
        }
    }

    // Flags between the locals and the processor.

    void loadFlags() {
        cpuField("flagsKind", ConstantDescs.CD_int);
        code.istore(FLAGS_KIND);
        cpuField("flagsResult", ConstantDescs.CD_long);
        code.lstore(FLAGS_RESULT);
        cpuField("flagsSource", ConstantDescs.CD_long);
        code.lstore(FLAGS_SOURCE);
    }

    void storeFlags() {
        code.aload(CPU).iload(FLAGS_KIND).putfield(Names.CPU, "flagsKind", ConstantDescs.CD_int);
        code.aload(CPU).lload(FLAGS_RESULT).putfield(Names.CPU, "flagsResult", ConstantDescs.CD_long);
        code.aload(CPU).lload(FLAGS_SOURCE).putfield(Names.CPU, "flagsSource", ConstantDescs.CD_long);
    }

    void cpuField(String name, ClassDesc type) {
        code.aload(CPU).getfield(Names.CPU, name, type);
    }

    /** Pushes the MMU. */
    void mmu() {
        cpuField("mmu", Names.MMU);
    }

    /** The TLB of the present privilege, and the segments that are used. */
    void loadMmu() {
        mmu();
        code.getfield(Names.MMU, "tlb", Names.LONGS).astore(TLB);
    }

    void loadSegments() {
        if (plan.usesFs) {
            loadSegment(Segment.FS, FS);
        }
        if (plan.usesGs) {
            loadSegment(Segment.GS, GS);
        }
    }

    private void loadSegment(int segment, int local) {
        cpuField("segments", Names.SEGMENTS);
        code.loadConstant(segment).aaload().astore(local);
    }

    // Points.

    /** A new point: where the instruction begins, and how many of its block it has yet to count. */
    int point(int pageOffset, int left, int bits) {
        if (pointCount == points.length) {
            points = Arrays.copyOf(points, 2 * pointCount);
        }
        points[pointCount] =
                pageOffset | (left << TranslatedRegion.LEFT_SHIFT) | (over << TranslatedRegion.OVER_SHIFT) | bits;
        return pointCount++;
    }

    int[] points() {
        return Arrays.copyOf(points, pointCount);
    }

    // Calls.

    /** Pushes nothing, runs a step on the processor. */
    void callStep(Step step) {
        code.aload(0)
                .getfield(Names.REGION, "steps", Names.STEPS)
                .loadConstant(steps.size())
                .aaload()
                .aload(CPU)
                .invokevirtual(Names.STEP, "run", Names.RUN);
        steps.add(step);
    }

    Step[] steps() {
        return steps.toArray(new Step[0]);
    }

    void call(ClassDesc owner, String name, ClassDesc result, ClassDesc... parameters) {
        code.invokestatic(owner, name, MethodTypeDesc.of(result, parameters));
    }
}
