package io.jvmm.ipc.link;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SpinLimitTest {
    private static final long LONGEST_NS = 50_000;
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

    @Test
    void zeroNeverLooksAndShortLimitsStayShort() {
        assertEquals(0, new SpinLimit(0).limitNs(now(), true));
        SpinLimit limit = new SpinLimit(300);
        limit.inVain(now() - 1);
        limit.inVain(now());
        assertEquals(300, limit.limitNs(now(), true));
    }
}
