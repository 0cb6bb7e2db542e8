package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.RigSplitQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Chains that no driver may make. Whatever comes: no exception, nothing outside the buffers, and an answer or a reset asked for. */
class HostileTest {
    private static final int NEXT = 1;
    private static final int WRITE = 2;
    private static final int INDIRECT = 4;
    private static final long PACKED = RigDriver.F_RING_PACKED;
    /** Where tests put what no arena knows of. */
    private static final long PLACE = 0x30_0000;

    private final VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of());
    private final RigDriver driver = rig.driver().withQueueSize(16);

    @AfterEach
    void close() {
        rig.close();
    }

    private RigQueue queue(long features) {
        return driver.setUp(features).queue(EchoFactory.ECHO);
    }

    /** The chain was answered with 0 bytes, the device lives. */
    private void spoiled(RigQueue queue, int descriptors, VirtioError expected) {
        queue.hostileAvailable(queue instanceof RigSplitQueue ? 0 : descriptors);
        queue.kickAnyway();
        rig.settle();
        assertEquals(expected.code(), rig.lastGuestErrorCode(), String.valueOf(expected));
        assertEquals(0, driver.status() & RigDriver.NEEDS_RESET);
        if (queue instanceof RigSplitQueue) {
            assertEquals(1, rig.memory().get16(queue.deviceArea() + 2, (short) 0));
            assertEquals(0, rig.memory().get32(queue.deviceArea() + 8, -1));
        } else {
            assertEquals(0, rig.memory().get32(queue.table() + 8, -1));
        }
    }

    /** The ring is of no use any more. */
    private void broken(RigQueue queue, int head, VirtioError expected) {
        queue.hostileAvailable(head);
        queue.kickAnyway();
        rig.settle();
        assertEquals(expected.code(), rig.lastGuestErrorCode());
        assertEquals(RigDriver.NEEDS_RESET, driver.status() & RigDriver.NEEDS_RESET);
        assertArrayEquals(new byte[] {5}, driver.setUp(0).request(EchoFactory.ECHO, new byte[] {5}, 1));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void s2_7_5_buffersOutsideMemory(long features) {
        long end = rig.memory().lengthBytes();
        for (long address : new long[] {end, end - 15, -1, -16, Long.MIN_VALUE, Long.MAX_VALUE, 0xC000_0000L}) {
            RigQueue queue = queue(features);
            queue.hostile(0, address, 16, WRITE, 0);
            spoiled(queue, 1, VirtioError.BUFFER_ADDRESS);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void s2_7_5_lengthsPastMemoryAndPast2GiB(long features) {
        RigQueue queue = queue(features);
        queue.hostile(0, PLACE, rig.memory().lengthBytes(), WRITE, 0);
        spoiled(queue, 1, VirtioError.BUFFER_ADDRESS);
        RigQueue again = queue(features);
        again.hostile(0, PLACE, 0xFFFF_FFFFL, WRITE, 0);
        spoiled(again, 1, VirtioError.LENGTH);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void s2_7_4_2_readableBehindWritable(long features) {
        RigQueue queue = queue(features);
        queue.hostile(0, PLACE, 16, WRITE | NEXT, features == 0 ? 1 : 0);
        queue.hostile(1, PLACE, 16, 0, 0);
        spoiled(queue, 2, VirtioError.ORDER);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void emptyDescriptorsAreEmpty(long features) {
        RigQueue queue = queue(features);
        queue.hostile(0, -1, 0, NEXT, features == 0 ? 1 : 0);
        queue.hostile(1, -1, 0, WRITE, 0);
        queue.hostileAvailable(features == 0 ? 0 : 2);
        queue.kickAnyway();
        assertEquals(0, rig.guestErrors());
        assertEquals(0, driver.status() & RigDriver.NEEDS_RESET);
    }

    @Test
    void s2_7_5_2_aLoopOfDescriptors() {
        RigQueue queue = queue(0);
        queue.hostile(0, PLACE, 1, NEXT, 1);
        queue.hostile(1, PLACE, 1, NEXT, 0);
        broken(queue, 0, VirtioError.CHAIN_LOOP);
    }

    @Test
    void s2_8_6_aPackedChainWithoutEnd() {
        RigQueue queue = queue(PACKED);
        for (int i = 0; i < 16; i++) {
            queue.hostile(i, PLACE, 1, NEXT, 0);
        }
        broken(queue, 16, VirtioError.CHAIN_LOOP);
    }

    @Test
    void s2_7_5_aNextThatIsNoDescriptor() {
        RigQueue queue = queue(0);
        queue.hostile(0, PLACE, 1, NEXT, 16);
        broken(queue, 0, VirtioError.NEXT);
    }

    @Test
    void s2_7_6_anAvailableIndexFarAhead() {
        RigSplitQueue queue = (RigSplitQueue) queue(0);
        queue.hostileIndex(17);
        queue.kickAnyway();
        assertEquals(VirtioError.AVAILABLE_INDEX.code(), rig.lastGuestErrorCode());
        assertEquals(RigDriver.NEEDS_RESET, driver.status() & RigDriver.NEEDS_RESET);
        RigSplitQueue back = (RigSplitQueue) queue(0);
        back.hostileIndex(-1);
        back.kickAnyway();
        assertEquals(RigDriver.NEEDS_RESET, driver.status() & RigDriver.NEEDS_RESET);
    }

    @Test
    void s2_7_13_aHeadThatIsOutAlready() {
        RigQueue queue = driver.setUp(0).queue(EchoFactory.LATER);
        queue.hostile(3, PLACE, 1, WRITE, 0);
        queue.hostileAvailable(3);
        queue.kickAnyway();
        assertEquals(0, rig.guestErrors());
        broken(queue, 3, VirtioError.HEAD);
    }

    @Test
    void s2_7_13_aHeadThatIsNoDescriptor() {
        broken(queue(0), 16, VirtioError.HEAD);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void s2_7_5_3_indirectWithoutTheFeature(long features) {
        RigQueue queue = queue(features);
        queue.hostile(0, PLACE, 16, INDIRECT, 0);
        spoiled(queue, 1, VirtioError.INDIRECT);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void s2_7_5_3_tablesOfNoWholeNumberOfDescriptors(long features) {
        for (long length : new long[] {0, 1, 15, 17, 16 * 1025, 0xFFFF_FFF0L}) {
            RigQueue queue = queue(features | RigDriver.F_INDIRECT_DESC);
            queue.hostile(0, PLACE, length, INDIRECT, 0);
            spoiled(queue, 1, VirtioError.INDIRECT);
        }
        RigQueue outside = queue(features | RigDriver.F_INDIRECT_DESC);
        outside.hostile(0, rig.memory().lengthBytes() - 16, 32, INDIRECT, 0);
        spoiled(outside, 1, VirtioError.INDIRECT);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void s2_7_5_3_1_tablesWithinTables(long features) {
        RigQueue queue = queue(features | RigDriver.F_INDIRECT_DESC);
        rig.memory().put64(PLACE, PLACE);
        rig.memory().put32(PLACE + 8, 16);
        rig.memory().put32(PLACE + 12, features == 0 ? INDIRECT : INDIRECT << 16);
        queue.hostile(0, PLACE, 16, INDIRECT, 0);
        spoiled(queue, 1, VirtioError.INDIRECT);
    }

    @Test
    void s2_7_5_3_aTableThatIsALoop() {
        RigQueue queue = queue(RigDriver.F_INDIRECT_DESC);
        rig.memory().put64(PLACE, PLACE);
        rig.memory().put32(PLACE + 8, 1);
        rig.memory().put32(PLACE + 12, NEXT);
        queue.hostile(0, PLACE, 16, INDIRECT, 0);
        broken(queue, 0, VirtioError.CHAIN_LOOP);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void aMisalignedTableIsAsGoodAsAnother(long features) {
        RigQueue queue = queue(features | RigDriver.F_INDIRECT_DESC);
        rig.memory().put64(PLACE + 1, PLACE + 64);
        rig.memory().put32(PLACE + 9, 1);
        rig.memory().put32(PLACE + 13, features == 0 ? WRITE : WRITE << 16);
        queue.hostile(0, PLACE + 1, 16, INDIRECT, 0);
        queue.hostileAvailable(features == 0 ? 0 : 1);
        queue.kickAnyway();
        assertEquals(0, rig.guestErrors());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void moreSegmentsThanTheDeviceTakes(long features) {
        RigQueue queue = queue(features | RigDriver.F_INDIRECT_DESC);
        for (int i = 0; i <= EchoFactory.MOST_SEGMENTS; i++) {
            rig.memory().put64(PLACE + 16L * i, PLACE);
            rig.memory().put32(PLACE + 16L * i + 8, 1);
            rig.memory().put32(PLACE + 16L * i + 12, features == 0 ? NEXT | ((i + 1) << 16) : 0);
        }
        queue.hostile(0, PLACE, 16L * (EchoFactory.MOST_SEGMENTS + 1), INDIRECT, 0);
        spoiled(queue, 1, VirtioError.TOO_MANY_SEGMENTS);
    }

    /** Behind a chain that is of no use the next one is found, in a packed ring too. */
    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void goodBuffersBehindABadOneAreServed(long features) {
        RigQueue queue = queue(features);
        queue.hostile(0, -1, 4, WRITE | NEXT, features == 0 ? 1 : 9);
        queue.hostile(1, -1, 4, WRITE | NEXT, features == 0 ? 2 : 9);
        queue.hostile(2, -1, 4, WRITE, 9);
        queue.hostileAvailable(features == 0 ? 0 : 3);
        if (features == 0) {
            queue.hostile(7, PLACE, 1, NEXT, 8);
            queue.hostile(8, PLACE + 64, 1, WRITE, 0);
            queue.hostileAvailable(7);
        } else {
            queue.hostile(0, PLACE, 1, NEXT, 5);
            queue.hostile(1, PLACE + 64, 1, WRITE, 5);
            queue.hostileAvailable(2);
        }
        rig.memory().put8(PLACE, (byte) 77);
        queue.kickAnyway();
        rig.settle();
        assertEquals(77, rig.memory().get8(PLACE + 64, (byte) 0));
        assertEquals(1, rig.guestErrors());
        assertFalse((driver.status() & RigDriver.NEEDS_RESET) != 0);
    }

    /** A ring full of chains of no use is answered in pieces, and the device comes to rest. */
    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void aRingFullOfNonsenseIsAnswered(long features) {
        RigQueue queue = driver.withQueueSize(256).setUp(features).queue(EchoFactory.ECHO);
        for (int i = 0; i < 256; i++) {
            queue.hostile(i, -1, 4, WRITE, i);
        }
        for (int i = 0; features == 0 && i < 256; i++) {
            queue.hostileAvailable(i);
        }
        queue.kickAnyway();
        rig.settle();
        assertEquals(256, rig.guestErrors());
        assertTrue(driver.takeInterrupts(1) > 0);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, PACKED})
    void aBrokenQueueStaysBrokenInASuccessor(long features) {
        RigQueue queue = queue(features);
        for (int i = 0; i < 16; i++) {
            queue.hostile(i, PLACE, 1, NEXT, i + 1);
        }
        queue.hostileAvailable(features == 0 ? 0 : 16);
        queue.kickAnyway();
        rig.killAndAdopt();
        assertEquals(RigDriver.NEEDS_RESET, driver.status() & RigDriver.NEEDS_RESET);
        queue.kickAnyway();
        assertNull(queue.reap());
    }
}
