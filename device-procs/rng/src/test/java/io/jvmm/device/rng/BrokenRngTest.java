package io.jvmm.device.rng;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.api.HostileStates;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.device.virtio.rig.GivenUp;
import io.jvmm.device.virtio.rig.RigDriver;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An entropy device that has been given up: no buffer comes back, empty or not. */
class BrokenRngTest {

    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void aReaderWaits(long features) {
        assertEquals(List.of("left"), GivenUp.answers(new RngDevice(), Map.of(), features));
    }

    @Test
    void predecessorsThatLie() {
        System.out.println(HostileStates.runCaretaker(new VirtioProcess(new RngDevice()), HostileStates.cases(200)));
    }
}
