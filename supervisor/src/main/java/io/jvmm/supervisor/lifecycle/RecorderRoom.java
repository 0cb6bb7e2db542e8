package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.LogLevel;

/**
 * Whether the recorder has room on its disk, as it says, and what the user is told of that: each change, but not more often than every {@link #QUIET_NS},
 * for the recorder may be somebody else's by now. Event-loop thread only.
 */
final class RecorderRoom {
    private static final long QUIET_NS = 10_000_000_000L;

    private final Telling telling;
    private boolean full;
    private String lack = "";
    /** Whether the user knows that it is full. */
    private boolean told;
    /** When the user may be told again. */
    private long tellNs = Long.MIN_VALUE;

    private int pid;

    /** Tells observers of an event, and the user in a line. */
    interface Telling {
        void tell(LogLevel level, int pid, String event, String line);
    }

    RecorderRoom(Telling telling) {
        this.telling = telling;
    }

    boolean isFull() {
        return full;
    }

    /** What there is no room for; empty while there is. */
    String lack() {
        return full ? lack : "";
    }

    /**
     * The recorder says that the disk is full.
     *
     * @param pid of the recorder
     * @param why a sentence without an end
     * @throws IllegalArgumentException when it has said so before
     */
    void full(int pid, String why, long nowNs) {
        if (full) {
            throw new IllegalArgumentException("it says that the disk is full, and has said so before");
        }
        full = true;
        lack = why;
        told = false;
        this.pid = pid;
        tick(nowNs);
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return full && !told ? tellNs : MachineLifecycle.NEVER;
    }

    /** Tells what could not be told sooner, if it is still so: the last word is true. */
    void tick(long nowNs) {
        if (full && !told && nowNs >= tellNs) {
            told = true;
            tellNs = nowNs + QUIET_NS;
            String event = "nothing is recorded for now: " + lack;
            telling.tell(
                    LogLevel.ERROR, pid, event, event + ". The machine goes on, and recording when there is room.");
        }
    }

    /**
     * The recorder says that there is room again.
     *
     * @param pid of the recorder
     * @throws IllegalArgumentException when it has not said that there is none
     */
    void room(int pid) {
        if (!full) {
            throw new IllegalArgumentException("it says that there is room again, and has not said that there is none");
        }
        full = false;
        if (told) {
            telling.tell(
                    LogLevel.INFO,
                    pid,
                    "there is room again: recording goes on",
                    "there is room in the journal directory again: recording goes on.");
        }
    }

    /** That recorder has gone; the next one looks for itself. */
    void forget() {
        full = false;
    }
}
