package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigLife;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;

/** No byte of a buffer is read twice in one turn: what was checked is what is used. */
class VsockFetchOnceTest {
    private final RigLife.Recording recording = RigLife.recording(0).fetchingOnce();

    @AfterEach
    void end() {
        recording.close();
        assertTrue(recording.lives() > 0);
    }

    @Nested
    class Device extends VsockDeviceTest {}
}
