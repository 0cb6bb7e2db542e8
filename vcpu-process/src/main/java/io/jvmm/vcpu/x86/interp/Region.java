package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;

/** Translated code: some blocks of one page as one method. Shared by all vCPUs. */
public abstract class Region {
    /**
     * Runs from {@code cpu.rip} (with {@code cpu.blockRip} equal to it), which is the first instruction of a block that
     * bears this region, until the budget is used up, control leaves the region, or a block of it has become invalid. Leaves with
     * registers, flags, {@code rip}, {@code budget} and {@code retired} exact; an exception leaves them as of before the faulting
     * instruction.
     */
    public abstract void run(Cpu cpu);

    /** Blocks are not to lead here any more. Called under the code cache's lock; vCPUs that run this leave when they can. */
    public abstract void invalidate();
}
