package io.jvmm.it.rngv2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.rng.RngDevice;
import io.jvmm.device.virtio.VirtioProcess;
import java.util.Optional;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** The two versions' layouts, there and back. */
class RngV2StateTest {
    private static final DeviceConfig NONE = key -> Optional.empty();

    private final RngV2Process v2 = new RngV2Process();
    private final VirtioProcess v1 = new VirtioProcess(new RngDevice());

    @Test
    void versionsAndLengthsDiffer() {
        assertEquals(v1.identity(NONE).stateVersion() + 1, v2.identity(NONE).stateVersion());
        assertEquals(v1.identity(NONE).stateLengthBytes() + 8, v2.identity(NONE).stateLengthBytes());
        assertEquals(v1.identity(NONE).deviceId(), v2.identity(NONE).deviceId());
    }

    @Test
    void thereAndBackChangesNothing() {
        byte[] bytes = new byte[v1.identity(NONE).stateLengthBytes()];
        new Random(1).nextBytes(bytes);
        UnsafeBuffer old = new UnsafeBuffer(bytes);
        UnsafeBuffer state = new UnsafeBuffer(new byte[v2.identity(NONE).stateLengthBytes()]);
        int version = v1.identity(NONE).stateVersion();
        v2.migrate(NONE, version, old, state);
        assertEquals(Optional.of(old), v2.export(NONE, version, state));
        assertEquals(Optional.empty(), v2.export(NONE, version + 5, state));
        assertThrows(StateRejectedException.class, () -> v2.migrate(NONE, version + 5, old, state));
        assertThrows(
                StateRejectedException.class,
                () -> v2.export(NONE, version, new UnsafeBuffer(new byte[state.capacity()])));
    }
}
