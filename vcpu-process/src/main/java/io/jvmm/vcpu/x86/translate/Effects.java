package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;

/**
 * What an instruction of 64-bit code reads and changes, as far as the translator needs to know (SDM 2): general registers,
 * the status flags, memory. What is not listed here is assumed to touch everything.
 *
 * @param reads general registers read, one bit each
 * @param writes general registers written
 * @param readsFlags looks at, or keeps some of, the status flags
 * @param killsFlags gives all six a value (or leaves them undefined)
 * @param touchesFlags changes some
 * @param readsMemory or may fault for another reason
 * @param writesMemory may change guest memory
 * @param known whether the rest is to be believed
 */
record Effects(
        int reads,
        int writes,
        boolean readsFlags,
        boolean killsFlags,
        boolean touchesFlags,
        boolean readsMemory,
        boolean writesMemory,
        boolean known) {
    private static final int ALL = 0xffff;
    private static final Effects UNKNOWN = new Effects(ALL, ALL, true, false, true, true, true, false);

    /** Whether an exception can come out of it. */
    boolean mayFault() {
        return readsMemory || writesMemory;
    }

    /** What an instruction does. */
    static Effects of(Insn i) {
        final int address = i.hasMemory() ? bit(i.base) | bit(i.indexRegister) : 0;
        final boolean memory = i.hasMemory();
        return switch (i.op) {
            case MOV, MOVZX, MOVSX, MOVSXD -> move(i, address);
            case LEA -> new Effects(address | partial(i), first(i), false, false, false, false, false, true);
            case ADD, SUB, AND, OR, XOR, NEG -> update(i, address, false, true);
            case ADC, SBB, INC, DEC, RCL, RCR -> update(i, address, true, i.op == Op.ADC || i.op == Op.SBB);
            case NOT ->
                new Effects(
                        address | first(i), first(i), false, false, false, memory, i.kind1 == OperandKind.MEM, true);
            case CMP, TEST -> new Effects(address | first(i) | second(i), 0, false, true, true, memory, false, true);
            case SHL, SHR, SAR -> shift(i, address);
            case ROL, ROR, SHLD, SHRD -> update(i, address, true, false);
            case IMUL -> multiply(i, address);
            case MUL -> multiply(i, address);
            case DIV, IDIV ->
                new Effects(
                        address | first(i) | bit(Cpu.RAX) | bit(Cpu.RDX),
                        bit(Cpu.RAX) | bit(Cpu.RDX),
                        true,
                        false,
                        true,
                        true,
                        false,
                        true);
            case BT -> new Effects(address | first(i) | second(i), 0, true, false, true, memory, false, true);
            case BTS, BTR, BTC, XADD ->
                new Effects(
                        address | first(i) | second(i),
                        first(i) | (i.op == Op.XADD ? second(i) : 0),
                        i.op != Op.XADD,
                        i.op == Op.XADD,
                        true,
                        memory,
                        memory,
                        true);
            case CMPXCHG ->
                new Effects(
                        address | first(i) | second(i) | bit(Cpu.RAX),
                        first(i) | bit(Cpu.RAX),
                        false,
                        true,
                        true,
                        memory,
                        memory,
                        true);
            case BSF, BSR ->
                new Effects(address | first(i) | second(i), first(i), true, false, true, memory, false, true);
            case POPCNT ->
                new Effects(address | second(i) | partial(i), first(i), false, true, true, memory, false, true);
            case XCHG ->
                new Effects(
                        address | first(i) | second(i),
                        first(i) | second(i),
                        false,
                        false,
                        false,
                        memory,
                        memory,
                        true);
            case BSWAP -> new Effects(first(i), first(i), false, false, false, false, false, true);
            case CBW -> new Effects(bit(Cpu.RAX), bit(Cpu.RAX), false, false, false, false, false, true);
            case CWD ->
                new Effects(
                        bit(Cpu.RAX) | (i.operandBytes == 2 ? bit(Cpu.RDX) : 0),
                        bit(Cpu.RDX),
                        false,
                        false,
                        false,
                        false,
                        false,
                        true);
            case CMOVCC ->
                new Effects(address | first(i) | second(i), first(i), true, false, false, memory, false, true);
            case SETCC ->
                new Effects(address | first(i), first(i), true, false, false, false, i.kind1 == OperandKind.MEM, true);
            case PUSH ->
                new Effects(
                        address | first(i) | bit(Cpu.RSP),
                        bit(Cpu.RSP),
                        false,
                        false,
                        false,
                        memory,
                        true,
                        i.kind1 != OperandKind.SEGMENT);
            case POP ->
                new Effects(
                        address | partial(i) | bit(Cpu.RSP),
                        first(i) | bit(Cpu.RSP),
                        false,
                        false,
                        false,
                        true,
                        memory,
                        i.kind1 != OperandKind.SEGMENT);
            case LEAVE ->
                new Effects(bit(Cpu.RBP), bit(Cpu.RSP) | bit(Cpu.RBP), false, false, false, true, false, true);
            case JMP -> new Effects(address | first(i), 0, false, false, false, memory, false, true);
            case JCC -> new Effects(0, 0, true, false, false, false, false, true);
            case CALL ->
                new Effects(address | first(i) | bit(Cpu.RSP), bit(Cpu.RSP), false, false, false, memory, true, true);
            case RET -> new Effects(bit(Cpu.RSP), bit(Cpu.RSP), false, false, false, true, false, true);
            case NOP, ENDBR, PREFETCH, LFENCE, SFENCE -> new Effects(0, 0, false, false, false, false, false, true);
            // It serializes (APM 2 7.6.4): the region may not be valid behind it.
            case MFENCE -> new Effects(0, 0, false, false, false, false, true, true);
            default -> VectorEffects.of(i, address);
        };
    }

    /** Everything, read and written. */
    static Effects unknown() {
        return UNKNOWN;
    }

    private static Effects move(Insn i, int address) {
        final boolean general = isGeneral(i.kind1) && (isGeneral(i.kind2) || i.kind2 == OperandKind.IMM);
        if (!general) {
            return UNKNOWN;
        }
        return new Effects(
                address | second(i) | partial(i),
                first(i),
                false,
                false,
                false,
                i.kind2 == OperandKind.MEM,
                i.kind1 == OperandKind.MEM,
                true);
    }

    private static Effects update(Insn i, int address, boolean readsFlags, boolean kills) {
        final boolean memory = i.kind1 == OperandKind.MEM;
        return new Effects(
                address | first(i) | second(i) | third(i),
                first(i),
                readsFlags,
                kills,
                true,
                i.hasMemory(),
                memory,
                true);
    }

    private static Effects shift(Insn i, int address) {
        final int mask = i.operandBytes == 8 ? 63 : 31;
        final boolean constant = i.kind2 == OperandKind.IMM;
        final boolean none = constant && (i.imm & mask) == 0;
        return new Effects(
                address | first(i) | second(i),
                first(i),
                !constant || none,
                constant && !none,
                !none,
                i.hasMemory(),
                i.kind1 == OperandKind.MEM,
                true);
    }

    private static Effects multiply(Insn i, int address) {
        if (i.op == Op.IMUL && i.kind2 != OperandKind.NONE) {
            final int twice = i.kind3 == OperandKind.NONE ? first(i) : partial(i);
            return new Effects(address | twice | second(i), first(i), false, true, true, i.hasMemory(), false, true);
        }
        final int pair = i.operandBytes == 1 ? bit(Cpu.RAX) : bit(Cpu.RAX) | bit(Cpu.RDX);
        return new Effects(address | first(i) | pair, pair, false, true, true, i.hasMemory(), false, true);
    }

    private static boolean isGeneral(OperandKind kind) {
        return kind == OperandKind.GPR || kind == OperandKind.GPR_HIGH || kind == OperandKind.MEM;
    }

    /** The destination, where only part of it is written. */
    private static int partial(Insn i) {
        return i.operandBytes < 4 ? first(i) : 0;
    }

    static int first(Insn i) {
        return register(i.kind1, i.reg1);
    }

    static int second(Insn i) {
        return register(i.kind2, i.reg2);
    }

    static int third(Insn i) {
        return register(i.kind3, i.reg3);
    }

    private static int register(OperandKind kind, int number) {
        return kind == OperandKind.GPR || kind == OperandKind.GPR_HIGH ? bit(number) : 0;
    }

    static int bit(int register) {
        return register < 16 ? 1 << register : 0;
    }
}
