package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.Syscall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * The seccomp filters of a process as the kernel has them (ptrace(2), PTRACE_SECCOMP_GET_FILTER): what a process says of its filter
 * can be a lie, this cannot. Needs CAP_SYS_ADMIN in the first user namespace, and a kernel with CONFIG_CHECKPOINT_RESTORE.
 *
 * <p>The process's first thread stands still meanwhile, some tens of microseconds; a system call it slept in goes on by itself. The
 * filters were installed on all threads at once, so one thread tells of all. Any thread may call.
 */
public final class InstalledFilters {
    private static final int WAIT4 = 61;
    private static final int PTRACE = 101;
    private static final long PTRACE_DETACH = 17;
    private static final long PTRACE_SEIZE = 0x4206;
    private static final long PTRACE_INTERRUPT = 0x4207;
    private static final long PTRACE_SECCOMP_GET_FILTER = 0x420c;
    private static final int PTRACE_EVENT_STOP = 128;
    private static final long WNOHANG_WALL = 1 | 0x4000_0000L;
    private static final int STOPPED = 0x7f;
    private static final long TURN_NS = 20_000;
    private static final int MOST_FILTERS = 8;

    private InstalledFilters() {}

    /**
     * The filters of a child of ours, in the order in which they were installed; empty when the kernel does not tell this caller.
     *
     * @param timeoutNs how long the process may take to stand still; one that does not must be killed, because it stays traced
     * @throws SysException when the process is gone, or does not stand still
     */
    public static Optional<List<byte[]>> of(int pid, long timeoutNs) {
        long attached = Kernel.call(PTRACE, PTRACE_SEIZE, pid, 0, 0);
        if (Errno.EPERM.is(attached) || Errno.EACCES.is(attached)) {
            return Optional.empty();
        }
        Syscall.check("trace process " + pid, attached);
        Syscall.check("interrupt process " + pid, Kernel.call(PTRACE, PTRACE_INTERRUPT, pid, 0, 0));
        try (Arena arena = Arena.ofConfined()) {
            int status = awaitStop(pid, arena.allocate(ValueLayout.JAVA_INT), timeoutNs);
            try {
                return read(pid, arena.allocate((long) Seccomp.MAX_INSTRUCTIONS * Seccomp.INSTRUCTION_BYTES, 8));
            } finally {
                // Stopped by a signal of its own, which came first: it gets that now.
                long signal = status >>> 16 == PTRACE_EVENT_STOP ? 0 : status >>> 8 & 0xff;
                Kernel.call(PTRACE, PTRACE_DETACH, pid, 0, signal);
            }
        }
    }

    private static int awaitStop(int pid, MemorySegment status, long timeoutNs) {
        long deadlineNs = System.nanoTime() + timeoutNs;
        while (true) {
            long stopped = Kernel.call(WAIT4, pid, status.address(), WNOHANG_WALL, 0);
            Syscall.check("wait for process " + pid, stopped);
            int value = status.get(ValueLayout.JAVA_INT, 0);
            if (stopped == pid && (value & 0xff) == STOPPED) {
                return value;
            }
            if (stopped == pid || System.nanoTime() > deadlineNs) {
                throw SysException.of(
                        "stop process " + pid,
                        stopped == pid ? Errno.ESRCH.number() : Errno.ETIMEDOUT.number(),
                        "it does not stand still to be looked at");
            }
            LockSupport.parkNanos(TURN_NS);
        }
    }

    private static Optional<List<byte[]>> read(int pid, MemorySegment buffer) {
        List<byte[]> filters = new ArrayList<>();
        for (int index = 0; index < MOST_FILTERS; index++) {
            long count = Kernel.call(PTRACE, PTRACE_SECCOMP_GET_FILTER, pid, index, buffer.address());
            if (Errno.ENOENT.is(count)) {
                return Optional.of(filters);
            }
            if (Errno.EACCES.is(count) || Errno.EINVAL.is(count) || Errno.EIO.is(count)) {
                return Optional.empty(); // no CAP_SYS_ADMIN, no seccomp at all, or a kernel that cannot
            }
            Syscall.check("read a filter of process " + pid, count);
            filters.add(buffer.asSlice(0, count * Seccomp.INSTRUCTION_BYTES).toArray(ValueLayout.JAVA_BYTE));
        }
        return Optional.of(filters);
    }
}
