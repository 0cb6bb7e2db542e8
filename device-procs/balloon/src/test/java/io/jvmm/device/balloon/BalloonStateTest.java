package io.jvmm.device.balloon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.state.StatePrinter;
import java.lang.foreign.MemoryLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The state segment: its layout, what is refused, and that no state whatever can hurt; and the configuration. */
class BalloonStateTest {

    @Test
    void theLayoutIsAsDrawn() {
        assertEquals(16, BalloonStateLayout.PROGRESS);
        assertEquals(56, BalloonStateLayout.STATS_HEAD);
        assertEquals(80, BalloonStateLayout.STATS);
        assertEquals(208, BalloonStateLayout.PAGES_INFLATED);
        assertEquals(256, BalloonStateLayout.LENGTH_BYTES);
    }

    /** As {@code state function0.device} of the scripted peer prints it. */
    @Test
    void whoLooksAtTheStateSeesItsFieldsByName() {
        MemoryLayout whole = new VirtioProcess(new BalloonDevice()).identity().stateLayout();
        UnsafeBuffer state = new UnsafeBuffer(new byte[Math.toIntExact(whole.byteSize())]);
        int own = state.capacity() - BalloonStateLayout.LENGTH_BYTES;
        state.putInt(own + BalloonStateLayout.NUM_PAGES, 513, ByteOrder.LITTLE_ENDIAN);
        List<String> lines = new ArrayList<>();
        StatePrinter.print(whole, state, "function0.device", lines::add);
        assertTrue(lines.contains("function0.device.num_pages = 0x00000201"), lines.toString());
        assertTrue(lines.stream().anyMatch(line -> line.startsWith("function0.device.bytesGivenBack = ")));
    }

    @ParameterizedTest
    @CsvSource({
        "num_pages, 0, 4097",
        "free_page_hint_cmd_id, 8, 2",
        "progress[0], 23, 0x80000000",
        "statsHeld, 56, 65537",
        "statsGiven, 60, 65536"
    })
    void aFieldOutOfItsRangeIsRefusedByName(String field, int offset, String value) {
        try (BalloonBench bench = new BalloonBench()) {
            byte[] state = bench.rig.state();
            int at = state.length - BalloonStateLayout.LENGTH_BYTES + (offset == 23 ? 20 : offset);
            new UnsafeBuffer(state).putInt(at, Long.decode(value).intValue(), ByteOrder.LITTLE_ENDIAN);
            StateRejectedException e = assertThrows(StateRejectedException.class, () -> bench.rig.adopt(state));
            assertTrue(String.valueOf(e.getMessage()).contains("field " + field + " "), e.getMessage());
        }
    }

    @Test
    void aDueTimeOfAnotherBootIsNoFurtherOffThanAnInterval() {
        for (long dueNs : new long[] {Long.MAX_VALUE, Long.MIN_VALUE, 0}) {
            try (BalloonBench bench = new BalloonBench("stats-interval-s", "5")) {
                bench.setUp(BalloonBench.ALL).queue(2).offer(new byte[10], 0);
                bench.rig.driver().queue(2).kick();
                byte[] state = bench.rig.state();
                int at = state.length - BalloonStateLayout.LENGTH_BYTES + BalloonStateLayout.STATS_DUE_NS;
                new UnsafeBuffer(state).putLong(at, dueNs, ByteOrder.LITTLE_ENDIAN);
                bench.rig.adopt(state);
                bench.rig.advance(5 * BalloonBench.SECOND_NS);
                assertTrue(bench.rig.driver().queue(2).reap() != null, "due " + dueNs);
            }
        }
    }

    /** Random changes of the device's part either are refused or make a device that works. */
    @Test
    void noStateHurts() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int adopted = 0;
        for (int i = 0; i < 300; i++) {
            try (BalloonBench bench = new BalloonBench("stats-interval-s", "1")) {
                bench.setUp(random.nextLong());
                byte[] state = bench.rig.state();
                int own = state.length - BalloonStateLayout.LENGTH_BYTES;
                for (int n = random.nextInt(4); n >= 0; n--) {
                    state[own + 12 + random.nextInt(BalloonStateLayout.LENGTH_BYTES - 12)] = (byte) random.nextInt();
                }
                try {
                    bench.rig.adopt(state);
                } catch (StateRejectedException e) {
                    continue;
                }
                adopted++;
                for (int queue = 0; queue < 5; queue++) {
                    bench.rig.driver().queue(queue).offer(new byte[40], 100);
                    bench.rig.driver().queue(queue).kickAnyway();
                }
                bench.rig.advance(3 * BalloonBench.SECOND_NS);
                bench.rig.driver().setUp(-1L).request(0, BalloonBench.pages(BalloonBench.FIRST_PAGE), 0);
            }
        }
        assertTrue(adopted > 100, adopted + " adopted");
    }

    @ParameterizedTest
    @CsvSource({
        "target-bytes,-1",
        "target-bytes,1G",
        "stats-interval-s,-1",
        "stats-interval-s,86401",
        "queue-size,16",
        "deflate-on-oom,maybe",
        "free-page-reporting,1",
        "must-tell-host,no"
    })
    void aMistakeNamesItsKey(String key, String value) {
        IllegalArgumentException e = assertThrows(
                IllegalArgumentException.class,
                () -> BalloonConfig.from(
                        name -> Optional.ofNullable(Map.of(key, value).get(name))));
        assertTrue(String.valueOf(e.getMessage()).startsWith(key + ": "), e.getMessage());
    }
}
