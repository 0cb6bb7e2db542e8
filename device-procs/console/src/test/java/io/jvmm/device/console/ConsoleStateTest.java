package io.jvmm.device.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.ipc.TestSeed;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The state segment, and the configuration. */
@Timeout(120)
class ConsoleStateTest {

    @Test
    void theLayoutIsAsDrawn() {
        assertEquals(8, ConsoleStateLayout.EMERGENCY);
        assertEquals(72, ConsoleStateLayout.EMERGENCY_LOST);
        assertEquals(80, ConsoleStateLayout.PORTS);
        assertEquals(32, ConsoleStateLayout.PORT_BYTES);
        assertEquals(80 + 16 * 32, ConsoleStateLayout.LENGTH_BYTES);
    }

    @ParameterizedTest
    @CsvSource({
        "driverReady, 4, 2",
        "emergencyHead, 5, 64",
        "emergencyCount, 6, 65",
        "port[0].flags, 80, 2",
        "port[1].flags, 113, -1",
        "port[1].toTell, 115, 32",
        "port[0].txPosition, 95, -128"
    })
    void aFieldOutOfItsRangeIsRefusedByName(String field, int offset, int value) {
        try (ConsoleBench bench = new ConsoleBench(2)) {
            byte[] state = bench.rig.state();
            state[state.length - ConsoleStateLayout.LENGTH_BYTES + offset] = (byte) value;
            StateRejectedException e = assertThrows(StateRejectedException.class, () -> bench.rig.adopt(state));
            assertTrue(String.valueOf(e.getMessage()).contains("field " + field + " "), e.getMessage());
        }
    }

    /** Random changes of the device's part either are refused or make a device that works. */
    @Test
    void noStateHurts() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int adopted = 0;
        for (int i = 0; i < 200; i++) {
            try (ConsoleBench bench = new ConsoleBench(2)) {
                bench.setUp(random.nextLong() | ConsoleCore.F_MULTIPORT);
                bench.queue(1).offer(new byte[10], 0);
                byte[] state = bench.rig.state();
                int own = state.length - ConsoleStateLayout.LENGTH_BYTES;
                for (int n = random.nextInt(4); n >= 0; n--) {
                    state[own + random.nextInt(ConsoleStateLayout.LENGTH_BYTES)] = (byte) random.nextInt(70);
                }
                try {
                    bench.rig.adopt(state);
                } catch (StateRejectedException e) {
                    continue;
                }
                adopted++;
                bench.queue(1).kickAnyway();
                bench.rig.settle();
                bench.announce(2);
                bench.type(0, "x");
                bench.setUp(-1L);
                bench.seen(0);
                bench.say(0, "alive");
                assertEquals("alive", bench.seen(0), "case " + i);
            }
        }
        assertTrue(adopted > 50, adopted + " adopted");
    }

    @ParameterizedTest
    @CsvSource({
        "ports,0",
        "ports,17",
        "cols,65536",
        "rows,-1",
        "0.backend,telnet",
        "0.escape,esc",
        "0.console,1",
        "multiport,yes",
        "queue-size,7"
    })
    void aMistakeNamesItsKey(String key, String value) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> of(Map.of(key, value)));
        assertTrue(String.valueOf(e.getMessage()).startsWith(key + ": "), e.getMessage());
    }

    @Test
    void namesAndPortsNeedMultiport() {
        assertThrows(IllegalArgumentException.class, () -> of(Map.of("ports", "2", "multiport", "false")));
        assertThrows(IllegalArgumentException.class, () -> of(Map.of("0.name", "x", "multiport", "false")));
        assertThrows(IllegalArgumentException.class, () -> of(Map.of("0.name", "a/b")));
        assertThrows(IllegalArgumentException.class, () -> of(Map.of("0.name", "é".repeat(33))));
        assertEquals(2, ConsoleCore.identity(of(Map.of())).queueSizes().size());
        assertEquals(
                4,
                ConsoleCore.identity(of(Map.of("multiport", "true")))
                        .queueSizes()
                        .size());
        assertEquals(
                34, ConsoleCore.identity(of(Map.of("ports", "16"))).queueSizes().size());
    }

    private static ConsoleConfig of(Map<String, String> entries) {
        Map<String, String> map = new HashMap<>(entries);
        return ConsoleConfig.from(key -> Optional.ofNullable(map.get(key)));
    }
}
