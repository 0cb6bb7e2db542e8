package io.jvmm.vcpu.x86.decode;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * An {@link Insn} as GNU binutils' {@code objdump -d -M intel} writes it, without the prefixes that change nothing and without the
 * names of symbols.
 */
public final class IntelText {
    private static final String[] CONDITIONS = {
        "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"
    };
    private static final String[] PREDICATES = {"eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"};
    private static final String[] OLD = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    private static final String[] LOW = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
    private static final String[] HIGH = {"ah", "ch", "dh", "bh"};
    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs"};

    private IntelText() {}

    /** Mnemonic and operands, separated by one space and by commas. */
    public static String of(Insn insn, long address) {
        List<String> operands = new ArrayList<>();
        add(operands, insn, insn.kind1, insn.reg1, 1, address);
        add(operands, insn, insn.kind2, insn.reg2, 2, address);
        add(operands, insn, insn.kind3, insn.reg3, 3, address);
        String name = mnemonic(insn);
        switch (insn.op) {
            case CMPPS, CMPPD, CMPSS, CMPSD -> {
                if (insn.imm < 8) {
                    operands.removeLast();
                }
            }
            case ENTER -> operands.add(hex(insn.imm2));
            case BLENDVPS, BLENDVPD, PBLENDVB -> operands.add("xmm0");
            default -> {}
        }
        return operands.isEmpty() ? name : name + " " + String.join(",", operands);
    }

    private static String mnemonic(Insn insn) {
        int width = insn.operandBytes;
        return switch (insn.op) {
            case JCC -> "j" + CONDITIONS[insn.condition];
            case SETCC -> "set" + CONDITIONS[insn.condition];
            case CMOVCC -> "cmov" + CONDITIONS[insn.condition];
            case JCXZ -> insn.addressBytes == 8 ? "jrcxz" : insn.addressBytes == 4 ? "jecxz" : "jcxz";
            case CBW -> width == 8 ? "cdqe" : width == 4 ? "cwde" : "cbw";
            case CWD -> width == 8 ? "cqo" : width == 4 ? "cdq" : "cwd";
            case MOV_CR, MOV_DR, MOV_SEG -> "mov";
            case CMPPS, CMPPD, CMPSS, CMPSD ->
                insn.imm < 8 ? "cmp" + PREDICATES[(int) insn.imm] + lower(insn).substring(3) : lower(insn);
            case IRET -> width == 8 ? "iretq" : width == 4 && insn.codeBytes == 8 ? "iretd" : "iret";
            case SYSRET -> width == 8 ? "sysretq" : "sysretd";
            case ENDBR -> "endbr64";
            case INT1 -> "int1";
            case JMP_FAR -> "jmp";
            case CALL_FAR -> "call";
            case RET_FAR -> width == 8 ? "retfq" : "retf";
            case FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XRSTOR -> lower(insn) + (insn.sourceBytes == 8 ? "64" : "");
            default -> lower(insn);
        };
    }

    private static String lower(Insn insn) {
        return insn.op.name().toLowerCase(Locale.ROOT);
    }

    private static void add(List<String> into, Insn insn, OperandKind kind, int number, int place, long address) {
        int width = place == 1 ? insn.operandBytes : insn.sourceBytes;
        String text = switch (kind) {
            case NONE -> null;
            case GPR -> general(number, registerWidth(insn, place, width));
            case GPR_HIGH -> HIGH[number];
            case MEM -> keyword(insn, width) + memory(insn);
            case IMM -> immediate(insn);
            case SEGMENT -> SEGMENTS[number];
            case CONTROL -> "cr" + number;
            case DEBUG -> "dr" + number;
            case XMM -> "xmm" + number;
            case MMX -> "mm" + number;
            case ST -> number == 0 && isFirstOfTwo(insn, place) ? "st" : "st(" + number + ")";
            case REL -> hex((address + insn.length + insn.imm) & mask(insn.operandBytes));
            case FAR -> hex(insn.imm2) + ":" + hex(insn.imm);
        };
        if (text != null && !(insn.op == Op.FXCH && place == 1) && !isSingle(insn, place)) {
            into.add(text);
        }
    }

    /** FCOM, FUCOM and their kin are written with ST(i) alone. */
    private static boolean isSingle(Insn insn, int place) {
        return place == 1
                && insn.kind1 == OperandKind.ST
                && insn.kind2 == OperandKind.ST
                && switch (insn.op) {
                    case FCOM, FCOMP, FUCOM, FUCOMP -> true;
                    default -> false;
                };
    }

    private static boolean isFirstOfTwo(Insn insn, int place) {
        if (insn.kind2 != OperandKind.ST) {
            return false;
        }
        // Of two, the one that is ST(0) by definition is written "st".
        boolean backward = switch (insn.op) {
            case FADDP, FMULP, FSUBP, FSUBRP, FDIVP, FDIVRP -> true;
            default -> insn.reg1 != 0;
        };
        return backward == (place == 2);
    }

    private static int registerWidth(Insn insn, int place, int width) {
        return switch (insn.op) {
            // The count of shifts is CL, the port is DX.
            case ROL, ROR, RCL, RCR, SHL, SHR, SAR -> place == 2 ? 1 : width;
            case SHLD, SHRD -> place == 3 ? 1 : width;
            case IN -> place == 2 ? 2 : width;
            case OUT -> place == 1 ? 2 : width;
            // Of these objdump names the register of the operand size, though 16 bits of it count.
            case LAR, LSL -> insn.operandBytes;
            // objdump names the 32-bit register whose part is meant.
            case PINSRB, PINSRW, PEXTRB, PEXTRW -> 4;
            default -> width;
        };
    }

    private static String keyword(Insn insn, int width) {
        return switch (insn.op) {
            case INVLPG -> "BYTE PTR ";
            // The source's width is that of the lengths.
            case PCMPESTRI, PCMPESTRM -> "XMMWORD PTR ";
            case LEA, LGDT, SGDT, LIDT, SIDT, FLDENV, FNSTENV, FRSTOR, FNSAVE -> "";
            case FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XRSTOR -> "";
            case JMP_FAR, CALL_FAR, LES, LDS, LFS, LGS, LSS -> width == 8 ? "TBYTE PTR " : "FWORD PTR ";
            default ->
                switch (width) {
                    case 1 -> "BYTE PTR ";
                    case 2 -> "WORD PTR ";
                    case 4 -> "DWORD PTR ";
                    case 8 -> "QWORD PTR ";
                    case 10 -> "TBYTE PTR ";
                    case 16 -> "XMMWORD PTR ";
                    default -> "? ";
                };
        };
    }

    private static String memory(Insn insn) {
        boolean hasBase = insn.base != Insn.NO_REGISTER;
        boolean hasIndex = insn.indexRegister != Insn.NO_REGISTER;
        String segment = insn.segment >= 4 ? SEGMENTS[insn.segment] + ":" : "";
        if (!hasBase && !hasIndex) {
            return SEGMENTS[insn.segment] + ":" + hex(insn.displacement & mask(insn.addressBytes));
        }
        StringBuilder text = new StringBuilder(segment).append('[');
        if (hasBase) {
            text.append(
                    insn.base == Insn.RIP
                            ? insn.addressBytes == 4 ? "eip" : "rip"
                            : general(insn.base, insn.addressBytes));
        }
        if (hasIndex) {
            text.append(hasBase ? "+" : "")
                    .append(general(insn.indexRegister, insn.addressBytes))
                    .append(insn.addressBytes == 2 ? "" : "*" + (1 << insn.scaleShift));
        }
        if (insn.base == Insn.RIP) {
            // objdump writes the displacement of these unsigned.
            text.append(insn.displacement == 0 ? "" : "+" + hex(insn.displacement & mask(insn.addressBytes)));
        } else if (insn.displacement < 0) {
            text.append("-").append(hex(-insn.displacement));
        } else if (insn.displacement > 0) {
            text.append("+").append(hex(insn.displacement));
        }
        return text.append(']').toString();
    }

    private static String immediate(Insn insn) {
        boolean isSigned = switch (insn.op) {
            case ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, MOV, IMUL, PUSH -> true;
            default -> false;
        };
        return isSigned ? hex(insn.imm & mask(insn.operandBytes)) : hex(insn.imm);
    }

    private static String general(int number, int width) {
        if (number < 8) {
            return switch (width) {
                case 1 -> LOW[number];
                case 2 -> OLD[number];
                case 4 -> "e" + OLD[number];
                default -> "r" + OLD[number];
            };
        }
        return "r" + number + (width == 1 ? "b" : width == 2 ? "w" : width == 4 ? "d" : "");
    }

    private static long mask(int widthBytes) {
        return widthBytes == 8 ? -1 : (1L << (widthBytes * 8)) - 1;
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
