package io.jvmm.policy.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Children by pidfd: kill, wait. */
public final class Children {
    private static final int P_PIDFD = 3;
    private static final int WNOHANG = 1;
    private static final int WEXITED = 4;
    private static final int WNOWAIT = 0x0100_0000;
    private static final int SIGKILL = 9;
    private static final int CLD_EXITED = 1;
    private static final int EINTR = 4;

    private Children() {}

    /**
     * How a child ended.
     *
     * @param signal the signal that killed it, 0 when it exited
     * @param code exit code, when it exited
     */
    public record Exit(int signal, int code) {
        @Override
        public String toString() {
            return signal != 0 ? "killed by signal " + signal + (signal == 31 ? " (SIGSYS)" : "") : "exit code " + code;
        }
    }

    /** SIGKILL; ignores a child that is dead. */
    public static void kill(int pidfd) {
        Kernel.call(Nr.PIDFD_SEND_SIGNAL, pidfd, SIGKILL, 0, 0);
    }

    /** Waits without limit and reaps. */
    public static Exit await(int pidfd) {
        Exit exit = wait(pidfd, WEXITED);
        if (exit == null) {
            throw new AssertionError("waitid without WNOHANG found nothing");
        }
        return exit;
    }

    /** True when the child is dead; it is left for {@link #await} to reap. */
    public static boolean isDead(int pidfd) {
        return wait(pidfd, WEXITED | WNOHANG | WNOWAIT) != null;
    }

    private static @org.jspecify.annotations.Nullable Exit wait(int pidfd, int options) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = arena.allocate(128, 8);
            long result;
            do {
                result = Kernel.call(Nr.WAITID, P_PIDFD, pidfd, info.address(), options, 0);
            } while (result == -EINTR);
            if (result < 0) {
                throw HostException.of("waitid", (int) -result);
            }
            if (info.get(ValueLayout.JAVA_INT, 0) == 0) {
                return null;
            }
            // siginfo_t: si_signo 0, si_errno 4, si_code 8, then si_pid 16, si_uid 20, si_status 24
            int code = info.get(ValueLayout.JAVA_INT, 8);
            int status = info.get(ValueLayout.JAVA_INT, 24);
            return code == CLD_EXITED ? new Exit(0, status) : new Exit(status, 0);
        }
    }
}
