package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.util.ArrayList;
import java.util.List;

/** A forked child that installs a filter, makes one system call, and exits with 0. */
public final class ProbeChild {
    private static final int SIGSYS = 31;

    /**
     * How it went.
     *
     * @param killed by SIGSYS
     * @param result what the call returned, when it returned
     * @param status how the child ended
     */
    public record Outcome(boolean killed, long result, ExitStatus status) {}

    private ProbeChild() {}

    public static Outcome call(byte[] filter, int number, long... arguments) {
        List<PreparedCall> plan = new ArrayList<>();
        plan.add(PreparedCall.of("no core file", SyscallNumbers.PRLIMIT64, 0, 4, new byte[16], 0));
        plan.add(PreparedCall.of("no_new_privs", SyscallNumbers.PRCTL, 38, 1, 0, 0, 0));
        plan.add(PreparedCall.of(
                "filter",
                SyscallNumbers.SECCOMP,
                1,
                0,
                new PreparedCall.Argument.CountedBytes(filter.length / Seccomp.INSTRUCTION_BYTES, filter)));
        Object[] boxed = new Object[arguments.length];
        for (int i = 0; i < arguments.length; i++) {
            boxed[i] = arguments[i];
        }
        plan.add(PreparedCall.of("the call", number, boxed).whateverItReturns());
        plan.add(PreparedCall.of("exit", SyscallNumbers.EXIT_GROUP, 0));
        // No CLONE_VM: whatever the call does to memory, it does to a copy. The block itself is shared all the same.
        try (ControlBlock block = new ControlBlock(plan, 0)) {
            long pid = block.start();
            if (pid < 0) {
                throw SysException.of("clone3", (int) -pid);
            }
            try (Pidfd pidfd = Pidfd.of((int) pid, Fd.of(block.pidfd()))) {
                ExitStatus status = pidfd.await();
                if (block.stopped()) {
                    throw new AssertionError("the probe stopped with " + block.stopResult() + " at " + block.current());
                }
                boolean killed = status instanceof ExitStatus.Killed(int signal, boolean core) && signal == SIGSYS;
                return new Outcome(killed, block.result(3), status);
            }
        }
    }
}
