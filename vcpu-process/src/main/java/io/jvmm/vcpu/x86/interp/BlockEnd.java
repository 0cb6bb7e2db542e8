package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;

/**
 * After which instructions a block ends: control transfers, and what may change mode, privilege, paging, the way segments are
 * looked at, or whether an interrupt is taken.
 */
final class BlockEnd {
    private static final int SS = 2;

    private BlockEnd() {}

    static boolean isLast(Insn insn) {
        return switch (insn.op) {
            case JMP, JCC, JCXZ, LOOP, LOOPE, LOOPNE, CALL, RET -> true;
            case JMP_FAR, CALL_FAR, RET_FAR, INT, INT3, INT1, INTO, IRET, SYSCALL, SYSRET, SYSENTER, SYSEXIT, RSM ->
                true;
            case INVALID, UD, HLT, MWAIT -> true;
            case POPF, MOV_CR, MOV_DR, LMSW, CLTS, INVLPG, INVPCID, WRMSR, XSETBV -> true;
            case LDS, LES, LFS, LGS, LSS -> true;
            case MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS -> insn.rep || insn.repne;
            case MOV, MOV_SEG, POP -> loadsSegment(insn);
            default -> false;
        };
    }

    /** Whether an instruction, should it be the last of a block, leaves privilege and translations as they are. */
    static boolean isLinkable(Insn insn) {
        return switch (insn.op) {
            case JMP, JCC, JCXZ, LOOP, LOOPE, LOOPNE, CALL, RET -> true;
            case MOVS, CMPS, STOS, LODS, SCAS -> true;
            default -> !isLast(insn);
        };
    }

    /** In 64-bit mode nothing but the interrupt shadow of SS comes of it; elsewhere bases and limits do. */
    private static boolean loadsSegment(Insn insn) {
        return insn.kind1 == OperandKind.SEGMENT && (insn.codeBytes != 8 || insn.reg1 == SS);
    }

    /** Whether an address of this instruction may be one of the stack, of which a bad one is #SS rather than #GP (SDM 3A 6.15). */
    static boolean isStackOperation(Op op) {
        return switch (op) {
            case PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER, LEAVE, CALL, RET, CALL_FAR, RET_FAR, IRET -> true;
            default -> false;
        };
    }
}
