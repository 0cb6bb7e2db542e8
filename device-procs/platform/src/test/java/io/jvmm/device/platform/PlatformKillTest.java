package io.jvmm.device.platform;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.MortalTwins;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The platform device dies anywhere, time and again: clock, keyboard controller, power management and debug console do not show it. */
class PlatformKillTest {

    @Test
    void nobodyCanTell() {
        PlatformDevice device = new PlatformDevice();
        long deaths = MortalTwins.live(device, device.exampleConfig(), 60, 400, PlatformKillTest::value);
        assertTrue(deaths > 1_000, deaths + " deaths");
    }

    /** The clock's registers rather than its RAM, and its interrupts rather on than off. */
    private static long value(Random random, int region, int offset) {
        if (region == PlatformIdentity.REGION_RTC) {
            int register = random.nextInt(5) == 0 ? random.nextInt(128) : random.nextInt(14);
            int data = random.nextBoolean() ? random.nextInt(256) : random.nextInt(10);
            return offset == 0 ? register | data << 8 : data;
        }
        return random.nextInt(0x1_0000);
    }
}
