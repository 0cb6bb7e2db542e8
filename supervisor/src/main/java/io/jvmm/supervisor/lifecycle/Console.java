package io.jvmm.supervisor.lifecycle;

import java.io.PrintStream;

/**
 * Where the supervisor speaks to its user: standard error, one line at a time. While the guest has the terminal in raw mode a
 * line must bring its own carriage return. Any thread.
 */
public final class Console {
    /** How much is told. */
    public enum Detail {
        /** Problems only. */
        QUIET,
        /** And how things go, where it takes long. */
        NORMAL,
        /** And what the processes log, and times. */
        VERBOSE
    }

    private static final long GUEST_MAY_HAVE_WRITTEN_NS = 50_000_000;

    private final PrintStream err;
    private final Detail detail;
    private final long createdNs = System.nanoTime();
    private boolean raw;
    private boolean afterGuest;
    private long saidNs;
    private boolean ticking;

    public Console(PrintStream err, Detail detail) {
        this.err = err;
        this.detail = detail;
    }

    /** Says whether the terminal is raw. */
    public synchronized void setRaw(boolean raw) {
        this.raw = raw;
        afterGuest |= raw;
    }

    /** Something that must be told. */
    public synchronized void say(String line) {
        endTicks();
        long now = System.nanoTime();
        // Where the guest has left the cursor is not known; lines that follow one another need no gap.
        boolean freshLine = afterGuest && now - saidNs > GUEST_MAY_HAVE_WRITTEN_NS;
        String end = raw ? "\r\n" : "\n";
        err.print((freshLine ? end : "") + line + end);
        err.flush();
        saidNs = now;
    }

    /** How things go. */
    public void progress(String line) {
        if (detail != Detail.QUIET) {
            say(line);
        }
    }

    /** A sign of life, a dot behind those before it, when nothing has been said for so long. */
    public synchronized void tick(long silenceNs) {
        long now = System.nanoTime();
        if (detail != Detail.NORMAL || now - Math.max(saidNs, createdNs) < silenceNs) {
            return;
        }
        err.print(ticking ? "." : "jvmm: .");
        err.flush();
        ticking = true;
        saidNs = now;
    }

    /** The dots end. */
    public synchronized void endTicks() {
        if (ticking) {
            ticking = false;
            err.print(raw ? "\r\n" : "\n");
            err.flush();
        }
    }

    /** How far the supervisor has come, for those who measure; the clock begins with the console, that is with main. */
    public void stage(String reached) {
        if (detail == Detail.VERBOSE) {
            say("jvmm: " + reached + " after " + (System.nanoTime() - createdNs) / 1_000_000 + " ms");
        }
    }

    /** What only the curious want. */
    public void detail(String line) {
        if (detail == Detail.VERBOSE) {
            say(line);
        }
    }
}
