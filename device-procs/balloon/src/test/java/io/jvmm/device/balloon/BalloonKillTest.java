package io.jvmm.device.balloon;

import static io.jvmm.device.balloon.BalloonBench.ALL;
import static io.jvmm.device.balloon.BalloonBench.FIRST_PAGE;
import static io.jvmm.device.balloon.BalloonBench.PAGE;
import static io.jvmm.device.balloon.BalloonBench.PAGES;
import static io.jvmm.device.balloon.BalloonBench.SPLIT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The process dies anywhere, time and again: what the guest gives away is given back to the host before the guest learns that it was taken,
 * each buffer comes back once and with an interrupt, and the target stays.
 */
class BalloonKillTest {

    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void pagesAreGivenBackAndBuffersComeBackOnce(long features) {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        try (BalloonBench bench = new BalloonBench()) {
            RigDriver driver = bench.setUp(features);
            bench.rig.mortality().begin(random, 12);
            for (int step = 0; step < 400; step++) {
                int target = random.nextInt(PAGES);
                assertTrue(bench.rig.hostRequest(SupervisorRequestType.BALLOON, (long) target * PAGE));
                assertEquals(target, driver.config(0, 4), "seed " + seed);
                assertTrue(driver.takeInterrupts(0) >= 0);

                int count = 1 + random.nextInt(40);
                int first = FIRST_PAGE + random.nextInt(PAGES - count);
                bench.rig.memory().fill((long) first * PAGE, (long) count * PAGE, (byte) 0xAA);
                int which = random.nextInt(2);
                RigQueue queue = driver.queue(which);
                queue.offer(BalloonBench.pages(BalloonBench.range(first, count)), 0);
                queue.kick();
                bench.rig.settle();
                assertTrue(driver.takeInterrupts(which + 1) > 0, "no interrupt, step " + step + ", seed " + seed);
                assertTrue(queue.reap() != null, "step " + step + ", seed " + seed);
                if (which == BalloonBench.INFLATE) {
                    for (int page = first; page < first + count; page++) {
                        assertTrue(bench.holds(page, 0), "page " + page + ", seed " + seed);
                    }
                }
            }
            assertTrue(
                    bench.rig.mortality().deaths() > 100, bench.rig.mortality().deaths() + " deaths");
            assertEquals(0, bench.rig.guestErrors());
        }
    }
}
