package io.jvmm.device.api;

import io.jvmm.ipc.sys.Errno;

/**
 * What a back end does when a client waits and cannot be taken, because the process or the host has no room for another
 * descriptor: it looks away from the listening socket for a while. The socket would be readable all the time, and looking at it
 * would be all the process does; the client stays where it is, in the kernel's queue. Said once in the life of a process.
 *
 * <p>Device thread. Allocates nothing but for what is said.
 */
public final class AcceptPause {

    /** How long it looks away. */
    static final long PAUSE_NS = 100_000_000;

    private final String whose;
    private final HostEvents events;
    private long untilNs = DeviceCore.NO_DEADLINE;
    private boolean said;

    /** @param whose for the log: {@code "function 0"} */
    public AcceptPause(String whose, HostEvents events) {
        this.whose = whose;
        this.events = events;
    }

    /**
     * Accepting failed.
     *
     * @param result a negated errno
     * @return whether to look away from now on; false when there was nobody, or somebody who has gone again
     */
    public boolean begins(long result, long nowNs) {
        if (Errno.EAGAIN.is(result) || Errno.EINTR.is(result) || Errno.ECONNABORTED.is(result)) {
            return false;
        }
        untilNs = nowNs + PAUSE_NS;
        if (!said) {
            said = true;
            Errno errno = Errno.of((int) -result);
            events.warn(whose + ": a client waits and cannot be taken: " + errno
                    + (errno.cure().isEmpty() ? "" : "; " + errno.cure()));
        }
        return true;
    }

    /** Whether it looks away. */
    public boolean active() {
        return untilNs != DeviceCore.NO_DEADLINE;
    }

    /** Whether the pause has been and is over: look again. */
    public boolean ends(long nowNs) {
        if (untilNs > nowNs || !active()) {
            return false;
        }
        untilNs = DeviceCore.NO_DEADLINE;
        return true;
    }

    /** When it is over: for {@link Backend#nextDeadlineNs}. */
    public long nextDeadlineNs() {
        return untilNs;
    }
}
