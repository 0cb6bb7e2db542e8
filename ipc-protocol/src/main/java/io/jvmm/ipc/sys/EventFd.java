package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An eventfd(2): a counter one side adds to and the other waits on. Always non-blocking, so that neither call waits: a
 * hostile holder of the same eventfd can neither make us wait nor hide that it was signalled for longer than one of our
 * own time-outs. That flag is shared by all holders; a process that must not be able to clear it gets a filter without
 * fcntl and ioctl.
 *
 * <p>Any thread may signal; one thread drains. Nothing is allocated.
 *
 * <p>System calls: eventfd2 when created; write to signal; read to drain; close.
 */
public final class EventFd implements AutoCloseable {
    private static final int EFD_CLOEXEC = 0x80000;
    private static final int EFD_NONBLOCK = 0x800;
    private static final MemorySegment ONE = one();

    private final Fd fd;
    private final MemorySegment counter = Arena.ofAuto().allocate(ValueLayout.JAVA_LONG);

    private EventFd(Fd fd) {
        this.fd = fd;
    }

    private static MemorySegment one() {
        MemorySegment one = Arena.global().allocate(ValueLayout.JAVA_LONG);
        one.set(ValueLayout.JAVA_LONG, 0, 1);
        return one.asReadOnly();
    }

    /** A new eventfd with a count of zero, close-on-exec. */
    public static EventFd create() {
        return new EventFd(Fd.of((int)
                Syscall.check("create eventfd", Syscall.call(SyscallNumbers.EVENTFD2, 0, EFD_CLOEXEC | EFD_NONBLOCK))));
    }

    /** Takes ownership of an eventfd received from elsewhere. It must have been created non-blocking, as ours are. */
    public static EventFd of(Fd fd) {
        return new EventFd(fd);
    }

    /** Adds one to the counter and wakes whoever waits. A counter at its maximum is left there: it is signalled anyway. */
    public void signal() {
        long result = Syscall.call(SyscallNumbers.WRITE, fd.number(), ONE.address(), Long.BYTES);
        if (Syscall.isError(result) && !Errno.EAGAIN.is(result)) {
            throw SysException.of("signal eventfd", (int) -result);
        }
    }

    /**
     * Takes the whole count.
     *
     * @return how often it was signalled since the last call; 0 when it was not
     */
    public long drain() {
        long result = Syscall.call(SyscallNumbers.READ, fd.number(), counter.address(), Long.BYTES);
        if (result == Long.BYTES) {
            return counter.get(ValueLayout.JAVA_LONG, 0);
        }
        if (Errno.EAGAIN.is(result) || Errno.EINTR.is(result)) {
            return 0;
        }
        throw SysException.of("drain eventfd", (int) -result);
    }

    public Fd fd() {
        return fd;
    }

    @Override
    public void close() {
        fd.close();
    }
}
