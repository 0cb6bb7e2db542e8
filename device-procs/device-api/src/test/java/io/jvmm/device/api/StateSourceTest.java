package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.state.CommittedState;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.UnixSocket;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A state goes from one process to the next through a version of its layout, and back; the old one stays as it was. */
@Timeout(60)
class StateSourceTest {
    private static final DeviceIdentity ECHO = EchoDevice.IDENTITY;
    private static final int NEXT = ECHO.stateVersion() + 1;
    private static final DeviceConfig NONE = key -> Optional.empty();

    /** Echo whose next version keeps its bytes the other way round. */
    private static final class NextEcho implements DeviceFactory {
        private final EchoDevice echo = new EchoDevice();

        @Override
        public DeviceIdentity identity() {
            return new DeviceIdentity(
                    ECHO.name(), ECHO.deviceId(), NEXT, ECHO.stateLayout(), ECHO.regions(), ECHO.interrupts(), 1);
        }

        @Override
        public DeviceCore create(
                DeviceConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
            return echo.create(config, state, fresh, effects, nowNs);
        }

        @Override
        public void migrate(DeviceConfig config, int oldVersion, DirectBuffer old, MutableDirectBuffer state) {
            if (oldVersion != ECHO.stateVersion() || old.capacity() != state.capacity()) {
                throw new StateRejectedException("version " + oldVersion);
            }
            reverse(old, state);
        }

        @Override
        public Optional<DirectBuffer> export(DeviceConfig config, int version, DirectBuffer state) {
            UnsafeBuffer older = new UnsafeBuffer(new byte[state.capacity()]);
            reverse(state, older);
            return version == ECHO.stateVersion() ? Optional.of(older) : Optional.empty();
        }

        private static void reverse(DirectBuffer from, MutableDirectBuffer to) {
            for (int i = 0; i < from.capacity(); i++) {
                to.putByte(from.capacity() - 1 - i, from.getByte(i));
            }
        }

        @Override
        public DeviceConfig exampleConfig() {
            return NONE;
        }

        @Override
        public void exercise(Exercise machine) {}
    }

    private static StateSegment old(int version) {
        StateSegment old = StateSegment.create("old", ECHO.deviceId(), version, ECHO.stateLengthBytes());
        for (int i = 0; i < ECHO.stateLengthBytes(); i++) {
            old.working().putByte(i, (byte) i);
        }
        old.commit(96);
        return old;
    }

    private static StateSource source(DeviceFactory factory, StateSegment old, MemFd fresh) {
        Map<String, Fd> fds = new HashMap<>();
        fds.put("state", fresh.fd().duplicate());
        fds.put("state.old", old.fd().duplicate());
        return new StateSource(factory, NONE, factory.identity(), name -> Optional.ofNullable(fds.get(name)));
    }

    @Test
    void aStateOfThisVersionIsTakenOverAsItIs() {
        try (StateSegment old = old(ECHO.stateVersion());
                MemFd fresh = MemFd.createEmpty("fresh");
                StateSegment state = source(new EchoDevice(), old, fresh).open()) {
            assertEquals(96, state.ringPosition());
            assertEquals(5, state.working().getByte(5));
            state.working().putByte(5, (byte) 77);
            state.commit(128);
            assertEquals(96, CommittedState.read(old.fd()).ringPosition(), "the old one stays");
            assertEquals(5, CommittedState.read(old.fd()).state().getByte(5));
        }
    }

    @Test
    void aStateOfAnOlderVersionIsMigratedAndCommittedAtOnce() {
        try (StateSegment old = old(ECHO.stateVersion());
                MemFd fresh = MemFd.createEmpty("fresh");
                StateSegment state = source(new NextEcho(), old, fresh).open()) {
            assertEquals(ECHO.stateLengthBytes() - 1, state.working().getByte(0));
            CommittedState committed = CommittedState.read(fresh.fd());
            assertEquals(NEXT, committed.version());
            assertEquals(96, committed.ringPosition());
        }
    }

    @Test
    void whereNothingWasEverCommittedTheDeviceStartsFromPowerOn() {
        try (StateSegment old =
                        StateSegment.create("old", ECHO.deviceId(), ECHO.stateVersion(), ECHO.stateLengthBytes());
                MemFd fresh = MemFd.createEmpty("fresh");
                StateSegment state = source(new NextEcho(), old, fresh).open()) {
            assertTrue(state.fresh());
        }
    }

    @Test
    void whatCannotBeReadOrIsNotEmptyIsRefused() {
        try (StateSegment newer = old(NEXT);
                StateSegment older = old(ECHO.stateVersion());
                StateSegment another = StateSegment.create("old", 77, 1, 8);
                MemFd fresh = MemFd.createEmpty("fresh")) {
            refused(source(new EchoDevice(), newer, fresh));
            refused(source(new EchoDevice(), another, MemFd.createEmpty("fresh")));
            source(new EchoDevice(), older, fresh).open().close(); // a segment by now
            refused(source(new EchoDevice(), older, fresh));
        }
    }

    private static void refused(StateSource source) {
        assertThrows(StateRejectedException.class, source::open);
    }

    /** The whole life of a process that only converts: READY, PING, STOP. */
    @Test
    void aProcessWritesItsStateAsAnOlderVersionAndWaitsForStop() throws Exception {
        try (StateSegment state = old(NEXT);
                MemFd older = MemFd.createEmpty("older")) {
            assertEquals(ProcessExit.STOPPED, convert(state, older, ECHO.stateVersion()));
            CommittedState written = CommittedState.read(older.fd());
            assertEquals(ECHO.stateVersion(), written.version());
            assertEquals(96, written.ringPosition());
            assertEquals(0, written.state().getByte(ECHO.stateLengthBytes() - 1));
        }
    }

    @Test
    void aVersionThatIsNotWrittenIsRefused() throws Exception {
        try (StateSegment state = old(NEXT);
                MemFd older = MemFd.createEmpty("older")) {
            assertEquals(ProcessExit.STATE_REJECTED, convert(state, older, 99));
        }
    }

    private static ProcessExit convert(StateSegment state, MemFd older, int version) {
        try (UnixSocket.Pair control = UnixSocket.seqPacketPair();
                LinkMemory link = LinkMemory.create(LinkSpec.supervisor());
                EventFd requests = EventFd.create();
                EventFd events = EventFd.create()) {
            SupervisorEndpoint supervisor = new SupervisorEndpoint(link, requests, events);
            BootChannel.over(control.left().fd())
                    .send(BootRecord.builder()
                            .fd("supervisor.link", link.fd())
                            .fd("supervisor.request-doorbell", requests.fd())
                            .fd("supervisor.event-doorbell", events.fd())
                            .fd("state", older.fd())
                            .fd("state.old", state.fd())
                            .put("state.export-version", version)
                            .put("jail", "off")
                            .build());
            supervisor.send(SupervisorRequestType.PING);
            supervisor.send(SupervisorRequestType.STOP);
            NextEcho echo = new NextEcho();
            try (DeviceProcess process =
                    DeviceProcess.receive(echo, control.right().fd(), NONE)) {
                return DeviceMain.live(process, echo);
            } catch (StageException e) {
                return e.exit();
            }
        }
    }
}
