package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;

/** What no factory knows: #UD; #GP(0) where the instruction is longer than 15 bytes (SDM 2 2.3.11). */
final class UndefinedStep extends Step {
    private static final Step UNDEFINED = new UndefinedStep(false);
    private static final Step TOO_LONG = new UndefinedStep(true);

    private final boolean tooLong;

    private UndefinedStep(boolean tooLong) {
        this.tooLong = tooLong;
    }

    static Step of(Insn insn) {
        return insn.op == Op.INVALID && insn.imm == 1 ? TOO_LONG : UNDEFINED;
    }

    @Override
    public void run(Cpu cpu) {
        throw tooLong ? cpu.protection() : cpu.undefined();
    }
}
