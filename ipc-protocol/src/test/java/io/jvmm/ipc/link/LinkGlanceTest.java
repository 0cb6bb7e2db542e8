package io.jvmm.ipc.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.EventFd;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A look at a link from outside: what lies in it is counted, what cannot be is said, and nothing of it is written. */
@Timeout(60)
class LinkGlanceTest {
    private final LinkMemory memory = LinkMemory.create("test-link", LinkSpec.device(2));
    private final EventFd requestDoorbell = EventFd.create();
    private final EventFd eventDoorbell = EventFd.create();

    @AfterEach
    void close() {
        memory.close();
        requestDoorbell.close();
        eventDoorbell.close();
    }

    @Test
    void messagesAreCountedAsTheyComeAndGo() {
        LinkGlance idle = LinkGlance.at(memory);
        assertEquals(0, idle.request().messages());
        assertEquals(0, idle.request().depthBytes());
        assertEquals(2, idle.replySlots());
        assertFalse(idle.requestConsumerAsleep());
        BoardEndpoint board = new BoardEndpoint(memory, requestDoorbell, eventDoorbell, new WaitPolicy(0, 1));
        board.write(0, 0, 0, 1, 7);
        board.kick(1, 3);
        LinkGlance two = LinkGlance.at(memory);
        assertEquals(2, two.request().messages());
        assertEquals(two.request().produced(), two.request().depthBytes());
        assertEquals("", two.request().fault());
        DeviceEndpoint device = new DeviceEndpoint(memory, requestDoorbell, eventDoorbell, 0);
        while (device.next()) {
            device.release();
        }
        LinkGlance read = LinkGlance.at(memory);
        assertEquals(0, read.request().messages());
        assertEquals(read.request().produced(), read.request().consumed());
        assertTrue(device.prepareToSleep());
        assertTrue(LinkGlance.at(memory).requestConsumerAsleep());
    }

    @Test
    void aLieIsSaidAndNotFollowed() {
        UnsafeBuffer ring = memory.requestRing();
        int capacity = ring.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
        ring.putLong(capacity + IpcRingLayout.TAIL_OFFSET, 12);
        assertEquals(
                "a position is no multiple of 8",
                LinkGlance.at(memory).request().fault());
        ring.putLong(capacity + IpcRingLayout.TAIL_OFFSET, -8);
        assertEquals(
                "the positions lie -8 bytes apart",
                LinkGlance.at(memory).request().fault());
        ring.putLong(capacity + IpcRingLayout.TAIL_OFFSET, 64);
        ring.putInt(0, Integer.MAX_VALUE);
        LinkGlance glance = LinkGlance.at(memory);
        assertEquals(0, glance.request().messages());
        assertEquals(64, glance.request().depthBytes());
    }

    /** Whatever lies there, the look ends and its numbers are within bounds. */
    @Test
    void anyBytesAreLookedAt() {
        Random random = new Random(TestSeed.next());
        UnsafeBuffer ring = memory.eventRing();
        int capacity = ring.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
        for (int round = 0; round < 2_000; round++) {
            for (int i = 0; i < 64; i++) {
                ring.putInt(random.nextInt(capacity / 4) * 4, random.nextInt() >> random.nextInt(32));
            }
            long head = random.nextLong() >> random.nextInt(64);
            ring.putLong(capacity + IpcRingLayout.HEAD_OFFSET, round % 2 == 0 ? head & -8 : head);
            ring.putLong(
                    capacity + IpcRingLayout.TAIL_OFFSET,
                    round % 3 == 0 ? random.nextLong() : (head & -8) + random.nextInt(capacity / 8) * 8L);
            LinkGlance.Ring seen = LinkGlance.at(memory).event();
            assertTrue(seen.depthBytes() >= 0 && seen.depthBytes() <= capacity, seen.toString());
            assertTrue(seen.messages() >= 0 && seen.messages() <= LinkGlance.MOST_MESSAGES, seen.toString());
        }
    }
}
