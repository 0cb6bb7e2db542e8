package io.jvmm.vcpu.x86.decode;

/** Decodes one instruction. Stateless; any thread. */
@SuppressWarnings("EnumOrdinal") // Operations and operand kinds are packed into numbers: that makes this a table.
public final class Decoder {
    /** Longest instruction. */
    public static final int MAX_BYTES = 15;

    private static final Op[] OPS = Op.values();

    private static final long[] GROUPS;
    private static final long[] ONE_BYTE;
    private static final long[] ONE_BYTE_64;
    private static final long[] TWO_BYTE = new long[1024];
    private static final long[] MAP_38 = new long[1024];
    private static final long[] MAP_3A = new long[1024];

    static {
        final Groups groups = new Groups();
        ONE_BYTE = OneByteMap.build(groups, false);
        ONE_BYTE_64 = OneByteMap.build(groups, true);
        X87Map.fill(ONE_BYTE, groups);
        System.arraycopy(ONE_BYTE, 0xd8, ONE_BYTE_64, 0xd8, 8);
        TwoByteMap.fill(TWO_BYTE, groups);
        SseMap.fill(TWO_BYTE, groups);
        ThreeByteMap.fill(MAP_38, MAP_3A);
        GROUPS = groups.cells();
    }

    // Prefixes seen, as bits; REX is a number of its own.
    private static final int OPERAND_SIZE = 1;
    private static final int ADDRESS_SIZE = 2;
    private static final int LOCK = 4;
    private static final int REPE = 8;
    private static final int REPNE = 16;
    /** Segment override, plus one. */
    private static final int SEGMENT_SHIFT = 8;

    private static final int REX_W = 8;
    private static final int REX_R = 4;
    private static final int REX_X = 2;
    private static final int REX_B = 1;

    /** What {@link #memory} and {@link #immediate} give when bytes are missing. */
    private static final int MISSING = -1;

    private static final int SEGMENT_CS = 1;
    private static final int SEGMENT_SS = 2;
    private static final int SEGMENT_DS = 3;

    private static final OperandKind[] KINDS = OperandKind.values();
    private static final int GENERAL = OperandKind.GPR.ordinal() << 8;
    private static final int HIGH_BYTE = OperandKind.GPR_HIGH.ordinal() << 8;
    private static final int MEMORY = OperandKind.MEM.ordinal() << 8;
    private static final int SEGMENT = OperandKind.SEGMENT.ordinal() << 8;
    private static final int MMX = OperandKind.MMX.ordinal() << 8;
    private static final int XMM = OperandKind.XMM.ordinal() << 8;
    private static final int BAD = -1;

    // Classes of bytes that may be prefixes.
    private static final int IS_OPERAND_SIZE = 1;
    private static final int IS_ADDRESS_SIZE = 2;
    private static final int IS_LOCK = 3;
    private static final int IS_REPE = 4;
    private static final int IS_REPNE = 5;
    private static final int IS_REX = 6;
    /** Plus the number of the segment register. */
    private static final int IS_SEGMENT = 8;

    private static final byte[] PREFIXES = new byte[256];

    static {
        PREFIXES[0x26] = IS_SEGMENT;
        PREFIXES[0x2e] = IS_SEGMENT + 1;
        PREFIXES[0x36] = IS_SEGMENT + 2;
        PREFIXES[0x3e] = IS_SEGMENT + 3;
        PREFIXES[0x64] = IS_SEGMENT + 4;
        PREFIXES[0x65] = IS_SEGMENT + 5;
        PREFIXES[0x66] = IS_OPERAND_SIZE;
        PREFIXES[0x67] = IS_ADDRESS_SIZE;
        PREFIXES[0xf0] = IS_LOCK;
        PREFIXES[0xf2] = IS_REPNE;
        PREFIXES[0xf3] = IS_REPE;
        for (int rex = 0x40; rex < 0x50; rex++) {
            PREFIXES[rex] = IS_REX;
        }
    }

    private Decoder() {}

    /**
     * Decodes the instruction at {@code code[at]}.
     *
     * @param code instruction bytes; those from {@code at} to {@code limit} are there
     * @param codeBytes 2, 4 or 8: 16-bit, 32-bit or 64-bit code
     * @param into where it goes; every field but {@link Insn#offset} is set. What does not exist is {@link Op#INVALID} with the
     *     length up to the byte that decided it; an instruction of more than 15 bytes is {@link Op#INVALID} of length 15
     *     (#GP rather than #UD: {@link Insn#imm} is 1 then)
     * @return whether the instruction is complete; false when it goes on at {@code limit} (more bytes are needed)
     */
    public static boolean decode(byte[] code, int at, int limit, int codeBytes, Insn into) {
        clear(into, codeBytes);
        final int end = Math.min(limit, at + MAX_BYTES);
        int prefixes = 0;
        int rex = 0;
        int p = at;
        int opcode;
        while (true) {
            if (p >= end) {
                return missing(into, at, end);
            }
            opcode = code[p++] & 0xff;
            final int prefix = PREFIXES[opcode];
            if (prefix == 0) {
                break;
            }
            if (prefix == IS_REX) {
                if (codeBytes != 8) {
                    break;
                }
                rex = opcode;
            } else {
                // REX counts only right before the opcode.
                rex = 0;
                prefixes = withPrefix(prefixes, prefix, codeBytes);
            }
        }
        long entry;
        if (opcode != 0x0f) {
            entry = codeBytes == 8 ? ONE_BYTE_64[opcode] : ONE_BYTE[opcode];
        } else {
            if (p >= end) {
                return missing(into, at, end);
            }
            opcode = code[p++] & 0xff;
            if (opcode == 0x38 || opcode == 0x3a) {
                final long[] map = opcode == 0x38 ? MAP_38 : MAP_3A;
                if (p >= end) {
                    return missing(into, at, end);
                }
                opcode = code[p++] & 0xff;
                entry = map[mandatory(prefixes) + opcode];
            } else {
                entry = TWO_BYTE[mandatory(prefixes) + opcode];
            }
        }
        return operands(code, at, p, end, entry, opcode, prefixes, rex, into);
    }

    /** From the ModRM byte on. */
    private static boolean operands(
            byte[] code, int at, int from, int end, long first, int opcode, int prefixes, int rex, Insn into) {
        int p = from;
        long entry = first;
        int modrm = 0;
        if ((entry & Entry.MODRM) != 0) {
            if (p >= end) {
                return missing(into, at, end);
            }
            modrm = code[p++] & 0xff;
            if ((entry & Entry.REGISTER_ONLY) != 0) {
                modrm |= 0xc0;
            }
            entry = select(entry, modrm);
        }
        final boolean isRegister = modrm >= 0xc0;
        if (((int) entry & Entry.OP_MASK) == 0
                || ((entry & Entry.ONLY_64) != 0 && into.codeBytes != 8)
                || ((prefixes & LOCK) != 0 && ((entry & Entry.LOCKABLE) == 0 || isRegister))) {
            return invalid(into, p - at);
        }
        final Op op = operation(entry, rex);
        if (op == Op.INVALID) {
            return invalid(into, p - at);
        }
        widths(entry, prefixes, rex, isRegister, into);
        into.condition = opcode & 15;
        into.lock = (prefixes & LOCK) != 0;
        if ((entry & Entry.REPEATS) != 0) {
            into.rep = (prefixes & REPE) != 0;
            into.repne = (prefixes & REPNE) != 0;
        }
        if (!registers(entry, opcode, modrm, rex, into)) {
            return invalid(into, p - at);
        }
        if ((entry & Entry.MODRM) != 0 && !isRegister) {
            p = memory(code, p, end, modrm, rex, into);
            if (p == MISSING) {
                return missing(into, at, end);
            }
        }
        final int segment = prefixes >> SEGMENT_SHIFT;
        if (segment != 0) {
            into.segment = segment - 1;
        }
        final int immediate = (int) (entry >> Entry.IMMEDIATE_SHIFT) & Entry.IMMEDIATE_MASK;
        if (immediate != 0) {
            p = immediate(code, p, end, immediate - 1 + Entry.IB, into);
            if (p == MISSING) {
                return missing(into, at, end);
            }
        }
        into.length = p - at;
        into.op = op;
        if (op == Op.XCHG && opcode == 0x90 && (rex & REX_B) == 0) {
            // XCHG rAX, rAX does not even clear the upper half.
            clearOperands(into);
            into.op = (prefixes & REPE) != 0 ? Op.PAUSE : Op.NOP;
        }
        return true;
    }

    private static long select(long group, int modrm) {
        long entry = group;
        while ((entry & (Entry.GROUP | Entry.RM_GROUP | Entry.SPLIT)) != 0) {
            final int base = (int) entry & Entry.GROUP_MASK;
            final int isRegister = modrm >= 0xc0 ? 1 : 0;
            if ((entry & Entry.GROUP) != 0) {
                entry = GROUPS[base + (isRegister << 3) + (modrm >> 3 & 7)];
            } else if ((entry & Entry.RM_GROUP) != 0) {
                entry = GROUPS[base + (modrm & 7)];
            } else {
                entry = GROUPS[base + isRegister];
            }
        }
        return entry;
    }

    private static Op operation(long entry, int rex) {
        final int ordinal = (int) entry & Entry.OP_MASK;
        if ((entry & Entry.WIDE_IS_NEXT) != 0 && (rex & REX_W) != 0) {
            final Op wide = OPS[ordinal + 1];
            return OptionalOps.exists(wide) ? wide : Op.INVALID;
        }
        return OPS[ordinal];
    }

    private static int withPrefix(int prefixes, int prefix, int codeBytes) {
        return switch (prefix) {
            case IS_OPERAND_SIZE -> prefixes | OPERAND_SIZE;
            case IS_ADDRESS_SIZE -> prefixes | ADDRESS_SIZE;
            case IS_LOCK -> prefixes | LOCK;
            // Of F3 and F2 the last one counts.
            case IS_REPE -> (prefixes & ~REPNE) | REPE;
            case IS_REPNE -> (prefixes & ~REPE) | REPNE;
            default -> {
                final int segment = prefix - IS_SEGMENT;
                // SDM 1 3.3.7.1: in 64-bit mode CS, DS, ES and SS overrides are ignored.
                if (codeBytes == 8 && segment < 4) {
                    yield prefixes;
                }
                yield (prefixes & (1 << SEGMENT_SHIFT) - 1) | (segment + 1) << SEGMENT_SHIFT;
            }
        };
    }

    /** Offset into a map of four by mandatory prefix: F3 and F2 go before 66. */
    private static int mandatory(int prefixes) {
        if ((prefixes & (REPE | REPNE)) != 0) {
            return (prefixes & REPE) != 0 ? TwoByteMap.F3 : TwoByteMap.F2;
        }
        return (prefixes & OPERAND_SIZE) != 0 ? TwoByteMap.P66 : TwoByteMap.NONE;
    }

    private static void widths(long entry, int prefixes, int rex, boolean isRegister, Insn into) {
        final int codeBytes = into.codeBytes;
        final int small = (prefixes & OPERAND_SIZE) != 0 == (codeBytes == 2) ? 4 : 2;
        final boolean wide = (rex & REX_W) != 0;
        final int width = (int) (entry >> Entry.WIDTH_SHIFT) & Entry.WIDTH_MASK;
        final int source = (int) (entry >> Entry.SOURCE_WIDTH_SHIFT) & Entry.WIDTH_MASK;
        into.operandBytes = width(width, small, wide, codeBytes, isRegister);
        into.sourceBytes = source == 0 ? into.operandBytes : width(source, small, wide, codeBytes, isRegister);
        final int address = (prefixes & ADDRESS_SIZE) != 0 ? 1 : 0;
        into.addressBytes = codeBytes == 8 ? 8 >> address : codeBytes == 4 ? 4 >> address : 2 << address;
    }

    private static int width(int width, int small, boolean wide, int codeBytes, boolean isRegister) {
        return switch (width) {
            case Entry.WV -> wide ? 8 : small;
            case Entry.WZ -> wide ? 4 : small;
            case Entry.WY -> wide ? 8 : 4;
            case Entry.W64 -> wide || (codeBytes == 8 && small == 4) ? 8 : small;
            case Entry.WC -> codeBytes == 8 ? 8 : 4;
            case Entry.WD -> codeBytes == 8 ? 8 : small;
            case Entry.WENV -> small == 2 && !wide ? 14 : 28;
            case Entry.WSAVE -> small == 2 && !wide ? 94 : 108;
            case Entry.W512 -> 512;
            case Entry.WV_MEM2 -> isRegister ? wide ? 8 : small : 2;
            case Entry.W8X -> wide ? 16 : 8;
            default -> width;
        };
    }

    /** Sets the operands' kinds and numbers; false when one of them cannot be. */
    private static boolean registers(long entry, int opcode, int modrm, int rex, Insn into) {
        final int spec1 = (int) (entry >> Entry.OPERAND1_SHIFT) & Entry.OPERAND_MASK;
        final int spec2 = (int) (entry >> Entry.OPERAND2_SHIFT) & Entry.OPERAND_MASK;
        final int spec3 = (int) (entry >> Entry.OPERAND3_SHIFT) & Entry.OPERAND_MASK;
        if (spec1 == Entry.NO) {
            return true;
        }
        final int first = operand(spec1, opcode, modrm, rex, into);
        if (first == BAD || (spec1 == Entry.SW && (first & 0xff) == SEGMENT_CS)) {
            return false;
        }
        into.kind1 = KINDS[first >> 8];
        into.reg1 = first & 0xff;
        if (spec2 == Entry.NO) {
            return true;
        }
        final int second = operand(spec2, opcode, modrm, rex, into);
        if (second == BAD) {
            return false;
        }
        into.kind2 = KINDS[second >> 8];
        into.reg2 = second & 0xff;
        if (spec3 != Entry.NO) {
            final int third = operand(spec3, opcode, modrm, rex, into);
            into.kind3 = KINDS[third >> 8];
            into.reg3 = third & 0xff;
        }
        return true;
    }

    /** Kind (ordinal in bits 8 and up) and register number of an operand, or {@link #BAD}. */
    private static int operand(int spec, int opcode, int modrm, int rex, Insn into) {
        final int rm = modrm & 7;
        final int rmX = rm | (rex & REX_B) << 3;
        final int regX = (modrm >> 3 & 7) | (rex & REX_R) << 1;
        final boolean isMemory = modrm < 0xc0;
        return switch (spec) {
            case Entry.E -> isMemory ? MEMORY : general(rmX, rex, into.operandBytes);
            case Entry.ES -> isMemory ? MEMORY : general(rmX, rex, into.sourceBytes);
            case Entry.EX -> isMemory ? MEMORY : GENERAL | rmX;
            case Entry.G -> general(regX, rex, into.operandBytes);
            case Entry.R -> isMemory ? BAD : GENERAL | rmX;
            case Entry.M -> isMemory ? MEMORY : BAD;
            case Entry.Z -> general((opcode & 7) | (rex & REX_B) << 3, rex, into.operandBytes);
            case Entry.A -> GENERAL;
            case Entry.CL -> GENERAL | 1;
            case Entry.DX -> GENERAL | 2;
            case Entry.SW -> (regX & 7) > 5 ? BAD : SEGMENT | (regX & 7);
            case Entry.SEG, Entry.SEG + 1, Entry.SEG + 2, Entry.SEG + 3, Entry.SEG + 4, Entry.SEG + 5 ->
                SEGMENT | spec - Entry.SEG;
            // SDM 2 MOV-Control Registers: CR1, CR5 to CR7 and those above CR8 do not exist.
            case Entry.CR -> (1 << regX & 0b1_0001_1101) == 0 ? BAD : OperandKind.CONTROL.ordinal() << 8 | regX;
            case Entry.DR -> regX > 7 ? BAD : OperandKind.DEBUG.ordinal() << 8 | regX;
            case Entry.P -> MMX | (regX & 7);
            case Entry.Q -> isMemory ? MEMORY : MMX | rm;
            case Entry.N -> isMemory ? BAD : MMX | rm;
            case Entry.V -> XMM | regX;
            case Entry.W -> isMemory ? MEMORY : XMM | rmX;
            case Entry.U -> isMemory ? BAD : XMM | rmX;
            case Entry.ST0 -> OperandKind.ST.ordinal() << 8;
            case Entry.STI -> OperandKind.ST.ordinal() << 8 | rm;
            case Entry.JB, Entry.JZ -> OperandKind.REL.ordinal() << 8;
            case Entry.OFFSET -> MEMORY;
            case Entry.AP -> OperandKind.FAR.ordinal() << 8;
            default -> OperandKind.IMM.ordinal() << 8;
        };
    }

    private static int general(int number, int rex, int widthBytes) {
        // SDM 2 table 3-1: without REX, 4 to 7 are AH to BH.
        return widthBytes == 1 && rex == 0 && number >= 4 ? HIGH_BYTE | number - 4 : GENERAL | number;
    }

    /** Reads SIB and displacement (SDM 2 tables 2-1 to 2-3); the position behind them, or {@link #MISSING}. */
    private static int memory(byte[] code, int from, int end, int modrm, int rex, Insn into) {
        if (into.addressBytes == 2) {
            return memory16(code, from, end, modrm, into);
        }
        int p = from;
        final int mod = modrm >> 6;
        int base = modrm & 7;
        if (base == 4) {
            if (p >= end) {
                return MISSING;
            }
            final int sib = code[p++] & 0xff;
            base = sib & 7;
            final int index = (sib >> 3 & 7) | (rex & REX_X) << 2;
            if (index != 4) {
                into.indexRegister = index;
                into.scaleShift = sib >> 6;
            }
        } else if (base == 5 && mod == 0 && into.codeBytes == 8) {
            into.base = Insn.RIP;
            return displacement(code, p, end, 4, into);
        }
        if (base == 5 && mod == 0) {
            return displacement(code, p, end, 4, into);
        }
        into.base = base | (rex & REX_B) << 3;
        if (into.base == 4 || into.base == 5) {
            into.segment = SEGMENT_SS;
        }
        return mod == 0 ? p : displacement(code, p, end, mod == 1 ? 1 : 4, into);
    }

    private static int memory16(byte[] code, int from, int end, int modrm, Insn into) {
        final int mod = modrm >> 6;
        final int rm = modrm & 7;
        if (rm == 6 && mod == 0) {
            return displacement(code, from, end, 2, into);
        }
        // BX+SI BX+DI BP+SI BP+DI SI DI BP BX
        into.base = switch (rm) {
            case 0, 1, 7 -> 3;
            case 2, 3, 6 -> 5;
            case 4 -> 6;
            default -> 7;
        };
        if (rm < 4) {
            into.indexRegister = 6 + (rm & 1);
        }
        if (into.base == 5) {
            into.segment = SEGMENT_SS;
        }
        return mod == 0 ? from : displacement(code, from, end, mod, into);
    }

    private static int displacement(byte[] code, int from, int end, int bytes, Insn into) {
        if (from + bytes > end) {
            return MISSING;
        }
        into.displacement = signed(code, from, bytes);
        return from + bytes;
    }

    /** Reads what follows; the position behind it, or {@link #MISSING}. */
    private static int immediate(byte[] code, int from, int end, int spec, Insn into) {
        final int full = into.operandBytes == 2 ? 2 : 4;
        final int bytes = switch (spec) {
            case Entry.I1 -> 0;
            case Entry.IB, Entry.IBS, Entry.JB -> 1;
            case Entry.IW -> 2;
            case Entry.IV -> into.operandBytes;
            case Entry.OFFSET -> into.addressBytes;
            case Entry.AP -> full + 2;
            case Entry.ENTER -> 3;
            default -> full;
        };
        if (from + bytes > end) {
            return MISSING;
        }
        switch (spec) {
            case Entry.I1 -> into.imm = 1;
            case Entry.IB -> into.imm = code[from] & 0xff;
            case Entry.IW -> into.imm = signed(code, from, 2) & 0xffff;
            case Entry.OFFSET -> {
                final long address = signed(code, from, bytes);
                into.displacement = bytes == 8 ? address : address & (1L << (bytes * 8)) - 1;
            }
            case Entry.AP -> {
                into.imm = signed(code, from, full) & (1L << (full * 8)) - 1;
                into.imm2 = (int) signed(code, from + full, 2) & 0xffff;
            }
            case Entry.ENTER -> {
                into.imm = signed(code, from, 2) & 0xffff;
                into.imm2 = code[from + 2] & 0xff;
            }
            default -> into.imm = signed(code, from, bytes);
        }
        return from + bytes;
    }

    /** A little-endian number of 1, 2, 4 or 8 bytes. */
    private static long signed(byte[] code, int at, int bytes) {
        long value = code[at + bytes - 1];
        for (int i = bytes - 2; i >= 0; i--) {
            value = value << 8 | (code[at + i] & 0xff);
        }
        return value;
    }

    private static void clear(Insn into, int codeBytes) {
        into.op = Op.INVALID;
        into.condition = 0;
        into.length = 0;
        into.codeBytes = codeBytes;
        into.operandBytes = 0;
        into.sourceBytes = 0;
        into.addressBytes = codeBytes;
        into.lock = false;
        into.rep = false;
        into.repne = false;
        clearOperands(into);
    }

    private static void clearOperands(Insn into) {
        into.kind1 = OperandKind.NONE;
        into.kind2 = OperandKind.NONE;
        into.kind3 = OperandKind.NONE;
        into.reg1 = 0;
        into.reg2 = 0;
        into.reg3 = 0;
        into.segment = SEGMENT_DS;
        into.base = Insn.NO_REGISTER;
        into.indexRegister = Insn.NO_REGISTER;
        into.scaleShift = 0;
        into.displacement = 0;
        into.imm = 0;
        into.imm2 = 0;
    }

    private static boolean invalid(Insn into, int length) {
        clear(into, into.codeBytes);
        into.length = length;
        return true;
    }

    /** The bytes end here: either more of them are needed, or there are too many. */
    private static boolean missing(Insn into, int at, int end) {
        final boolean isTooLong = end - at >= MAX_BYTES;
        invalid(into, end - at);
        into.imm = isTooLong ? 1 : 0;
        return isTooLong;
    }
}
