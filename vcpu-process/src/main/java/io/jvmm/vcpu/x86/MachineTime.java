package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.x86.cpu.TimeSource;

/** Time as a machine of this engine has it: a clock, and what a processor does with it when it has nothing else to do. */
interface MachineTime extends TimeSource {
    /** The host's clock, from now on. */
    static MachineTime real() {
        return new HostTime();
    }

    /**
     * Called by a halted processor instead of sleeping until {@code deadlineNs}.
     *
     * @return whether it is that late now; false: sleep
     */
    default boolean skipTo(long deadlineNs) {
        return false;
    }

    /** It is {@code nowNs} now, and time goes on from there: a machine has been loaded. While no vCPU runs. */
    void continueFrom(long nowNs);
}
