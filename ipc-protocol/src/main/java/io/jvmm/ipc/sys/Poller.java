package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Waits for any of a fixed set of descriptors, with a time-out in nanoseconds, over a preallocated array of
 * {@code struct pollfd}. One thread. Nothing is allocated after construction.
 *
 * <pre>
 *   struct pollfd   0        4        6        8
 *                   | fd     | events | revents|
 * </pre>
 *
 * <p>System calls: ppoll (no signal mask).
 */
public final class Poller {
    /** There is something to read, or an eventfd has been signalled, or a connection to accept. */
    public static final int READABLE = 0x001;
    /** Writing would not wait. */
    public static final int WRITABLE = 0x004;
    /** An error; always watched. */
    public static final int ERROR = 0x008;
    /** The other end hung up; always watched. */
    public static final int HANG_UP = 0x010;
    /** The descriptor is not open; always watched. */
    public static final int INVALID = 0x020;
    /** The other end of a stream will send nothing more. */
    public static final int PEER_CLOSED = 0x2000;

    /** Time-out that never ends. */
    public static final long FOREVER = Long.MAX_VALUE;

    private static final int POLLFD_LENGTH_BYTES = 8;
    private static final int EVENTS_OFFSET = 4;
    private static final int REVENTS_OFFSET = 6;

    private final MemorySegment entries;
    private final int capacity;
    private int count;

    /** A poller for at most {@code capacity} descriptors. */
    public Poller(int capacity) {
        this.capacity = capacity;
        this.entries = Arena.ofAuto().allocate((long) capacity * POLLFD_LENGTH_BYTES, Long.BYTES);
    }

    /**
     * Watches a descriptor.
     *
     * @param events {@link #READABLE} and so on, or 0 to watch only for errors and hang-up
     * @return its index, counted from 0 in the order of adding
     */
    public int add(Fd fd, int events) {
        if (count == capacity) {
            throw new IllegalStateException("poller is full: " + capacity);
        }
        int index = count++;
        entries.set(ValueLayout.JAVA_INT, base(index), fd.number());
        entries.set(ValueLayout.JAVA_SHORT, base(index) + EVENTS_OFFSET, (short) events);
        entries.set(ValueLayout.JAVA_SHORT, base(index) + REVENTS_OFFSET, (short) 0);
        return index;
    }

    /** Changes what is watched for; 0 still reports errors and hang-up. */
    public void setEvents(int index, int events) {
        entries.set(ValueLayout.JAVA_SHORT, checked(index) + EVENTS_OFFSET, (short) events);
    }

    /** Stops watching an index altogether; it keeps its place and can be watched again with {@link #watch}. */
    public void ignore(int index) {
        entries.set(ValueLayout.JAVA_INT, checked(index), -1);
        entries.set(ValueLayout.JAVA_SHORT, checked(index) + REVENTS_OFFSET, (short) 0);
    }

    /** Watches a descriptor in the place of an index that exists. */
    public void watch(int index, Fd fd, int events) {
        entries.set(ValueLayout.JAVA_INT, checked(index), fd.number());
        entries.set(ValueLayout.JAVA_SHORT, checked(index) + EVENTS_OFFSET, (short) events);
    }

    /**
     * Waits until a watched descriptor is ready, a signal arrives or the time is over.
     *
     * @param timeoutNs nanoseconds; 0 or less does not wait; {@link #FOREVER} has no limit
     * @return how many are ready; 0 after a time-out or a signal
     */
    public int await(long timeoutNs) {
        long timespec = timeoutNs == FOREVER ? 0 : ThreadScratch.ofThread().timespec(timeoutNs);
        long result = Syscall.call(SyscallNumbers.PPOLL, entries.address(), count, timespec, 0, 0);
        if (result >= 0) {
            return (int) result;
        }
        if (Errno.EINTR.is(result)) {
            for (int i = 0; i < count; i++) {
                entries.set(ValueLayout.JAVA_SHORT, base(i) + REVENTS_OFFSET, (short) 0);
            }
            return 0;
        }
        throw SysException.of("poll", (int) -result);
    }

    /** What the last {@link #await} found at an index: 0, or {@link #READABLE} and so on. */
    public int ready(int index) {
        return Short.toUnsignedInt(entries.get(ValueLayout.JAVA_SHORT, checked(index) + REVENTS_OFFSET));
    }

    /** Whether the last {@link #await} found any of {@code events} at an index. */
    public boolean isReady(int index, int events) {
        return (ready(index) & events) != 0;
    }

    public int count() {
        return count;
    }

    private static long base(int index) {
        return (long) index * POLLFD_LENGTH_BYTES;
    }

    private long checked(int index) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException(index);
        }
        return base(index);
    }
}
