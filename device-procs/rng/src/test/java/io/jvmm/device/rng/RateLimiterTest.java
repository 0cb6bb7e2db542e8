package io.jvmm.device.rng;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteOrder;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** The token bucket by itself. */
class RateLimiterTest {

    private static final long SECOND_NS = 1_000_000_000;

    private final UnsafeBuffer state = new UnsafeBuffer(new byte[RngStateLayout.LENGTH_BYTES]);

    private RateLimiter full(int rate, long nowNs) {
        RateLimiter limiter = new RateLimiter(rate, state);
        limiter.fill(nowNs);
        return limiter;
    }

    @Test
    void zeroIsNoLimit() {
        RateLimiter limiter = full(0, 0);
        assertEquals(Integer.MAX_VALUE, limiter.granted(Integer.MAX_VALUE, 0));
        assertEquals(Long.MAX_VALUE, limiter.dueNs(1));
        assertTrue(limiter.plausible());
    }

    /** One byte in a second, looked at a thousand times in it: the fractions are not lost. */
    @Test
    void manyLooksLoseNothing() {
        RateLimiter limiter = full(1, 0);
        limiter.take(1);
        long nowNs = 0;
        int granted = 0;
        while (nowNs < 100 * SECOND_NS) {
            nowNs += SECOND_NS / 1000;
            int now = limiter.granted(64, nowNs);
            limiter.take(now);
            granted += now;
        }
        assertEquals(100, granted);
    }

    @Test
    void theLargestRateDoesNotOverflow() {
        RateLimiter limiter = full(Integer.MAX_VALUE, 0);
        limiter.take(Integer.MAX_VALUE);
        assertEquals(0, limiter.granted(64, 0));
        assertEquals(64, limiter.granted(64, limiter.dueNs(64)));
        assertEquals(1 << 30, limiter.granted(1 << 30, SECOND_NS - 1));
    }

    @Test
    void aDueTimeIsWhenItGivesSomething() {
        for (int rate : new int[] {1, 3, 7, 63, 64, 1000, 1_000_003}) {
            RateLimiter limiter = full(rate, 5);
            limiter.take(rate);
            for (int wanted : new int[] {1, 5, 64, 1 << 20}) {
                assertEquals(0, limiter.granted(wanted, 5));
                long dueNs = limiter.dueNs(wanted);
                assertTrue(limiter.granted(wanted, dueNs) > 0, "rate " + rate + " wanted " + wanted);
                limiter.fill(5);
                limiter.take(rate);
            }
        }
    }

    @Test
    void theClockOfAnotherBootBeginsAnew() {
        for (long filledNs : new long[] {Long.MAX_VALUE, Long.MIN_VALUE, -1, 1_000_000}) {
            RateLimiter limiter = full(100, 0);
            limiter.take(100);
            state.putLong(RngStateLayout.FILLED_NS, filledNs, ByteOrder.LITTLE_ENDIAN);
            assertEquals(0, limiter.granted(10, 1000));
            assertTrue(limiter.dueNs(10) <= 1000 + SECOND_NS, "from " + filledNs);
            assertEquals(10, limiter.granted(10, 1000 + SECOND_NS / 2));
        }
    }

    @Test
    void moreThanItHoldsCannotBe() {
        RateLimiter limiter = full(100, 0);
        for (long tokens : new long[] {101, -1, Long.MIN_VALUE}) {
            state.putLong(RngStateLayout.TOKENS, tokens, ByteOrder.LITTLE_ENDIAN);
            assertFalse(limiter.plausible());
        }
    }
}
