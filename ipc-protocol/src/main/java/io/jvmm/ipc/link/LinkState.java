package io.jvmm.ipc.link;

import io.jvmm.ipc.ring.Violation;
import org.jspecify.annotations.Nullable;

/**
 * Health of one end of a link, shared by the threads that use it. Only the first cause of each decline is kept. Every change
 * wakes those who wait in {@link #awaitOpen}; those who wait inside the link are woken by the endpoint.
 */
final class LinkState {
    private static final long NS_PER_MS = 1_000_000;

    private volatile LinkHealth health = LinkHealth.CONNECTED;
    private volatile @Nullable Violation violation;
    private volatile long hungAfterNs;
    /** Someone has waited for the successor as long as anybody may: nobody else waits for it. */
    private volatile boolean inVain;
    /** Nobody waits for a successor any more, whichever. */
    private volatile boolean released;
    /** The link will be, or is being, scrubbed. */
    private boolean renewing;
    /** How often it has been. */
    private volatile int renewals;
    /** When the last successor came; meaningless while {@link #succeeded} is false. */
    private volatile long backNs;

    private volatile boolean succeeded;
    /** How often any of this has changed. */
    private volatile int changes;

    LinkHealth health() {
        return health;
    }

    /** Changes whenever anything does on which a deadline depends. Read it first. */
    int changes() {
        return changes;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // only ever under this lock
    private void changed() {
        changes++;
        notifyAll();
    }

    boolean connected() {
        return health == LinkHealth.CONNECTED;
    }

    /** True for the first cause; later ones change nothing. */
    synchronized boolean hung(long waitedNs) {
        if (health != LinkHealth.CONNECTED) {
            return false;
        }
        hungAfterNs = Math.max(waitedNs, 1);
        health = LinkHealth.HUNG;
        changed();
        return true;
    }

    /** True for the first cause; later ones change nothing. */
    synchronized boolean sever(Violation cause) {
        // A link that is kept after a violation can be found spoilt once more; who finds it must not try for ever.
        if (health == LinkHealth.BROKEN || (violation != null && health != LinkHealth.AWAY)) {
            return false;
        }
        violation = violation == null ? cause : violation;
        // One that is awaited is trusted again when it comes, and not entered before.
        health = isAway() ? LinkHealth.RENEWING : LinkHealth.SEVERED;
        changed();
        return true;
    }

    /** The scratch machine's way out of HUNG, without a successor. */
    synchronized void reconnect() {
        if (health == LinkHealth.HUNG) {
            hungAfterNs = 0;
            health = LinkHealth.CONNECTED;
            changed();
        }
    }

    /**
     * A successor is awaited from now on.
     *
     * @param renew nobody may be inside the link until it comes
     * @param shut nobody can use it until then
     * @return false when there will be none
     */
    synchronized boolean away(boolean renew, boolean shut) {
        if (health == LinkHealth.BROKEN) {
            return false;
        }
        if (!isAway()) {
            inVain = false;
        }
        renewing |= renew;
        hungAfterNs = 0;
        health = renewing || shut ? LinkHealth.RENEWING : LinkHealth.AWAY;
        changed();
        return true;
    }

    /** The successor is there. False when none was awaited. */
    synchronized boolean back(long nowNs) {
        if (!isAway()) {
            return false;
        }
        violation = null;
        inVain = false;
        if (renewing) {
            renewing = false;
            renewals++;
        }
        backNs = nowNs;
        succeeded = true;
        health = LinkHealth.CONNECTED;
        changed();
        return true;
    }

    /** There will be no successor. */
    synchronized void breakDown() {
        health = LinkHealth.BROKEN;
        changed();
    }

    /** Nobody waits for a successor any more. */
    synchronized void release() {
        released = true;
        changed();
    }

    boolean isAway() {
        return health == LinkHealth.AWAY || health == LinkHealth.RENEWING;
    }

    boolean isReleased() {
        return released;
    }

    /** How often the link has been scrubbed. Does not change while the caller is inside. */
    int renewals() {
        return renewals;
    }

    /** Whether the last successor came less than {@code ns} ago. */
    boolean cameWithin(long ns, long nowNs) {
        return succeeded && nowNs - backNs < ns;
    }

    /** Until when an access that began at {@code startNs} waits, the link being in this health. */
    long deadlineNs(LinkHealth seen, long startNs, WaitPolicy wait) {
        return switch (seen) {
            case CONNECTED, HUNG -> {
                long ordinary = startNs + wait.timeoutNs();
                boolean extended = succeeded && backNs - startNs > 0;
                yield extended
                        ? startNs
                                + Math.max(
                                        wait.timeoutNs(),
                                        Math.min(wait.replaceTimeoutNs(), backNs - startNs + wait.timeoutNs()))
                        : ordinary;
            }
            case AWAY, RENEWING, SEVERED -> inVain || released ? startNs : startNs + wait.replaceTimeoutNs();
            case BROKEN -> startNs;
        };
    }

    /** An access has waited until its deadline. */
    synchronized void waitedInVain() {
        if (!inVain && (isAway() || health == LinkHealth.SEVERED)) {
            inVain = true;
            changed();
        }
    }

    /**
     * Waits, outside the link, until it may be entered.
     *
     * @return false when it is broken, or the time is over; the caller may not wait again for this access
     */
    synchronized boolean awaitOpen(long startNs, WaitPolicy wait) {
        try {
            while (health == LinkHealth.RENEWING || health == LinkHealth.SEVERED) {
                long leftNs = deadlineNs(health, startNs, wait) - System.nanoTime();
                if (leftNs <= 0) {
                    waitedInVain();
                    return false;
                }
                wait(leftNs / NS_PER_MS + 1);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        return health != LinkHealth.BROKEN;
    }

    @Nullable
    Violation violation() {
        return violation;
    }

    long hungAfterNs() {
        return hungAfterNs;
    }
}
