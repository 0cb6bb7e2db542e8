package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.device.virtio.rig.RigLife;
import io.jvmm.ipc.TestSeed;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The transport is deterministic: whatever a guest does, also to memory that is being read, and wherever a process dies, each life can be lived again. */
class ReplayTest {

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void livesOfNonsense(boolean meddled) {
        try (RigLife.Recording recording = RigLife.recording(10)) {
            ChainFuzz fuzz = new ChainFuzz(new EchoFactory(), TestSeed.next());
            System.out.println((meddled ? fuzz.meddled() : fuzz).run(ChainFuzz.cases(1_000)));
            System.out.println(recording);
            assertTrue(recording.lives() > 5 && recording.outputs() > 500, recording.toString());
        }
    }
}
