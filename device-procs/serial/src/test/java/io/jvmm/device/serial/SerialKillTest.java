package io.jvmm.device.serial;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.MortalTwins;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The serial device dies anywhere, time and again: guest and host cannot tell, and no interrupt is lost. Four ports, one of them paced. */
class SerialKillTest {
    private static final int IER = 1;
    private static final int MCR = 4;

    @Test
    void nobodyCanTell() {
        SerialDevice device = new SerialDevice();
        long deaths = MortalTwins.live(device, device.exampleConfig(), 60, 400, SerialKillTest::value);
        assertTrue(deaths > 1_000, deaths + " deaths");
    }

    /** Interrupts are on most of the time, and loop-back off. */
    private static long value(Random random, int region, int offset) {
        int value = random.nextInt(256);
        return switch (offset) {
            case IER -> random.nextInt(4) == 0 ? value : 0x0F;
            case MCR -> random.nextInt(8) == 0 ? value : 0x0B;
            default -> value;
        };
    }
}
