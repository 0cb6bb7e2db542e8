package io.jvmm.device.platform;

import io.jvmm.device.api.trace.ReplayRig;
import io.jvmm.ipc.TestSeed;
import org.junit.jupiter.api.Test;

/** A recorded life is lived again; {@link ReplayRig} says what that means. */
class PlatformReplayTest {
    private static final int ACCESSES = 20_000;

    @Test
    void aRecordedLifeIsLivedAgain() throws Exception {
        new ReplayRig(new PlatformDevice(), TestSeed.next()).examine(ACCESSES);
    }
}
