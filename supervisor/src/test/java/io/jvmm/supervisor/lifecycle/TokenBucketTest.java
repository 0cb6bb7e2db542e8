package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class TokenBucketTest {
    @Test
    void aBurstAndThenOneInEachStretchOfTime() {
        TokenBucket b = new TokenBucket(3, 10, 100);
        assertTrue(b.take(100) && b.take(100) && b.take(100));
        assertFalse(b.take(109));
        assertTrue(b.take(110));
        assertFalse(b.take(119));
        assertTrue(b.take(120));
        assertTrue(b.take(1000) && b.take(1000) && b.take(1000), "full again");
        assertFalse(b.take(1000), "but no fuller than full");
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
