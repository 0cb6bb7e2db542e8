package io.jvmm.vcpu.x86.cpu;

/** The machine's time. Nanoseconds from its start; the time-stamp counter runs at {@link #TSC_HZ}. Any thread. */
@FunctionalInterface
public interface TimeSource {
    /** Rate of the time-stamp counter: one count a nanosecond, so that nothing has to be scaled. */
    long TSC_HZ = 1_000_000_000;

    /** Never goes back, the same for all vCPUs. */
    long nowNs();

    /** Wall clock, nanoseconds from 1970 UTC; to milliseconds is enough. */
    default long wallClockNs() {
        return System.currentTimeMillis() * 1_000_000;
    }
}
