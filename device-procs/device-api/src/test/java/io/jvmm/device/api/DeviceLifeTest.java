package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Poller;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A whole life over real links and descriptors, in one process: every stage but the jail. */
@Timeout(180)
class DeviceLifeTest {

    @Test
    void readyCarriesTheHashOfTheFilterAndServingWaitsForStart() throws Exception {
        try (LiveDevice device = new LiveDevice(new EchoDevice())) {
            assertArrayEquals(MessageDigest.getInstance("SHA-256").digest(new byte[0]), device.peer.awaitReady());
            device.peer.board().write(0, EchoDevice.MEMORY, 0, 4, 0x11223344);
            assertEquals(0, device.peer.adoptState().ringPosition());
            device.peer.request(SupervisorRequestType.START);
            assertEquals(0x11223344, device.peer.board().read(0, EchoDevice.MEMORY, 0, 4));
            assertEquals(0x2233, device.peer.board().read(1, EchoDevice.MEMORY, 1, 2));
            device.peer.request(SupervisorRequestType.STOP);
            assertEquals(ProcessExit.STOPPED, device.awaitExit());
        }
    }

    @Test
    void pauseHoldsRequestsAndResumeAnswersThem() throws Exception {
        try (LiveDevice device = started()) {
            device.peer.request(SupervisorRequestType.PAUSE);
            device.peer.board().write(0, EchoDevice.CONTROL, 0, 1, 0);
            device.peer.request(SupervisorRequestType.POWER_BUTTON);
            assertEquals(1, awaitSignal(device.peer.interrupt(0)), "the power button alone");
            device.peer.request(SupervisorRequestType.RESUME);
            assertEquals(1, awaitSignal(device.peer.interrupt(0)));
        }
    }

    @Test
    void drainHandlesWhatWasSentAndThenServesNoMore() throws Exception {
        try (LiveDevice device = started()) {
            for (int i = 0; i < 8; i++) {
                device.peer.board().write(0, EchoDevice.MEMORY, i, 1, 0x10 + i);
            }
            device.peer.request(SupervisorRequestType.DRAIN);
            device.peer.board().write(0, EchoDevice.MEMORY, 0, 1, 0xFF);
            device.peer.request(SupervisorRequestType.RESUME);
            assertEquals(0x17161514_131211FFL, device.peer.board().read(0, EchoDevice.MEMORY, 0, 8));
        }
    }

    @Test
    void deathOfTheSupervisorIsTheEnd() throws Exception {
        try (LiveDevice device = started()) {
            device.peer.die();
            assertEquals(ProcessExit.SUPERVISOR_LOST, device.awaitExit());
        }
    }

    @Test
    void aRequestOutsideTheWindowsIsReportedWithItsBytesAndEndsTheProcess() throws Exception {
        try (LiveDevice device = started()) {
            device.peer.board().write(0, EchoDevice.MEMORY, 7, 2, 0);
            assertEquals(ProcessExit.PEER_VIOLATION, device.awaitExit());
            device.peer.awaitEvent(System.nanoTime() + 20_000_000_000L);
            Violation violation = device.peer.log().violations.getFirst();
            assertEquals(Violation.Kind.MESSAGE_FIELD, violation.kind());
            assertArrayEquals(
                    java.util.Arrays.copyOf(
                            new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0},
                            Violation.MAX_BYTES),
                    violation.bytes());
            assertEquals(10, ProcessExit.PEER_VIOLATION.code());
        }
    }

    @Test
    void timersFireWithoutTraffic() throws Exception {
        try (LiveDevice device = started()) {
            device.peer.board().write(0, EchoDevice.CONTROL, 3, 1, 200);
            assertEquals(1, awaitSignal(device.peer.interrupt(0)));
        }
    }

    @Test
    void aPendingLevelIsAssertedAgainWhenTheGuestEndsItsInterrupt() throws Exception {
        try (LiveDevice device = started()) {
            device.peer.board().write(0, EchoDevice.CONTROL, 1, 1, 1);
            assertEquals(1, awaitSignal(device.peer.interrupt(1)));
            device.peer.resample(1).signal();
            assertEquals(1, awaitSignal(device.peer.interrupt(1)));
            device.peer.board().write(0, EchoDevice.CONTROL, 1, 1, 0);
            device.peer.board().read(0, EchoDevice.MEMORY, 0, 1);
            device.peer.resample(1).signal();
            device.peer.request(SupervisorRequestType.POWER_BUTTON);
            assertEquals(1, awaitSignal(device.peer.interrupt(0)));
            assertEquals(0, device.peer.interrupt(1).drain(), "no longer pending");
        }
    }

    @Test
    void hostBytesFlowBothWays() throws Exception {
        try (LiveDevice device = started();
                Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocateFrom("host to guest");
            FileIo.writeFully(device.peer.hostIn(0).writer(), text.asSlice(0, 13));
            StringBuilder got = new StringBuilder();
            while (got.length() < 13) {
                long value = device.peer.board().read(0, EchoDevice.DATA, 0, 1);
                if (value != 0) {
                    got.append((char) value);
                }
            }
            assertEquals("host to guest", got.toString());
            for (char c : "guest to host".toCharArray()) {
                device.peer.board().write(0, EchoDevice.DATA, 0, 1, c);
            }
            assertEquals("guest to host", read(device, 13, arena));
        }
    }

    @Test
    void aFloodOfRequestsDoesNotStarveTheHostsInput() throws Exception {
        try (LiveDevice device = started();
                Arena arena = Arena.ofConfined()) {
            FileIo.writeFully(
                    device.peer.hostIn(0).writer(), arena.allocateFrom("x").asSlice(0, 1));
            long got = 0;
            for (int i = 0; i < 2_000_000 && got == 0; i++) {
                device.peer.board().write(1, EchoDevice.MEMORY, 0, 1, i & 0xFF);
                device.peer.board().write(1, EchoDevice.MEMORY, 1, 1, i & 0xFF);
                if (i % 64 == 0) {
                    got = device.peer.board().read(0, EchoDevice.DATA, 0, 1);
                }
            }
            assertEquals('x', got);
        }
    }

    @Test
    void anIdleDeviceSleeps() throws Exception {
        try (LiveDevice device = started()) {
            device.peer.board().read(0, EchoDevice.MEMORY, 0, 1);
            java.lang.management.ThreadMXBean threads = java.lang.management.ManagementFactory.getThreadMXBean();
            long beforeNs = threads.getThreadCpuTime(device.thread.threadId());
            long beforeWallNs = System.nanoTime();
            new Poller(1).await(300_000_000);
            long cpuNs = threads.getThreadCpuTime(device.thread.threadId()) - beforeNs;
            long wallNs = System.nanoTime() - beforeWallNs;
            assertTrue(cpuNs < wallNs / 10, "used " + cpuNs + " ns of " + wallNs);
        }
    }

    @Test
    void aStateOfAnotherDeviceIsRefused() throws Exception {
        DeviceIdentity of = EchoDevice.IDENTITY;
        try (ScratchSupervisor peer = new ScratchSupervisor(new EchoDevice(), 0)) {
            StateSegment.createIn(peer.stateFd(), of.deviceId(), of.stateVersion(), of.stateLengthBytes());
            try (LiveDevice device = new LiveDevice(new OtherVersion(), peer)) {
                assertEquals(ProcessExit.STATE_REJECTED, device.awaitExit());
            }
        }
    }

    @Test
    void anIncompleteBootRecordIsNamed() throws Exception {
        try (ScratchSupervisor peer = new ScratchSupervisor(new EchoDevice(), 0)) {
            peer.die();
            ProcessExit exit = null;
            try {
                DeviceProcess.receive(new EchoDevice(), peer.deviceControl(), key -> java.util.Optional.empty());
            } catch (StageException e) {
                exit = e.exit();
                assertTrue(String.valueOf(e.getMessage()).contains("--script"), e.getMessage());
            }
            assertEquals(ProcessExit.BOOT_FAILED, exit);
        }
    }

    private static LiveDevice started() {
        LiveDevice device = new LiveDevice(new EchoDevice());
        device.peer.awaitReady();
        device.peer.request(SupervisorRequestType.START);
        assertFalse(device.ended());
        assertEquals(LinkHealth.CONNECTED, device.peer.board().health());
        return device;
    }

    private static long awaitSignal(EventFd eventFd) {
        Poller poller = new Poller(1);
        poller.add(eventFd.fd(), Poller.READABLE);
        poller.await(60_000_000_000L);
        return eventFd.drain();
    }

    private static String read(LiveDevice device, int count, Arena arena) {
        MemorySegment bytes = arena.allocate(64);
        Poller poller = new Poller(1);
        poller.add(device.peer.hostOut(0).reader(), Poller.READABLE);
        StringBuilder text = new StringBuilder();
        while (text.length() < count) {
            poller.await(60_000_000_000L);
            long got = FileIo.tryRead(device.peer.hostOut(0).reader(), bytes, 0, 64);
            assertTrue(got > 0, "read " + got + " after '" + text + "'");
            text.append(StandardCharsets.ISO_8859_1.decode(bytes.asSlice(0, got).asByteBuffer()));
        }
        return text.toString();
    }

    /** Echo with a state layout of a later version. */
    private static final class OtherVersion implements DeviceFactory {
        private final EchoDevice echo = new EchoDevice();

        @Override
        public DeviceIdentity identity() {
            DeviceIdentity of = EchoDevice.IDENTITY;
            return new DeviceIdentity(
                    of.name(), of.deviceId(), 2, of.stateLayout(), of.regions(), of.interrupts(), of.hostPorts());
        }

        @Override
        public DeviceCore create(
                DeviceConfig config,
                org.agrona.concurrent.AtomicBuffer state,
                boolean fresh,
                DeviceEffects effects,
                long nowNs) {
            return echo.create(config, state, fresh, effects, nowNs);
        }

        @Override
        public DeviceConfig exampleConfig() {
            return echo.exampleConfig();
        }

        @Override
        public void exercise(Exercise machine) {
            echo.exercise(machine);
        }
    }
}
