package io.jvmm.supervisor.lifecycle;

/** So many at once, and one more in each stretch of time after that. Pure: the time comes in. */
final class TokenBucket {
    private final long nsPerToken;
    private final long fullNs;
    private long savedNs;
    private long refilledNs;

    /** A full bucket of {@code burst} tokens. */
    TokenBucket(int burst, long nsPerToken, long nowNs) {
        this.nsPerToken = nsPerToken;
        this.fullNs = burst * nsPerToken;
        this.savedNs = fullNs;
        this.refilledNs = nowNs;
    }

    /** Takes a token; false if there is none. */
    boolean take(long nowNs) {
        refill(nowNs);
        if (savedNs < nsPerToken) {
            return false;
        }
        savedNs -= nsPerToken;
        return true;
    }

    /**
     * Pays for what has been done already, on credit if need be.
     *
     * @return whether there is something left
     */
    boolean spend(int tokens, long nowNs) {
        refill(nowNs);
        savedNs = Math.max(savedNs - tokens * nsPerToken, -fullNs);
        return savedNs > 0;
    }

    private void refill(long nowNs) {
        savedNs = Math.min(fullNs, savedNs + (nowNs - refilledNs));
        refilledNs = nowNs;
    }
}
