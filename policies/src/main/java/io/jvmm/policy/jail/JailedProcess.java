package io.jvmm.policy.jail;

import io.jvmm.policy.sys.Children;

/**
 * A child the supervisor started.
 *
 * @param name process name
 * @param pid in the supervisor's pid namespace; a pidfd is the safer handle
 * @param pidfd close-on-exec; the owner of this record closes it after reaping the child
 */
public record JailedProcess(String name, int pid, int pidfd) {
    /** SIGKILL. No error when it is dead already. */
    public void kill() {
        Children.kill(pidfd);
    }

    /** Waits for the end, reaps, and tells how it ended. Blocks without limit. */
    public Children.Exit await() {
        return Children.await(pidfd);
    }
}
