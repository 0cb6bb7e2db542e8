package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;

/** Which instructions the translator emits itself. */
final class Inline {
    private Inline() {}

    /** Whether {@link InstructionEmitter}, {@link VectorEmitter} or {@link ControlEmitter} knows it. */
    static boolean supports(Insn i) {
        if (i.codeBytes != 8 || i.lock || i.rep || i.repne) {
            return false;
        }
        return switch (i.op) {
            case ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NEG, NOT -> integers(i);
            case SHL, SHR, SAR, ROL, ROR -> integers(i);
            case MOV, CMOVCC, SETCC -> integers(i);
            case MOVZX, MOVSX, MOVSXD -> integers(i) && i.operandBytes >= 2;
            case LEA -> i.kind1 == OperandKind.GPR;
            case IMUL -> integers(i) && (i.kind2 != OperandKind.NONE ? i.operandBytes >= 2 : i.operandBytes >= 4);
            case MUL -> integers(i) && i.operandBytes >= 4;
            case XCHG -> integers(i) && i.kind1 != OperandKind.MEM && i.kind2 != OperandKind.MEM;
            case BSWAP -> i.operandBytes >= 4;
            case BT -> integers(i) && (i.kind1 == OperandKind.GPR || i.kind2 == OperandKind.IMM);
            case BSF, BSR, POPCNT -> integers(i);
            case CBW, CWD -> true;
            case PUSH -> integers(i) && i.operandBytes != 4;
            case POP -> i.kind1 == OperandKind.GPR && i.operandBytes != 4;
            case LEAVE -> i.operandBytes == 8;
            case JMP, CALL -> i.operandBytes != 2 && (i.kind1 == OperandKind.REL || isGeneral(i.kind1));
            case JCC -> i.operandBytes != 2;
            case RET -> i.operandBytes == 8;
            case NOP, ENDBR, PREFETCH -> true;
            default -> VectorInline.supports(i);
        };
    }

    private static boolean integers(Insn i) {
        return (isGeneral(i.kind1) && isInteger(i.kind2) && isInteger(i.kind3))
                || (i.kind1 == OperandKind.IMM && i.kind2 == OperandKind.NONE);
    }

    private static boolean isInteger(OperandKind kind) {
        return isGeneral(kind) || kind == OperandKind.IMM || kind == OperandKind.NONE;
    }

    private static boolean isGeneral(OperandKind kind) {
        return kind == OperandKind.GPR || kind == OperandKind.GPR_HIGH || kind == OperandKind.MEM;
    }
}
