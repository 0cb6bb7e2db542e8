package io.jvmm.device.virtio;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A virtio device over real links: the training run lives a whole life, warm-up, declaration and STOP included. */
@Timeout(60)
class LiveTest {

    @Test
    void theTrainingRunComesToItsEnd() {
        VirtioMain.run(new String[] {"--train"}, new EchoFactory());
    }

    @Test
    void withoutPackedRingsToo() {
        VirtioMain.run(new String[] {"--train"}, new EchoFactory(2, false));
    }
}
