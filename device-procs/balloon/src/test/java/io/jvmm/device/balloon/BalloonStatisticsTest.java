package io.jvmm.device.balloon;

import static io.jvmm.device.balloon.BalloonBench.ALL;
import static io.jvmm.device.balloon.BalloonBench.SECOND_NS;
import static io.jvmm.device.balloon.BalloonBench.STATS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.ipc.state.StatePrinter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** The statistics queue (§5.5.6.3): one buffer, which the device holds until it wants to know again. */
class BalloonStatisticsTest {

    /** As Linux fills {@code struct virtio_balloon_stat}: packed, ten bytes each. */
    private static byte[] stats(long... tagsAndValues) {
        ByteBuffer bytes = ByteBuffer.allocate(tagsAndValues.length * 5).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < tagsAndValues.length; i += 2) {
            bytes.putShort((short) tagsAndValues[i]).putLong(tagsAndValues[i + 1]);
        }
        return bytes.array();
    }

    private static long value(BalloonBench bench, BalloonStatistic statistic) {
        return bench.field(BalloonStateLayout.STATS + 8 * statistic.tag());
    }

    private static int given(BalloonBench bench) {
        byte[] state = bench.rig.state();
        return new UnsafeBuffer(state)
                .getInt(
                        state.length - BalloonStateLayout.LENGTH_BYTES + BalloonStateLayout.STATS_GIVEN,
                        ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void theBufferComesBackAtEachInterval() {
        try (BalloonBench bench = new BalloonBench("stats-interval-s", "2")) {
            RigQueue queue = bench.setUp(ALL).queue(STATS);
            queue.offer(stats(4, 1000, 5, 5000), 0);
            queue.kick();
            assertNull(queue.reap(), "it is held");
            assertEquals(1000, value(bench, BalloonStatistic.MEMFREE));
            assertEquals(5000, value(bench, BalloonStatistic.MEMTOT));
            bench.rig.advance(SECOND_NS * 2 - 1);
            assertNull(queue.reap());
            bench.rig.advance(1);
            assertNotNull(queue.reap());
            assertEquals(1, bench.rig.driver().takeInterrupts(1 + STATS));
            bench.rig.advance(SECOND_NS * 10);
            assertNull(queue.reap(), "a driver that does not answer is not asked more often");
            queue.offer(stats(4, 900, 5, 5000), 0);
            queue.kick();
            assertEquals(900, value(bench, BalloonStatistic.MEMFREE));
            bench.rig.advance(SECOND_NS * 2);
            assertNotNull(queue.reap());
            assertEquals(0, bench.rig.guestErrors());
        }
    }

    @Test
    void withoutAnIntervalItIsHeldForGood() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(ALL).queue(STATS);
            queue.offer(stats(0, 1), 0);
            queue.kick();
            bench.rig.advance(1000 * SECOND_NS);
            assertNull(queue.reap());
        }
    }

    /** §5.5.6.3.2: any order, any subset, unknown tags ignored. */
    @Test
    void allTagsInAnyOrderAndOthersIgnored() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(ALL).queue(STATS);
            long[] all = new long[2 * 20];
            for (int i = 0; i < 20; i++) {
                all[2 * i] = 19L - i;
                all[2 * i + 1] = 119L - i;
            }
            queue.offer(stats(all), 0);
            queue.kick();
            assertEquals(0xFFFF, given(bench));
            for (BalloonStatistic statistic : BalloonStatistic.values()) {
                assertEquals(100 + statistic.tag(), value(bench, statistic), statistic.name());
            }
            queue.offer(stats(0xFFFF, -1, 3, -1), 0);
            queue.kick();
            assertEquals(1 << 3, given(bench));
            assertEquals(-1, value(bench, BalloonStatistic.MINFLT));
        }
    }

    @Test
    void aSecondBufferSendsTheFirstBack() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(ALL).queue(STATS);
            int first = queue.offer(stats(0, 1), 0);
            queue.kick();
            queue.offer(stats(0, 2), 0);
            queue.kick();
            assertEquals(first, queue.reaped().token());
            assertNull(queue.reap());
            assertEquals(BalloonCore.ERROR_SECOND_BUFFER, bench.rig.lastGuestErrorCode());
            assertEquals(2, value(bench, BalloonStatistic.SWAP_IN));
        }
    }

    @Test
    void oddLengthsAndLongOnesAreReadAsFarAsTheyGo() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(ALL).queue(STATS);
            queue.offer(new byte[9], 0);
            queue.kick();
            assertEquals(0, given(bench));
            queue.offer(new byte[100_000], 0);
            queue.kick();
            assertEquals(1, given(bench));
        }
    }

    @Test
    void aSuccessorHoldsTheBufferAndGivesItBackOnce() {
        try (BalloonBench bench = new BalloonBench("stats-interval-s", "1")) {
            for (long features : new long[] {ALL, BalloonBench.SPLIT}) {
                RigQueue queue = bench.setUp(features).queue(STATS);
                queue.offer(stats(6, 77), 0);
                queue.kick();
                bench.rig.killAndAdopt();
                bench.rig.killAndAdopt();
                assertEquals(77, value(bench, BalloonStatistic.AVAIL));
                assertNull(queue.reap());
                bench.rig.advance(SECOND_NS);
                assertNotNull(queue.reap());
                assertNull(queue.reap());
                bench.rig.killAndAdopt();
                bench.rig.advance(SECOND_NS);
                assertNull(queue.reap());
            }
        }
    }

    @Test
    void aResetForgetsIt() {
        try (BalloonBench bench = new BalloonBench("stats-interval-s", "1")) {
            bench.setUp(ALL).queue(STATS).offer(stats(6, 77), 0);
            bench.rig.driver().queue(STATS).kick();
            RigQueue queue = bench.rig.driver().resetQueue(STATS);
            bench.rig.advance(3 * SECOND_NS);
            assertNull(queue.reap());
            queue.offer(stats(6, 78), 0);
            queue.kick();
            queue = bench.setUp(ALL).queue(STATS);
            bench.rig.advance(3 * SECOND_NS);
            assertNull(queue.reap());
            assertEquals(0, given(bench));
        }
    }

    @Test
    void theyArePrintedByName() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(ALL).queue(STATS);
            queue.offer(stats(4, 4096), 0);
            queue.kick();
            byte[] state = bench.rig.state();
            UnsafeBuffer own = new UnsafeBuffer(
                    state, state.length - BalloonStateLayout.LENGTH_BYTES, BalloonStateLayout.LENGTH_BYTES);
            List<String> lines = new ArrayList<>();
            StatePrinter.print(BalloonStateLayout.STATE_V1, own, "MEMFREE", lines::add);
            assertEquals(1, lines.size());
            assertTrue(
                    lines.getFirst().startsWith("MEMFREE = ")
                            && lines.getFirst().contains("1000"),
                    lines.getFirst());
        }
    }
}
