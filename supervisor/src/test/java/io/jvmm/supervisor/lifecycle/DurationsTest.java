package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DurationsTest {
    @Test
    void nothingIsNothing() {
        Durations d = new Durations();
        assertEquals(0, d.quantileNs(0.5));
        assertEquals(0, d.maxNs());
    }

    @Test
    void quantilesAreRightToASixteenth() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        long[] values = new long[1000];
        Durations d = new Durations();
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextLong() >>> (1 + random.nextInt(60));
            d.add(values[i]);
        }
        Arrays.sort(values);
        for (double part : new double[] {0.01, 0.5, 0.9, 0.99, 1}) {
            long exact = values[(int) Math.ceil(part * values.length) - 1];
            long got = d.quantileNs(part);
            assertTrue(got >= exact && got - exact <= exact / 16 + 1, "seed " + seed + ": " + exact + " " + got);
        }
        assertEquals(values[values.length - 1], d.maxNs());
        assertEquals(1000, d.count());
    }

    @Test
    void extremesHaveTheirPlace() {
        Durations d = new Durations();
        d.add(-1);
        d.add(Long.MAX_VALUE);
        assertEquals(0, d.quantileNs(0.5));
        assertEquals(Long.MAX_VALUE, d.quantileNs(1));
    }

    @Test
    void textForPeople() {
        Durations d = new Durations();
        d.add(7_340_000);
        assertEquals("p50 7.3 ms, p99 7.3 ms, max 7.3 ms (1 time)", d.text());
        assertEquals("0.0 ms", Durations.millis(0));
        assertEquals("100 ms", Durations.millis(99_970_000));
        assertEquals("1304 ms", Durations.millis(1_304_123_456));
    }
}
