package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where numbers end: chains of 2^32 bytes, rings whose size is no power of two, resets of a queue in the middle of a lap. */
class RingEdgesTest {
    private static final int NEXT = 1;
    private static final int WRITE = 2;
    private static final long PACKED = RigDriver.F_RING_PACKED;
    private static final long EVENTS = PACKED | RigDriver.F_EVENT_IDX;
    /** So many of a 32nd make 2^32. */
    private static final long PIECE = 1L << 27;

    private final EchoFactory factory = new EchoFactory();
    private final VirtioRig rig = new VirtioRig(factory, Map.of());

    @AfterEach
    void close() {
        rig.close();
    }

    /** All of guest memory, 32 times over, and perhaps one more byte. */
    private static RigQueue offerFourGiB(RigDriver driver, boolean packed, boolean oneMore) {
        RigQueue queue = driver.queue(EchoFactory.GROUP);
        int count = oneMore ? 33 : 32;
        for (int i = 0; i < count; i++) {
            int flags = i == count - 1 ? WRITE : WRITE | NEXT;
            queue.hostile(i, 0, i == 32 ? 1 : PIECE, flags, packed ? 9 : i + 1);
        }
        queue.hostileAvailable(packed ? count : 0);
        return queue;
    }

    /** A used element has 32 bits for what was written: §2.7.8.2 lets the device say less than it wrote, but 0 would be a lie. */
    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void s2_7_8_2_aChainOfFourGiBThatWasFilled(long features) {
        boolean packed = features == PACKED;
        try (VirtioRig big = new VirtioRig(factory, Map.of(), Map.of(), PIECE)) {
            RigDriver driver = big.driver().withQueueSize(64).setUp(features);
            RigQueue queue = offerFourGiB(driver, packed, false);
            Virtqueue ring = factory.latest().host().queue(EchoFactory.GROUP);
            Chain chain = new Chain(big.memory(), EchoFactory.MOST_SEGMENTS);
            assertTrue(ring.pop(chain), "§2.7.5 allows 2^32 bytes");
            assertEquals(1L << 32, chain.writableBytes());
            ring.complete(chain.head(), chain.writableBytes());
            ring.publish();
            driver.status();
            long written = packed ? queue.table() + 8 : queue.deviceArea() + 8;
            assertEquals(-1, big.memory().get32(written, 0));
            int flags = big.memory().get16(queue.table() + 14, (short) 0);
            assertTrue(!packed || (flags & WRITE) != 0, "§2.8.21: it was written to");
            assertEquals(0, big.guestErrors());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void s2_7_5_aByteMoreIsTooMuch(long features) {
        try (VirtioRig big = new VirtioRig(factory, Map.of(), Map.of(), PIECE)) {
            RigDriver driver = big.driver().withQueueSize(64).setUp(features);
            RigQueue queue = offerFourGiB(driver, features == PACKED, true);
            queue.kickAnyway();
            big.settle();
            assertEquals(VirtioError.LENGTH.code(), big.lastGuestErrorCode());
            assertEquals(1, big.guestErrors());
            assertEquals(0, driver.status() & RigDriver.NEEDS_RESET);
        }
    }

    /** One buffer at a time: the interrupt comes with the one that was asked for, wherever in the ring that is. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7, 12, 100, 255})
    void s2_8_10_theInterruptThatWasAskedForInARingOfAnySize(int size) {
        RigDriver driver = rig.driver().withQueueSize(size).setUp(EVENTS);
        RigQueue queue = driver.queue(EchoFactory.ECHO);
        for (int round = 0; round < 30 + 2 * size; round++) {
            int buffers = 1 + round * 3 % Math.min(size, 9);
            int wanted = 1 + round * 7 % buffers;
            queue.wantInterruptAfter(wanted);
            for (int i = 1; i <= buffers; i++) {
                queue.offer(new byte[] {1}, 0);
                assertTrue(queue.kick(), "a device with nothing to do wants a kick, round " + round);
                assertEquals(i == wanted ? 1 : 0, driver.takeInterrupts(1), "round " + round + ", buffer " + i);
            }
            drain(queue);
        }
    }

    /** All at once: one kick, and one interrupt if the one that was asked for is among them. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7, 12, 60})
    void s2_8_10_batchesInARingOfAnySize(int size) {
        RigDriver driver = rig.driver().withQueueSize(size).setUp(EVENTS);
        RigQueue queue = driver.queue(EchoFactory.ECHO);
        for (int round = 0; round < 30 + 2 * size; round++) {
            int buffers = 1 + round * 3 % size;
            int wanted = 1 + round * 7 % size;
            queue.wantInterruptAfter(wanted);
            for (int i = 0; i < buffers; i++) {
                queue.offer(new byte[] {1}, 0);
            }
            assertTrue(queue.kick(), "round " + round);
            assertEquals(wanted <= buffers ? 1 : 0, driver.takeInterrupts(1), "round " + round);
            drain(queue);
        }
    }

    /** The driver may ask for the interrupt at any descriptor, also one that is not the first of its chain (§2.8.10). */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5, 7, 13})
    void s2_8_10_anEventInTheMiddleOfAChain(int size) {
        RigDriver driver = rig.driver().withQueueSize(size).setUp(EVENTS);
        RigQueue queue = driver.queue(EchoFactory.ECHO);
        int buffers = size / 2;
        for (int round = 0; round < 10 * size; round++) {
            int wantedSlot = 1 + round * 3 % (2 * buffers);
            queue.wantInterruptAfter(wantedSlot);
            for (int i = 1; i <= buffers; i++) {
                queue.offer(new byte[][] {{1}, {2}});
                queue.kickAnyway();
                boolean now = 2 * i >= wantedSlot && 2 * (i - 1) < wantedSlot;
                assertEquals(now ? 1 : 0, driver.takeInterrupts(1), "round " + round + ", buffer " + i);
            }
            drain(queue);
        }
    }

    private static void drain(RigQueue queue) {
        while (queue.reap() != null) {
            // all of them
        }
    }

    /** The wrap counters and the indices are anywhere, buffers are out, and the next ring may have another size (§2.6.1). */
    @ParameterizedTest
    @ValueSource(longs = {0, PACKED, EVENTS, RigDriver.F_EVENT_IDX})
    void s2_6_1_aQueueIsResetInTheMiddleOfALap(long features) {
        boolean packed = (features & PACKED) != 0;
        RigDriver driver = rig.driver().withQueueSize(packed ? 5 : 4).setUp(features | RigDriver.F_RING_RESET);
        for (int round = 1; round < 16; round++) {
            for (int i = 0; i < round; i++) {
                assertArrayEquals(new byte[] {7}, driver.request(EchoFactory.ECHO, new byte[] {7}, 1));
                driver.queue(EchoFactory.LATER).offer(new byte[] {1}, 1);
                driver.queue(EchoFactory.LATER).kick();
                driver.write(RigDriver.DEVICE_CONFIG + EchoFactory.RELEASE, 4, i);
                assertArrayEquals(
                        new byte[] {1}, driver.queue(EchoFactory.LATER).reaped().written());
            }
            driver.queue(EchoFactory.LATER).offer(new byte[] {1}, 1);
            driver.queue(EchoFactory.LATER).kick();
            driver.withQueueSize(packed ? 2 + round : 4 << round % 3);
            driver.resetQueue(EchoFactory.ECHO);
            RigQueue fresh = driver.resetQueue(EchoFactory.LATER);
            Virtqueue ring = factory.latest().host().queue(EchoFactory.LATER);
            for (int head = 0; head < fresh.size(); head++) {
                ring.complete(head, 1); // chains of before
            }
            ring.publish();
            driver.status();
            assertNull(fresh.reap(), "nothing was given");
            assertEquals(0, ring.outstanding());
        }
        assertEquals(0, rig.guestErrors());
        assertEquals(0, driver.status() & RigDriver.NEEDS_RESET);
    }
}
