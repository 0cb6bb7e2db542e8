package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A spare's rehearsal takes over what its own warm-up has left. */
@Timeout(60)
class RehearsalTest {

    /** The warm-up's clock is its own: on a host that has just booted, or here, it is ahead of the host's. */
    @Test
    void theScratchMachineMayBeOlderThanTheHostsUptime() {
        EchoDevice device = new EchoDevice();
        device.lastsNs = TimeUnit.DAYS.toNanos(20_000);
        assertDoesNotThrow(() -> WarmUp.runAndRehearse(device));
    }
}
