package io.jvmm.device.console;

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

/** A console that has been given up: what was sent comes back. */
class BrokenConsoleTest {

    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void whatIsSentComesBack(long features) {
        assertEquals(
                List.of("left", "returned", "left", "returned", "left", "returned"),
                GivenUp.answers(new ConsoleDevice(), Map.of(), features));
    }

    @Test
    void predecessorsThatLie() {
        System.out.println(
                HostileStates.runCaretaker(new VirtioProcess(new ConsoleDevice()), HostileStates.cases(200)));
    }
}
