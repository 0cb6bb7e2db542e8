package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.message.FilterHash;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.state.CommittedState;
import io.jvmm.ipc.state.StateSegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The life of a spare, over real links and descriptors, in one process: every stage but the jail. */
@Timeout(180)
class StandbyLifeTest {
    private static final byte[] NARROW = new byte[] {6, 0, 0, 0, 0, 0, (byte) 0xff, 0x7f};

    @Test
    void aSpareIsReadyTwiceAndServesOnlyWhenItWasStarted() throws Exception {
        try (LiveDevice device = LiveDevice.spare(new EchoDevice(), NARROW)) {
            assertArrayEquals(FilterHash.of(new byte[0]), device.peer.awaitReady());
            device.peer.request(SupervisorRequestType.PING);
            assertEquals(0, device.peer.log().lastStatus);
            device.peer.request(SupervisorRequestType.START);
            assertEquals(1, device.peer.log().lastStatus, "not in this state");

            device.peer.board().write(0, EchoDevice.MEMORY, 0, 4, 0x11223344);
            device.peer.assign();
            assertArrayEquals(FilterHash.of(NARROW), device.peer.awaitReady());
            device.peer.request(SupervisorRequestType.PING);
            assertEquals(0, device.peer.adoptState().sequence(), "nothing happens before START");
            device.peer.request(SupervisorRequestType.START);
            assertEquals(0x11223344, device.peer.board().read(0, EchoDevice.MEMORY, 0, 4));
            assertTrue(device.peer.log().lastLine.startsWith("took over in "), device.peer.log().lastLine);
            device.peer.request(SupervisorRequestType.STOP);
            assertEquals(ProcessExit.STOPPED, device.awaitExit());
        }
    }

    @Test
    void aSpareThatNobodyNeedsEndsOnRequest() throws Exception {
        try (LiveDevice device = LiveDevice.spare(new EchoDevice(), NARROW)) {
            device.peer.awaitReady();
            device.peer.request(SupervisorRequestType.STOP);
            assertEquals(ProcessExit.STOPPED, device.awaitExit());
        }
    }

    @Test
    void aSpareEndsWithItsSupervisor() throws Exception {
        try (LiveDevice device = LiveDevice.spare(new EchoDevice(), NARROW)) {
            device.peer.awaitReady();
            device.peer.die();
            assertEquals(ProcessExit.SUPERVISOR_LOST, device.awaitExit());
        }
    }

    @Test
    void aSpareGoesOnWhereItsPredecessorStopped() throws Exception {
        try (LiveDevice first = new LiveDevice(new EchoDevice())) {
            first.peer.awaitReady();
            first.peer.request(SupervisorRequestType.START);
            first.peer.board().write(0, EchoDevice.MEMORY, 0, 8, 0x1716151413121110L);
            assertEquals(0x12, first.peer.board().read(0, EchoDevice.MEMORY, 2, 1));
            first.peer.request(SupervisorRequestType.STOP);
            first.awaitExit();
            ScratchSupervisor peer = new ScratchSupervisor(new EchoDevice(), first.peer.stateFd(), null);
            try (LiveDevice second = LiveDevice.spare(new EchoDevice(), peer, NARROW)) {
                peer.awaitReady();
                peer.assign("link.renewed", "true"); // the link of another supervisor, which begins at 0
                peer.awaitReady();
                peer.request(SupervisorRequestType.START);
                assertEquals(0x1716151413121110L, peer.board().read(0, EchoDevice.MEMORY, 0, 8));
                assertFalse(second.ended());
            }
        }
    }

    @Test
    void aStateOfAVersionThatCannotBeReadIsRefusedAndTheOldOneStaysAsItWas() throws Exception {
        try (LiveDevice device = LiveDevice.spare(new EchoDevice(), NARROW)) {
            device.peer.awaitReady();
            device.peer.assignOld(77, EchoDevice.IDENTITY);
            assertEquals(ProcessExit.STATE_REJECTED, device.awaitExit());
        }
    }

    @Test
    void aRenewedLinkIsReadFromItsBeginning() {
        DeviceIdentity of = EchoDevice.IDENTITY;
        try (ScratchSupervisor peer = new ScratchSupervisor(new EchoDevice(), 0);
                StateSegment state = StateSegment.createIn(
                        peer.stateFd(), of.deviceId(), of.stateVersion(), of.stateLengthBytes())) {
            state.commit(4096);
            try (LiveDevice device = new LiveDevice(new EchoDevice(), peer, "link.renewed", "true")) {
                peer.awaitReady();
                assertEquals(0, CommittedState.read(state.fd()).ringPosition());
                peer.request(SupervisorRequestType.START);
                peer.board().write(0, EchoDevice.MEMORY, 0, 1, 0x42);
                assertEquals(0x42, peer.board().read(0, EchoDevice.MEMORY, 0, 1));
                assertFalse(device.ended());
            }
        }
    }
}
