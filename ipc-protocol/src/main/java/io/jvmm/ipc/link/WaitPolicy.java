package io.jvmm.ipc.link;

/**
 * How long to wait, and how. Waiting is adaptive: spin first, because an answer usually comes within a microsecond, then
 * sleep in the kernel ({@link SpinLimit}). With fewer cores than busy processes spinning only keeps the peer from running: use 0 there.
 *
 * @param spinNs nanoseconds to spin before sleeping, apart from what {@link SpinLimit} saves; 0 sleeps at once
 * @param timeoutNs nanoseconds after which a read, or a write to a full ring, gives the device up as hung; positive
 * @param replaceTimeoutNs nanoseconds after which an access to a device whose successor is awaited is given up; positive
 */
public record WaitPolicy(long spinNs, long timeoutNs, long replaceTimeoutNs) {
    /** A device that has not answered for this long is hung. */
    public static final long DEFAULT_TIMEOUT_NS = 1_000_000_000L;

    public WaitPolicy {
        if (spinNs < 0 || timeoutNs <= 0 || replaceTimeoutNs <= 0) {
            throw new IllegalArgumentException("wait policy: spin " + spinNs + " ns, time-out " + timeoutNs
                    + " ns, for a successor " + replaceTimeoutNs + " ns");
        }
    }

    /** Waits no longer for a successor than for an answer. */
    public WaitPolicy(long spinNs, long timeoutNs) {
        this(spinNs, timeoutNs, timeoutNs);
    }

    /** Spins for {@code spinNs}, with the default time-out. */
    public static WaitPolicy spinning(long spinNs) {
        return new WaitPolicy(spinNs, DEFAULT_TIMEOUT_NS);
    }
}
