package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.ChainFuzz;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nonsense in great amounts; {@code -Djvmm.fuzz.cases=1000000} for more of it. */
@Timeout(value = 60, unit = TimeUnit.MINUTES)
class FuzzTest {

    @Test
    void chainsAndRegisters() {
        int cases = ChainFuzz.cases(30_000);
        String done = new ChainFuzz(new EchoFactory(), 20261121).run(cases);
        System.out.println(done);
        System.out.println(new ChainFuzz(new EchoFactory(64, false), System.nanoTime()).run(cases));
        assertTrue(done.contains("guest errors"));
    }

    @Test
    void severalFunctions() {
        Map<String, String> two = Map.of("functions", "2");
        System.out.println(new ChainFuzz(new EchoFactory(), two, Map.of(), 4).run(ChainFuzz.cases(5_000)));
    }

    @Test
    void states() {
        assertTrue(ChainFuzz.states(new EchoFactory(), Map.of(), Map.of(), 7, ChainFuzz.cases(500)) > 0);
    }

    @Test
    void memoryThatChanges() {
        ChainFuzz fuzz = new ChainFuzz(new EchoFactory(), System.nanoTime()).meddled();
        System.out.println(fuzz.run(ChainFuzz.cases(10_000)));
    }
}
