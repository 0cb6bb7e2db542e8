package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.x86.cpu.Cpu;
import org.jspecify.annotations.Nullable;

/**
 * Time that passes with the instructions that vCPU 0 retires, one nanosecond each, and jumps to the next deadline where it halts: the
 * same guest with the same input lives the same life every time. For tests and for comparing tiers; one vCPU only.
 */
final class CountedTime implements MachineTime {
    private @Nullable Cpu cpu;
    private long skippedNs;

    /** The processor whose instructions count. */
    void follow(Cpu newCpu) {
        cpu = newCpu;
    }

    @Override
    public long nowNs() {
        final Cpu it = cpu;
        return it == null ? skippedNs : it.retired + skippedNs;
    }

    @Override
    public boolean skipTo(long deadlineNs) {
        if (deadlineNs == Long.MAX_VALUE) {
            return false;
        }
        skippedNs += Math.max(0, deadlineNs - nowNs());
        return true;
    }

    @Override
    public void continueFrom(long nowNs) {
        skippedNs = 0;
        skippedNs = nowNs - nowNs();
    }
}
