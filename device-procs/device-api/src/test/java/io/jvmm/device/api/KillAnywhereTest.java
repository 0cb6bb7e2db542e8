package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** The echo device dies anywhere, and nobody can tell. */
class KillAnywhereTest {

    @Test
    void nobodyCanTell() {
        EchoDevice device = new EchoDevice();
        long deaths = MortalTwins.live(
                device, device.exampleConfig(), 60, 200, (random, region, offset) -> random.nextInt(64));
        assertTrue(deaths > 300, deaths + " deaths");
    }
}
