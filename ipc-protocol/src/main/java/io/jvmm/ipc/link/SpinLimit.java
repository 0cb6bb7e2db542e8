package io.jvmm.ipc.link;

/**
 * How long one waiter looks before it sleeps. As long as looking pays it is what was agreed; after two looks within
 * {@link #PENALTY_NS} that ended in sleep it is, for as long, only {@link #BRIEF_NS}, or nothing if the peer sleeps. One alone is
 * forgiven: a third process may have had the peer's core for a moment.
 *
 * <p>Why: two waiters that share a core keep each other from running while they look, so that each answer costs the whole look;
 * that must not go on for ever. And two that have both fallen asleep cost each other two wake-ups an answer, each of which may take
 * longer than the look: one that looks longer than a wake-up takes ends that.
 *
 * <p>Whose peer answers at once when it has a core, as a vCPU that reads a register, is made with {@link #saving}: while it is busy it saves an eighth of its time,
 * {@link #MOST_SAVED_NS} at most, and once it has that it looks longer by what is left of it. So it outlasts a third process that has the peer's core
 * for a millisecond. If it slept, it might be woken on the peer's core, and there they would stay: the two would run in turns, never both be
 * ready to run, and the scheduler would see nothing to move to a core that is idle. Those that share one are both ready to run
 * while one spends what it has saved, which is for a tick of the scheduler's. Where there is no other core, all that is lost. (To
 * save less after it was spent soon is no cure: a third process that comes back often has the same effect.)
 *
 * <p>One thread. Times are those of {@link System#nanoTime()}. Nothing is allocated.
 */
public final class SpinLimit {
    /** Looking this long costs less than a sleep and a wake-up. */
    static final long BRIEF_NS = 1_000;

    /** After looking in vain twice. With the usual limit of 50 microseconds, at most a tenth of a core is wasted so, besides what is saved. */
    static final long PENALTY_NS = 1_000_000;

    /** A tick of a kernel that has 250 a second. */
    static final long MOST_SAVED_NS = 4_000_000;
    /** An eighth. */
    static final int SAVED_SHIFT = 3;

    private final long longestNs;
    private final boolean saves;
    private long penaltyEndNs;
    private boolean penalized;
    /** When it last looked in vain, if ever. */
    private long lastNs;

    private boolean vain;

    private long savedNs;
    /** Until when time has been counted. */
    private long countedNs;
    /** Has saved all that it may, and has not spent it yet. */
    private boolean spends;

    /** A limit of {@code longestNs}; 0: never look, sleep at once. */
    public SpinLimit(long longestNs) {
        this(longestNs, false);
    }

    private SpinLimit(long longestNs, boolean saves) {
        this.longestNs = longestNs;
        this.saves = saves;
    }

    /** One of {@code longestNs} and what has been saved; 0: never look, whatever happens. */
    public static SpinLimit saving(long longestNs) {
        return new SpinLimit(longestNs, longestNs > 0);
    }

    /**
     * How long to look now, in nanoseconds.
     *
     * @param peerAwake whether the peer did not have to be woken last time
     */
    public long limitNs(long nowNs, boolean peerAwake) {
        if (saves) {
            save(nowNs);
        }
        penalized &= nowNs - penaltyEndNs < 0;
        if (spends) {
            return longestNs + savedNs;
        }
        if (penalized) {
            return peerAwake ? Math.min(longestNs, BRIEF_NS) : 0;
        }
        return longestNs;
    }

    /** Time between two looks counts where it is short: otherwise it had something else to do. */
    private void save(long nowNs) {
        long gapNs = nowNs - countedNs;
        countedNs = nowNs;
        if (gapNs > 0 && gapNs <= longestNs) {
            savedNs = Math.min(savedNs + (gapNs >> SAVED_SHIFT), MOST_SAVED_NS);
            spends |= savedNs == MOST_SAVED_NS;
        }
    }

    /** A look has ended, in vain or not, that took so long. */
    public void looked(long lengthNs) {
        long spentNs = lengthNs - longestNs;
        if (spends && spentNs > 0) {
            savedNs -= spentNs;
            if (savedNs < BRIEF_NS) {
                savedNs = 0;
                spends = false;
            }
        }
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
