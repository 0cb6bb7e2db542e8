package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.message.SupervisorRequestType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The duty cycle where a peer does not do its part: full rings, a host that is slow, a ring that is never quite empty. */
@Timeout(120)
class DeviceLoopTest {

    private static final int OUT_COUNT = 30;

    /** Nobody rings when there is room again, so only the retry out of the sleep brings it; also while paused. */
    @ParameterizedTest
    @EnumSource(names = {"RESUME", "PAUSE"})
    void aRefusedPowerRequestIsSentOutOfTheSleep(SupervisorRequestType then) {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.fillBoardsRing();
            rig.board.write(0, EchoDevice.CONTROL, 2, 1, 0);
            rig.work();
            rig.step(then).live().awaitSleep();
            rig.hear("power POWER_OFF ACPI");
        }
    }

    /** The state may still be that of a predecessor, which is to go on instead if this process fails. */
    @ParameterizedTest
    @EnumSource(names = {"POWER_BUTTON", "RESIZE", "BALLOON"})
    void whatTheHostWantsReachesNoDeviceBeforeStart(SupervisorRequestType request) {
        try (LoopRig rig = new LoopRig().step(request)) {
            rig.hear("ack " + request + " 1");
            rig.step(SupervisorRequestType.START);
            assertEquals(0, rig.interrupt(0).drain());
            rig.step(request).hear("ack " + request + (request == SupervisorRequestType.POWER_BUTTON ? " 0" : " 2"));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"RESUME", "PAUSE"})
    void aRefusedEscapeIsSentOutOfTheSleep(SupervisorRequestType then) {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START).step(then)) {
            rig.fillSupervisorsRing();
            rig.toSupervisor.escape(0, HostEvents.ESCAPE_QUIT);
            assertTrue(rig.toSupervisor.pending());
            rig.live().awaitSleep();
            rig.hear("escape 0 1");
        }
    }

    /** Interrupts go past the rings: a board that does not read loses neither an edge nor a level that was up for a moment. */
    @Test
    void aFullRingHoldsNoInterruptBack() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.fillBoardsRing();
            rig.board.write(0, EchoDevice.CONTROL, 0, 1, 0);
            rig.board.write(0, EchoDevice.CONTROL, 1, 1, 1);
            rig.board.write(0, EchoDevice.CONTROL, 1, 1, 0);
            rig.work();
            assertEquals(1, rig.interrupt(0).drain());
            assertEquals(1, rig.interrupt(1).drain());
            rig.resample.signal();
            rig.loop.poll(0, 1);
            assertEquals(0, rig.interrupt(1).drain(), "the level has ended low");
        }
    }

    /** What the host took must not be offered once more by a successor. */
    @ParameterizedTest
    @EnumSource(names = {"DRAIN", "STOP"})
    void whatTheHostTookInTheEndIsCommitted(SupervisorRequestType end) {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.board.write(0, EchoDevice.DATA, 0, 1, 'o');
            rig.work();
            assertEquals(1, rig.committed().working().getByte(OUT_COUNT), "the host is full");
            rig.port.takes = true;
            rig.step(end);
            assertFalse(rig.loop.serving());
            assertEquals(0, rig.committed().working().getByte(OUT_COUNT));
        }
    }

    /** Then it does not let go of what is under way, and serves on when it is told to. */
    @Test
    void whoDoesNotSettleIsNotDrained() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.port.busy = true;
            rig.step(SupervisorRequestType.DRAIN).listen();
            assertEquals("[ack START 0, ack DRAIN 1]", rig.heard.toString());
            rig.step(SupervisorRequestType.RESUME);
            assertTrue(rig.loop.serving());
            rig.port.busy = false;
            rig.step(SupervisorRequestType.DRAIN).listen();
            assertEquals("ack DRAIN 0", rig.heard.getLast());
        }
    }

    /** The end does not depend on the host. */
    @Test
    void whoDoesNotSettleStops() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.port.busy = true;
            rig.step(SupervisorRequestType.STOP);
            assertEquals(ProcessExit.STOPPED, rig.loop.exit());
        }
    }

    /** A new kernel must not meet what was under way for the old one: the process ends, and its successor, which has nothing, is reset. */
    @Test
    void whoDoesNotSettleIsNotReset() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.port.busy = true;
            rig.board.reset(0);
            rig.work();
            assertEquals(ProcessExit.HOST_ERROR, rig.loop.exit());
            assertEquals(0, rig.committed().ringPosition(), "the message is the successor's");
        }
    }

    @Test
    void aRefusedSleepStillLooksAtTheDescriptors() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.board.write(0, EchoDevice.CONTROL, 1, 1, 1);
            rig.work();
            assertEquals(1, rig.interrupt(1).drain());
            rig.board.write(0, EchoDevice.MEMORY, 0, 1, 0);
            rig.resample.signal();
            rig.loop.sleep(1);
            assertEquals(1, rig.interrupt(1).drain(), "the level, which is still asserted, again");
            rig.die();
            rig.loop.sleep(1);
            assertEquals(ProcessExit.SUPERVISOR_LOST, rig.loop.exit());
        }
    }

    /** Not of the time before it began, and once for each pause, however often the supervisor says it. */
    @ParameterizedTest
    @EnumSource(names = {"PAUSE", "DRAIN"})
    void theDeviceLearnsHowLongItWasPaused(SupervisorRequestType pause) {
        try (LoopRig rig = new LoopRig()) {
            SupervisorRequestType[] requests = {
                SupervisorRequestType.START,
                pause,
                pause,
                SupervisorRequestType.RESUME,
                SupervisorRequestType.RESUME,
                pause,
                SupervisorRequestType.START
            };
            for (int i = 0; i < requests.length; i++) {
                rig.supervisor.send(requests[i]);
                rig.loop.doWork(1000L * (1 + i));
            }
            assertEquals(2, rig.factory.pauses);
            assertEquals(3000, rig.factory.pausedNs);
        }
    }

    @Test
    void aDeviceHasNoUseForAResize() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START).step(SupervisorRequestType.RESIZE)) {
            rig.hear("ack START 0");
            rig.hear("ack RESIZE 2");
        }
    }

    /** The next request is taken when the last one's acknowledgement is on its way: each gets one, in their order. */
    @Test
    void refusedAcknowledgementsAreSentOutOfTheSleepAndInOrder() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.hear("ack START 0");
            rig.fillSupervisorsRing();
            rig.supervisor.send(SupervisorRequestType.PAUSE);
            rig.supervisor.send(SupervisorRequestType.RESUME);
            rig.supervisor.send(SupervisorRequestType.PAUSE);
            rig.supervisor.send(SupervisorRequestType.STOP);
            rig.work();
            assertFalse(rig.loop.serving());
            rig.live();
            rig.hear("ack STOP 0");
            assertEquals(ProcessExit.STOPPED, rig.awaitExit());
            assertEquals(
                    java.util.List.of("ack START 0", "ack PAUSE 0", "ack RESUME 0", "ack PAUSE 0", "ack STOP 0"),
                    rig.heard);
        }
    }

    /** The process waits a while for room to say why it ends, and ends all the same when there is none. */
    @ParameterizedTest
    @EnumSource(names = {"START", "STOP"})
    void aRefusedViolationIsWaitedWithForABoundedTime(SupervisorRequestType reads) {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.fillSupervisorsRing();
            rig.board.write(0, EchoDevice.MEMORY, 7, 2, 0);
            rig.live();
            if (reads == SupervisorRequestType.START) {
                rig.hear("violation MESSAGE_FIELD");
            }
            assertEquals(ProcessExit.PEER_VIOLATION, rig.awaitExit());
        }
    }
}
