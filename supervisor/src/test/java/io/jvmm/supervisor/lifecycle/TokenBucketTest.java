package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class TokenBucketTest {
    @Test
    void aBurstAndThenOneInEachStretchOfTime() {
        TokenBucket b = new TokenBucket(3, 10, 100);
        takeThree(b, 100);
        assertFalse(b.take(109));
        assertTrue(b.take(110));
        assertFalse(b.take(119));
        assertTrue(b.take(120));
        takeThree(b, 1000);
        assertFalse(b.take(1000), "but no fuller than full");
    }

    private static void takeThree(TokenBucket bucket, long nowNs) {
        for (int i = 0; i < 3; i++) {
            assertTrue(bucket.take(nowNs));
        }
    }

    @Test
    void debtsHaveALimit() {
        TokenBucket b = new TokenBucket(3, 10, 0);
        assertTrue(b.spend(2, 0));
        assertFalse(b.spend(1000, 0));
        assertFalse(b.take(39));
        assertTrue(b.take(40));
    }
}
