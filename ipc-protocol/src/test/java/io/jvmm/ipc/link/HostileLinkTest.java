package io.jvmm.ipc.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A device link whose other end is hostile, seen from either side. */
@Timeout(120)
class HostileLinkTest {
    private final LinkMemory memory = LinkMemory.create("test-link", LinkSpec.device(2));
    private final EventFd requestDoorbell = EventFd.create();
    private final EventFd eventDoorbell = EventFd.create();

    @AfterEach
    void close() {
        requestDoorbell.close();
        eventDoorbell.close();
    }

    private BoardEndpoint board(WaitPolicy wait) {
        return new BoardEndpoint(memory, requestDoorbell, eventDoorbell, wait);
    }

    /** Polls until the other thread waits inside the read: its word says that it sleeps. */
    private void awaitSleepingReader() {
        while (memory.replySlots().getIntVolatile(LinkLayout.SLOT_ASLEEP) == 0) {
            Thread.onSpinWait();
        }
    }

    @Test
    void aReaderWaitsNoLongerForTheSuccessorOfASeveredDeviceThanItMay() throws InterruptedException {
        // Far above this class's time-out: a wake-up that is lost is noticed.
        BoardEndpoint board = board(new WaitPolicy(0, 1_000_000_000_000L, 20_000_000));
        long[] value = new long[1];
        Thread vcpu = Thread.ofPlatform().start(() -> value[0] = board.read(0, 0, 0, 2));
        awaitSleepingReader();
        memory.eventRing().putInt(0, 3);
        assertEquals(0, board.pollEvents(new NoEvents(), 10));
        vcpu.join();
        assertEquals(0xffff, value[0]);
        assertEquals(LinkHealth.SEVERED, board.health());
        Violation violation = board.violation();
        assertNotNull(violation);
        assertEquals(Violation.Kind.RECORD_LENGTH, violation.kind());
        board.reconnect();
        assertEquals(LinkHealth.SEVERED, board.health(), "a severed link stays severed");
    }

    @Test
    void oneHungReaderReleasesTheOthers() throws InterruptedException {
        BoardEndpoint board = board(new WaitPolicy(0, 50_000_000));
        Thread other = Thread.ofPlatform().start(() -> board.read(0, 0, 0, 1));
        assertEquals(0xff, board.read(1, 0, 0, 1));
        other.join();
        assertEquals(LinkHealth.HUNG, board.health());
    }

    @Test
    void wakingForNothingDoesNotProlongAWait() throws InterruptedException {
        BoardEndpoint board = board(new WaitPolicy(0, 30_000_000));
        Thread pest = Thread.ofPlatform().start(() -> {
            ReplySlots slots = new ReplySlots(memory.replySlots(), 2);
            long wrong = 1000;
            while (board.health() == LinkHealth.CONNECTED) {
                slots.publish(0, wrong++, 0);
            }
        });
        assertEquals(0xff, board.read(0, 0, 0, 1));
        pest.join();
        assertEquals(LinkHealth.HUNG, board.health());
    }

    @Test
    void aReplyWithTheRightLowWordOnlyIsNone() {
        BoardEndpoint board = board(new WaitPolicy(0, 10_000_000));
        memory.replySlots().putLong(LinkLayout.SLOT_SEQUENCE, 1L + (1L << 32));
        assertEquals(0xff, board.read(0, 0, 0, 1));
        assertEquals(LinkHealth.HUNG, board.health());
    }

    /** What a device that was taken over leaves in the words must not make its successor miss those who wait for room. */
    @Test
    void aCountThatLiesDoesNotOutliveTheLiar() throws InterruptedException {
        BoardEndpoint board = board(new WaitPolicy(0, 100_000_000_000L));
        DeviceEndpoint successor = new DeviceEndpoint(memory, requestDoorbell, eventDoorbell, 0);
        memory.doorbells().putIntVolatile(LinkLayout.DOORBELL_REQUEST_PRODUCERS_WAITING, -1);
        Thread vcpu = Thread.ofPlatform().daemon().start(() -> {
            for (int i = 0; i < 100_000; i++) {
                board.write(0, 1, 2, 4, i);
            }
        });
        while (memory.doorbells().getIntVolatile(LinkLayout.DOORBELL_REQUEST_PRODUCERS_WAITING) != 1) {
            Thread.onSpinWait();
        }
        int written = 0;
        while (written < 100_000) {
            if (successor.next()) {
                assertEquals(written++, successor.value());
                successor.release();
            }
        }
        vcpu.join(60_000);
        assertFalse(vcpu.isAlive());
        assertEquals(LinkHealth.CONNECTED, board.health());
    }

    /** A successor maps the link anew, and finds its header whole whatever was done to it. */
    @Test
    void aRenewedLinkHasItsHeaderAgain() {
        for (int whole = 0; whole < 2; whole++) {
            try (io.jvmm.ipc.sys.Mapping all = io.jvmm.ipc.sys.Mapping.shared(
                    memory.fd(), 0, LinkLayout.HEADER_LENGTH_BYTES, io.jvmm.ipc.sys.Mapping.Access.READ_WRITE)) {
                all.buffer().setMemory(0, LinkLayout.HEADER_LENGTH_BYTES, (byte) 0xAB);
            }
            if (whole == 1) {
                LinkRenewal.whole(memory);
            } else {
                LinkRenewal.events(memory);
            }
            try (LinkMemory again = LinkMemory.attach(memory.fd().duplicate(), LinkKind.DEVICE)) {
                assertEquals(memory.spec(), again.spec());
            }
        }
    }

    /** The device scribbles over all of the link while a vCPU reads and writes: bounded time, no exception. */
    @Test
    void aScribblingDeviceNeverHoldsUpNorUpsetsAVcpu() throws InterruptedException {
        long seed = TestSeed.next();
        UnsafeBuffer[] regions = {memory.requestRing(), memory.eventRing(), memory.replySlots(), memory.doorbells()};
        for (int life = 0; life < 20; life++) {
            for (UnsafeBuffer region : regions) {
                region.setMemory(0, region.capacity(), (byte) 0);
            }
            BoardEndpoint board = board(new WaitPolicy(1_000, 5_000_000));
            long lifeSeed = seed + life;
            Thread scribbler = Thread.ofPlatform().start(() -> {
                Random random = new Random(lifeSeed);
                for (int i = 0; i < 50_000; i++) {
                    UnsafeBuffer region = regions[random.nextInt(regions.length)];
                    region.putInt(4 * random.nextInt(region.capacity() / 4), random.nextInt(64) - 16);
                }
            });
            for (int i = 0; i < 20; i++) {
                long value = board.read(0, 1, 2, 4);
                assertEquals(0, value >>> 32, "seed " + lifeSeed);
                board.write(1, 1, 2, 4, i);
                board.pollEvents(new NoEvents(), 4);
                board.prepareToSleep();
                board.awake();
            }
            scribbler.join();
        }
    }

    /** The vCPU process scribbles while a device serves: it ends up severed or idle, without an exception. */
    @Test
    void aScribblingBoardNeverUpsetsADevice() throws InterruptedException {
        long seed = TestSeed.next();
        UnsafeBuffer[] regions = {memory.requestRing(), memory.eventRing(), memory.replySlots(), memory.doorbells()};
        int severed = 0;
        for (int life = 0; life < 50; life++) {
            for (UnsafeBuffer region : regions) {
                region.setMemory(0, region.capacity(), (byte) 0);
            }
            DeviceEndpoint device = new DeviceEndpoint(memory, requestDoorbell, eventDoorbell, 0);
            long lifeSeed = seed + life;
            Thread scribbler = Thread.ofPlatform().start(() -> {
                Random random = new Random(lifeSeed);
                UnsafeBuffer ring = regions[0];
                for (int i = 0; i < 20_000; i++) {
                    boolean requests = random.nextInt(4) > 0;
                    UnsafeBuffer region = requests ? ring : regions[1 + random.nextInt(3)];
                    int word = 4 * random.nextInt(region.capacity() / 4);
                    region.putInt(word, requests && word % 8 == 0 ? 16 : random.nextInt(5));
                }
            });
            for (int i = 0; i < 5_000; i++) {
                if (device.next()) {
                    assertTrue(device.vcpu() >= 0 && device.vcpu() < 2, "seed " + lifeSeed);
                    switch (device.request()) {
                        case READ -> device.reply(1);
                        case WRITE, KICK, RESET -> device.configChanged(1, 1);
                    }
                    device.release();
                } else {
                    device.prepareToSleep();
                    device.awake();
                }
            }
            scribbler.join();
            if (device.health() == LinkHealth.SEVERED) {
                severed++;
                assertFalse(device.next());
            }
        }
        System.out.println("severed " + severed + " of 50");
    }

    private static final class NoEvents implements DeviceEventHandler {
        @Override
        public void configChanged(int function, int generation) {}

        @Override
        public void needsReset(int function, int reason) {}

        @Override
        public void guestError(int code, long detail) {}

        @Override
        public void power(PowerAction action, PowerOrigin origin) {}
    }
}
