package io.jvmm.policy.jail;

import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.Signals;
import java.util.Optional;

/**
 * A child the supervisor started and owns: it must await and close it.
 *
 * @param name process name
 * @param pidfd holds the process
 */
public record JailedProcess(String name, Pidfd pidfd) {
    /** So long a process may take to end after SIGKILL; one that takes longer hangs in the kernel. */
    public static final long DYING_NS = 10_000_000_000L;

    /** Process id in the supervisor's pid namespace. */
    public int pid() {
        return pidfd.pid();
    }

    /** SIGKILL. No error when it is dead already. */
    public void kill() {
        pidfd.signal(Signals.SIGKILL);
    }

    /** Waits for the end, collects the child, and tells how it ended; empty when the time is over first. */
    public Optional<ExitStatus> await(long timeoutNs) {
        return pidfd.await(timeoutNs);
    }
}
