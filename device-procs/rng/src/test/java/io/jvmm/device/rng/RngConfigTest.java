package io.jvmm.device.rng;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.DeviceConfig;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Entries, and what a mistake is told. */
class RngConfigTest {

    private static RngConfig of(Map<String, String> entries) {
        DeviceConfig config = key -> Optional.ofNullable(entries.get(key));
        return RngConfig.from(config);
    }

    @Test
    void withoutEntriesThereIsNoLimit() {
        assertEquals(0, of(Map.of()).rateBytes());
        assertEquals(64, of(Map.of()).ring().queueSize());
    }

    @ParameterizedTest
    @CsvSource({"rate-bytes,-1", "rate-bytes,many", "queue-size,100", "queue-size,2048", "queue-size,1", "packed,yes"})
    void aMistakeNamesItsKey(String key, String value) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> of(Map.of(key, value)));
        assertTrue(String.valueOf(e.getMessage()).startsWith(key + ": "), e.getMessage());
    }
}
