package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Kicks and interrupts that one side has asked the other not to send (§2.7.7, §2.7.10, §2.8.9), over many laps of the ring. */
class SuppressionTest {
    private final EchoFactory factory = new EchoFactory();
    private final VirtioRig rig = new VirtioRig(factory, Map.of());

    static List<Long> features() {
        return QueueTest.features();
    }

    @AfterEach
    void close() {
        rig.close();
    }

    @ParameterizedTest
    @MethodSource("features")
    void s2_7_7_noInterruptThatTheDriverDoesNotWant(long features) {
        RigDriver driver = rig.driver().withQueueSize(8).setUp(features);
        RigQueue queue = driver.queue(EchoFactory.ECHO);
        for (int i = 0; i < 100; i++) {
            queue.wantInterrupts(false);
            queue.offer(new byte[] {1}, 0);
            queue.kick();
            assertNotNull(queue.reap());
            assertEquals(0, driver.takeInterrupts(1), "round " + i);
            queue.wantInterrupts(true);
            queue.offer(new byte[] {1}, 0);
            queue.kick();
            assertNotNull(queue.reap());
            assertEquals(1, driver.takeInterrupts(1), "round " + i);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {RigDriver.F_EVENT_IDX, RigDriver.F_EVENT_IDX | RigDriver.F_RING_PACKED})
    void s2_7_10_oneInterruptAfterSoMany(long features) {
        RigDriver driver = rig.driver().withQueueSize(16).setUp(features);
        RigQueue queue = driver.queue(EchoFactory.ECHO);
        for (int round = 0; round < 100; round++) {
            int wanted = 1 + round % 7;
            queue.wantInterruptAfter(wanted);
            for (int i = 1; i <= 8; i++) {
                queue.offer(new byte[] {1}, 0);
                queue.kickAnyway();
                assertEquals(i == wanted ? 1 : 0, driver.takeInterrupts(1), "round " + round + ", buffer " + i);
            }
            while (queue.reap() != null) {
                // all of them
            }
        }
    }

    @ParameterizedTest
    @MethodSource("features")
    void aLookInVainIsFollowedByAKick(long features) {
        RigDriver driver = rig.driver().withQueueSize(8).setUp(features);
        RigQueue queue = driver.queue(EchoFactory.ECHO);
        Virtqueue ring = factory.latest().host().queue(EchoFactory.ECHO);
        Chain chain = new Chain(rig.memory(), 4);
        for (int round = 0; round < 50; round++) {
            queue.offer(new byte[] {1}, 0);
            assertTrue(ring.hasAvailable());
            assertTrue(ring.pop(chain));
            ring.complete(chain.head(), 0);
            assertFalse(ring.hasAvailable());
            queue.offer(new byte[] {1}, 0);
            assertTrue(queue.kickWanted(), "round " + round);
            assertTrue(ring.pop(chain));
            ring.complete(chain.head(), 0);
            ring.publish();
            driver.status();
            assertNotNull(queue.reap());
            assertNotNull(queue.reap());
        }
    }

    @ParameterizedTest
    @MethodSource("features")
    void s2_7_7_1_noKickThatTheDeviceDoesNotWantAndNoneMissed(long features) {
        RigDriver driver = rig.driver().withQueueSize(8).setUp(features);
        RigQueue queue = driver.queue(EchoFactory.ECHO);
        Virtqueue ring = factory.latest().host().queue(EchoFactory.ECHO);
        for (int round = 0; round < 100; round++) {
            assertFalse(ring.wantKicks(false));
            for (int i = 0; i < 3; i++) {
                queue.offer(new byte[] {1}, 0);
                assertFalse(queue.kick(), "round " + round);
            }
            assertTrue(ring.wantKicks(true), "buffers came in meanwhile");
            factory.latest().host().wake(EchoFactory.ECHO);
            rig.settle();
            for (int i = 0; i < 3; i++) {
                assertNotNull(queue.reap());
            }
            assertFalse(ring.wantKicks(true));
            queue.offer(new byte[] {1}, 0);
            assertTrue(queue.kick(), "round " + round);
            assertNotNull(queue.reap());
        }
    }

    /** The device asks for a kick only when it has nothing to do; what the driver adds while it works is found. */
    @ParameterizedTest
    @MethodSource("features")
    void s2_7_13_4_1_unpopGivesTheChainAgain(long features) {
        RigDriver driver = rig.driver().withQueueSize(4).setUp(features);
        RigQueue queue = driver.queue(EchoFactory.GROUP);
        Virtqueue ring = factory.latest().host().queue(EchoFactory.GROUP);
        Chain chain = new Chain(rig.memory(), 4);
        for (int round = 0; round < 50; round++) {
            for (int i = 0; i < 2; i++) {
                queue.offer(new byte[][] {{(byte) i}, {1}}, new int[0]);
            }
            for (int again = 0; again < 3; again++) {
                assertTrue(ring.pop(chain));
                assertEquals(0, rig.memory().get8At(chain.offset(0)));
                ring.unpop(chain);
                assertEquals(0, ring.outstanding());
            }
            for (int i = 0; i < 2; i++) {
                assertTrue(ring.hasAvailable());
                assertTrue(ring.pop(chain));
                assertEquals(i, rig.memory().get8At(chain.offset(0)));
                ring.unpop(chain);
                assertTrue(ring.pop(chain));
                assertEquals(i, rig.memory().get8At(chain.offset(0)));
                ring.complete(chain.head(), 0);
            }
            assertFalse(ring.hasAvailable());
            ring.publish();
            driver.status();
            assertNotNull(queue.reap());
            assertNotNull(queue.reap());
        }
    }
}
