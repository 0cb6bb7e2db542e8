package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** One {@code struct timespec} a thread, allocated once, so that no call with a time-out allocates. */
final class ThreadScratch {
    private static final long NANOSECONDS_OFFSET = 8;
    private static final long LENGTH_BYTES = 16;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private static final ThreadLocal<ThreadScratch> OF_THREAD = ThreadLocal.withInitial(ThreadScratch::new);

    private final MemorySegment timespec = Arena.ofAuto().allocate(LENGTH_BYTES, Long.BYTES);
    private final long address = timespec.address();

    private ThreadScratch() {}

    static ThreadScratch ofThread() {
        return OF_THREAD.get();
    }

    /** Fills this thread's {@code struct timespec}; valid until the thread's next call of this method. */
    long timespec(long nanoseconds) {
        long nonNegative = Math.max(nanoseconds, 0);
        timespec.set(ValueLayout.JAVA_LONG, 0, nonNegative / NANOS_PER_SECOND);
        timespec.set(ValueLayout.JAVA_LONG, NANOSECONDS_OFFSET, nonNegative % NANOS_PER_SECOND);
        return address;
    }

    /** What the kernel left in the {@code struct timespec}, in nanoseconds. */
    long timespecNs() {
        return timespec.get(ValueLayout.JAVA_LONG, 0) * NANOS_PER_SECOND
                + timespec.get(ValueLayout.JAVA_LONG, NANOSECONDS_OFFSET);
    }
}
