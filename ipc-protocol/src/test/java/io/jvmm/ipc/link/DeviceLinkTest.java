package io.jvmm.ipc.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both ends of a device link in one process: PROTOCOL.md, "Link", "Reply slots", "Sleeping", "Waiting for room". */
@Timeout(300)
class DeviceLinkTest {
    private static final int VCPUS = 4;

    private final LinkMemory memory = LinkMemory.create("test-link", LinkSpec.device(VCPUS));
    private final EventFd requestDoorbell = EventFd.create();
    private final EventFd eventDoorbell = EventFd.create();

    @AfterEach
    void close() {
        requestDoorbell.close();
        eventDoorbell.close();
    }

    private BoardEndpoint board(WaitPolicy wait) {
        LinkMemory attached = LinkMemory.attach(memory.fd().duplicate(), LinkKind.DEVICE);
        return new BoardEndpoint(attached, requestDoorbell, eventDoorbell, wait);
    }

    private DeviceEndpoint device(long resumePosition) {
        LinkMemory attached = LinkMemory.attach(memory.fd().duplicate(), LinkKind.DEVICE);
        return new DeviceEndpoint(attached, requestDoorbell, eventDoorbell, resumePosition);
    }

    /** A device that answers every READ with region, offset, width and vcpu packed together, until interrupted. */
    private class Echo extends Thread {
        private final DeviceEndpoint endpoint;
        private final Poller poller = new Poller(1);
        private final long spinNs;
        private volatile boolean stop;
        final AtomicReference<Throwable> failure = new AtomicReference<>();
        long writes;
        long kicks;

        Echo(DeviceEndpoint endpoint, long spinNs) {
            this.endpoint = endpoint;
            this.spinNs = spinNs;
            poller.add(requestDoorbell.fd(), Poller.READABLE);
            setDaemon(true);
        }

        @Override
        public void run() {
            try {
                while (!stop) {
                    serveOne();
                }
            } catch (RuntimeException | AssertionError e) {
                failure.set(e);
            }
        }

        private void serveOne() {
            long start = System.nanoTime();
            while (!endpoint.next()) {
                if (System.nanoTime() - start >= spinNs) {
                    if (endpoint.prepareToSleep()) {
                        poller.await(5_000_000_000L);
                        endpoint.awake();
                    }
                    if (stop) {
                        return;
                    }
                }
                Thread.onSpinWait();
            }
            switch (endpoint.request()) {
                case READ ->
                    endpoint.reply(
                            answer(endpoint.vcpu(), endpoint.region(), endpoint.offset(), endpoint.widthBytes()));
                case WRITE -> writes++;
                case KICK -> kicks++;
                case RESET -> {}
            }
            endpoint.release();
        }

        void end() throws InterruptedException {
            stop = true;
            requestDoorbell.signal();
            join();
            if (failure.get() != null) {
                throw new AssertionError(failure.get());
            }
        }
    }

    private static long answer(int vcpu, int region, int offset, int widthBytes) {
        return 0xA5A5_0000_0000_0000L | (long) vcpu << 40 | (long) region << 32 | (long) widthBytes << 24 | offset;
    }

    private static long mask(int widthBytes) {
        return widthBytes == 8 ? -1 : (1L << (8 * widthBytes)) - 1;
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 20_000})
    void readsAreAnsweredMaskedToTheirWidth(long spinNs) throws InterruptedException {
        BoardEndpoint board = board(WaitPolicy.spinning(spinNs));
        Echo echo = new Echo(device(0), spinNs);
        echo.start();
        for (int i = 0; i < 5_000; i++) {
            int width = 1 << (i & 3);
            int vcpu = i % VCPUS;
            assertEquals(answer(vcpu, i & 0xff, i, width) & mask(width), board.read(vcpu, i & 0xff, i, width));
        }
        assertEquals(LinkHealth.CONNECTED, board.health());
        echo.end();
    }

    @Test
    void manyVcpusReadWriteAndKickAtOnce() throws InterruptedException {
        BoardEndpoint board = board(WaitPolicy.spinning(0));
        Echo echo = new Echo(device(0), 0);
        echo.start();
        int rounds = 5_000;
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> vcpus = new ArrayList<>();
        for (int v = 0; v < VCPUS; v++) {
            int vcpu = v;
            vcpus.add(Thread.ofPlatform().start(() -> {
                try {
                    for (int i = 0; i < rounds; i++) {
                        board.write(vcpu, 1, i, 4, i);
                        board.kick(vcpu, i & 7);
                        if (i % 8 == 0) {
                            assertEquals(answer(vcpu, 2, i, 8), board.read(vcpu, 2, i, 8));
                        }
                    }
                } catch (AssertionError e) {
                    failure.set(e);
                }
            }));
        }
        for (Thread vcpu : vcpus) {
            vcpu.join();
        }
        // A read pushes all posted requests of every vCPU ahead of it.
        board.read(0, 0, 0, 1);
        assertEquals(null, failure.get());
        echo.end();
        assertEquals((long) rounds * VCPUS, echo.writes);
        assertEquals((long) rounds * VCPUS, echo.kicks);
    }

    @Test
    void aDeadDeviceCostsOneTimeoutAndThenNothing() {
        BoardEndpoint board = board(new WaitPolicy(1_000, 20_000_000));
        assertEquals(0xff, board.read(0, 0, 0, 1));
        assertEquals(LinkHealth.HUNG, board.health());
        assertTrue(board.hungAfterNs() >= 20_000_000, "waited " + board.hungAfterNs());
        long start = System.nanoTime();
        for (int i = 0; i < 1_000; i++) {
            assertEquals(0xffff_ffffL, board.read(0, 0, 0, 4));
            board.write(1, 0, 0, 4, i);
        }
        assertTrue(System.nanoTime() - start < 1_000 * 20_000_000L, "each read waited again");
        assertEquals(-1L, board.read(2, 0, 0, 8));
    }

    @Test
    void aFullRingOfADeadDeviceIsBoundedToo() {
        BoardEndpoint board = board(new WaitPolicy(0, 20_000_000));
        for (int i = 0; i < 2_000; i++) {
            board.write(0, 0, 0, 4, i);
        }
        assertEquals(LinkHealth.HUNG, board.health());
    }

    @Test
    void aLateReplySatisfiesNoLaterRead() {
        BoardEndpoint board = board(new WaitPolicy(0, 10_000_000));
        DeviceEndpoint device = device(0);
        assertEquals(0xff, board.read(0, 0, 0, 1));
        board.reconnect();
        assertTrue(device.next());
        device.reply(0x11); // too late for the first read
        device.release();
        assertEquals(0xff, board.read(0, 0, 0, 1), "the stale reply was taken for the second read's");
        assertEquals(LinkHealth.HUNG, board.health());
    }

    @Test
    void everyRequestCarriesItsFields() {
        BoardEndpoint board = board(WaitPolicy.spinning(0));
        DeviceEndpoint device = device(0);
        board.write(3, 200, 0x7fff_fff8, 8, 0x8877_6655_4433_2211L);
        board.kick(2, 65535);
        board.reset(1);
        assertTrue(device.next());
        assertEquals(DeviceRequestType.WRITE, device.request());
        assertEquals(2, device.type());
        assertEquals(3, device.vcpu());
        assertEquals(200, device.region());
        assertEquals(0x7fff_fff8, device.offset());
        assertEquals(8, device.widthBytes());
        assertEquals(0x8877_6655_4433_2211L, device.value());
        assertEquals(32, device.positionAfter());
        device.release();
        assertTrue(device.next());
        assertEquals(DeviceRequestType.KICK, device.request());
        assertEquals(2, device.vcpu());
        assertEquals(65535, device.queue());
        device.release();
        assertTrue(device.next());
        assertEquals(DeviceRequestType.RESET, device.request());
        assertEquals(1, device.vcpu());
        assertEquals(64, device.positionAfter());
        device.release();
        assertFalse(device.next());
    }

    @Test
    void eventsReachTheBoard() {
        BoardEndpoint board = board(WaitPolicy.spinning(0));
        DeviceEndpoint device = device(0);
        List<String> log = new ArrayList<>();
        assertTrue(board.prepareToSleep());
        assertTrue(device.configChanged(1, 7));
        assertEquals(1, eventDoorbell.drain(), "the sleeping board was woken once");
        assertTrue(device.needsReset(2, 9));
        assertTrue(device.guestError(3, -4));
        assertTrue(device.power(PowerAction.RESET, PowerOrigin.CF9));
        assertEquals(0, eventDoorbell.drain(), "an awake board is not signalled again");
        assertEquals(3, board.pollEvents(recorder(log), 3));
        assertEquals(1, board.pollEvents(recorder(log), 3));
        assertEquals(List.of("config 1 7", "reset 2 9", "error 3 -4", "power RESET CF9"), log);
    }

    private static DeviceEventHandler recorder(List<String> log) {
        return new DeviceEventHandler() {
            @Override
            public void configChanged(int function, int generation) {
                log.add("config " + function + " " + generation);
            }

            @Override
            public void needsReset(int function, int reason) {
                log.add("reset " + function + " " + reason);
            }

            @Override
            public void guestError(int code, long detail) {
                log.add("error " + code + " " + detail);
            }

            @Override
            public void power(PowerAction action, PowerOrigin origin) {
                log.add("power " + action + " " + origin);
            }
        };
    }

    @Test
    void sleepingIsRefusedWhileSomethingIsThere() {
        BoardEndpoint board = board(WaitPolicy.spinning(0));
        DeviceEndpoint device = device(0);
        board.kick(0, 0);
        assertFalse(device.prepareToSleep());
        assertTrue(device.next());
        device.release();
        assertTrue(device.prepareToSleep());
        device.awake();
        assertTrue(device.configChanged(0, 2));
        assertFalse(board.prepareToSleep());
    }

    @Test
    void aSuccessorTakesUpWhereTheCommitLeftOff() {
        BoardEndpoint board = board(WaitPolicy.spinning(0));
        DeviceEndpoint first = device(0);
        long committed = 0;
        // Far enough to wrap the ring, dying now before and now after the commit.
        int handled = 0;
        int sent = 0;
        DeviceEndpoint current = first;
        for (int round = 0; round < 3_000; round++) {
            board.write(0, 0, 0, 4, sent++);
            if (round % 3 == 0) {
                board.kick(0, 1);
            }
            while (current.next()) {
                if (current.request() == DeviceRequestType.WRITE) {
                    assertEquals(handled, current.value());
                }
                boolean diesBeforeCommit = handled % 7 == 3 && round % 2 == 0;
                if (diesBeforeCommit) {
                    current = device(committed);
                    assertTrue(current.next());
                }
                handled += current.request() == DeviceRequestType.WRITE ? 1 : 0;
                committed = current.positionAfter();
                if (round % 5 == 4) {
                    current = device(committed); // died after the commit, before the release
                } else {
                    current.release();
                }
            }
            assertEquals(LinkHealth.CONNECTED, current.health(), String.valueOf(current.violation()));
        }
        assertEquals(sent, handled);
    }

    @Test
    void nothingIsAllocatedOnEitherSide() throws InterruptedException {
        for (long spinNs : new long[] {0, 50_000}) {
            BoardEndpoint board = board(WaitPolicy.spinning(spinNs));
            DeviceEndpoint device = device(0);
            Allocations.assertNone("posting and handling", () -> {
                board.write(0, 0, 0, 4, 1);
                board.kick(0, 1);
                while (device.next()) {
                    device.value();
                    device.release();
                }
                device.configChanged(0, 1);
                device.prepareToSleep();
                board.write(0, 0, 0, 4, 1);
                device.awake();
                device.next();
                device.release();
                board.pollEvents(SILENT, 8);
                board.prepareToSleep();
                device.configChanged(0, 2);
                board.awake();
                board.pollEvents(SILENT, 8);
            });
            Echo echo = new Echo(device, spinNs);
            echo.start();
            Runnable reads = () -> {
                for (int i = 0; i < 5_000; i++) {
                    board.read(1, 0, 0, 1);
                }
            };
            for (int i = 0; i < 4; i++) {
                reads.run();
            }
            Allocations.assertNoneIn("read and reply, spinning " + spinNs, reads, echo);
            echo.end();
            memory.requestRing().setMemory(0, memory.requestRing().capacity(), (byte) 0);
            memory.eventRing().setMemory(0, memory.eventRing().capacity(), (byte) 0);
            memory.replySlots().setMemory(0, memory.replySlots().capacity(), (byte) 0);
        }
    }

    private static final DeviceEventHandler SILENT = new DeviceEventHandler() {
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
