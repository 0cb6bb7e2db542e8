package io.jvmm.ipc.link;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Both ends of a supervisor link in one process. */
class SupervisorLinkTest {
    private final LinkMemory memory = LinkMemory.create(LinkSpec.supervisor());
    private final EventFd requestDoorbell = EventFd.create();
    private final EventFd eventDoorbell = EventFd.create();
    private final SupervisorEndpoint supervisor = new SupervisorEndpoint(memory, requestDoorbell, eventDoorbell);
    private final ProcessEndpoint process = new ProcessEndpoint(
            LinkMemory.attach(memory.fd().duplicate(), LinkKind.SUPERVISOR), requestDoorbell, eventDoorbell);
    private final Recorder recorder = new Recorder();

    @AfterEach
    void close() {
        requestDoorbell.close();
        eventDoorbell.close();
    }

    @Test
    void requestsReachTheProcess() {
        assertTrue(process.prepareToSleep());
        for (SupervisorRequestType type : SupervisorRequestType.values()) {
            assertTrue(supervisor.send(type, type.number() * 100L, -type.number()));
        }
        assertEquals(1, requestDoorbell.drain(), "the sleeping process was woken once");
        process.awake();
        for (SupervisorRequestType type : SupervisorRequestType.values()) {
            assertTrue(process.next());
            assertEquals(type, process.request());
            assertEquals(type.number() * 100L, process.argument());
            assertEquals(-type.number(), process.detail());
            process.release();
        }
        assertFalse(process.next());
    }

    @Test
    void eventsReachTheSupervisor() {
        byte[] hash = new byte[32];
        Arrays.fill(hash, (byte) 9);
        assertTrue(supervisor.prepareToSleep());
        assertTrue(process.ready(5, hash, 11));
        assertEquals(1, eventDoorbell.drain());
        assertFalse(supervisor.prepareToSleep());
        process.ack(SupervisorRequestType.PAUSE, 0);
        process.log(LogLevel.INFO, "hello");
        process.counter(3, -1);
        process.guestStopped(StopCause.RESET, 1, 2, 3);
        process.deviceHung(4, 5);
        process.peerViolation(6, new Violation(Violation.Kind.PADDING, 64, new byte[] {1}));
        process.escape(0, 1);
        process.firstInstruction(7);
        process.backendLost(2, 32);
        process.deviceStall(8, 9, 10);
        assertEquals(4, supervisor.pollEvents(recorder, 4));
        assertEquals(7, supervisor.pollEvents(recorder, 100));
        assertArrayEquals(hash, recorder.hash);
        assertEquals(
                List.of(
                        "ready 5 11",
                        "ack PAUSE 0",
                        "log INFO hello",
                        "counter 3 -1",
                        "stopped RESET 1 2 3",
                        "hung 4 5",
                        "violation 6 PADDING 64",
                        "escape 0 1",
                        "first 7",
                        "lost 2 32",
                        "stall 8 9 10"),
                recorder.log);
    }

    @Test
    void logTextsAreCutAtACharactersBorder() {
        for (String text :
                new String[] {"", "a".repeat(480), "ä".repeat(300), "€".repeat(161), "𝄞".repeat(121), "a€"}) {
            process.log(LogLevel.WARN, text);
            supervisor.pollEvents(recorder, 1);
            String received = recorder.log.getLast().substring("log WARN ".length());
            assertTrue(text.startsWith(received), received);
            int length = received.getBytes(StandardCharsets.UTF_8).length;
            assertTrue(length <= 480, "length " + length);
            assertTrue(received.length() == text.length() || length > 476, "cut too early: " + length);
        }
        process.log(LogLevel.WARN, "a\ud834b\udd1e");
        supervisor.pollEvents(recorder, 1);
        assertEquals("log WARN a?b?", recorder.log.getLast());
    }

    @Test
    void aFloodOfLogRecordsIsDroppedAndCounted() {
        int sent = 1_000;
        for (int i = 0; i < sent; i++) {
            process.log(LogLevel.DEBUG, "x".repeat(100));
        }
        int delivered = supervisor.pollEvents(recorder, sent);
        assertTrue(delivered > 50 && delivered < sent, "delivered " + delivered);
        assertEquals(sent - delivered, process.logDropped());
        assertEquals(LinkHealth.CONNECTED, supervisor.health());
    }

    @Test
    void aProcessThatDoesNotListenFillsItsRing() {
        int sent = 0;
        while (supervisor.send(SupervisorRequestType.POWER_BUTTON)) {
            sent++;
        }
        assertEquals(4096 / 24, sent);
        assertEquals(LinkHealth.CONNECTED, supervisor.health());
    }

    @Test
    void aProcessThatWritesNonsenseIsSevered() {
        memory.eventRing().putInt(4, 99);
        memory.eventRing().putInt(0, 8);
        assertEquals(0, supervisor.pollEvents(recorder, 10));
        assertEquals(LinkHealth.SEVERED, supervisor.health());
        Violation violation = supervisor.violation();
        assertNotNull(violation);
        assertEquals(Violation.Kind.UNKNOWN_MESSAGE, violation.kind());
        assertFalse(supervisor.send(SupervisorRequestType.STOP));
    }

    @Test
    void talkingAllocatesNothing() {
        CharSequence line = "a line for the log, ä€";
        Allocations.assertNone("the process's side", () -> {
            supervisor.send(SupervisorRequestType.PAUSE);
            while (process.next()) {
                process.argument();
                process.release();
            }
            process.log(LogLevel.INFO, line);
            process.counter(1, 2);
            process.prepareToSleep();
            process.awake();
        });
    }

    private static final class Recorder implements SupervisorEventHandler {
        final List<String> log = new ArrayList<>();
        byte[] hash = new byte[0];

        @Override
        public void ready(long monotonicNs, byte[] filterHash, int threads) {
            hash = filterHash;
            log.add("ready " + monotonicNs + " " + threads);
        }

        @Override
        public void ack(SupervisorRequestType request, int status) {
            log.add("ack " + request + " " + status);
        }

        @Override
        public void log(LogLevel level, String text) {
            log.add("log " + level + " " + text);
        }

        @Override
        public void counter(int id, long value) {
            log.add("counter " + id + " " + value);
        }

        @Override
        public void guestStopped(StopCause cause, int vcpu, long rip, long detail) {
            log.add("stopped " + cause + " " + vcpu + " " + rip + " " + detail);
        }

        @Override
        public void deviceHung(int deviceIndex, long waitedNs) {
            log.add("hung " + deviceIndex + " " + waitedNs);
        }

        @Override
        public void peerViolation(int deviceIndex, Violation violation) {
            log.add("violation " + deviceIndex + " " + violation.kind() + " " + violation.position());
        }

        @Override
        public void escape(int port, int what) {
            log.add("escape " + port + " " + what);
        }

        @Override
        public void firstInstruction(long monotonicNs) {
            log.add("first " + monotonicNs);
        }

        @Override
        public void backendLost(int port, int errno) {
            log.add("lost " + port + " " + errno);
        }

        @Override
        public void deviceStall(int deviceIndex, int messages, long stallNs) {
            log.add("stall " + deviceIndex + " " + messages + " " + stallNs);
        }
    }
}
