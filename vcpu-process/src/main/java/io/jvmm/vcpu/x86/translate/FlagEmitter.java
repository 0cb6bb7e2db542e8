package io.jvmm.vcpu.x86.translate;

import static io.jvmm.vcpu.x86.translate.Emitter.CARRY;
import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_FIRST;
import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_KIND;
import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_RESULT;
import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_SOURCE;
import static io.jvmm.vcpu.x86.translate.Emitter.OVER;

import io.jvmm.vcpu.x86.cpu.Flags;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.constant.ConstantDescs;

/**
 * The lazy flags, in local variables, and what is known of them at translation time: if it is known which instruction gave
 * them, a condition becomes a comparison of its operands.
 */
final class FlagEmitter {
    /** Nothing is known; the locals tell. */
    private static final int UNKNOWN = -1;
    /** ADC or SBB; {@link Emitter#CARRY} holds CF. */
    private static final int CARRIED = -2;

    /** Where the flags are: in the processor. */
    static final int MEMORY = 0;
    /** In the locals. */
    static final int LOCALS = 1;
    /** In the processor, and something is laid over. */
    static final int MEMORY_OVER = 2;
    /** In the locals, and something is laid over. */
    static final int LOCALS_OVER = 3;

    private final Emitter e;
    private final CodeBuilder code;
    private int group = UNKNOWN;
    private int bytes;
    /** {@link Emitter#FLAGS_FIRST} is there. */
    private boolean hasFirst;
    /** The locals are not set yet: the processor's fields tell. */
    private boolean inMemory = true;

    FlagEmitter(Emitter e) {
        this.e = e;
        this.code = e.code;
    }

    /** At the start of a unit, behind a step: the processor has them, nothing is known. */
    void forget() {
        group = UNKNOWN;
        inMemory = true;
        e.over = 0;
    }

    /** Where they are. */
    int place() {
        return (inMemory ? MEMORY : LOCALS) | (e.over != 0 ? MEMORY_OVER : 0);
    }

    /** Has them in the processor, for a step or for the next unit. */
    void store() {
        settle();
        if (!inMemory) {
            e.storeFlags();
        }
    }

    /** What is known, to go on from the same state on another way: {@link #restore}. */
    long state() {
        return (group + 2) | bytes << 8 | (hasFirst ? 1 << 16 : 0) | (inMemory ? 1 << 17 : 0) | (long) e.over << 32;
    }

    void restore(long state) {
        group = ((int) state & 0xff) - 2;
        bytes = (int) (state >> 8) & 0xff;
        hasFirst = (state & 1 << 16) != 0;
        inMemory = (state & 1 << 17) != 0;
        e.over = (int) (state >>> 32);
    }

    /** Pops the value of a {@link RareFlags} operation, which changes some flags. */
    void lay(int operation, int width) {
        if (e.over != 0 && !RareFlags.covers(operation, e.over >> 2)) {
            settle();
        }
        code.lstore(OVER);
        e.over = operation << 2 | log2(width);
    }

    /** Works out what is laid over the lazy flags: the locals tell all. */
    void settle() {
        final int operation = e.over >> 2;
        if (operation == RareFlags.INC || operation == RareFlags.DEC) {
            final int width = 1 << (e.over & 3);
            e.over = 0;
            carry();
            code.lstore(FLAGS_SOURCE).lload(OVER).lstore(FLAGS_RESULT);
            known(operation == RareFlags.INC ? Flags.INC : Flags.DEC, width, false);
        } else if (operation != 0) {
            if (inMemory) {
                e.loadFlags();
            }
            code.loadConstant(e.over);
            workOut(e);
            inLocals();
        }
    }

    /** Pops what is laid over; the flags become explicit. */
    static void workOut(Emitter e) {
        e.code.iload(FLAGS_KIND).lload(FLAGS_RESULT).lload(FLAGS_SOURCE).lload(OVER);
        e.call(Names.RARE, "over", Names.J, Names.I, Names.I, Names.J, Names.J, Names.J);
        e.code.lstore(FLAGS_SOURCE).iconst_0().istore(FLAGS_KIND);
    }

    /** The locals tell; which instruction it was is not known. */
    void inLocals() {
        group = UNKNOWN;
        inMemory = false;
        e.over = 0;
    }

    /** Has the locals tell, before a branch around what sets them. */
    void load() {
        settle();
        if (inMemory) {
            e.loadFlags();
            inLocals();
        }
    }

    /** The end of a unit. */
    void end(boolean live) {
        if (live) {
            store();
        }
    }

    /**
     * From here the flags are of this kind; result and source are stored already.
     *
     * @param first whether the first operand is in {@link Emitter#FLAGS_FIRST}
     */
    void known(int newGroup, int newBytes, boolean first) {
        code.loadConstant(newGroup + log2(newBytes)).istore(FLAGS_KIND);
        // What nobody reads is set nevertheless: its value of before would have to be kept from unit to unit.
        if (newGroup == Flags.LOGIC) {
            code.lconst_0().lstore(FLAGS_SOURCE);
        } else if (newGroup == Flags.EXPLICIT) {
            code.lconst_0().lstore(FLAGS_RESULT);
        }
        e.over = 0;
        inMemory = false;
        group = newGroup;
        bytes = newBytes;
        hasFirst = first;
    }

    /** As {@link #known} for ADC and SBB: the kind is in its local already, CF in {@link Emitter#CARRY}. */
    void carried(int newBytes) {
        e.over = 0;
        inMemory = false;
        group = CARRIED;
        bytes = newBytes;
        hasFirst = false;
    }

    static int log2(int bytes) {
        return Integer.numberOfTrailingZeros(bytes);
    }

    private void push() {
        if (inMemory) {
            e.cpuField("flagsKind", Names.I);
            e.cpuField("flagsResult", Names.J);
            e.cpuField("flagsSource", Names.J);
            return;
        }
        code.iload(FLAGS_KIND).lload(FLAGS_RESULT).lload(FLAGS_SOURCE);
    }

    /** Pushes CF as a long, 0 or 1. */
    void carry() {
        switch (e.over >> 2) {
            case RareFlags.BIT -> code.lload(OVER);
            case RareFlags.ROL -> code.lload(OVER).lconst_1().land();
            case RareFlags.ROR ->
                code.lload(OVER)
                        .loadConstant((8 << (e.over & 3)) - 1)
                        .lushr()
                        .lconst_1()
                        .land();
            default -> carryBelow();
        }
    }

    /** CF of the lazy flags, whatever is laid over. */
    private void carryBelow() {
        switch (group) {
            case CARRIED -> code.lload(CARRY);
            case Flags.LOGIC -> code.lconst_0();
            case Flags.INC, Flags.DEC -> code.lload(FLAGS_SOURCE);
            case Flags.SHR, Flags.SAR -> code.lload(FLAGS_SOURCE).lconst_1().land();
            case Flags.SHL ->
                code.lload(FLAGS_SOURCE)
                        .loadConstant(8 * bytes - 1)
                        .lushr()
                        .lconst_1()
                        .land();
            case Flags.ADD, Flags.SUB -> {
                if (group == Flags.SUB) {
                    if (hasFirst) {
                        code.lload(FLAGS_FIRST);
                    } else {
                        code.lload(FLAGS_RESULT).lload(FLAGS_SOURCE).ladd();
                    }
                } else {
                    code.lload(FLAGS_RESULT);
                }
                code.lload(FLAGS_SOURCE);
                borrow();
            }
            default -> {
                push();
                e.call(
                        Names.FLAGS,
                        "carry",
                        ConstantDescs.CD_boolean,
                        ConstantDescs.CD_int,
                        ConstantDescs.CD_long,
                        ConstantDescs.CD_long);
                code.i2l();
            }
        }
    }

    /** Pops b and a, pushes 1 if a is below b, else 0. No branch: there is no foretelling it. */
    private void borrow() {
        if (bytes == 8) {
            // (~a & b) | (~(a ^ b) & (a - b)), bit 63.
            code.lstore(Emitter.T2).lstore(Emitter.T4);
            code.lload(Emitter.T4).loadConstant(-1L).lxor().lload(Emitter.T2).land();
            code.lload(Emitter.T4).lload(Emitter.T2).lxor().loadConstant(-1L).lxor();
            code.lload(Emitter.T4).lload(Emitter.T2).lsub().land().lor();
        } else {
            code.loadConstant(mask()).land().lstore(Emitter.T2);
            code.loadConstant(mask()).land().lload(Emitter.T2).lsub();
        }
        code.bipush(63).lushr();
    }

    private long mask() {
        return (1L << (8 * bytes)) - 1;
    }

    /** Jumps if a condition 0..15 (SDM 2 B.1.4.7) holds. */
    void branch(int condition, Label target) {
        if (e.over == 0 || !branchOver(condition >> 1, (condition & 1) != 0, target)) {
            branchBelow(condition, target);
        }
    }

    /** A condition on what is laid over the lazy flags; false where they have to be asked. */
    private boolean branchOver(int pair, boolean negated, Label target) {
        final int operation = e.over >> 2;
        if (pair == 1 && operation != RareFlags.ZERO) {
            carry();
            code.l2i();
            jump(negated ? Opcode.IFEQ : Opcode.IFNE, target);
            return true;
        }
        switch (operation) {
            case RareFlags.ZERO -> {
                if (pair == 2) {
                    result(OVER, 8, negated ? Opcode.IFNE : Opcode.IFEQ, target);
                    return true;
                }
                if (pair != 3 && pair != 7) {
                    return false;
                }
            }
            case RareFlags.INC, RareFlags.DEC -> {
                if (pair == 2 || pair == 4) {
                    final Opcode yes = pair == 2 ? Opcode.IFEQ : Opcode.IFLT;
                    final Opcode no = pair == 2 ? Opcode.IFNE : Opcode.IFGE;
                    result(OVER, 1 << (e.over & 3), negated ? no : yes, target);
                    return true;
                }
            }
            case RareFlags.BIT -> {
                if (pair != 3) {
                    return false;
                }
            }
            default -> {
                if (pair == 2 || pair == 4 || pair == 5) {
                    return false;
                }
            }
        }
        settle();
        return false;
    }

    private void branchBelow(int condition, Label target) {
        final boolean negated = (condition & 1) != 0;
        final boolean emitted = switch (group) {
            case Flags.SUB -> hasFirst && subtraction(condition >> 1, negated, target);
            case Flags.LOGIC -> logic(condition >> 1, negated, target);
            case Flags.EXPLICIT -> explicit(condition >> 1, negated, target);
            case Flags.ADD, Flags.INC, Flags.DEC, Flags.SHL, Flags.SHR, Flags.SAR, CARRIED ->
                resultOnly(condition >> 1, negated, target);
            default -> false;
        };
        if (!emitted) {
            test(condition, target);
        }
    }

    /** A condition on flags of which nothing is known here. */
    private void test(int condition, Label target) {
        final String single = switch (condition >> 1) {
            case 0 -> "overflow";
            case 1 -> "carry";
            case 2 -> "zero";
            case 4 -> "sign";
            case 5 -> "parity";
            default -> "";
        };
        if (single.isEmpty()) {
            code.loadConstant(condition);
            push();
            e.call(Names.FLAGS, "test", ConstantDescs.CD_boolean, Names.I, Names.I, Names.J, Names.J);
            code.ifne(target);
        } else {
            push();
            e.call(Names.FLAGS, single, ConstantDescs.CD_boolean, Names.I, Names.J, Names.J);
            jump((condition & 1) != 0 ? Opcode.IFEQ : Opcode.IFNE, target);
        }
    }

    /** The flags are bits of {@link Emitter#FLAGS_SOURCE}. */
    private boolean explicit(int pair, boolean negated, Label target) {
        final int bits = switch (pair) {
            case 0 -> Flags.OF;
            case 1 -> Flags.CF;
            case 2 -> Flags.ZF;
            case 3 -> Flags.CF | Flags.ZF;
            case 4 -> Flags.SF;
            case 5 -> Flags.PF;
            default -> 0;
        };
        if (bits != 0) {
            code.lload(FLAGS_SOURCE).l2i().loadConstant(bits).iand();
            jump(negated ? Opcode.IFEQ : Opcode.IFNE, target);
        }
        return bits != 0;
    }

    private boolean subtraction(int pair, boolean negated, Label target) {
        switch (pair) {
            case 1 -> unsigned(negated ? Opcode.IFGE : Opcode.IFLT, target);
            case 2 -> signed(negated ? Opcode.IFNE : Opcode.IFEQ, target);
            case 3 -> unsigned(negated ? Opcode.IFGT : Opcode.IFLE, target);
            case 4 -> compared(negated ? Opcode.IFGE : Opcode.IFLT, target);
            case 6 -> signed(negated ? Opcode.IFGE : Opcode.IFLT, target);
            case 7 -> signed(negated ? Opcode.IFGT : Opcode.IFLE, target);
            default -> {
                return false;
            }
        }
        return true;
    }

    /** CF and OF are 0. */
    private boolean logic(int pair, boolean negated, Label target) {
        switch (pair) {
            case 0, 1 -> {
                if (negated) {
                    code.goto_(target);
                }
            }
            case 2, 3 -> compared(negated ? Opcode.IFNE : Opcode.IFEQ, target);
            case 4, 6 -> compared(negated ? Opcode.IFGE : Opcode.IFLT, target);
            case 7 -> compared(negated ? Opcode.IFGT : Opcode.IFLE, target);
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean resultOnly(int pair, boolean negated, Label target) {
        switch (pair) {
            case 1 -> {
                carryBelow();
                code.l2i();
                jump(negated ? Opcode.IFEQ : Opcode.IFNE, target);
            }
            case 2 -> compared(negated ? Opcode.IFNE : Opcode.IFEQ, target);
            case 4 -> compared(negated ? Opcode.IFGE : Opcode.IFLT, target);
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Compares the result with 0. */
    private void compared(Opcode test, Label target) {
        result(FLAGS_RESULT, bytes, test, target);
    }

    private void result(int local, int width, Opcode test, Label target) {
        code.lload(local);
        if (width == 8) {
            code.lconst_0().lcmp();
        } else {
            narrow(width);
        }
        jump(test, target);
    }

    private void signed(Opcode test, Label target) {
        code.lload(FLAGS_FIRST);
        if (bytes == 8) {
            code.lload(FLAGS_SOURCE).lcmp();
            jump(test, target);
            return;
        }
        narrow(bytes);
        code.lload(FLAGS_SOURCE);
        narrow(bytes);
        jump(compared(test), target);
    }

    private void unsigned(Opcode test, Label target) {
        code.lload(FLAGS_FIRST);
        if (bytes == 8) {
            code.loadConstant(Long.MIN_VALUE)
                    .lxor()
                    .lload(FLAGS_SOURCE)
                    .loadConstant(Long.MIN_VALUE)
                    .lxor();
            code.lcmp();
            jump(test, target);
            return;
        }
        turned();
        code.lload(FLAGS_SOURCE);
        turned();
        jump(compared(test), target);
    }

    /** Pops a long, pushes its low bytes as a signed int. */
    private void narrow(int width) {
        code.l2i();
        switch (width) {
            case 1 -> code.i2b();
            case 2 -> code.i2s();
            default -> {}
        }
    }

    /** Pops a long, pushes an int such that signed order is the unsigned order of the low bytes. */
    private void turned() {
        code.l2i();
        switch (bytes) {
            case 1 -> code.sipush(0xff).iand();
            case 2 -> code.i2c();
            default -> code.loadConstant(Integer.MIN_VALUE).ixor();
        }
    }

    private void jump(Opcode test, Label target) {
        code.branch(test, target);
    }

    private static Opcode compared(Opcode test) {
        return switch (test) {
            case IFEQ -> Opcode.IF_ICMPEQ;
            case IFNE -> Opcode.IF_ICMPNE;
            case IFLT -> Opcode.IF_ICMPLT;
            case IFGE -> Opcode.IF_ICMPGE;
            case IFGT -> Opcode.IF_ICMPGT;
            case IFLE -> Opcode.IF_ICMPLE;
            default -> throw new IllegalArgumentException(test.name());
        };
    }
}
