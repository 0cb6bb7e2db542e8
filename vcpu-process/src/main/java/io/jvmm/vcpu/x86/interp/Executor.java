package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;

/** Runs guest code on one vCPU: finds blocks, executes them, delivers what they raise. Used by that vCPU's thread. */
public final class Executor {
    /** Why {@link #run} came back. */
    public enum Stop {
        /** The budget is used up. */
        BUDGET,
        /** {@link Cpu#requestAttention()} was called; the caller clears the request, then looks. */
        ATTENTION,
        /** HLT, and nothing to wake the processor yet. */
        HALTED,
        /** A {@link io.jvmm.vcpu.x86.mmu.DeviceExit}: answer it and run again. */
        DEVICE,
        /** Triple fault. */
        SHUTDOWN
    }

    /** Executes about {@code budget} instructions. */
    public Stop run(Cpu cpu, int budget) {
        throw new UnsupportedOperationException("" + cpu + budget);
    }
}
