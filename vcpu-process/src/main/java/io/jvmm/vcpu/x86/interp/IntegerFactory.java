package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import org.jspecify.annotations.Nullable;

/**
 * All general-purpose instructions: arithmetic, shifts, bits, moves, stack, near control transfer, strings, ports, decimal.
 */
public final class IntegerFactory implements StepFactory {
    @Override
    public int build(Insn[] insns, int at, int modeKey, Step[] into) {
        if (at + 1 < insns.length && insns[at + 1].op == Op.JCC) {
            final Step pair = BranchStepsFused.build(insns[at], insns[at + 1]);
            if (pair != null) {
                into[0] = pair;
                return 2;
            }
        }
        final Step step = single(insns[at]);
        if (step == null) {
            return 0;
        }
        into[0] = step;
        return 1;
    }

    private static @Nullable Step single(Insn insn) {
        return switch (insn.op) {
            case ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NEG, NOT -> IntegerSteps.build(insn);
            case MUL, IMUL, DIV, IDIV -> MultiplySteps.build(insn);
            case ROL, ROR, RCL, RCR, SHL, SHR, SAR, SHLD, SHRD -> ShiftSteps.build(insn);
            case BT, BTS, BTR, BTC, BSF, BSR, POPCNT, CRC32 -> BitSteps.build(insn);
            case MOV, MOVZX, MOVSX, MOVSXD, LEA, MOVNTI -> MoveSteps.build(insn);
            case XCHG, XADD, CMPXCHG, CMPXCHG8B -> MoveStepsExchange.build(insn);
            case PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER, LEAVE -> StackSteps.build(insn);
            case JMP, JCC, JCXZ, LOOP, LOOPE, LOOPNE, CALL, RET, BOUND -> BranchSteps.build(insn);
            case MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS -> StringSteps.build(insn);
            case IN, OUT -> PortSteps.build(insn);
            case DAA, DAS, AAA, AAS, AAM, AAD -> DecimalSteps.build(insn);
            default -> MoveStepsRegister.build(insn);
        };
    }
}
