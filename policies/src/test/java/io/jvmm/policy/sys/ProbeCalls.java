package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.SyscallNumbers;

/** Raw calls for {@code JailedJava}. */
public final class ProbeCalls {
    private ProbeCalls() {}

    /** Loads what {@link #call} needs. */
    public static int warmUp() {
        return call(SyscallNumbers.GETPID) == 1 ? 0 : 1;
    }

    public static long call(int number, long... arguments) {
        return Kernel.call(number, arguments);
    }
}
