package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The process dies in any transaction, at any point of it, and the driver sees each buffer exactly once. */
class KillTest {
    private static final KillPoint[] POINTS = KillPoint.values();

    static List<Long> features() {
        return QueueTest.features();
    }

    @ParameterizedTest
    @MethodSource("features")
    void eachBufferComesBackOnceWhateverDies(long features) {
        for (int seed = 0; seed < 60; seed++) {
            live(features, seed, false);
        }
    }

    /** Before and after every effect and every commit, and while it takes over. */
    @ParameterizedTest
    @MethodSource("features")
    void eachBufferComesBackOnceHoweverOftenItDiesAndWherever(long features) {
        long deaths = 0;
        for (int seed = 1000; seed < 1060; seed++) {
            deaths += live(features, seed, true);
        }
        assertTrue(deaths > 1_000, deaths + " deaths");
    }

    /** A random life with a random death in one of three transactions. The rig checks that no buffer comes twice. */
    private static long live(long features, int seed, boolean mortal) {
        Random random = new Random(seed);
        try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of(), Map.of(), 1 << 20)) {
            RigDriver driver =
                    rig.driver().withQueueSize(8 << random.nextInt(3)).setUp(features);
            byte[][][] sent = new byte[3][64][];
            if (mortal) {
                rig.mortality().begin(random, 4 + random.nextInt(40));
            }
            for (int step = 0; step < 200; step++) {
                if (!mortal && random.nextInt(3) == 0) {
                    rig.kill(POINTS[random.nextInt(POINTS.length)]);
                }
                int at = random.nextInt(3);
                RigQueue queue = driver.queue(at);
                switch (random.nextInt(6)) {
                    case 0, 1 -> offer(random, queue, sent[at]);
                    case 2 -> queue.kickAnyway();
                    case 3 -> driver.write(RigDriver.DEVICE_CONFIG + EchoFactory.RELEASE, 4, step);
                    case 4 -> reap(queue, sent[at], "seed " + seed + " step " + step);
                    default -> rig.settle();
                }
            }
            rig.mortality().end();
            finish(rig, driver, sent, seed);
            return rig.mortality().deaths();
        }
    }

    /**
     * A driver that kicks only when it is asked to, and looks into a queue only when it was interrupted: no kick and no interrupt is
     * lost, or a buffer would stay out for ever.
     */
    @ParameterizedTest
    @MethodSource("features")
    void noKickAndNoInterruptIsLost(long features) {
        for (int seed = 2000; seed < 2060; seed++) {
            Random random = new Random(seed);
            try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of(), Map.of(), 1 << 20)) {
                RigDriver driver = rig.driver().withQueueSize(16).setUp(features);
                rig.mortality().begin(random, 6 + random.nextInt(40));
                byte[][] sent = new byte[64][];
                for (int step = 0; step < 300; step++) {
                    RigQueue queue = driver.queue(EchoFactory.ECHO);
                    offer(random, queue, sent);
                    queue.kick();
                    rig.settle();
                    if (driver.takeInterrupts(EchoFactory.ECHO + 1) > 0) {
                        while (reap(queue, sent, "seed " + seed + " step " + step)) {
                            // all of them
                        }
                    }
                    assertEquals(0, queue.outstanding(), "seed " + seed + " step " + step);
                }
                assertTrue(rig.mortality().deaths() > 0);
            }
        }
    }

    private static void offer(Random random, RigQueue queue, byte[][] sent) {
        for (int i = random.nextInt(5); i >= 0 && queue.hasRoom(3); i--) {
            byte[] request = new byte[16];
            random.nextBytes(request);
            byte[][] parts = {java.util.Arrays.copyOf(request, 9), java.util.Arrays.copyOfRange(request, 9, 16)};
            sent[queue.offer(parts, 16)] = request;
        }
    }

    private static boolean reap(RigQueue queue, byte[][] sent, String where) {
        Completion done = queue.reap();
        if (done == null) {
            return false;
        }
        assertNotNull(sent[done.token()], where);
        assertArrayEquals(sent[done.token()], done.written(), where);
        sent[done.token()] = null;
        return true;
    }

    private static void finish(VirtioRig rig, RigDriver driver, byte[][][] sent, int seed) {
        for (int i = 0; i < 3; i++) {
            for (int queue = 0; queue < 3; queue++) {
                driver.queue(queue).kickAnyway();
            }
            rig.settle();
            driver.write(RigDriver.DEVICE_CONFIG + EchoFactory.RELEASE, 4, i);
            rig.settle();
            for (int queue = 0; queue < 3; queue++) {
                while (reap(driver.queue(queue), sent[queue], "seed " + seed)) {
                    // all of them
                }
            }
        }
        for (int queue = 0; queue < 3; queue++) {
            assertEquals(0, driver.queue(queue).outstanding(), "lost in queue " + queue + ", seed " + seed);
        }
        assertEquals(0, rig.guestErrors(), "seed " + seed);
    }

    @ParameterizedTest
    @MethodSource("features")
    void aSuccessorInterruptsForWhatMayNotHaveBeenShown(long features) {
        try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of())) {
            RigDriver driver = rig.driver().setUp(features);
            RigQueue queue = driver.queue(EchoFactory.ECHO);
            queue.offer(new byte[] {1}, 1);
            rig.kill(KillPoint.AFTER_COMMIT);
            queue.kick();
            assertTrue(driver.takeInterrupts(1) > 0);
            assertNotNull(queue.reap());
        }
    }

    /** Chains come again in the order in which they were made available, so far as anything remembers it. */
    @ParameterizedTest
    @MethodSource("features")
    void chainsThatWereOutComeAgainInOrder(long features) {
        EchoFactory factory = new EchoFactory();
        try (VirtioRig rig = new VirtioRig(factory, Map.of())) {
            RigDriver driver = rig.driver().withQueueSize(16).setUp(features);
            for (int i = 0; i < 11; i++) {
                driver.request(EchoFactory.ECHO, new byte[] {1}, 1);
            }
            RigQueue queue = driver.queue(EchoFactory.LATER);
            for (int i = 0; i < 5; i++) {
                queue.offer(new byte[] {(byte) i}, 1);
            }
            queue.kick();
            rig.killAndAdopt();
            assertEquals(1, factory.latest().resumes);
            Virtqueue ring = factory.latest().host().queue(EchoFactory.LATER);
            Chain chain = new Chain(rig.memory(), 8);
            for (int i = 0; i < 5; i++) {
                assertTrue(ring.pop(chain));
                assertEquals(i, rig.memory().get8At(chain.offset(0)));
            }
            assertEquals(5, ring.outstanding());
        }
    }

    /** Every byte of a state may be anything: it is refused, or it works without an exception. */
    @ParameterizedTest
    @MethodSource("features")
    void aForgedStateIsRefusedOrHarmless(long features) {
        int refused = 0;
        for (int seed = 0; seed < 400; seed++) {
            Random random = new Random(seed);
            try (VirtioRig rig = new VirtioRig(new EchoFactory(16, true), Map.of(), Map.of(), 1 << 20)) {
                RigDriver driver = rig.driver().withQueueSize(8).setUp(features);
                RigQueue queue = driver.queue(EchoFactory.LATER);
                queue.offer(new byte[] {1}, 1);
                queue.kick();
                byte[] state = rig.state();
                for (int i = random.nextInt(4); i >= 0; i--) {
                    state[random.nextInt(state.length)] = (byte) random.nextInt();
                }
                try {
                    rig.adopt(state);
                } catch (StateRejectedException e) {
                    refused++;
                    continue;
                }
                driver.queue(EchoFactory.ECHO).offer(new byte[] {1}, 1);
                driver.queue(EchoFactory.ECHO).kickAnyway();
                driver.write(RigDriver.DEVICE_CONFIG + EchoFactory.RELEASE, 4, seed);
                rig.settle();
            }
        }
        assertTrue(refused > 0);
    }

    @Test
    void aStateWithFeaturesNobodyOfferedIsRefused() {
        try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of())) {
            rig.driver().setUp(VirtioFeature.USUAL);
            byte[] state = rig.state();
            state[4] |= 1 << 1; // VIRTIO_F_ACCESS_PLATFORM in driver_feature
            StateRejectedException e = assertThrows(StateRejectedException.class, () -> rig.adopt(state));
            assertTrue(String.valueOf(e.getMessage()).contains("driver_feature"), e.getMessage());
        }
    }
}
