package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.StateRejectedException;
import java.util.Map;
import java.util.Optional;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@link VsockConfig} and {@link VsockState}. */
class VsockConfigTest {

    private static VsockConfig config(Map<String, String> entries) {
        return VsockConfig.from(key -> Optional.ofNullable(entries.get(key)));
    }

    @Test
    void defaultsAndBorders() {
        assertEquals(new VsockConfig(3, 256, 131072, 256, false), config(Map.of()));
        assertEquals(0xFFFF_FFFEL, config(Map.of("cid", "4294967294")).cid());
    }

    @ParameterizedTest
    @CsvSource({
        "cid, 2",
        "cid, 4294967295",
        "cid, -1",
        "cid, three",
        "connections, 0",
        "connections, 1025",
        "buffer-bytes, 4095",
        "buffer-bytes, 6000",
        "buffer-bytes, 2097152",
        "queue-size, 3",
        "queue-size, 2048",
        "packed, yes"
    })
    void whatIsRefusedIsNamed(String key, String value) {
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> config(Map.of(key, value)));
        assertTrue(String.valueOf(refusal.getMessage()).startsWith(key + ": "), refusal.getMessage());
    }

    @Test
    void aSuccessorAnnouncesTheResetAndUsesNoPortAgain() {
        UnsafeBuffer bytes = new UnsafeBuffer(new byte[VsockState.LENGTH_BYTES]);
        VsockState first = new VsockState(bytes, true, 7);
        assertEquals(1 << 30, first.takeHostPort());
        assertEquals((1 << 30) + 1, first.takeHostPort());
        VsockState second = new VsockState(bytes, false, 7);
        assertFalse(second.resetPending());
        second.connectionsLost(10);
        assertTrue(second.resetPending());
        assertEquals((1 << 30) + 12, second.takeHostPort());
        bytes.putInt(8, Integer.MAX_VALUE);
        assertEquals(Integer.MAX_VALUE, second.takeHostPort());
        assertEquals(1 << 30, second.takeHostPort(), "after the last port comes the first");
    }

    @ParameterizedTest
    @CsvSource({"0, 8", "8, 0", "8, -1", "12, 2", "84, -1", "88, 512", "88, -1", "92, 257", "92, -1"})
    void aStateThatCannotBeIsRefused(int offset, int value) {
        UnsafeBuffer bytes = new UnsafeBuffer(new byte[VsockState.LENGTH_BYTES]);
        new VsockState(bytes, true, 7);
        bytes.putInt(offset, value);
        assertThrows(StateRejectedException.class, () -> new VsockState(bytes, false, 7));
    }
}
