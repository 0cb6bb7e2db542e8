package io.jvmm.ipc.trace;

/** A replay is over, in the middle of whatever the core was doing: thrown through it by {@link ReplayTape}, caught by the replayer. */
public final class ReplayStop extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Why why;
    private final long record;

    /** What ended it. */
    public enum Why {
        /** The core did something else than what was recorded. */
        DIFFERENCE,
        /** Nothing more was recorded: the process was killed here, or the tail was torn. */
        END_OF_TRACE,
        /** What follows is no trace, or cannot be read. */
        DAMAGED
    }

    ReplayStop(Why why, long record, String message) {
        super(message);
        this.why = why;
        this.record = record;
    }

    public Why why() {
        return why;
    }

    /** Number of the record, from 0. */
    public long record() {
        return record;
    }
}
