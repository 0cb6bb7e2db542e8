package io.jvmm.device.balloon;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.ipc.TestSeed;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Nonsense from the driver; a million cases with {@code -Djvmm.fuzz.cases=1000000}. Pages are not given back but looked at: that would
 * change memory which the fuzz watches, and what is in it.
 */
@Timeout(3600)
class BalloonFuzzTest {

    @Test
    void nothingHurts() {
        System.out.println(fuzz().run(ChainFuzz.cases(20_000)));
    }

    @Test
    void nothingHurtsInMemoryThatChanges() {
        System.out.println(fuzz().meddled().run(ChainFuzz.cases(5_000)));
    }

    private static ChainFuzz fuzz() {
        long seed = TestSeed.next();
        BalloonDevice device = new BalloonDevice((memory, offset, lengthBytes) -> {
            assertTrue((offset | lengthBytes) % BalloonCore.PAGE_BYTES == 0 && lengthBytes > 0, "whole pages");
            assertTrue(offset >= 0 && lengthBytes <= memory.lengthBytes() - offset, "of guest memory");
            return 0;
        });
        return new ChainFuzz(device, Map.of(), Map.of(), seed).with((queue, random) -> {
            byte[] numbers = new byte[random.nextInt(300)];
            for (int i = 0; i + 4 <= numbers.length; i += 4) {
                numbers[i] = (byte) random.nextInt();
                numbers[i + 3] = (byte) (random.nextInt(50) == 0 ? random.nextInt() : 0);
            }
            return numbers;
        });
    }
}
