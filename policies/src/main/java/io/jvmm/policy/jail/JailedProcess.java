package io.jvmm.policy.jail;

import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Pidfd;

/**
 * A child the supervisor started and owns: it must await and close it.
 *
 * @param name process name
 * @param pidfd holds the process
 */
public record JailedProcess(String name, Pidfd pidfd) {
    private static final int SIGKILL = 9;

    /** Process id in the supervisor's pid namespace. */
    public int pid() {
        return pidfd.pid();
    }

    /** SIGKILL. No error when it is dead already. */
    public void kill() {
        pidfd.signal(SIGKILL);
    }

    /** Waits for the end, collects the child, and tells how it ended. Blocks without limit. */
    public ExitStatus await() {
        return pidfd.await();
    }
}
