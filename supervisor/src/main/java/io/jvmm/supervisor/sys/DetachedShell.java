package io.jvmm.supervisor.sys;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SyscallNumbers;
import io.jvmm.policy.sys.ControlBlock;
import io.jvmm.policy.sys.PreparedCall;
import java.time.Duration;
import java.util.List;

/**
 * Starts {@code /bin/sh -c SCRIPT} in a session of its own, with three descriptors and no others. It is not tied to the
 * supervisor's life: its whole purpose is to outlast it by a moment.
 *
 * <p>System calls of the child: setsid, dup2, close_range, rt_sigprocmask, execve.
 */
public final class DetachedShell {
    private static final int SIG_SETMASK = 2;
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private DetachedShell() {}

    /**
     * Starts the shell.
     *
     * @param input becomes its descriptor 0, which must not be 1 here
     * @param output becomes its descriptor 1
     * @param error becomes its descriptor 2; like {@code input} it must not be 0 to 2 here
     */
    public static Pidfd start(String script, Fd input, Fd output, Fd error) {
        if (input.number() <= 2 || error.number() <= 2) {
            throw new IllegalArgumentException("the shell's own pipes must lie above its standard descriptors");
        }
        List<PreparedCall> calls = List.of(
                PreparedCall.of("setsid", SyscallNumbers.SETSID),
                // The terminal first: it may well be our descriptor 0, 1 or 2.
                PreparedCall.of("output", SyscallNumbers.DUP2, output.number(), 1),
                PreparedCall.of("input", SyscallNumbers.DUP2, input.number(), 0),
                PreparedCall.of("error", SyscallNumbers.DUP2, error.number(), 2),
                PreparedCall.of("close the rest", SyscallNumbers.CLOSE_RANGE, 3, 0xffff_ffffL, 0),
                PreparedCall.of("unblock signals", SyscallNumbers.RT_SIGPROCMASK, SIG_SETMASK, new byte[8], 0, 8),
                PreparedCall.of(
                        "execve",
                        SyscallNumbers.EXECVE,
                        "/bin/sh",
                        new PreparedCall.Argument.Texts(List.of("sh", "-c", script)),
                        new PreparedCall.Argument.Texts(List.of("PATH=/usr/bin:/bin", "LC_ALL=C"))));
        ControlBlock block = new ControlBlock(calls, ControlBlock.CLONE_VM);
        long pid = block.start();
        if (pid < 0) {
            block.close();
            throw SysException.of("start /bin/sh", (int) -pid);
        }
        Pidfd process = Pidfd.of((int) pid, Fd.of(block.pidfd()));
        if (!block.awaitDeparture(PATIENCE.toNanos())) {
            // The block stays: a child that has not left it still uses it.
            throw new IllegalStateException("/bin/sh did not start within " + PATIENCE.toSeconds() + " s");
        }
        boolean failed = block.stopped();
        long result = block.stopResult();
        block.close();
        if (failed) {
            process.await(PATIENCE.toNanos());
            process.close();
            throw SysException.of("execute /bin/sh", (int) -result);
        }
        return process;
    }
}
