package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An epoll(7) instance: watches hundreds of descriptors where a {@link Poller} would look at each of them every time. Its
 * own descriptor is readable when there are events, so it can be one entry of a poller. One thread. Nothing is allocated
 * after construction.
 *
 * <p>Descriptors are plain numbers here, because they come and go with connections. Take a descriptor out before closing it:
 * while another process holds the same open file, closing alone leaves it watched.
 *
 * <pre>
 *   struct epoll_event (x86-64: packed)
 *   0        4                  12
 *   | events | u64 data         |
 * </pre>
 *
 * <p>System calls: epoll_create1 when made; epoll_ctl; epoll_wait, which never waits here; close.
 */
public final class Epoll implements AutoCloseable {
    /** There is something to read, or a connection to accept. */
    public static final int READABLE = 0x001;
    /** Writing would not wait. */
    public static final int WRITABLE = 0x004;
    /** An error; always watched. */
    public static final int ERROR = 0x008;
    /** The other end is closed in both directions; always watched. */
    public static final int HANG_UP = 0x010;
    /** The other end of a stream will send nothing more. */
    public static final int PEER_CLOSED = 0x2000;
    /** Tells of a change once, rather than of a state as long as it lasts. */
    public static final int EDGE = 1 << 31;

    private static final int EPOLL_CLOEXEC = 0x80000;
    private static final int CTL_ADD = 1;
    private static final int CTL_DEL = 2;
    private static final int CTL_MOD = 3;
    private static final int EVENT_LENGTH_BYTES = 12;
    private static final int DATA_OFFSET = 4;

    private final Fd fd;
    private final MemorySegment events;
    private final MemorySegment change;
    private final int capacity;
    private int count;

    /** @param capacity most events one {@link #poll} gives */
    public Epoll(int capacity) {
        this.capacity = capacity;
        this.events = Arena.ofAuto().allocate((long) capacity * EVENT_LENGTH_BYTES, Long.BYTES);
        this.change = Arena.ofAuto().allocate(EVENT_LENGTH_BYTES, Long.BYTES);
        this.fd = Fd.of((int) Syscall.check("create epoll", Syscall.call(SyscallNumbers.EPOLL_CREATE1, EPOLL_CLOEXEC)));
    }

    /** Readable when {@link #poll} would give an event. */
    public Fd fd() {
        return fd;
    }

    /**
     * Watches a descriptor.
     *
     * @param watched constants of this class
     * @param data what {@link #data} gives with its events
     * @return 0 or a negated errno: ENOSPC, ENOMEM when the host allows no more
     */
    public long add(int descriptor, int watched, long data) {
        return control(CTL_ADD, descriptor, watched, data);
    }

    /** Changes what is watched; what is the case already is told again. 0 or a negated errno. */
    public long change(int descriptor, int watched, long data) {
        return control(CTL_MOD, descriptor, watched, data);
    }

    /** Watches the descriptor no longer; events of it that {@link #poll} has already fetched stay. 0 or a negated errno. */
    public long remove(int descriptor) {
        return control(CTL_DEL, descriptor, 0, 0);
    }

    private long control(int operation, int descriptor, int watched, long data) {
        change.set(ValueLayout.JAVA_INT, 0, watched);
        change.set(ValueLayout.JAVA_LONG_UNALIGNED, DATA_OFFSET, data);
        return Syscall.call(SyscallNumbers.EPOLL_CTL, fd.number(), operation, descriptor, change.address());
    }

    /**
     * Fetches the events there are, without waiting.
     *
     * @return how many; at most the capacity, the others come next time
     */
    public int poll() {
        long result = Syscall.call(SyscallNumbers.EPOLL_WAIT, fd.number(), events.address(), capacity, 0);
        count = Errno.EINTR.is(result) ? 0 : (int) Syscall.check("fetch events", result);
        return count;
    }

    /** The events of entry {@code index} of the last {@link #poll}. */
    public int events(int index) {
        return events.get(ValueLayout.JAVA_INT_UNALIGNED, base(index));
    }

    /** Whose they are: what {@link #add} was given. */
    public long data(int index) {
        return events.get(ValueLayout.JAVA_LONG_UNALIGNED, base(index) + DATA_OFFSET);
    }

    private long base(int index) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException(index);
        }
        return (long) index * EVENT_LENGTH_BYTES;
    }

    @Override
    public void close() {
        fd.close();
    }
}
