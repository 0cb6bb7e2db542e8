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
    private static final int PTRACE = 101;
    private static final int WAITID = 247;
    private static final long PTRACE_DETACH = 17;
    private static final long PTRACE_SEIZE = 0x4206;
    private static final long PTRACE_INTERRUPT = 0x4207;
    private static final long PTRACE_SECCOMP_GET_FILTER = 0x420c;
    private static final int PTRACE_EVENT_STOP = 128;
    private static final long PTRACE_GETSIGINFO = 0x4202;
    private static final int P_PID = 1;
    private static final long WEXITED_WNOHANG_WNOWAIT = 4 | 1 | 0x0100_0000;
    private static final int CLD_DUMPED = 3;
    private static final int SIGINFO_BYTES = 128;
    private static final int SI_SIGNO = 0;
    private static final int SI_CODE = 8;
    private static final int SI_PID = 16;
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
            MemorySegment info = arena.allocate(SIGINFO_BYTES, 8);
            awaitStop(pid, info, timeoutNs);
            try {
                return read(pid, arena.allocate((long) Seccomp.MAX_INSTRUCTIONS * Seccomp.INSTRUCTION_BYTES, 8));
            } finally {
                Kernel.call(PTRACE, PTRACE_DETACH, pid, 0, signalOf(pid, info));
            }
        }
    }

    /**
     * Until it stands still, which is when the kernel answers for it. Its stop is not waited for, because whoever else waits for this
     * child might get that instead.
     */
    private static void awaitStop(int pid, MemorySegment info, long timeoutNs) {
        long deadlineNs = System.nanoTime() + timeoutNs;
        while (Errno.ESRCH.is(Kernel.call(PTRACE, PTRACE_SECCOMP_GET_FILTER, pid, 0, 0))) {
            Kernel.call(WAITID, P_PID, pid, info.address(), WEXITED_WNOHANG_WNOWAIT, 0);
            boolean changed = info.get(ValueLayout.JAVA_INT, SI_PID) == pid;
            boolean ended = changed && info.get(ValueLayout.JAVA_INT, SI_CODE) <= CLD_DUMPED;
            if (ended || System.nanoTime() > deadlineNs) {
                throw SysException.of(
                        "look at the filters of process " + pid,
                        ended ? Errno.ESRCH.number() : Errno.ETIMEDOUT.number(),
                        "it has ended, or does not stand still");
            }
            LockSupport.parkNanos(TURN_NS);
        }
    }

    /** The signal that it was stopped by, which it gets when it goes on; 0 when it was us who stopped it. */
    private static long signalOf(int pid, MemorySegment info) {
        if (Kernel.call(PTRACE, PTRACE_GETSIGINFO, pid, 0, info.address()) < 0) {
            return 0;
        }
        boolean ours = info.get(ValueLayout.JAVA_INT, SI_CODE) >>> 8 == PTRACE_EVENT_STOP;
        return ours ? 0 : info.get(ValueLayout.JAVA_INT, SI_SIGNO);
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
