package io.jvmm.device.balloon;

import static io.jvmm.device.balloon.BalloonBench.ALL;
import static io.jvmm.device.balloon.BalloonBench.FIRST_PAGE;
import static io.jvmm.device.balloon.BalloonBench.PAGE;
import static io.jvmm.device.balloon.BalloonBench.PAGES;
import static io.jvmm.device.balloon.BalloonBench.REPORTING;
import static io.jvmm.device.balloon.BalloonBench.SPLIT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Free page reporting (§5.5.6.7) and what page poison asks of it. */
class BalloonReportingTest {

    private static final long BASE = (long) FIRST_PAGE * PAGE;

    private static void report(RigQueue queue, long... addressesAndLengths) {
        int count = addressesAndLengths.length / 2;
        long[] addresses = new long[count];
        int[] lengths = new int[count];
        for (int i = 0; i < count; i++) {
            addresses[i] = addressesAndLengths[2 * i];
            lengths[i] = (int) addressesAndLengths[2 * i + 1];
        }
        queue.offerRaw(addresses, lengths, 0, count);
        queue.kick();
    }

    /** Linux: up to 32 blocks of at least a pageblock in one request. */
    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void reportedBlocksGoBackToTheHost(long features) {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(features & ~BalloonFeature.PAGE_POISON).queue(REPORTING);
            bench.fill();
            long before = BalloonBench.allocatedBytes();
            long block = 512 << 10;
            report(queue, BASE + 4 * block, block, BASE + 5 * block, block, BASE, block);
            bench.rig.settle();
            assertTrue(queue.reapRaw() >= 0);
            assertEquals(0, queue.lastLength());
            assertEquals(List.of(FIRST_PAGE + 512 + "+256", FIRST_PAGE + "+128"), bench.givenBack);
            assertEquals(3 * block, before - BalloonBench.allocatedBytes());
            assertTrue(bench.holds(FIRST_PAGE, 0));
            assertTrue(bench.holds(FIRST_PAGE + 200, 0xAA));
            assertEquals(3 * block, bench.field(BalloonStateLayout.BYTES_REPORTED));
            assertEquals(3 * block, bench.field(BalloonStateLayout.BYTES_GIVEN_BACK));
            assertEquals(0, bench.rig.guestErrors());
        }
    }

    @Test
    void onlyWholePages() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(ALL).queue(REPORTING);
            bench.fill();
            report(
                    queue,
                    BASE + 1,
                    PAGE,
                    BASE + 10 * PAGE - 1,
                    PAGE + 2,
                    BASE + 20 * PAGE,
                    PAGE - 1,
                    BASE + 30 * PAGE,
                    0);
            assertTrue(queue.reapRaw() >= 0);
            assertEquals(List.of(FIRST_PAGE + 10 + "+1"), bench.givenBack);
            assertTrue(bench.holds(FIRST_PAGE, 0xAA));
            assertTrue(bench.holds(FIRST_PAGE + 20, 0xAA));
        }
    }

    @Test
    void aReadablePartIsAnErrorAndNothingGivenBack() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(ALL).queue(REPORTING);
            queue.offer(new byte[PAGE], 0);
            queue.kick();
            assertNotNull(queue.reap());
            assertEquals(List.of(), bench.givenBack);
            assertEquals(BalloonCore.ERROR_FRAMING, bench.rig.lastGuestErrorCode());
        }
    }

    /** §5.5.6.7.2: with page poison a page may become nothing but its value; the host has zeros only. */
    @Test
    void poisonedPagesKeepTheirValue() {
        for (long poison : new long[] {0xAAAA_AAAAL, 0}) {
            try (BalloonBench bench = new BalloonBench()) {
                RigDriver driver = bench.rig.driver();
                driver.negotiate(ALL);
                bench.fill();
                driver.write(RigDriver.DEVICE_CONFIG + 12, 4, poison);
                RigQueue queue = continueSetUp(driver, bench);
                report(queue, BASE, (long) PAGES * PAGE);
                bench.rig.settle();
                assertTrue(queue.reapRaw() >= 0, "it is answered in any case");
                assertTrue(bench.holds(FIRST_PAGE, poison == 0 ? 0 : 0xAA));
            }
        }
    }

    /** The rig's driver sets itself up from the beginning, which a device reset forgets the value with: writes it once more. */
    private static RigQueue continueSetUp(RigDriver driver, BalloonBench bench) {
        long poison = driver.config(12, 4);
        driver.setUp(ALL);
        driver.write(RigDriver.DEVICE_STATUS, 1, driver.status()); // as it is
        if (poison != 0) {
            byte[] state = bench.rig.state();
            int at = state.length - BalloonStateLayout.LENGTH_BYTES + BalloonStateLayout.POISON_VAL;
            for (int i = 0; i < 4; i++) {
                state[at + i] = (byte) (poison >>> (8 * i));
            }
            bench.rig.adopt(state);
        }
        return driver.queue(REPORTING);
    }

    @ParameterizedTest
    @EnumSource(KillPoint.class)
    void killedAnywhereEachReportIsAnsweredOnce(KillPoint where) {
        for (long features : new long[] {ALL, SPLIT}) {
            try (BalloonBench bench = new BalloonBench()) {
                RigQueue queue = bench.setUp(features).queue(REPORTING);
                for (int round = 0; round < 20; round++) {
                    bench.fill();
                    queue.offerRaw(new long[] {BASE}, new int[] {PAGES * PAGE}, 0, 1);
                    bench.rig.kill(where);
                    queue.kickAnyway();
                    bench.rig.settle();
                    assertTrue(queue.reapRaw() >= 0, where + " round " + round);
                    assertEquals(-1, queue.reapRaw());
                    assertTrue(bench.holds(FIRST_PAGE + PAGES - 1, 0));
                }
            }
        }
    }

    // ---- which queue is which

    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    void aDriverWithReportingAloneMayNumberTheQueueEitherWay(int index) {
        try (BalloonBench bench = new BalloonBench()) {
            RigDriver driver = bench.setUp(
                    ALL & ~(BalloonFeature.STATS_VQ | BalloonFeature.FREE_PAGE_HINT | BalloonFeature.PAGE_POISON));
            report(driver.queue(index), BASE, PAGE);
            assertTrue(driver.queue(index).reapRaw() >= 0);
            assertEquals(List.of(FIRST_PAGE + "+1"), bench.givenBack);
        }
    }

    @Test
    void theNumbersOfTheSpecificationComeFirst() {
        long all = BalloonFeature.STATS_VQ | BalloonFeature.FREE_PAGE_HINT | BalloonFeature.PAGE_REPORTING;
        for (int i = 0; i < 5; i++) {
            assertEquals(i, BalloonQueue.of(i, all).index());
        }
        assertEquals(
                BalloonQueue.REPORTING, BalloonQueue.of(3, BalloonFeature.STATS_VQ | BalloonFeature.PAGE_REPORTING));
        assertEquals(BalloonQueue.HINT, BalloonQueue.of(3, BalloonFeature.FREE_PAGE_HINT));
        assertEquals(BalloonQueue.NONE, BalloonQueue.of(2, 0));
        assertEquals(BalloonQueue.NONE, BalloonQueue.of(5, all));
    }

    @Test
    void aQueueThatNobodyNegotiatedIsAnsweredAndIgnored() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(0).queue(REPORTING);
            report(queue, BASE, PAGE);
            assertTrue(queue.reapRaw() >= 0);
            assertNull(queue.reap());
            assertEquals(List.of(), bench.givenBack);
            assertEquals(BalloonCore.ERROR_NO_SUCH_QUEUE, bench.rig.lastGuestErrorCode());
        }
    }
}
