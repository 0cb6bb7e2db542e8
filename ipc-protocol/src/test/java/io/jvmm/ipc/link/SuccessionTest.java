package io.jvmm.ipc.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.EventFd;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One process after the other at the device's end of a link: PROTOCOL.md, "Replacing a device". */
class SuccessionTest {
    private static final long LONG_NS = 30_000_000_000L;
    private static final long SHORT_NS = 30_000_000L;
    /** Short, and long enough for what a test has to do meanwhile on a busy host. */
    private static final long MIDDLING_NS = 1_000_000_000L;

    private final LinkMemory memory = LinkMemory.create(new LinkSpec(LinkKind.DEVICE, 4, 4096, 4096));
    private final EventFd requestDoorbell = EventFd.create();
    private final EventFd eventDoorbell = EventFd.create();

    @AfterEach
    void close() {
        requestDoorbell.close();
        eventDoorbell.close();
        memory.close();
    }

    private BoardEndpoint board(long timeoutNs, long replaceNs) {
        return new BoardEndpoint(memory, requestDoorbell, eventDoorbell, new WaitPolicy(0, timeoutNs, replaceNs));
    }

    private DeviceEndpoint device(long position) {
        return new DeviceEndpoint(memory, requestDoorbell, eventDoorbell, position);
    }

    private static Thread start(Runnable work) {
        return Thread.ofPlatform().start(work);
    }

    private void awaitSleepingReader(int slot) {
        int word = slot * LinkLayout.SLOT_LENGTH_BYTES + LinkLayout.SLOT_ASLEEP;
        while (memory.replySlots().getIntVolatile(word) == 0) {
            Thread.onSpinWait();
        }
    }

    private static void awaitBlocked(Thread thread) {
        while (thread.getState() != Thread.State.TIMED_WAITING && thread.isAlive()) {
            Thread.onSpinWait();
        }
    }

    @Test
    void aReadIsAnsweredByTheSuccessorWithTheOldNumber() throws InterruptedException {
        BoardEndpoint board = board(MIDDLING_NS, LONG_NS);
        long[] value = new long[1];
        Thread vcpu = start(() -> value[0] = board.read(0, 0, 0x40, 4));
        awaitSleepingReader(0);
        DeviceEndpoint first = device(0);
        assertTrue(first.next()); // and dies with it in its hands
        long sequence = first.sequence();
        assertTrue(board.away(false, System.nanoTime()));
        LockSupport.parkNanos(MIDDLING_NS * 3 / 2); // longer than any answer may take
        LinkRenewal.events(memory);
        DeviceEndpoint second = device(0);
        assertTrue(second.next());
        assertEquals(sequence, second.sequence());
        assertTrue(board.back());
        second.reply(0x1234);
        second.release();
        vcpu.join();
        assertEquals(0x1234, value[0]);
        assertEquals(LinkHealth.CONNECTED, board.health());
    }

    /** The first process stored its answer and died before it could wake the reader: the answer is there, nobody asks again. */
    @Test
    void anAnswerGivenInDeathArrives() throws InterruptedException {
        BoardEndpoint board = board(LONG_NS, LONG_NS);
        long[] value = new long[1];
        Thread vcpu = start(() -> value[0] = board.read(0, 0, 0, 1));
        awaitSleepingReader(0);
        memory.replySlots().putLong(LinkLayout.SLOT_VALUE, 0x77);
        memory.replySlots().putLongVolatile(LinkLayout.SLOT_SEQUENCE, 1);
        board.away(false, System.nanoTime());
        vcpu.join();
        assertEquals(0x77, value[0]);
    }

    /** The first process gave room and died before it could wake the writer. */
    @Test
    void roomGivenInDeathIsFound() throws InterruptedException {
        BoardEndpoint board = board(LONG_NS, LONG_NS);
        int fits = 4096 / 32;
        for (int i = 0; i < fits; i++) {
            board.write(0, 0, 0, 4, i);
        }
        Thread vcpu = start(() -> board.write(1, 0, 0, 4, 99));
        while (memory.doorbells().getIntVolatile(LinkLayout.DOORBELL_REQUEST_PRODUCERS_WAITING) == 0) {
            Thread.onSpinWait();
        }
        LockSupport.parkNanos(1_000_000);
        memory.requestRing().setMemory(0, 32, (byte) 0);
        memory.requestRing().putLongVolatile(4096 + 384, 32);
        board.away(false, System.nanoTime());
        vcpu.join();
        assertEquals(LinkHealth.AWAY, board.health());
    }

    @Test
    void aHungDeviceIsPostedToAndItsSuccessorHandlesWhatItFinds() {
        BoardEndpoint board = board(SHORT_NS, LONG_NS);
        assertEquals(0xff, board.read(0, 0, 0, 1));
        assertEquals(LinkHealth.HUNG, board.health());
        board.write(1, 3, 4, 4, 55);
        board.kick(2, 6);
        assertEquals(0xffff, board.read(0, 0, 0, 2), "further reads are not even posted");
        assertTrue(board.away(false, System.nanoTime()));
        assertEquals(LinkHealth.AWAY, board.health());
        DeviceEndpoint second = device(0);
        assertTrue(board.back());
        List<String> handled = new ArrayList<>();
        while (second.next()) {
            handled.add(second.request() + (second.request() == DeviceRequestType.WRITE ? " " + second.value() : ""));
            if (second.request() == DeviceRequestType.READ) {
                second.reply(1); // nobody waits for it any more
            }
            second.release();
        }
        assertEquals(List.of("READ", "WRITE 55", "KICK"), handled);
        assertEquals(LinkHealth.CONNECTED, board.health());
    }

    @Test
    void aHungDeviceWithAFullRingHoldsNobodyUp() {
        BoardEndpoint board = board(SHORT_NS, LONG_NS);
        board.read(0, 0, 0, 1);
        long start = System.nanoTime();
        for (int i = 0; i < 10_000; i++) {
            board.write(0, 0, 0, 4, i);
        }
        assertTrue(System.nanoTime() - start < 10_000 * SHORT_NS);
        assertEquals(LinkHealth.HUNG, board.health());
    }

    @Test
    void oneAccessWaitsAsLongAsItMayAndTheNextDoesNot() {
        BoardEndpoint board = board(LONG_NS, 4 * SHORT_NS);
        board.away(false, System.nanoTime());
        long start = System.nanoTime();
        assertEquals(0xff, board.read(0, 0, 0, 1));
        assertTrue(System.nanoTime() - start >= 4 * SHORT_NS);
        start = System.nanoTime();
        for (int i = 0; i < 1000; i++) {
            assertEquals(0xff, board.read(0, 0, 0, 1));
        }
        assertTrue(System.nanoTime() - start < 1000 * SHORT_NS);
        assertEquals(LinkHealth.AWAY, board.health(), "no successor has hung");
        // It comes after all.
        DeviceEndpoint second = device(0);
        assertTrue(board.back());
        while (second.next()) {
            second.release();
        }
        Thread server = start(() -> {
            while (!second.next()) {
                Thread.onSpinWait();
            }
            second.reply(5);
            second.release();
        });
        assertEquals(5, board.read(0, 0, 0, 1));
        assertTrue(join(server));
    }

    private static boolean join(Thread thread) {
        try {
            thread.join();
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    @Test
    void aRenewedLinkIsLeftByEveryVcpuAndEachPostsAfresh() throws InterruptedException {
        BoardEndpoint board = board(LONG_NS, LONG_NS);
        DeviceEndpoint first = device(0);
        board.write(3, 0, 0, 4, 1);
        assertTrue(first.next());
        first.release();
        long[] values = new long[2];
        Thread reader = start(() -> values[0] = board.read(0, 0, 0x10, 4));
        awaitSleepingReader(0);
        assertFalse(board.isVacant());
        assertTrue(board.away(true, System.nanoTime()));
        assertEquals(LinkHealth.RENEWING, board.health());
        Thread second = start(() -> values[1] = board.read(1, 0, 0x20, 4));
        Thread writer = start(() -> board.write(2, 0, 0x30, 4, 7));
        awaitBlocked(reader);
        awaitBlocked(second);
        awaitBlocked(writer);
        while (!board.isVacant()) {
            Thread.onSpinWait();
        }
        LinkRenewal.whole(memory);
        DeviceEndpoint successor = device(0);
        assertTrue(board.back());
        List<String> handled = new ArrayList<>();
        while (handled.size() < 3) {
            if (successor.next()) {
                handled.add(successor.request() + " " + successor.offset());
                if (successor.request() == DeviceRequestType.READ) {
                    successor.reply(successor.offset() + 1L);
                }
                successor.release();
            }
        }
        reader.join();
        second.join();
        writer.join();
        handled.sort(null);
        assertEquals(List.of("READ 16", "READ 32", "WRITE 48"), handled);
        assertEquals(0x11, values[0]);
        assertEquals(0x21, values[1]);
        assertTrue(board.isVacant());
        assertEquals(3, board.stall().messages());
    }

    @Test
    void aSeveredLinkIsTrustedAgainWhenItIsNew() throws InterruptedException {
        BoardEndpoint board = board(LONG_NS, LONG_NS);
        memory.eventRing().putInt(0, 3);
        assertEquals(0, board.pollEvents(NO_EVENTS, 10));
        assertEquals(LinkHealth.SEVERED, board.health());
        long[] value = new long[1];
        Thread vcpu = start(() -> value[0] = board.read(0, 0, 0, 1));
        awaitBlocked(vcpu);
        assertFalse(board.back(), "nothing is awaited");
        assertTrue(board.away(true, System.nanoTime()));
        assertTrue(board.isVacant());
        LinkRenewal.whole(memory);
        DeviceEndpoint successor = device(0);
        assertTrue(board.back());
        while (!successor.next()) {
            Thread.onSpinWait();
        }
        successor.reply(0x42);
        successor.release();
        vcpu.join();
        assertEquals(0x42, value[0]);
        assertNull(board.violation());
        assertTrue(successor.guestError(1, 2));
        assertEquals(1, board.pollEvents(NO_EVENTS, 10));
    }

    /** The supervisor may keep the link of one that was severed for its events: those begin anew, requests stay. */
    @Test
    void aSeveredLinkMayBeKept() {
        BoardEndpoint board = board(LONG_NS, LONG_NS);
        board.kick(0, 1);
        memory.eventRing().putInt(0, 3);
        board.pollEvents(NO_EVENTS, 10);
        assertTrue(board.away(false, System.nanoTime()));
        board.kick(0, 2);
        LinkRenewal.events(memory);
        assertTrue(board.back());
        DeviceEndpoint successor = device(0);
        for (int queue = 1; queue <= 2; queue++) {
            assertTrue(successor.next());
            assertEquals(queue, successor.queue());
            successor.release();
        }
        assertEquals(LinkHealth.CONNECTED, board.health());
    }

    /** Severed for its events, kept all the same, and its requests turn out to be spoilt too: who finds that sleeps, as for any that is severed. */
    @Test
    void aSecondViolationOfAKeptLinkSeversItToo() throws InterruptedException {
        BoardEndpoint board = board(LONG_NS, LONG_NS);
        memory.eventRing().putInt(0, 3);
        board.pollEvents(NO_EVENTS, 10);
        assertTrue(board.away(false, System.nanoTime()));
        assertEquals(LinkHealth.AWAY, board.health());
        memory.requestRing().putLongVolatile(4096 + IpcRingLayout.TAIL_OFFSET, 3);
        Thread vcpu = start(() -> board.write(0, 0, 0, 1, 1));
        awaitBlocked(vcpu);
        assertEquals(LinkHealth.RENEWING, board.health());
        board.breakDown();
        vcpu.join();
    }

    @Test
    void aBrokenDeviceHoldsNobodyUpAndStaysBroken() throws InterruptedException {
        BoardEndpoint board = board(LONG_NS, LONG_NS);
        board.away(false, System.nanoTime());
        long[] value = new long[1];
        Thread vcpu = start(() -> value[0] = board.read(0, 0, 0, 2));
        awaitSleepingReader(0);
        board.breakDown();
        vcpu.join();
        assertEquals(0xffff, value[0]);
        assertEquals(0xff, board.read(0, 0, 0, 1));
        board.write(0, 0, 0, 1, 1);
        assertFalse(board.away(false, System.nanoTime()));
        assertFalse(board.back());
        assertEquals(LinkHealth.BROKEN, board.health());
    }

    @Test
    void theEndOfTheMachineReleasesWhoWaits() throws InterruptedException {
        for (boolean renew : new boolean[] {false, true}) {
            BoardEndpoint board = board(LONG_NS, LONG_NS);
            board.away(renew, System.nanoTime());
            Thread reader = start(() -> board.read(0, 0, 0, 1));
            Thread writer = start(() -> {
                for (int i = 0; i < 200; i++) {
                    board.write(1, 0, 0, 1, i);
                }
            });
            awaitBlockedOrAsleep(renew, reader);
            board.release();
            reader.join();
            writer.join();
        }
    }

    private void awaitBlockedOrAsleep(boolean renew, Thread reader) {
        if (renew) {
            awaitBlocked(reader);
        } else {
            awaitSleepingReader(0);
        }
    }

    @Test
    void aDeviceThatIsOnlyKickedHangsToo() {
        BoardEndpoint board = board(SHORT_NS, LONG_NS);
        DeviceEndpoint device = device(0);
        board.kick(0, 1);
        long t = 1_000_000;
        for (int i = 0; i < 5; i++) {
            board.lookForHang(t += board.hangLookNs());
            assertTrue(device.next());
            device.release();
            board.kick(0, 1); // always something there, and always something done
        }
        assertEquals(LinkHealth.CONNECTED, board.health());
        // A host that stood still for an hour is not taken for a device that did.
        board.lookForHang(t += 3_600_000_000_000L);
        board.lookForHang(t += 3_600_000_000_000L);
        assertEquals(LinkHealth.CONNECTED, board.health());
        board.lookForHang(t + board.hangLookNs());
        assertEquals(LinkHealth.HUNG, board.health());
        assertTrue(board.hungAfterNs() >= SHORT_NS);
    }

    @Test
    void anExitOfManyItemsGivesASuccessorItsTime() {
        BoardEndpoint board = board(LONG_NS, LONG_NS);
        board.away(false, System.nanoTime());
        board.giveUp(2 * LONG_NS);
        assertEquals(LinkHealth.AWAY, board.health());
        device(0);
        board.back();
        board.giveUp(2 * LONG_NS);
        assertEquals(LinkHealth.CONNECTED, board.health());
    }

    @Test
    void theStallIsThatOfTheFirstMessage() {
        BoardEndpoint board = board(LONG_NS, LONG_NS);
        // Nobody waits.
        board.away(false, System.nanoTime());
        board.back();
        assertTrue(board.stall().isDone(System.nanoTime()));
        assertEquals(0, board.stall().messages());
        assertEquals(0, board.stall().stallNs());
        // Two were there at death, one came later.
        DeviceEndpoint first = device(0);
        board.kick(0, 1);
        board.kick(0, 2);
        long death = System.nanoTime();
        board.away(false, death);
        board.kick(0, 3);
        DeviceEndpoint second = device(0);
        assertFalse(first.health() == LinkHealth.SEVERED);
        board.back();
        assertFalse(board.stall().isDone(System.nanoTime()));
        assertTrue(second.next());
        second.release();
        long now = System.nanoTime();
        assertTrue(board.stall().isDone(now));
        assertEquals(3, board.stall().messages());
        assertEquals(now - death, board.stall().stallNs());
        // One that was posted while the device was away counts from then.
        while (second.next()) {
            second.release();
        }
        long position = 3 * 16;
        board.away(false, death);
        long posting = System.nanoTime();
        board.kick(0, 4);
        board.back();
        DeviceEndpoint third = device(position);
        assertTrue(third.next());
        third.release();
        now = System.nanoTime();
        assertTrue(board.stall().isDone(now));
        assertEquals(1, board.stall().messages());
        assertTrue(board.stall().stallNs() <= now - posting, board.stall().stallNs() + " ns");
        // All has been handled by the time the board hears of the successor.
        board.kick(0, 4);
        board.away(false, death);
        board.kick(0, 4);
        while (third.next()) {
            third.release();
        }
        board.back();
        assertTrue(board.stall().isDone(System.nanoTime()));
        assertEquals(2, board.stall().messages());
        assertTrue(board.stall().stallNs() > 0);
        // The successor does not answer either.
        board.kick(0, 5);
        board.away(false, death);
        board.back();
        board.stall().finish(death + 7);
        assertTrue(board.stall().isDone(death + 8));
        assertEquals(7, board.stall().stallNs());
    }

    @Test
    void waitingAllocatesNothing() throws InterruptedException {
        BoardEndpoint board = board(LONG_NS, 1);
        board.away(false, System.nanoTime());
        DeviceEndpoint device = device(0);
        Allocations.assertNone("accesses to a device that is away", () -> {
            board.read(0, 0, 0, 4);
            board.write(0, 0, 0, 4, 1);
            while (device.next()) {
                device.release();
            }
        });
        board.away(true, System.nanoTime());
        Allocations.assertNone("accesses to a link that is renewed", () -> {
            board.read(0, 0, 0, 4);
            board.write(0, 0, 0, 4, 1);
        });
    }

    private static final DeviceEventHandler NO_EVENTS = new DeviceEventHandler() {
        @Override
        public void configChanged(int function, int generation) {}

        @Override
        public void needsReset(int function, int reason) {}

        @Override
        public void guestError(int code, long detail) {}

        @Override
        public void power(PowerAction action, PowerOrigin origin) {}
    };
}
