package io.jvmm.supervisor.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.supervisor.telemetry.Telemetry;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TopTableTest {
    private static final Telemetry.Machine MACHINE =
            new Telemetry.Machine("web-1", "running", "kvm", 2, 1L << 29, 61_000, 1);

    private static Telemetry.Row row(int pid, long cpuNs, long messages, long interrupts) {
        List<Telemetry.Count> counts = new ArrayList<>();
        for (DeviceCounter c : DeviceCounter.values()) {
            counts.add(new Telemetry.Count(c.number(), c == DeviceCounter.INTERRUPTS ? interrupts : 0));
        }
        return new Telemetry.Row(
                "block",
                "block",
                "serving",
                pid,
                3,
                new Telemetry.Usage(cpuNs, 20L << 20, 12),
                messages,
                new Telemetry.Latency(10, 12_300, 2_500_000),
                Telemetry.Latency.NONE,
                0,
                Telemetry.Counters.DEVICE,
                counts);
    }

    private static boolean take(TopTable table, long ms, Telemetry body) {
        return table.take(new Telemetry.Envelope(1, ms, body));
    }

    @Test
    void ratesAreOfTheTimeBetweenTwoMoments() {
        TopTable table = new TopTable();
        assertFalse(take(table, 1_000, row(1, 0, 0, 0)), "rows without a machine are no moment");
        assertFalse(take(table, 1_000, MACHINE));
        assertTrue(take(table, 1_001, row(7, 1_000_000_000L, 100, 5)));
        assertFalse(take(table, 3_000, MACHINE));
        assertTrue(take(table, 3_001, row(7, 1_500_000_000L, 100_100, Telemetry.UNKNOWN)));
        assertEquals("web-1  running  up 61s  engine kvm  2 vcpus  512M", table.title(0));
        assertTrue(table.title(7).endsWith("(7 records missed)"));
        String[] words = table.lines().get(1).split(" +", -1);
        assertEquals(
                List.of(
                        "block", "serving", "7", "25.0", "20.0M", "50.0k", "12.3us", "2.50ms", "3", "?", "0", "0", "12",
                        "0"),
                List.of(words));
    }

    @Test
    void anotherProcessHasNoShareOfTheOldOnesTime() {
        TopTable table = new TopTable();
        take(table, 1_000, MACHINE);
        take(table, 1_000, row(7, 5_000_000_000L, 100, 5));
        take(table, 2_000, MACHINE);
        take(table, 2_000, row(8, 10_000_000L, 200, 9));
        String[] words = table.lines().get(1).split(" +", -1);
        assertEquals("-", words[3]);
        assertEquals("100", words[5]);
    }

    @Test
    void whatHasNoRoomIsSaid() {
        List<String> lines = List.of("HEAD", "a", "b", "c", "d");
        assertEquals(lines, TopTable.fitting(lines, 5));
        List<String> some = TopTable.fitting(lines, 4);
        assertEquals(List.of("HEAD", "a", "b"), some.subList(0, 3));
        assertTrue(some.get(3).startsWith("... 2 more"), some::toString);
        assertEquals(4, some.size());
        assertEquals(List.of(), TopTable.fitting(lines, -1));
    }

    @Test
    void durationsHaveThreePlaces() {
        assertEquals("-", EventLine.duration(-1));
        assertEquals("999ns", EventLine.duration(999));
        assertEquals("1.23us", EventLine.duration(1_234));
        assertEquals("123us", EventLine.duration(123_400));
        assertEquals("12.3ms", EventLine.duration(12_340_000));
        assertEquals("1.00s", EventLine.duration(1_000_000_000));
    }
}
