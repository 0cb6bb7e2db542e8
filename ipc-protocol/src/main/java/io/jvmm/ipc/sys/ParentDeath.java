package io.jvmm.ipc.sys;

import java.util.Optional;

/**
 * A process that is of no use without the one that started it: it ends when that does, even by SIGKILL. Not for device processes, whose jail does the
 * same before their program begins.
 *
 * <p>System calls: prctl.
 */
public final class ParentDeath {
    private static final int PR_SET_PDEATHSIG = 1;
    private static final int SIGKILL = 9;
    /** The property by which a process is told who started it. */
    private static final String PARENT = "jvmm.parent";

    private ParentDeath() {}

    /** What a Java program is started with that is to end with the calling process, and calls {@link #follow}. */
    public static String option() {
        return "-D" + PARENT + "=" + ProcessHandle.current().pid();
    }

    /**
     * From now on SIGKILL comes when the thread ends that started this process (prctl(2), PR_SET_PDEATHSIG). Does nothing in a process that was not
     * started with {@link #option}; does not return where its parent has ended already.
     */
    public static void follow() {
        Long parent = Long.getLong(PARENT);
        if (parent == null) {
            return;
        }
        Syscall.check("die with the parent", Syscall.call(SyscallNumbers.PRCTL, PR_SET_PDEATHSIG, SIGKILL));
        Optional<Long> now = ProcessHandle.current().parent().map(ProcessHandle::pid);
        if (!now.equals(Optional.of(parent))) {
            Runtime.getRuntime().halt(128 + SIGKILL);
        }
    }
}
