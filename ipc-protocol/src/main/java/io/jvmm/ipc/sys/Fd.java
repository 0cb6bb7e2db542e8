package io.jvmm.ipc.sys;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * An open file descriptor, owned: whoever closes it closes the descriptor, once. Any thread may call any method; the
 * owner must not close it while another thread is inside a system call with its number.
 *
 * <p>System calls: close; fcntl (duplicate, flags).
 */
public final class Fd implements AutoCloseable {
    private static final int CLOSED = -1;
    private static final int F_GETFD = 1;
    private static final int F_SETFD = 2;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int FD_CLOEXEC = 1;
    private static final int O_NONBLOCK = 0x800;
    private static final int O_DIRECT = 0x4000;

    private final AtomicInteger number;

    private Fd(int number) {
        this.number = new AtomicInteger(number);
    }

    /**
     * Takes ownership of an open descriptor.
     *
     * @throws IllegalArgumentException when {@code number} is negative
     */
    public static Fd of(int number) {
        if (number < 0) {
            throw new IllegalArgumentException("not a descriptor: " + number);
        }
        return new Fd(number);
    }

    /** The descriptor's number. Throws {@link IllegalStateException} after {@link #close()}. */
    public int number() {
        int current = number.get();
        if (current == CLOSED) {
            throw new IllegalStateException("descriptor is closed");
        }
        return current;
    }

    public boolean isOpen() {
        return number.get() != CLOSED;
    }

    /** Gives the descriptor away: afterwards this object counts as closed and the caller owns the number. */
    public int release() {
        int current = number.getAndSet(CLOSED);
        if (current == CLOSED) {
            throw new IllegalStateException("descriptor is closed");
        }
        return current;
    }

    /** A second descriptor for the same open file, close-on-exec. */
    public Fd duplicate() {
        return duplicate(0);
    }

    /** A second descriptor for the same open file, close-on-exec, whose number is at least {@code lowestNumber}. */
    public Fd duplicate(int lowestNumber) {
        return of((int) Syscall.check(
                "duplicate descriptor", Syscall.call(SyscallNumbers.FCNTL, number(), F_DUPFD_CLOEXEC, lowestNumber)));
    }

    /** Whether exec closes it. */
    public boolean closeOnExec() {
        return (Syscall.check("read descriptor flags", Syscall.call(SyscallNumbers.FCNTL, number(), F_GETFD))
                        & FD_CLOEXEC)
                != 0;
    }

    /** Whether exec closes it. Everything this package opens starts out with true. */
    public void setCloseOnExec(boolean close) {
        Syscall.check(
                "set descriptor flags", Syscall.call(SyscallNumbers.FCNTL, number(), F_SETFD, close ? FD_CLOEXEC : 0));
    }

    /** Whether calls on the open file return EAGAIN rather than wait. The flag is shared with whoever shares the file. */
    public boolean nonBlocking() {
        return (Syscall.check("read file flags", Syscall.call(SyscallNumbers.FCNTL, number(), F_GETFL)) & O_NONBLOCK)
                != 0;
    }

    /** Whether the file was opened to be read and written past the page cache. */
    public boolean direct() {
        return (Syscall.check("read file flags", Syscall.call(SyscallNumbers.FCNTL, number(), F_GETFL)) & O_DIRECT)
                != 0;
    }

    /** Sets what {@link #nonBlocking()} tells, for every process that shares the open file. */
    public void setNonBlocking(boolean nonBlocking) {
        long flags = Syscall.check("read file flags", Syscall.call(SyscallNumbers.FCNTL, number(), F_GETFL));
        long wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
        Syscall.check("set file flags", Syscall.call(SyscallNumbers.FCNTL, number(), F_SETFL, wanted));
    }

    /** Closes the descriptor; a second call does nothing. The kernel's verdict is ignored: the number is free either way. */
    @Override
    public void close() {
        int current = number.getAndSet(CLOSED);
        if (current != CLOSED) {
            Syscall.call(SyscallNumbers.CLOSE, current);
        }
    }

    @Override
    public String toString() {
        int current = number.get();
        return current == CLOSED ? "fd(closed)" : "fd " + current;
    }
}
