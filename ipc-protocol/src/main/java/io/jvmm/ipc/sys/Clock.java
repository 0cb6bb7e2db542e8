package io.jvmm.ipc.sys;

/**
 * The host's clocks in nanoseconds. Any thread; nothing is allocated.
 *
 * <p>System calls: clock_gettime where the kernel offers no vDSO clock, and for {@link #realtimeNs()}.
 */
public final class Clock {
    private static final int CLOCK_REALTIME = 0;

    private Clock() {}

    /**
     * CLOCK_MONOTONIC, the same value in every process of the host. HotSpot on Linux reads exactly this clock for
     * {@link System#nanoTime()}; a test compares them.
     */
    public static long monotonicNs() {
        return System.nanoTime();
    }

    /** CLOCK_REALTIME: nanoseconds since 1970-01-01T00:00Z. */
    public static long realtimeNs() {
        return read(CLOCK_REALTIME);
    }

    static long read(int clock) {
        ThreadScratch scratch = ThreadScratch.ofThread();
        long address = scratch.timespec(0);
        Syscall.check("read clock", Syscall.call(SyscallNumbers.CLOCK_GETTIME, clock, address));
        return scratch.timespecNs();
    }
}
