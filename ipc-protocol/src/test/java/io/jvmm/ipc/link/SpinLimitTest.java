package io.jvmm.ipc.link;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SpinLimitTest {
    private static final long LONGEST_NS = 50_000;
    private static final long SECOND_NS = 1_000_000_000;
    /** Near the place where the clock wraps. */
    private static long now() {
        return Long.MAX_VALUE - 10_000;
    }

    @Test
    void looksAsLongAsAllowedWhileThatPays() {
        SpinLimit limit = new SpinLimit(LONGEST_NS);
        assertEquals(LONGEST_NS, limit.limitNs(now(), true));
        assertEquals(LONGEST_NS, limit.limitNs(now() + 1_000_000_000, false));
    }

    /** The peer's core had something else to do. */
    @Test
    void oneLookInVainIsForgiven() {
        SpinLimit limit = new SpinLimit(LONGEST_NS);
        for (int n = 0; n < 10; n++) {
            long at = now() + n * SpinLimit.PENALTY_NS;
            limit.inVain(at);
            assertEquals(LONGEST_NS, limit.limitNs(at + 1, true));
        }
    }

    @Test
    void afterTwoLooksInVainOnlyBrieflyForAWhile() {
        SpinLimit limit = new SpinLimit(LONGEST_NS);
        limit.inVain(now() - SpinLimit.PENALTY_NS + 1);
        limit.inVain(now());
        assertEquals(SpinLimit.BRIEF_NS, limit.limitNs(now(), true));
        assertEquals(0, limit.limitNs(now(), false), "a peer that sleeps takes longer than a brief look");
        assertEquals(SpinLimit.BRIEF_NS, limit.limitNs(now() + SpinLimit.PENALTY_NS - 1, true));
        assertEquals(LONGEST_NS, limit.limitNs(now() + SpinLimit.PENALTY_NS, false));
    }

    /** Else a waiter whose brief looks are in vain, too, would never try a long one again. */
    @Test
    void aBriefLookInVainDoesNotProlongThePenalty() {
        SpinLimit limit = new SpinLimit(LONGEST_NS);
        limit.inVain(now() - 1);
        limit.inVain(now());
        limit.inVain(now() + SpinLimit.PENALTY_NS / 2);
        assertEquals(LONGEST_NS, limit.limitNs(now() + SpinLimit.PENALTY_NS, true));
    }

    /** One that has been busy for eight times as long as it may save. */
    private static SpinLimit rich(long beginNs) {
        SpinLimit limit = SpinLimit.saving(LONGEST_NS);
        assertEquals(LONGEST_NS, limit.limitNs(beginNs, true));
        int looks = (int) ((SpinLimit.MOST_SAVED_NS << SpinLimit.SAVED_SHIFT) / LONGEST_NS);
        for (int n = 1; n < looks; n++) {
            assertEquals(LONGEST_NS, limit.limitNs(beginNs + n * LONGEST_NS, true), "not yet");
        }
        assertEquals(
                LONGEST_NS + SpinLimit.MOST_SAVED_NS,
                limit.limitNs(beginNs + looks * LONGEST_NS, false),
                "from now on");
        return limit;
    }

    @Test
    void whoIsBusySavesAnEighthOfItsTime() {
        SpinLimit limit = rich(now());
        limit.looked(LONGEST_NS);
        assertEquals(LONGEST_NS + SpinLimit.MOST_SAVED_NS, limit.limitNs(now() + SECOND_NS, false), "nothing spent");
        limit.looked(LONGEST_NS + 1_000_000);
        assertEquals(LONGEST_NS + SpinLimit.MOST_SAVED_NS - 1_000_000, limit.limitNs(now() + 2 * SECOND_NS, false));
    }

    /** And is penalized as before, or it would look for a tick each time. */
    @Test
    void whatIsSpentHasToBeSavedAgain() {
        SpinLimit limit = rich(now());
        limit.looked(LONGEST_NS + SpinLimit.MOST_SAVED_NS);
        limit.inVain(now() + SECOND_NS - 1);
        assertEquals(LONGEST_NS, limit.limitNs(now() + SECOND_NS, true));
        limit.inVain(now() + SECOND_NS);
        assertEquals(0, limit.limitNs(now() + SECOND_NS, false));
    }

    /** Even with penalties: so two that share a core come apart. */
    @Test
    void whoIsPenalizedSavesToo() {
        SpinLimit limit = SpinLimit.saving(LONGEST_NS);
        long at = now();
        long longest = 0;
        for (long gap = 0; gap < 2 * (SpinLimit.MOST_SAVED_NS << SpinLimit.SAVED_SHIFT); gap += LONGEST_NS) {
            long lookNs = limit.limitNs(at + gap, false);
            longest = Math.max(longest, lookNs);
            if (lookNs > 0) {
                limit.looked(lookNs);
                limit.inVain(at + gap);
            }
        }
        assertEquals(LONGEST_NS + SpinLimit.MOST_SAVED_NS, longest);
    }

    /** A guest that does something now and then does not make a core spin for a tick each time. */
    @Test
    void whoHasLittleToDoSavesNothing() {
        SpinLimit limit = SpinLimit.saving(LONGEST_NS);
        for (int n = 0; n < 10_000; n++) {
            assertEquals(LONGEST_NS, limit.limitNs(now() + n * (LONGEST_NS + 1), true));
        }
        SpinLimit never = SpinLimit.saving(0);
        SpinLimit plain = new SpinLimit(LONGEST_NS);
        for (int n = 0; n < 10_000; n++) {
            assertEquals(0, never.limitNs(now() + n * 10_000L, true));
            assertEquals(LONGEST_NS, plain.limitNs(now() + n * 10_000L, true));
        }
    }

    @Test
    void zeroNeverLooksAndShortLimitsStayShort() {
        assertEquals(0, new SpinLimit(0).limitNs(now(), true));
        SpinLimit limit = new SpinLimit(300);
        limit.inVain(now() - 1);
        limit.inVain(now());
        assertEquals(300, limit.limitNs(now(), true));
    }
}
