package io.jvmm.device.rng;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.TestSeed;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The process dies anywhere, time and again. A driver that kicks when it is asked to and looks when it was interrupted gets each buffer back
 * once, with something in it, and no more in a second than the limit.
 */
class RngKillTest {
    private static final long SECOND_NS = 1_000_000_000;
    private static final int RATE = 20_000;

    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void eachBufferComesBackOnce(long features) {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        try (VirtioRig rig = new VirtioRig(new RngDevice(), Map.of("0.rate-bytes", "" + RATE))) {
            RigDriver driver = rig.driver().setUp(features);
            RigQueue queue = driver.queue(0);
            long beginNs = rig.nowNs();
            long bytes = 0;
            int back = 0;
            rig.mortality().begin(random, 12);
            for (int step = 0; step < 2_000 || queue.outstanding() > 0; step++) {
                if (step < 2_000 && queue.hasRoom(1)) {
                    queue.offer(new byte[0], 1 + random.nextInt(300));
                    queue.kick();
                }
                rig.advance(random.nextLong(SECOND_NS / 50));
                if (driver.takeInterrupts(1) > 0) {
                    for (Completion done = queue.reap(); done != null; done = queue.reap()) {
                        assertTrue(done.lengthBytes() > 0, "seed " + seed);
                        bytes += done.lengthBytes();
                        back++;
                    }
                }
                assertTrue(step < 100_000, "buffers are lost: " + queue.outstanding() + ", seed " + seed);
            }
            long most = RATE + (rig.nowNs() - beginNs) / 1_000 * RATE / 1_000_000;
            assertTrue(bytes <= most, bytes + " bytes, at most " + most + ", seed " + seed);
            assertTrue(
                    back > 500 && rig.mortality().deaths() > 300,
                    back + ", " + rig.mortality().deaths() + " deaths");
            assertEquals(0, rig.guestErrors());
        }
    }
}
