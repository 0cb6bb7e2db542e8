package io.jvmm.device.rng;

import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.ipc.TestSeed;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nonsense from the driver, with a limit and without; a million cases with {@code -Djvmm.fuzz.cases=1000000}. */
@Timeout(3600)
class RngFuzzTest {

    @Test
    void nothingHurts() {
        long seed = TestSeed.next();
        System.out.println(new ChainFuzz(new RngDevice(), Map.of("0.rate-bytes", "0"), Map.of(), seed)
                .run(ChainFuzz.cases(20_000)));
    }

    @Test
    void nothingHurtsALimitedOne() {
        long seed = TestSeed.next();
        System.out.println(new ChainFuzz(new RngDevice(), seed).run(ChainFuzz.cases(20_000)));
    }

    @Test
    void nothingHurtsInMemoryThatChanges() {
        long seed = TestSeed.next();
        ChainFuzz fuzz = new ChainFuzz(new RngDevice(), Map.of("0.rate-bytes", "0"), Map.of(), seed);
        System.out.println(fuzz.meddled().run(ChainFuzz.cases(5_000)));
    }
}
