package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;

/**
 * Makes steps of decoded instructions. The executor asks its factories in order; what none of them knows raises #UD when
 * it is executed. Called under the code cache's lock, by any vCPU's thread; allocates only what it makes.
 */
@FunctionalInterface
public interface StepFactory {
    /**
     * Makes one step of {@code insns[at]}, or of that and the next together (a fused pair: no exception may be raised by
     * the second).
     *
     * @param insns the instructions of the block, all of them, none null; not to be kept (but single {@code Insn}s may be)
     * @param modeKey the mode that the block is for, see {@link io.jvmm.vcpu.x86.cpu.ModeKey}: width of code and stack, whether
     *     segments must be looked at
     * @param into its slot 0 takes the step
     * @return how many instructions the step covers; 0 when this factory does not know the instruction
     */
    int build(Insn[] insns, int at, int modeKey, Step[] into);
}
