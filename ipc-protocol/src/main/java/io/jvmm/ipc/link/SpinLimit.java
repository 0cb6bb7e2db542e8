package io.jvmm.ipc.link;

/**
 * How long one waiter looks before it sleeps. As long as looking pays it is the longest time allowed; after two looks within
 * {@link #PENALTY_NS} that ended in sleep it is, for as long, only {@link #BRIEF_NS}, or nothing if the peer sleeps. One alone is
 * forgiven: a third process may have had the peer's core for a moment.
 *
 * <p>Why: two waiters that share a core keep each other from running while they look, so that each answer costs the whole look;
 * that must not go on for ever. And two that have both fallen asleep cost each other two wake-ups an answer, each of which may take
 * longer than the look: one that looks longer than a wake-up takes ends that.
 *
 * <p>One thread. Times are those of {@link System#nanoTime()}. Nothing is allocated.
 */
public final class SpinLimit {
    /** Looking this long costs less than a sleep and a wake-up. */
    static final long BRIEF_NS = 1_000;

    /** After looking in vain twice. With the usual limit of 50 microseconds, at most a tenth of a core is wasted so. */
    static final long PENALTY_NS = 1_000_000;

    private final long longestNs;
    private long penaltyEndNs;
    private boolean penalized;
    /** When it last looked in vain, if ever. */
    private long lastNs;

    private boolean vain;

    /** A limit of {@code longestNs} at most; 0: never look, sleep at once. */
    public SpinLimit(long longestNs) {
        this.longestNs = longestNs;
    }

    /**
     * How long to look now, in nanoseconds.
     *
     * @param peerAwake whether the peer did not have to be woken last time
     */
    public long limitNs(long nowNs, boolean peerAwake) {
        if (penalized) {
            if (nowNs - penaltyEndNs < 0) {
                return peerAwake ? Math.min(longestNs, BRIEF_NS) : 0;
            }
            penalized = false;
        }
        return longestNs;
    }

    /** The waiter has looked for as long as {@link #limitNs} said, and is about to sleep. */
    public void inVain(long nowNs) {
        if (!penalized && vain && nowNs - lastNs < PENALTY_NS) {
            penalized = true;
            penaltyEndNs = nowNs + PENALTY_NS;
        }
        vain = true;
        lastNs = nowNs;
    }
}
