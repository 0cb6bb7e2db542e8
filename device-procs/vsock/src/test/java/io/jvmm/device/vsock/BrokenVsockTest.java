package io.jvmm.device.vsock;

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

/** A vsock device that has been given up: what the guest sends goes nowhere. */
class BrokenVsockTest {

    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void packetsGoNowhere(long features) {
        assertEquals(
                List.of("left", "returned", "notice of 4, then left"),
                GivenUp.answers(new VsockFactory(), Map.of(), features));
    }

    @Test
    void predecessorsThatLie() {
        System.out.println(HostileStates.runCaretaker(new VirtioProcess(new VsockFactory()), HostileStates.cases(200)));
    }
}
