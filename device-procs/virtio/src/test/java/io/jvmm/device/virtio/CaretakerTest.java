package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigLoad;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A function that is given up: DEVICE_NEEDS_RESET (virtio 1.2 §2.1.2), and yet nobody waits for ever. */
class CaretakerTest {

    static List<Long> features() {
        return QueueTest.features();
    }

    private static VirtioRig rig() {
        return new VirtioRig(new EchoFactory(), Map.of());
    }

    @ParameterizedTest
    @MethodSource("features")
    void s2_1_2_theDriverIsTold(long features) {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().setUp(features);
            driver.takeInterrupts(0);
            rig.giveUp();
            assertEquals(
                    RigDriver.ACKNOWLEDGE
                            | RigDriver.DRIVER
                            | RigDriver.FEATURES_OK
                            | RigDriver.DRIVER_OK
                            | RigDriver.NEEDS_RESET,
                    driver.status());
            assertEquals(1, driver.takeInterrupts(0), "the configuration's vector");
            assertEquals(1, rig.needsResets());
            assertEquals(0, driver.config(0, 4));
            assertEquals(8, driver.config(8, 4), "what the class says, not what its device would");
        }
    }

    @Test
    void withoutVectorsTheNoticeIsIntx() {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().withIntx().setUp(0);
            rig.giveUp();
            assertTrue(driver.intx());
            assertEquals(CommonConfig.ISR_CONFIG, driver.read(RigDriver.ISR, 1) & CommonConfig.ISR_CONFIG);
            assertEquals(false, driver.intx());
        }
    }

    /** A driver that has not begun is told nothing, and finds nothing to negotiate. */
    @Test
    void oneThatNobodyDroveHasNothingToTell() {
        try (VirtioRig rig = rig()) {
            rig.giveUp();
            assertEquals(0, rig.driver().status());
            assertEquals(0, rig.needsResets());
            refusesFeatures(rig.driver());
        }
    }

    private static void refusesFeatures(RigDriver driver) {
        assertEquals(0, driver.deviceFeatures());
        driver.negotiate(-1L);
        assertEquals(RigDriver.ACKNOWLEDGE | RigDriver.DRIVER, driver.status());
        driver.driverFeatures(VirtioFeature.VERSION_1);
        driver.write(RigDriver.DEVICE_STATUS, 1, driver.status() | RigDriver.FEATURES_OK);
        assertEquals(0, driver.status() & RigDriver.FEATURES_OK);
    }

    @ParameterizedTest
    @MethodSource("features")
    void s2_4_aResetCompletesAndNothingIsNegotiatedAfterIt(long features) {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().setUp(features);
            rig.giveUp();
            driver.write(RigDriver.DEVICE_STATUS, 1, 0);
            assertEquals(0, driver.status());
            refusesFeatures(driver);
        }
    }

    /** Between FEATURES_OK and DRIVER_OK: the driver may go on, and is answered. */
    @Test
    void aDriverInTheMiddleOfItsSetUpIsAnsweredToo() {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().setUp(VirtioFeature.USUAL);
            byte[] state = rig.state();
            state[20] &= ~CommonConfig.DRIVER_OK; // device_status of function 0
            rig.giveUp();
            rig.adopt(state);
            driver.write(RigDriver.DEVICE_STATUS, 1, driver.status() | RigDriver.DRIVER_OK);
            driver.queue(EchoFactory.ECHO).offer(new byte[] {1}, 1);
            driver.queue(EchoFactory.ECHO).kick();
            assertArrayEquals(status(), written(driver.queue(EchoFactory.ECHO)));
        }
    }

    private static byte[] status() {
        return new byte[] {EchoFactory.BROKEN_STATUS};
    }

    private static byte[] written(RigQueue queue) {
        return queue.reaped().written();
    }

    @ParameterizedTest
    @MethodSource("features")
    void whatWasTakenAndNotGivenBackIsAnswered(long features) {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().setUp(features);
            RigQueue later = driver.queue(EchoFactory.LATER);
            for (int i = 0; i < 5; i++) {
                later.offer(new byte[] {(byte) i}, 1);
            }
            later.kick();
            driver.takeInterrupts(EchoFactory.LATER + 1);
            rig.giveUp();
            rig.settle();
            assertTrue(driver.takeInterrupts(EchoFactory.LATER + 1) > 0);
            for (int i = 0; i < 5; i++) {
                assertEquals(0, written(later).length);
            }
            assertEquals(0, later.outstanding());
        }
    }

    @ParameterizedTest
    @MethodSource("features")
    void whatComesLaterIsAnsweredAsTheClassSays(long features) {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().setUp(features);
            rig.giveUp();
            for (int round = 0; round < 600; round++) {
                assertArrayEquals(status(), driver.request(EchoFactory.ECHO, new byte[] {1}, 1));
                assertEquals(0, driver.request(EchoFactory.LATER, new byte[] {1}, 1).length);
            }
            RigQueue left = driver.queue(EchoFactory.GROUP);
            left.offer(new byte[] {1}, 1);
            left.kickAnyway();
            rig.settle();
            assertNull(left.reap());
            assertEquals(0, rig.guestErrors());
        }
    }

    /** The status is the last byte that can be written, wherever that is; what is said to be written is what is. */
    @ParameterizedTest
    @MethodSource("features")
    void theStatusIsTheLastByte(long features) {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().setUp(features);
            rig.giveUp();
            RigQueue queue = driver.queue(EchoFactory.ECHO);
            queue.offer(new byte[16], 513);
            queue.kick();
            Completion done = queue.reaped();
            assertEquals(0, done.lengthBytes());
            byte[] expected = new byte[513];
            Arrays.fill(expected, (byte) 0xA5); // as the rig had filled it
            expected[512] = EchoFactory.BROKEN_STATUS;
            assertArrayEquals(expected, done.writable());
            queue.offer(new byte[16], 0);
            queue.kick();
            assertEquals(0, queue.reaped().lengthBytes());
            assertEquals(VirtioError.NO_STATUS.code(), rig.lastGuestErrorCode());
            assertEquals(1, rig.guestErrors());
        }
    }

    /** A full queue does not keep the process from everything else. */
    @ParameterizedTest
    @MethodSource("features")
    void aTurnIsBounded(long features) {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().setUp(features);
            RigQueue later = driver.queue(EchoFactory.LATER);
            int offered = 0;
            for (; offered < Caretaker.MOST_CHAINS + 8 && later.hasRoom(2); offered++) {
                later.offer(new byte[] {1}, 1);
            }
            rig.giveUp(); // resume tells it of the queue; the work is left for the duty cycle
            assertEquals(offered, later.outstanding());
            rig.settle();
            while (later.reap() != null) {
                offered--;
            }
            assertEquals(0, offered);
        }
    }

    @ParameterizedTest
    @MethodSource("features")
    void noAllocationPerRequest(long features) {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().setUp(features);
            rig.giveUp();
            RigLoad load = new RigLoad(driver, EchoFactory.ECHO, new byte[100], 1, 16);
            load.run(20_000);
            Allocations.assertNoneIn("a request", () -> load.run(2_000));
        }
    }

    /** Only the transport's part of the state matters: what is wrong with the device's own is no obstacle. */
    @Test
    void theDevicesOwnStateIsNotLookedAt() {
        EchoFactory factory = new EchoFactory();
        try (VirtioRig rig = new VirtioRig(factory, Map.of())) {
            RigDriver driver = rig.driver().setUp(VirtioFeature.USUAL);
            EchoFactory.Device last = factory.latest();
            byte[] state = rig.state();
            Arrays.fill(state, state.length - EchoFactory.STATE_BYTES, state.length, (byte) 0xA5);
            rig.giveUp();
            rig.adopt(state);
            assertTrue(last == factory.latest(), "no device was made");
            assertArrayEquals(status(), driver.request(EchoFactory.ECHO, new byte[] {1}, 1));
        }
    }

    @Test
    void aTransportThatLiesIsRefused() {
        try (VirtioRig rig = rig()) {
            rig.driver().setUp(VirtioFeature.USUAL);
            byte[] state = rig.state();
            state[4] |= 1 << 1; // VIRTIO_F_ACCESS_PLATFORM in driver_feature
            rig.giveUp();
            assertThrows(StateRejectedException.class, () -> rig.adopt(state));
        }
    }

    /** Rings that are no rings stop their queue and nothing else. */
    @Test
    void aHostileRingStopsItsQueue() {
        try (VirtioRig rig = rig()) {
            RigDriver driver = rig.driver().setUp(0);
            rig.giveUp();
            RigQueue queue = driver.queue(EchoFactory.LATER);
            long available = queue.driverArea() + 2;
            rig.memory().put16(available, (short) 5000);
            queue.kickAnyway();
            assertEquals(VirtioError.AVAILABLE_INDEX.code(), rig.lastGuestErrorCode());
            assertArrayEquals(status(), driver.request(EchoFactory.ECHO, new byte[] {1}, 1));
        }
    }

    /** A successor of a caretaker goes on where it was; the supervisor starts none, and nothing depends on that. */
    @ParameterizedTest
    @MethodSource("features")
    void aCaretakerMayDieAnywhere(long features) {
        long seed = TestSeed.next();
        for (int life = 0; life < 40; life++) {
            Random random = new Random(seed + life);
            try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of(), Map.of(), 1 << 20)) {
                RigDriver driver = rig.driver().withQueueSize(16).setUp(features);
                RigQueue later = driver.queue(EchoFactory.LATER);
                int out = 0;
                for (; out < random.nextInt(12) && later.hasRoom(2); out++) {
                    later.offer(new byte[] {1}, 1);
                }
                later.kick();
                rig.giveUp();
                rig.mortality().begin(random, 4 + random.nextInt(40));
                for (int step = 0; step < 40; step++) {
                    if (later.hasRoom(2)) {
                        later.offer(new byte[] {1}, 1);
                        out++;
                    }
                    later.kick();
                    rig.settle();
                    while (later.reap() != null) {
                        out--;
                    }
                    assertEquals(0, out, "seed " + (seed + life) + ", step " + step);
                }
            }
        }
    }

    /** Whatever is in rings, tables and registers: no exception. */
    @ParameterizedTest
    @MethodSource("features")
    void nonsenseInItsRings(long features) {
        long seed = TestSeed.next();
        for (int life = 0; life < 30; life++) {
            Random random = new Random(seed + life);
            try (VirtioRig rig = new VirtioRig(new EchoFactory(16, true), Map.of(), Map.of(), 1 << 20)) {
                RigDriver driver = rig.driver().withQueueSize(8).setUp(features);
                rig.giveUp();
                for (int step = 0; step < 100; step++) {
                    RigQueue queue = driver.queue(random.nextInt(driver.queueCount()));
                    long area = random.nextBoolean() ? queue.table() : queue.driverArea();
                    rig.memory().put16(area + 2L * random.nextInt(64), (short) (1 << random.nextInt(16)));
                    queue.kickAnyway();
                    rig.settle();
                    if (random.nextInt(20) == 0) {
                        driver.read(random.nextInt(0x3000), 1 << random.nextInt(4));
                    }
                }
            } catch (RuntimeException e) {
                throw new AssertionError("-Djvmm.seed=" + (seed + life), e);
            }
        }
    }
}
