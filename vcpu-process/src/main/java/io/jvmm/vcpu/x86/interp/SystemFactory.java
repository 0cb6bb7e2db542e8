package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import org.jspecify.annotations.Nullable;

/**
 * All system instructions: flags and halts, control and debug registers, MSRs, descriptor tables, segment registers,
 * far transfers.
 */
public final class SystemFactory implements StepFactory {
    @Override
    public int build(Insn[] insns, int at, int modeKey, Step[] into) {
        final Step step = insns[at].op == Op.STI
                ? SystemSteps.setInterrupt(insns[at], at == insns.length - 1)
                : single(insns[at]);
        if (step == null) {
            return 0;
        }
        into[0] = step;
        return 1;
    }

    private static @Nullable Step single(Insn insn) {
        return switch (insn.op) {
            case JMP_FAR, CALL_FAR, RET_FAR, INT, INT3, INT1, INTO, IRET, SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS ->
                FarSteps.build(insn);
            case LGDT, SGDT, LIDT, SIDT, LLDT, SLDT, LTR, STR, LAR, LSL, VERR, VERW, ARPL ->
                SystemStepsTable.build(insn);
            case MOV_SEG, LDS, LES, LFS, LGS, LSS, RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE ->
                SystemStepsSegment.build(insn);
            case POP -> insn.kind1 == OperandKind.SEGMENT ? SystemStepsSegment.build(insn) : null;
            case MOV_CR, MOV_DR, LMSW, SMSW, CLTS, XGETBV, XSETBV, RDMSR, WRMSR, INVLPG ->
                SystemStepsControl.build(insn);
            default -> SystemSteps.build(insn);
        };
    }
}
