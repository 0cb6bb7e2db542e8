package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Memory every thread needs while it is inside a system call, allocated once a thread so that no call allocates.
 *
 * <pre>
 *   0        4        8                24                      40
 *   | errno  | (pad)  | struct timespec | spare timespec        |
 * </pre>
 */
final class ThreadScratch {
    private static final long ERRNO_OFFSET = 0;
    private static final long TIMESPEC_OFFSET = 8;
    private static final long LENGTH_BYTES = 40;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private static final ThreadLocal<ThreadScratch> OF_THREAD = ThreadLocal.withInitial(ThreadScratch::new);

    /** What the linker writes errno into: the capture state layout is exactly one int on Linux. */
    final MemorySegment capture;

    private final MemorySegment block;
    private final long timespecAddress;

    private ThreadScratch() {
        block = Arena.ofAuto().allocate(LENGTH_BYTES, Long.BYTES);
        capture = block.asSlice(ERRNO_OFFSET, Integer.BYTES);
        timespecAddress = block.address() + TIMESPEC_OFFSET;
    }

    static ThreadScratch ofThread() {
        return OF_THREAD.get();
    }

    int errno() {
        return block.get(ValueLayout.JAVA_INT, ERRNO_OFFSET);
    }

    /** Fills this thread's {@code struct timespec}; valid until the thread's next call of this method. */
    long timespec(long nanoseconds) {
        long nonNegative = Math.max(nanoseconds, 0);
        block.set(ValueLayout.JAVA_LONG, TIMESPEC_OFFSET, nonNegative / NANOS_PER_SECOND);
        block.set(ValueLayout.JAVA_LONG, TIMESPEC_OFFSET + 8, nonNegative % NANOS_PER_SECOND);
        return timespecAddress;
    }

    /** What the kernel left in the {@code struct timespec}, in nanoseconds. */
    long timespecNs() {
        return block.get(ValueLayout.JAVA_LONG, TIMESPEC_OFFSET) * NANOS_PER_SECOND
                + block.get(ValueLayout.JAVA_LONG, TIMESPEC_OFFSET + 8);
    }
}
