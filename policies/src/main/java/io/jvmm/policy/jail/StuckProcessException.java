package io.jvmm.policy.jail;

import java.io.Serial;

/**
 * A process still exists long after SIGKILL: it hangs in the kernel, for instance on a dead disk. Nobody can end it before the
 * kernel lets go of it; the message says which it is.
 */
public final class StuckProcessException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    /** @param processes for example {@code vcpu (pid 4711)} */
    public StuckProcessException(String processes) {
        super(describe(processes));
    }

    StuckProcessException(String process, int pid, Throwable cause) {
        super(describe(process + " (pid " + pid + ")"), cause);
    }

    /** The sentence for the user. */
    public static String describe(String processes) {
        return "still there " + JailedProcess.DYING_NS / 1_000_000_000L + " s after SIGKILL: " + processes
                + "; the kernel does not let go of it (see its wchan and stack in /proc), and it will end when the kernel does.";
    }
}
