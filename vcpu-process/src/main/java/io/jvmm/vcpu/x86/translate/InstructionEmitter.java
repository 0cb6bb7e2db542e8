package io.jvmm.vcpu.x86.translate;

import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_FIRST;
import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_RESULT;
import static io.jvmm.vcpu.x86.translate.Emitter.FLAGS_SOURCE;
import static io.jvmm.vcpu.x86.translate.Emitter.T0;
import static io.jvmm.vcpu.x86.translate.Emitter.T1;
import static io.jvmm.vcpu.x86.translate.Emitter.T3;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;

/**
 * Instructions that go on with the next one: arithmetic, logic, moves, the stack. Every register and flag changes only
 * after the last access that may fault.
 */
final class InstructionEmitter {
    private final Emitter e;
    private final CodeBuilder code;
    private final FlagEmitter flags;
    private final MemoryEmitter memory;
    private final ShiftEmitter shifts;
    private final MultiplyEmitter products;
    private final Exits exits;

    InstructionEmitter(Emitter e, FlagEmitter flags, MemoryEmitter memory, Exits exits) {
        this.e = e;
        this.code = e.code;
        this.flags = flags;
        this.memory = memory;
        this.exits = exits;
        this.shifts = new ShiftEmitter(e, flags, this);
        this.products = new MultiplyEmitter(e, flags, this);
    }

    /** Emits an instruction for which {@link Inline#supports} holds and that transfers no control. */
    void emit(Unit unit, int n) {
        final Insn i = unit.insns[n];
        final boolean live = unit.flagsLive[n];
        if (unit.effects[n].mayFault()) {
            exits.at(unit, n);
        }
        switch (i.op) {
            case ADD, SUB, AND, OR, XOR, CMP, TEST -> binary(unit, n, live);
            case ADC, SBB -> withCarry(unit, n, live);
            case INC, DEC -> increment(unit, n, live);
            case NEG -> negate(unit, n, live);
            case NOT ->
                change(unit, n, () -> code.lload(T0).loadConstant(-1L).lxor().lstore(T3), () -> {});
            case SHL, SHR, SAR, ROL, ROR -> shifts.emit(unit, n, live);
            case IMUL, MUL -> products.emit(unit, n, live);
            case BT -> shifts.bitTest(unit, n, live);
            case BSF, BSR -> shifts.scan(unit, n, live);
            case POPCNT -> shifts.count(unit, n, live);
            case MOV -> move(unit, n);
            case MOVZX -> {
                source(unit, i, 2, i.sourceBytes);
                zeroExtend(i, i.sourceBytes);
                e.set(i.reg1, i.operandBytes);
            }
            case MOVSX, MOVSXD -> {
                source(unit, i, 2, i.sourceBytes);
                signExtend(i.sourceBytes);
                e.set(i.reg1, i.operandBytes);
            }
            case LEA -> {
                memory.effective(unit, i);
                e.set(i.reg1, i.operandBytes);
            }
            case CMOVCC -> conditionalMove(unit, i);
            case SETCC -> setCondition(unit, n);
            case XCHG -> exchange(i);
            case BSWAP -> swapBytes(i);
            case CBW -> {
                e.getLow(Cpu.RAX);
                signExtend(i.operandBytes / 2);
                e.set(Cpu.RAX, i.operandBytes);
            }
            case CWD -> {
                e.get(Cpu.RAX);
                signExtend(i.operandBytes);
                code.bipush(63).lshr();
                e.set(Cpu.RDX, i.operandBytes);
            }
            case PUSH -> push(unit, n);
            case POP -> {
                e.get(Cpu.RSP);
                memory.read(i.operandBytes);
                code.lstore(T0);
                memory.stack(i.operandBytes);
                e.set(Cpu.RSP);
                code.lload(T0);
                e.set(i.reg1, i.operandBytes);
            }
            case LEAVE -> {
                e.get(Cpu.RBP);
                memory.read(8);
                code.lstore(T0);
                e.get(Cpu.RBP);
                code.loadConstant(8L).ladd();
                e.set(Cpu.RSP);
                code.lload(T0);
                e.set(Cpu.RBP);
            }
            case NOP, ENDBR, PREFETCH -> {}
            default -> throw new IllegalArgumentException(i.op.name());
        }
    }

    /** Pushes an operand of any kind; above its width it may be anything, but memory is zero-extended. */
    void source(Unit unit, Insn i, int operand, int bytes) {
        final OperandKind kind = operand == 1 ? i.kind1 : operand == 2 ? i.kind2 : i.kind3;
        if (kind == OperandKind.MEM) {
            memory.load(unit, i, bytes);
        } else {
            e.getOperand(i, operand, bytes);
        }
    }

    /** Clears what is above the width in the source operand on the stack. */
    private void zeroExtend(Insn i, int bytes) {
        if (i.kind2 != OperandKind.MEM && bytes < 8) {
            code.loadConstant((1L << (8 * bytes)) - 1).land();
        }
    }

    void signExtend(int bytes) {
        switch (bytes) {
            case 1 -> code.l2i().i2b().i2l();
            case 2 -> code.l2i().i2s().i2l();
            case 4 -> code.l2i().i2l();
            default -> {}
        }
    }

    /** Pops into the first operand, a register. */
    void setFirst(Insn i) {
        if (i.kind1 == OperandKind.GPR_HIGH) {
            e.setHigh(i.reg1);
        } else {
            e.set(i.reg1, i.operandBytes);
        }
    }

    /**
     * The first operand is read and written.
     *
     * @param compute from {@link Emitter#T0} to {@link Emitter#T3}
     * @param after what changes once the operand is written: flags
     */
    void change(Unit unit, int n, Runnable compute, Runnable after) {
        final Insn i = unit.insns[n];
        if (i.kind1 == OperandKind.MEM) {
            memory.address(unit, i);
            memory.readForUpdate(i.operandBytes);
            code.lstore(T0);
            compute.run();
            memory.update(i.operandBytes, () -> code.lload(T3), after, () -> exits.leaveBehind(unit, n));
        } else {
            e.getOperand(i, 1, i.operandBytes);
            code.lstore(T0);
            compute.run();
            after.run();
            code.lload(T3);
            setFirst(i);
        }
    }

    private static boolean sameRegister(Insn i) {
        return i.kind1 == i.kind2 && i.reg1 == i.reg2 && i.kind1 != OperandKind.MEM;
    }

    private void binary(Unit unit, int n, boolean live) {
        final Insn i = unit.insns[n];
        final int bytes = i.operandBytes;
        final boolean writes = i.op != Op.CMP && i.op != Op.TEST;
        if (writes && i.kind1 == OperandKind.MEM) {
            change(
                    unit,
                    n,
                    () -> {
                        e.getOperand(i, 2, bytes);
                        code.lstore(T1).lload(T0).lload(T1);
                        operation(i.op);
                        code.lstore(T3);
                    },
                    () -> {
                        if (live) {
                            code.lload(T0).lstore(FLAGS_FIRST).lload(T1).lstore(FLAGS_SOURCE);
                            code.lload(T3).lstore(FLAGS_RESULT);
                            flags.known(group(i.op), bytes, true);
                        }
                    });
            return;
        }
        if (sameRegister(i) && (i.op == Op.XOR || i.op == Op.SUB)) {
            code.lconst_0();
            if (live) {
                code.dup2().lstore(FLAGS_RESULT);
                flags.known(Flags.LOGIC, bytes, false);
            }
            clear(i);
            return;
        }
        final boolean one = sameRegister(i) && (i.op == Op.AND || i.op == Op.OR || i.op == Op.TEST);
        if (i.kind2 == OperandKind.MEM) {
            // Nothing else is to live across the access.
            memory.load(unit, i, bytes);
            code.lstore(T1);
        }
        source(unit, i, 1, bytes);
        if (!one) {
            if (live && group(i.op) == Flags.SUB) {
                code.dup2().lstore(FLAGS_FIRST);
            }
            if (i.kind2 == OperandKind.MEM) {
                code.lload(T1);
            } else {
                e.getOperand(i, 2, bytes);
            }
            if (live && group(i.op) != Flags.LOGIC) {
                code.dup2().lstore(FLAGS_SOURCE);
            }
            operation(i.op);
        }
        if (live) {
            if (writes) {
                code.dup2();
            }
            code.lstore(FLAGS_RESULT);
            flags.known(group(i.op), bytes, true);
        } else if (!writes) {
            code.pop2();
        }
        if (writes) {
            setResult(i);
        }
    }

    /** Pops 0 into the first operand. */
    private void clear(Insn i) {
        if (i.kind1 == OperandKind.GPR && i.operandBytes >= 4) {
            e.setNarrow(i.reg1, false);
        } else {
            setFirst(i);
        }
    }

    /** Pops the result of logic or arithmetic; a mask is spared where the upper half cannot but be 0. */
    private void setResult(Insn i) {
        if (i.kind1 == OperandKind.GPR && i.operandBytes == 4) {
            final boolean first = e.isNarrow(i.reg1);
            final boolean second = i.kind2 != OperandKind.GPR || e.isNarrow(i.reg2);
            final boolean narrow = switch (i.op) {
                case AND -> first || second;
                case OR, XOR -> first && second;
                default -> false;
            };
            e.setNarrow(i.reg1, !narrow);
        } else {
            setFirst(i);
        }
    }

    private void operation(Op op) {
        switch (op) {
            case ADD -> code.ladd();
            case SUB, CMP -> code.lsub();
            case AND, TEST -> code.land();
            case OR -> code.lor();
            default -> code.lxor();
        }
    }

    private static int group(Op op) {
        return switch (op) {
            case ADD -> Flags.ADD;
            case SUB, CMP -> Flags.SUB;
            default -> Flags.LOGIC;
        };
    }

    /** ADC, SBB. The kind depends on the carry that came in; CF that goes out is worked out from the three words. */
    private void withCarry(Unit unit, int n, boolean live) {
        final Insn i = unit.insns[n];
        final int bytes = i.operandBytes;
        final boolean add = i.op == Op.ADC;
        final boolean carryRead = live && carryReadNext(unit, n);
        flags.carry();
        code.lstore(Emitter.CARRY);
        if (i.kind2 == OperandKind.MEM) {
            memory.load(unit, i, bytes);
            code.lstore(T1);
        }
        change(
                unit,
                n,
                () -> {
                    if (i.kind2 != OperandKind.MEM) {
                        e.getOperand(i, 2, bytes);
                        code.lstore(T1);
                    }
                    code.lload(T0).lload(T1);
                    if (add) {
                        code.ladd().lload(Emitter.CARRY).ladd();
                    } else {
                        code.lsub().lload(Emitter.CARRY).lsub();
                    }
                    code.lstore(T3);
                },
                () -> {
                    if (live) {
                        code.lload(T1).lstore(FLAGS_SOURCE).lload(T3).lstore(FLAGS_RESULT);
                        code.lload(Emitter.CARRY).l2i().iconst_2().ishl();
                        code.loadConstant((add ? Flags.ADD : Flags.SUB) + FlagEmitter.log2(bytes))
                                .iadd();
                        code.istore(Emitter.FLAGS_KIND);
                        if (carryRead) {
                            carryOut(add, bytes);
                            flags.carried(bytes);
                        } else {
                            flags.inLocals();
                        }
                    }
                });
    }

    /** Whether the next instruction that cares for flags wants CF; else it is not worked out. */
    private static boolean carryReadNext(Unit unit, int n) {
        for (int k = n + 1; k < unit.count; k++) {
            if (unit.effects[k].readsFlags()) {
                return true;
            }
            if (unit.effects[k].killsFlags()) {
                return false;
            }
        }
        return false;
    }

    /** The carry or borrow of T0 op T1 op carry = T3 out of its top bit, into {@link Emitter#CARRY}: 0 or 1. */
    private void carryOut(boolean add, int bytes) {
        // add: (a & b) | ((a | b) & ~x); subtract: (~a & b) | ((~a | b) & x).
        code.lload(T0);
        if (!add) {
            code.loadConstant(-1L).lxor();
        }
        code.lload(T1).land();
        code.lload(T0);
        if (!add) {
            code.loadConstant(-1L).lxor();
        }
        code.lload(T1).lor().lload(T3);
        if (add) {
            code.loadConstant(-1L).lxor();
        }
        code.land().lor();
        if (bytes == 8) {
            code.bipush(63).lushr();
        } else {
            code.loadConstant(8 * bytes - 1).lushr().lconst_1().land();
        }
        code.lstore(Emitter.CARRY);
    }

    private void increment(Unit unit, int n, boolean live) {
        final Insn i = unit.insns[n];
        change(
                unit,
                n,
                () -> {
                    code.lload(T0).lconst_1();
                    if (i.op == Op.INC) {
                        code.ladd();
                    } else {
                        code.lsub();
                    }
                    code.lstore(T3);
                },
                () -> {
                    if (live) {
                        code.lload(T3);
                        flags.lay(i.op == Op.INC ? RareFlags.INC : RareFlags.DEC, i.operandBytes);
                    }
                });
    }

    private void negate(Unit unit, int n, boolean live) {
        change(unit, n, () -> code.lload(T0).lneg().lstore(T3), () -> {
            if (live) {
                code.lconst_0().lstore(FLAGS_FIRST).lload(T0).lstore(FLAGS_SOURCE);
                code.lload(T3).lstore(FLAGS_RESULT);
                flags.known(Flags.SUB, unit.insns[n].operandBytes, true);
            }
        });
    }

    private void move(Unit unit, int n) {
        final Insn i = unit.insns[n];
        if (i.kind1 == OperandKind.MEM) {
            memory.address(unit, i);
            memory.store(
                    i.operandBytes,
                    () -> e.getOperand(i, 2, i.operandBytes),
                    () -> {},
                    () -> exits.leaveBehind(unit, n));
            return;
        }
        source(unit, i, 2, i.operandBytes);
        if (i.kind1 == OperandKind.GPR && i.operandBytes == 4) {
            e.setNarrow(i.reg1, i.kind2 == OperandKind.GPR && !e.isNarrow(i.reg2));
        } else {
            setFirst(i);
        }
    }

    /** The source is read in any case; a 32-bit destination loses its upper half in any case. */
    private void conditionalMove(Unit unit, Insn i) {
        final Label no = code.newLabel();
        source(unit, i, 2, i.operandBytes);
        code.lstore(T0);
        e.hold(i.reg1);
        if (i.operandBytes == 4) {
            e.getLow(i.reg1);
            e.set(i.reg1, 4);
        }
        flags.branch(i.condition ^ 1, no);
        code.lload(T0);
        e.set(i.reg1, i.operandBytes);
        code.labelBinding(no);
    }

    private void setCondition(Unit unit, int n) {
        final Insn i = unit.insns[n];
        final Label yes = code.newLabel();
        final Label end = code.newLabel();
        flags.branch(i.condition, yes);
        code.lconst_0().lstore(T3).goto_(end);
        code.labelBinding(yes);
        code.lconst_1().lstore(T3);
        code.labelBinding(end);
        if (i.kind1 == OperandKind.MEM) {
            memory.address(unit, i);
            memory.store(1, () -> code.lload(T3), () -> {}, () -> exits.leaveBehind(unit, n));
        } else {
            code.lload(T3);
            if (i.kind1 == OperandKind.GPR_HIGH) {
                e.setHigh(i.reg1);
            } else {
                e.set(i.reg1, 1);
            }
        }
    }

    private void exchange(Insn i) {
        e.getOperand(i, 1, i.operandBytes);
        code.lstore(T0);
        e.getOperand(i, 2, i.operandBytes);
        setFirst(i);
        code.lload(T0);
        if (i.kind2 == OperandKind.GPR_HIGH) {
            e.setHigh(i.reg2);
        } else {
            e.set(i.reg2, i.operandBytes);
        }
    }

    private void swapBytes(Insn i) {
        if (i.operandBytes == 8) {
            e.get(i.reg1);
            e.call(Names.LONG, "reverseBytes", Names.J, Names.J);
        } else {
            e.getLow(i.reg1);
            code.l2i();
            e.call(Names.INTEGER, "reverseBytes", Names.I, Names.I);
            code.i2l();
        }
        e.set(i.reg1, i.operandBytes);
    }

    private void push(Unit unit, int n) {
        final Insn i = unit.insns[n];
        final int bytes = i.operandBytes;
        source(unit, i, 1, bytes);
        code.lstore(T0);
        memory.stack(-bytes);
        memory.store(
                bytes,
                () -> code.lload(T0),
                () -> {
                    memory.stack(-bytes);
                    e.set(Cpu.RSP);
                },
                () -> exits.leaveBehind(unit, n));
    }
}
