package io.jvmm.fuzz.sandbox;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Signals;
import java.util.EnumSet;
import java.util.Set;

/** What may end a device process, by what was done to it. One thread. */
final class Verdict {
    private final Set<ProcessExit> expected = EnumSet.noneOf(ProcessExit.class);
    private boolean killed;

    /** This end is right from now on. */
    void expect(ProcessExit exit) {
        expected.add(exit);
    }

    /** It is killed by us. */
    void killed() {
        killed = true;
    }

    /** A new process, to which nothing was done yet. */
    void clear() {
        expected.clear();
        killed = false;
    }

    /** Whether it may end so. */
    boolean allows(ExitStatus end) {
        return switch (end) {
            case ExitStatus.Exited exited -> expected.stream().anyMatch(exit -> exit.code() == exited.code());
            case ExitStatus.Killed by -> killed && by.signal() == Signals.SIGKILL;
        };
    }

    /** An end in words without numbers. */
    static String text(ExitStatus end) {
        return switch (end) {
            case ExitStatus.Exited exited -> {
                String meaning = ProcessExit.meaningOf(exited.code());
                yield "it exits: " + (meaning.isEmpty() ? "with a code that is none of ours" : meaning);
            }
            case ExitStatus.Killed by -> "killed by " + Signals.name(by.signal());
        };
    }
}
