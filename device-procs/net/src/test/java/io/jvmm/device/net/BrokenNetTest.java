package io.jvmm.device.net;

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

/** A network card that has been given up: what its driver waits for is answered. */
class BrokenNetTest {

    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void commandsFailAndFramesComeBack(long features) {
        assertEquals(
                List.of("left", "returned", "left", "returned", "status 1"),
                GivenUp.answers(new NetDevice(), Map.of(), features));
    }

    /** §5.1.2: the control queue is the third then. */
    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void withoutMultiqueueToo(long features) {
        List<String> answers = GivenUp.answers(new NetDevice(), Map.of(), features & ~NetFeatures.MQ);
        assertEquals(List.of("left", "returned", "status 1"), answers.subList(0, 3));
    }

    @Test
    void predecessorsThatLie() {
        System.out.println(HostileStates.runCaretaker(new VirtioProcess(new NetDevice()), HostileStates.cases(200)));
    }
}
