package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * A process held by descriptor, so that its number cannot come to mean another one. Readable in a {@link Poller} once
 * the process has ended. Any thread.
 *
 * <pre>
 *   siginfo_t   8        12       16       20       24
 *               | code   | (pad)  | pid    | uid    | status |
 * </pre>
 *
 * <p>System calls: pidfd_open, waitid (P_PIDFD), pidfd_send_signal, close.
 */
public final class Pidfd implements AutoCloseable {
    private static final int P_PIDFD = 3;
    private static final int WNOHANG = 1;
    private static final int WEXITED = 4;
    private static final int WNOWAIT = 0x0100_0000;
    private static final int SIGINFO_LENGTH_BYTES = 128;
    private static final int SI_CODE_OFFSET = 8;
    private static final int SI_PID_OFFSET = 16;
    private static final int SI_STATUS_OFFSET = 24;
    private static final int CLD_EXITED = 1;
    private static final int CLD_KILLED = 2;
    private static final int CLD_DUMPED = 3;

    private final int pid;
    private final Fd fd;

    private Pidfd(int pid, Fd fd) {
        this.pid = pid;
        this.fd = fd;
    }

    /** Holds a running process, which must be our child or otherwise certain not to have ended. */
    public static Pidfd open(int pid) {
        return new Pidfd(pid, Fd.of((int)
                Syscall.check("hold process " + pid, Syscall.call(SyscallNumbers.PIDFD_OPEN, pid, 0))));
    }

    /** Takes ownership of a descriptor that clone3 with CLONE_PIDFD made for {@code pid}. */
    public static Pidfd of(int pid, Fd fd) {
        return new Pidfd(pid, fd);
    }

    /** The process's number in our namespace. */
    public int pid() {
        return pid;
    }

    public Fd fd() {
        return fd;
    }

    /** Waits until our child has ended and collects it. */
    public ExitStatus await() {
        while (true) {
            Optional<ExitStatus> status = waitId(WEXITED);
            if (status.isPresent()) {
                return status.get();
            }
        }
    }

    /** Waits until our child has ended and collects it, or until the time is over: a killed process can hang in the kernel. */
    public Optional<ExitStatus> await(long timeoutNs) {
        long deadlineNs = Clock.monotonicNs() + timeoutNs;
        Poller poller = new Poller(1);
        poller.add(fd, Poller.READABLE);
        while (true) {
            Optional<ExitStatus> status = poll();
            long leftNs = deadlineNs - Clock.monotonicNs();
            if (status.isPresent() || leftNs <= 0) {
                return status;
            }
            poller.await(leftNs);
        }
    }

    /** Collects our child if it has ended; empty while it runs. */
    public Optional<ExitStatus> poll() {
        return waitId(WEXITED | WNOHANG);
    }

    /** How our child ended, without collecting it; empty while it runs. */
    public Optional<ExitStatus> peek() {
        return waitId(WEXITED | WNOHANG | WNOWAIT);
    }

    private Optional<ExitStatus> waitId(int options) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = arena.allocate(SIGINFO_LENGTH_BYTES, Long.BYTES);
            long result = Syscall.call(SyscallNumbers.WAITID, P_PIDFD, fd.number(), info.address(), options, 0);
            if (Errno.EINTR.is(result)) {
                return Optional.empty();
            }
            Syscall.check("wait for process " + pid, result);
            if (info.get(ValueLayout.JAVA_INT, SI_PID_OFFSET) == 0) {
                return Optional.empty();
            }
            int status = info.get(ValueLayout.JAVA_INT, SI_STATUS_OFFSET);
            return switch (info.get(ValueLayout.JAVA_INT, SI_CODE_OFFSET)) {
                case CLD_EXITED -> Optional.of(new ExitStatus.Exited(status));
                case CLD_KILLED -> Optional.of(new ExitStatus.Killed(status, false));
                case CLD_DUMPED -> Optional.of(new ExitStatus.Killed(status, true));
                // It stands still because we trace it: waitid says so even to who asks for ends only (ptrace(2)).
                default -> Optional.empty();
            };
        }
    }

    /**
     * Sends a signal.
     *
     * @return false when the process has already ended
     */
    public boolean signal(int signal) {
        long result = Syscall.call(SyscallNumbers.PIDFD_SEND_SIGNAL, fd.number(), signal, 0, 0);
        if (Errno.ESRCH.is(result)) {
            return false;
        }
        Syscall.check("send " + Signals.name(signal) + " to process " + pid, result);
        return true;
    }

    @Override
    public void close() {
        fd.close();
    }
}
