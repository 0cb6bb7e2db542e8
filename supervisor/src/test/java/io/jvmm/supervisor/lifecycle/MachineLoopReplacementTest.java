package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.SupervisorRequestLayout;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.FakeMachine;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Processes of devices that die, lie or hang while the guest runs, and those that take their places. */
class MachineLoopReplacementTest extends LoopFixture {
    @Test
    void aKilledDeviceIsReplaced() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        for (int n = 0; n < 3; n++) {
            m.child(ProcessInstance.SERIAL).pidfd().signal(9);
            String said = replaced(m, ProcessInstance.SERIAL, 0);
            assertTrue(
                    said.matches(
                            "(?s).*jvmm: vm \"vm\": device serial was killed by SIGKILL; replaced after [0-9.]+ ms \\(no spare\\),"
                                    + " the guest waited 3.0 ms\\.\n$"),
                    said);
            err.reset();
        }
        assertEquals("scrub serial, succeed serial", String.join(", ", m.done().subList(0, 2)));
        powerOff(m, run);
    }

    /** Runs a machine until the serial class's spare has been looked at. */
    private CompletableFuture<Outcome> withSpare(FakeMachine m) throws Exception {
        m.giveSpares();
        CompletableFuture<Outcome> run = run(m, "standby = [\"serial\"]\n");
        allReady(m);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (m.children().size() == FakeMachine.PROCESSES.size()) {
            assertTrue(System.nanoTime() < deadline, "no spare came");
            Thread.sleep(1);
        }
        m.spareReady(ProcessKind.SERIAL);
        while (Collections.frequency(m.audited(), "serial") < 2) {
            assertTrue(System.nanoTime() < deadline, "the spare is not looked at");
            Thread.sleep(1);
        }
        return run;
    }

    /** It has no link to the vCPU process that anybody could have broken. */
    @Test
    void aSpareThatAccusesTheVcpuProcessEndsItselfAndNotTheMachine() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = withSpare(m);
        ChildProcess spare = m.children().getLast();
        m.end(ProcessInstance.spare(ProcessKind.SERIAL))
                .peerViolation(0, new Violation(Violation.Kind.RECORD_LENGTH, 64, new byte[] {-1}));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (isThere(spare)) {
            assertTrue(System.nanoTime() < deadline, "it lives on");
            Thread.sleep(1);
        }
        assertFalse(run.isDone());
        powerOff(m, run);
    }

    @Test
    void aSpareTakesItsPlace() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = withSpare(m);
        Thread.sleep(50);
        m.children().stream()
                .filter(c -> c.instance().equals(ProcessInstance.SERIAL))
                .findFirst()
                .orElseThrow()
                .pidfd()
                .signal(9);
        String said = replaced(m, ProcessInstance.SERIAL, 0);
        assertTrue(said.contains(" ms (spare), the guest waited"), said);
        assertEquals(List.of("scrub serial", "assign serial"), m.done());
        powerOff(m, run);
    }

    @Test
    void aProgramThatCannotBeStartedIsTriedAgain() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "restart_backoff_ms = 1\n");
        allReady(m);
        m.refuseStarts(2);
        m.child(ProcessInstance.SERIAL).pidfd().signal(9);
        String said = replaced(m, ProcessInstance.SERIAL, 0);
        assertTrue(said.contains("the successor of device serial could not be started (the host is full)"), said);
        powerOff(m, run);
    }

    @Test
    void aDeviceWithoutARestartLeftIsBrokenAndTheMachineGoesOn() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "restart_budget = 0\n");
        allReady(m);
        m.child(ProcessInstance.PLATFORM).pidfd().signal(9);
        assertEquals(SupervisorRequestType.DEVICE_BROKEN, next(m.end(ProcessInstance.VCPU)));
        Thread.sleep(50);
        assertFalse(run.isDone());
        powerOff(m, run);
        assertTrue(
                err.toString(StandardCharsets.UTF_8)
                        .contains(
                                "device platform was killed by SIGKILL: it is broken from now on; the machine goes on without"
                                        + " it.\n"),
                err::toString);
    }

    @Test
    void aBoardThatRefusesEndsTheMachine() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        m.child(ProcessInstance.SERIAL).pidfd().signal(9);
        away(m.end(ProcessInstance.VCPU), 0, 0);
        m.end(ProcessInstance.VCPU).ack(SupervisorRequestType.DEVICE_AWAY, 1);
        assertEquals(
                "process vcpu refused DEVICE_AWAY with status 1; the machine has been stopped.",
                outcome(run).message());
    }

    @Test
    void anAcknowledgementThatNobodyAskedForIsAViolation() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        m.end(ProcessInstance.VCPU).ack(SupervisorRequestType.DEVICE_AWAY, 0);
        assertTrue(
                outcome(run).message().contains("it acknowledged DEVICE_AWAY, which it had not been asked"),
                outcome(run)::message);
    }

    /** What was asked of a process that then died is asked of its successor. */
    @Test
    void thePowerButtonIsNotLostWithTheProcess() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        signals.raise(SignalSource.Kind.TERM);
        assertEquals(SupervisorRequestType.POWER_BUTTON, nextUnanswered(m.end(ProcessInstance.PLATFORM)));
        m.child(ProcessInstance.PLATFORM).pidfd().signal(9);
        replaced(m, ProcessInstance.PLATFORM, 0);
        assertEquals(SupervisorRequestType.POWER_BUTTON, next(m.end(ProcessInstance.PLATFORM)));
        powerOff(m, run);
    }

    /** A process that is stopped, or whose loop is stuck. */
    @Test
    void aProcessThatDoesNotAnswerIsReplaced() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "hang_timeout_ms = 1000\n");
        allReady(m);
        ChildProcess serial = m.child(ProcessInstance.SERIAL);
        CompletableFuture<Void> platform = CompletableFuture.runAsync(
                () -> {
                    ProcessEndpoint end = m.end(ProcessInstance.PLATFORM);
                    while (!run.isDone()) {
                        if (end.next()) {
                            SupervisorRequestType request = end.request();
                            end.release();
                            end.ack(request, 0);
                        }
                        Thread.onSpinWait();
                    }
                },
                ON_THREADS);
        assertEquals(SupervisorRequestType.PING, nextUnanswered(m.end(ProcessInstance.SERIAL)));
        String said = replaced(m, ProcessInstance.SERIAL, 0);
        assertTrue(said.contains("device serial did not answer for 1"), said);
        assertFalse(isThere(serial));
        powerOff(m, run);
        platform.get(10, TimeUnit.SECONDS);
    }

    @Test
    void onlyTheSerialProcessCanSayEscape() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        m.end(ProcessInstance.PLATFORM).escape(0, 1);
        String said = replaced(m, ProcessInstance.PLATFORM, 0);
        assertTrue(said.contains("it sent ESCAPE, which is not its to say"), said);
        powerOff(m, run);

        FakeMachine n = machine(SLEEP);
        CompletableFuture<Outcome> second = run(n, "");
        allReady(n);
        n.end(ProcessInstance.SERIAL).escape(0, 1);
        assertInstanceOf(Outcome.Escaped.class, outcome(second));
    }

    @Test
    void aViolationThatTheVcpuProcessReportsNamesTheDevice() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        m.end(ProcessInstance.VCPU)
                .peerViolation(1, new Violation(Violation.Kind.RECORD_LENGTH, 64, new byte[] {-1, -1, -1, 0x7f}));
        String said = replaced(m, ProcessInstance.PLATFORM, SupervisorRequestLayout.AWAY_LINK_RENEWED);
        assertTrue(
                said.contains(
                        "jvmm: vm \"vm\": device platform broke the protocol (noticed by vcpu): RECORD_LENGTH at ring position 64:"
                                + " ff ff ff 7f"),
                said);
        assertEquals(List.of("scrub platform whole", "succeed platform renewed"), m.done());
        powerOff(m, run);
    }

    /** A process that is well sends some dozens of events in its life. */
    @Test
    void aFloodOfEventsCostsTheProcessItsLifeAndNamesIt() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        ProcessEndpoint hostile = m.end(ProcessInstance.PLATFORM);
        ChildProcess first = m.child(ProcessInstance.PLATFORM);
        while (isThere(first)) {
            hostile.counter(1, 2);
        }
        String said = replaced(m, ProcessInstance.PLATFORM, 0);
        assertTrue(
                said.contains(
                        "device platform broke the protocol (noticed by the supervisor): it sent more than 1000 events,"
                                + " faster than 100 a second; it was killed; replaced after "),
                said);
        powerOff(m, run);
    }
}
