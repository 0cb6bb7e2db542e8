package io.jvmm.device.balloon;

import static io.jvmm.device.balloon.BalloonBench.ALL;
import static io.jvmm.device.balloon.BalloonBench.DEFLATE;
import static io.jvmm.device.balloon.BalloonBench.FIRST_PAGE;
import static io.jvmm.device.balloon.BalloonBench.INFLATE;
import static io.jvmm.device.balloon.BalloonBench.PAGE;
import static io.jvmm.device.balloon.BalloonBench.PAGES;
import static io.jvmm.device.balloon.BalloonBench.SPLIT;
import static io.jvmm.device.balloon.BalloonBench.pages;
import static io.jvmm.device.balloon.BalloonBench.range;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Target, inflating and deflating, clause by clause. */
class BalloonCoreTest {

    private static final int NUM_PAGES = 0;
    private static final int ACTUAL = 4;
    private static final int POISON_VAL = 12;
    private static final byte[] NOTHING = {};

    @Test
    void itIsABalloonWithAllItsQueues() {
        try (BalloonBench bench = new BalloonBench("target-bytes", "8192")) {
            RigDriver driver = bench.setUp(ALL);
            assertEquals(5, driver.read(RigDriver.NUM_QUEUES, 2));
            assertEquals(0x3F, driver.deviceFeatures() & 0xFF_FFFF);
            assertEquals(2, driver.config(NUM_PAGES, 4));
            assertEquals(0, driver.config(ACTUAL, 4));
            assertEquals(0, driver.config(8, 4), "STOP");
        }
        try (BalloonBench bench = new BalloonBench(
                "deflate-on-oom", "false", "must-tell-host", "false", "free-page-reporting", "false")) {
            RigDriver driver = bench.setUp(ALL);
            assertEquals(4, driver.read(RigDriver.NUM_QUEUES, 2));
            assertEquals(0x1A, driver.deviceFeatures() & 0xFF_FFFF);
        }
    }

    /** Linux sends 256 page numbers in the order in which its allocator gave the pages. */
    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void inflatedPagesGoBackToTheHost(long features) {
        try (BalloonBench bench = new BalloonBench()) {
            RigDriver driver = bench.setUp(features);
            bench.fill();
            long before = BalloonBench.allocatedBytes();
            List<Long> shuffled =
                    Arrays.asList(Arrays.stream(range(FIRST_PAGE, 256)).boxed().toArray(Long[]::new));
            Collections.shuffle(shuffled, new Random(4));
            byte[] request = pages(shuffled.stream().mapToLong(Long::longValue).toArray());
            driver.request(INFLATE, request, 0);
            assertEquals(List.of(FIRST_PAGE + "+256"), bench.givenBack, "one call");
            assertEquals(256L * PAGE, before - BalloonBench.allocatedBytes());
            assertTrue(bench.holds(FIRST_PAGE, 0));
            assertTrue(bench.holds(FIRST_PAGE + 255, 0));
            assertTrue(bench.holds(FIRST_PAGE + 256, 0xAA));
            assertEquals(1, driver.takeInterrupts(1 + INFLATE));
            driver.write(RigDriver.DEVICE_CONFIG + ACTUAL, 4, 256);
            assertEquals(256, driver.config(ACTUAL, 4));
            assertEquals(256, bench.field(BalloonStateLayout.PAGES_INFLATED));

            driver.request(DEFLATE, request, 0);
            assertEquals(1, bench.givenBack.size(), "deflating undoes nothing");
            bench.fill();
            assertEquals(before, BalloonBench.allocatedBytes(), "touched, it is memory again");
            assertEquals(256, bench.field(BalloonStateLayout.PAGES_DEFLATED));
        }
    }

    /** For the counters of the process: what its predecessor gave back is not its own. */
    @Test
    void whatTheHostTookBackIsCounted() {
        try (BalloonBench bench = new BalloonBench()) {
            RigDriver driver = bench.setUp(ALL);
            driver.request(INFLATE, pages(FIRST_PAGE, FIRST_PAGE + 1, FIRST_PAGE + 7), 0);
            assertEquals(3L * PAGE, bench.rig.backends().getFirst().outputBytes());
            assertEquals(0, bench.rig.backends().getFirst().inputBytes());
            bench.rig.killAndAdopt();
            assertEquals(0, bench.rig.backends().getFirst().outputBytes());
        }
    }

    @Test
    void neighboursMeetAndTheOthersDoNot() {
        try (BalloonBench bench = new BalloonBench()) {
            long p = FIRST_PAGE;
            bench.setUp(ALL).request(INFLATE, pages(p + 9, p, p + 2, p + 1, p + 1, p + 5, p + 6), 0);
            assertEquals(List.of(p + "+3", p + 5 + "+2", p + 9 + "+1"), bench.givenBack);
        }
    }

    @Test
    void pagesThatAreNotMemoryAreLeftAlone() {
        try (BalloonBench bench = new BalloonBench()) {
            RigDriver driver = bench.setUp(ALL);
            long end = BalloonBench.MEMORY_BYTES / PAGE;
            driver.request(INFLATE, pages(-1, end, end - 1, 0x8000_0000L, 0xC0000, 0xFFFFF), 0);
            assertEquals(List.of(end - 1 + "+1"), bench.givenBack);
            assertEquals(5, bench.rig.guestErrors());
            assertEquals(BalloonCore.ERROR_NOT_MEMORY, bench.rig.lastGuestErrorCode());
            assertEquals(5, bench.field(BalloonStateLayout.PAGES_REFUSED));
            driver.request(DEFLATE, pages(-1), 0);
            assertEquals(6, bench.rig.guestErrors());
        }
    }

    @Test
    void oddBytesAndWritablePartsAreErrorsAndTheNumbersCount() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(ALL).queue(INFLATE);
            byte[] one = pages(FIRST_PAGE, FIRST_PAGE + 8);
            queue.offer(new byte[][] {Arrays.copyOf(one, 3), NOTHING, Arrays.copyOfRange(one, 3, 7)}, 16);
            queue.kick();
            assertEquals(0, queue.reaped().lengthBytes());
            assertEquals(List.of(FIRST_PAGE + "+1"), bench.givenBack);
            assertEquals(BalloonCore.ERROR_FRAMING, bench.rig.lastGuestErrorCode());
            queue.offer(NOTHING, 16);
            queue.offer(new byte[3], 0);
            queue.kick();
            assertNotNull(queue.reap());
            assertNotNull(queue.reap());
            assertEquals(3, bench.rig.guestErrors());
        }
    }

    @Test
    void whatTheHostRefusesIsCountedAndStays() {
        try (BalloonBench bench = new BalloonBench()) {
            RigDriver driver = bench.setUp(ALL);
            bench.fill();
            bench.answer = -22;
            driver.request(INFLATE, pages(FIRST_PAGE), 0);
            assertTrue(bench.holds(FIRST_PAGE, 0xAA));
            assertEquals(1, bench.field(BalloonStateLayout.HOST_ERRORS));
            assertEquals(0, bench.field(BalloonStateLayout.BYTES_GIVEN_BACK));
        }
    }

    @Test
    void aLongRequestIsCarriedOutInParts() {
        try (BalloonBench bench = new BalloonBench()) {
            RigQueue queue = bench.setUp(ALL).queue(INFLATE);
            queue.offer(pages(range(FIRST_PAGE, PAGES)), 0);
            queue.offer(request(20_000), 0);
            queue.kick();
            assertNotNull(queue.reap());
            assertNull(queue.reap(), "not at once");
            bench.rig.settle();
            assertNotNull(queue.reap());
            assertEquals(20_000 + PAGES, bench.field(BalloonStateLayout.PAGES_INFLATED));
        }
    }

    private static byte[] request(int count) {
        long[] numbers = new long[count];
        Arrays.setAll(numbers, i -> FIRST_PAGE + i % PAGES);
        return pages(numbers);
    }

    /** Wherever the process dies, a successor goes on where it was, and the request is done once. */
    @ParameterizedTest
    @EnumSource(KillPoint.class)
    void killedInTheMiddleOfALongRequest(KillPoint where) {
        for (long features : new long[] {ALL, SPLIT}) {
            for (int step = 0; step < 6; step++) {
                try (BalloonBench bench = new BalloonBench()) {
                    RigQueue queue = bench.setUp(features).queue(INFLATE);
                    bench.fill();
                    queue.offer(request(4 * 4096 + 100), 0);
                    if (step == 0) {
                        bench.rig.kill(where);
                    }
                    queue.kick();
                    for (int i = 1; i < step; i++) {
                        bench.rig.killAndAdopt();
                    }
                    bench.rig.kill(where);
                    bench.rig.settle();
                    assertNotNull(queue.reap(), where + " step " + step);
                    assertNull(queue.reap());
                    for (int page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page += 111) {
                        assertTrue(bench.holds(page, 0), where + " page " + page);
                    }
                    assertEquals(0, bench.field(BalloonStateLayout.PROGRESS));
                }
            }
        }
    }

    // ---- the target (§5.5.6, §5.5.4)

    @Test
    void aNewTargetIsAConfigurationChange() {
        try (BalloonBench bench = new BalloonBench()) {
            RigDriver driver = bench.setUp(ALL);
            long generation = driver.read(RigDriver.CONFIG_GENERATION, 1);
            assertTrue(bench.rig.hostRequest(SupervisorRequestType.BALLOON, 1 << 20));
            assertEquals(256, driver.config(NUM_PAGES, 4));
            assertEquals(1, driver.takeInterrupts(0));
            assertFalse(generation == driver.read(RigDriver.CONFIG_GENERATION, 1));
            assertTrue(bench.rig.hostRequest(SupervisorRequestType.BALLOON, (1 << 20) + 4095));
            assertEquals(0, driver.takeInterrupts(0), "the same pages");
            assertTrue(bench.rig.hostRequest(SupervisorRequestType.BALLOON, Long.MAX_VALUE));
            assertEquals(BalloonBench.MEMORY_BYTES / PAGE, driver.config(NUM_PAGES, 4));
            assertTrue(bench.rig.hostRequest(SupervisorRequestType.BALLOON, -1));
            assertEquals(0, driver.config(NUM_PAGES, 4));
            assertFalse(bench.rig.hostRequest(SupervisorRequestType.RESIZE, 1));
            bench.rig.hostRequest(SupervisorRequestType.BALLOON, 4096);
            driver.reset();
            bench.rig.killAndAdopt();
            assertEquals(1, driver.config(NUM_PAGES, 4), "what the host wants outlives the driver and the process");
        }
    }

    @Test
    void theDriverWritesActualAndNothingElse() {
        try (BalloonBench bench = new BalloonBench("target-bytes", "4096")) {
            RigDriver driver = bench.setUp(ALL);
            driver.write(RigDriver.DEVICE_CONFIG, 8, 0x1122_3344_5566_7788L);
            assertEquals(1, driver.config(NUM_PAGES, 4));
            assertEquals(0x1122_3344, driver.config(ACTUAL, 4));
            for (int i = 0; i < 4; i++) {
                driver.write(RigDriver.DEVICE_CONFIG + ACTUAL + i, 1, i + 1);
            }
            assertEquals(0x0403_0201, driver.config(ACTUAL, 4));
            driver.write(RigDriver.DEVICE_CONFIG + 8, 4, 7);
            assertEquals(0, driver.config(8, 4));
            assertEquals(0x0403_0201_0000_0001L, driver.config(0, 8));
            assertEquals(0x0403, driver.config(ACTUAL + 2, 2));
            driver.reset();
            assertEquals(0, driver.config(ACTUAL, 4));
        }
    }

    /** §5.5.6.6.1: before DRIVER_OK, if negotiated. */
    @Test
    void poisonIsWrittenBeforeTheDriverIsReady() {
        try (BalloonBench bench = new BalloonBench()) {
            RigDriver driver = bench.rig.driver();
            driver.negotiate(ALL);
            driver.write(RigDriver.DEVICE_CONFIG + POISON_VAL, 4, 0xAAAA_AAAAL);
            assertEquals(0xAAAA_AAAAL, driver.config(POISON_VAL, 4));
            driver.negotiate(ALL & ~BalloonFeature.PAGE_POISON);
            driver.write(RigDriver.DEVICE_CONFIG + POISON_VAL, 4, 0xAAAA_AAAAL);
            assertEquals(0, driver.config(POISON_VAL, 4));
            driver.setUp(ALL);
            driver.write(RigDriver.DEVICE_CONFIG + POISON_VAL, 4, 0xAAAA_AAAAL);
            assertEquals(0, driver.config(POISON_VAL, 4));
        }
    }

    @Test
    void hintsAreAnsweredAndIgnored() {
        try (BalloonBench bench = new BalloonBench()) {
            RigDriver driver = bench.setUp(ALL);
            driver.request(3, pages(2), 0);
            driver.request(3, NOTHING, 4 * PAGE);
            assertEquals(List.of(), bench.givenBack);
            assertEquals(0, bench.rig.guestErrors());
        }
    }
}
