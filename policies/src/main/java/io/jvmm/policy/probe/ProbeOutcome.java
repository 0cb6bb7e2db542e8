package io.jvmm.policy.probe;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Signals;

/** What came of a tried call. */
public sealed interface ProbeOutcome {
    /** It returned. {@code result}: a negated errno for an error. */
    record Returned(long result) implements ProbeOutcome {}

    /** It was the end of the process. */
    record Killed(int signal) implements ProbeOutcome {}

    /** Neither, within the time. */
    record Hung() implements ProbeOutcome {}

    /** The process ended otherwise, or never got that far. */
    record Unknown(String why) implements ProbeOutcome {}

    /** SIGSYS: a filter has killed the process. */
    int SIGSYS = 31;

    /** Whether the kernel did what it was asked to do. */
    default boolean succeeded() {
        return this instanceof Returned(long result) && (result >= 0 || result < -4095);
    }

    /** As the table has it: "SIGSYS", "EACCES", "ok". */
    default String word() {
        return switch (this) {
            case Returned(long result) -> succeeded() ? "ok" : name((int) -result);
            case Killed(int signal) -> Signals.name(signal);
            case Hung h -> "HANGS";
            case Unknown u -> "?";
        };
    }

    private static String name(int errno) {
        Errno known = Errno.of(errno);
        return known == Errno.UNKNOWN ? "errno " + errno : known.name();
    }
}
