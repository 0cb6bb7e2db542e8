package io.jvmm.device.rng;

import io.jvmm.device.api.trace.ReplayRig;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.TestSeed;
import org.junit.jupiter.api.Test;

/** A recorded life is lived again; {@link ReplayRig} says what that means. */
class RngReplayTest {
    private static final int ACCESSES = 5_000;

    @Test
    void aRecordedLifeIsLivedAgain() throws Exception {
        new ReplayRig(new VirtioProcess(new RngDevice()), TestSeed.next()).examine(ACCESSES);
    }
}
