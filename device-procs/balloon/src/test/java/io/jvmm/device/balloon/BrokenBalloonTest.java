package io.jvmm.device.balloon;

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

/** A balloon that has been given up: its driver sleeps on nothing. */
class BrokenBalloonTest {

    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void whatTheDriverWaitsForComesBack(long features) {
        assertEquals(
                List.of("returned", "returned", "left", "returned", "returned"),
                GivenUp.answers(new BalloonDevice(), Map.of(), features));
    }

    /** Linux numbers the queues that are there. */
    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void withoutStatisticsToo(long features) {
        List<String> answers = GivenUp.answers(new BalloonDevice(), Map.of(), features & ~BalloonFeature.STATS_VQ);
        assertEquals(List.of("returned", "returned", "returned", "returned"), answers.subList(0, 4));
    }

    @Test
    void predecessorsThatLie() {
        System.out.println(
                HostileStates.runCaretaker(new VirtioProcess(new BalloonDevice()), HostileStates.cases(200)));
    }
}
