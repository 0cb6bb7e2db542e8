package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.FakeMachine;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The loop on real processes, pipes and links; only what the processes are is made up. */
class MachineLoopTest extends LoopFixture {
    @Test
    void aGuestThatPowersOffEndsTheMachine() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        m.end(ProcessInstance.VCPU).guestStopped(StopCause.POWERED_OFF, 0, 0, 0);
        for (ProcessInstance kind : FakeMachine.PROCESSES) {
            assertEquals(SupervisorRequestType.STOP, next(m.end(kind)));
        }
        // The shells do not heed STOP: they are killed when their grace is over.
        assertEquals(new Outcome.PoweredOff(""), outcome(run));
    }

    @Test
    void aKilledProcessIsNamedWithItsSignal() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        ChildProcess vcpu = m.child(ProcessInstance.VCPU);
        vcpu.pidfd().signal(9);
        assertEquals(
                "process vcpu (pid " + vcpu.pid() + ") was killed by SIGKILL; the machine has been stopped.",
                outcome(run).message());
    }

    @Test
    void lastWordsOfAProcessAreShownAndCountAsTheReason() throws Exception {
        FakeMachine m = machine("echo one >&2; echo 'boot.kernel: it is none.' >&2; exit 2");
        assertEquals(new Outcome.BadInput("boot.kernel: it is none."), outcome(run(m, "")));
        assertTrue(err.toString(StandardCharsets.UTF_8).contains("[vcpu] one\n"), err::toString);
    }

    @Test
    void aLastEventCountsMoreThanTheDeathThatFollows() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        m.end(ProcessInstance.VCPU).guestStopped(StopCause.CRASHED, 1, 0x1000, 0);
        m.child(ProcessInstance.VCPU).pidfd().signal(9);
        assertEquals(
                new Outcome.GuestCrashed("the guest crashed (triple fault) on vCPU 1 at rip 0x1000."), outcome(run));
    }

    @Test
    void aProcessThatIsNeverReadyIsNamed() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "ready_timeout_s = 1\n");
        m.ready(ProcessInstance.VCPU);
        m.ready(ProcessInstance.SERIAL);
        assertTrue(outcome(run).message().startsWith("process platform did not become ready within 1 s"));
    }

    @Test
    void aWeakJailIsFatalBeforeAnythingStarts() throws Exception {
        FakeMachine m = machine(SLEEP);
        m.setFaults(List.of("shares the net namespace", "runs as root"));
        CompletableFuture<Outcome> run = run(m, "");
        m.ready(ProcessInstance.SERIAL);
        assertEquals(
                new Outcome.ProcessFailed(
                        "process serial is not jailed as it must be: shares the net namespace; runs as"
                                + " root. Nothing of the guest has run."),
                outcome(run));
    }

    @Test
    void anotherFiltersHashIsFatal() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        m.end(ProcessInstance.SERIAL).ready(1, new byte[32], 1);
        assertTrue(outcome(run).message().contains("the filter it reports is not the compiled policy's"));
    }

    @Test
    void aPipeThatNobodyReadsEndsTheMachine() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(
                m,
                "power_button_timeout_s = 0\n[[serial]]\nport = 1\nbackend = \"stderr\"\n[[serial]]\nport = 2\nbackend = \"stdout\"\n");
        allReady(m);
        m.end(ProcessInstance.SERIAL).backendLost(0, 32);
        m.end(ProcessInstance.SERIAL).backendLost(1, 32);
        assertEquals(new Outcome.Killed("nobody reads standard output: the machine has been killed."), outcome(run));
        assertTrue(
                err.toString(StandardCharsets.UTF_8)
                        .contains("what COM1 is wired to is gone (EPIPE); the machine goes on without it"),
                err::toString);
    }

    @Test
    void theChosenEngineIsToldAndLookedAt() throws Exception {
        FakeMachine m = kept(FakeMachine.choosing(SLEEP));
        CompletableFuture<Outcome> run = run(m, "");
        m.end(ProcessInstance.VCPU).engine(EngineKind.X86, "there is no /dev/kvm");
        allReady(m);
        assertEquals("vcpu x86", m.audited().getFirst());
        assertTrue(
                err.toString(StandardCharsets.UTF_8).contains("jvmm: vm \"vm\": engine x86: there is no /dev/kvm\n"),
                err::toString);
        m.end(ProcessInstance.VCPU).guestStopped(StopCause.POWERED_OFF, 0, 0, 0);
        assertEquals(new Outcome.PoweredOff(""), outcome(run));
    }

    @Test
    void theFilterMustBeThatOfTheEngineNamed() throws Exception {
        FakeMachine m = kept(FakeMachine.choosing(SLEEP));
        CompletableFuture<Outcome> run = run(m, "");
        m.end(ProcessInstance.VCPU).engine(EngineKind.X86, "no");
        m.readyWithKvm();
        assertTrue(outcome(run).message().contains("the filter it reports is not the compiled policy's"));
        assertEquals(List.of(), m.audited());
    }

    @Test
    void whoMayChooseMustSay() throws Exception {
        FakeMachine m = kept(FakeMachine.choosing(SLEEP));
        CompletableFuture<Outcome> run = run(m, "");
        m.readyWithKvm();
        assertTrue(outcome(run).message().contains("the filter it reports is not the compiled policy's"));
    }

    @Test
    void whoMayNotChooseMustNotSay() throws Exception {
        FakeMachine named = machine(SLEEP);
        CompletableFuture<Outcome> run = run(named, "");
        named.end(ProcessInstance.VCPU).engine(EngineKind.X86, "");
        assertTrue(outcome(run).message().contains("process vcpu broke the protocol"), outcome(run)::message);
        FakeMachine device = machine(SLEEP);
        run = run(device, "");
        device.end(ProcessInstance.SERIAL).engine(EngineKind.X86, "");
        assertTrue(outcome(run).message().contains("it sent ENGINE, which is not its to say"), outcome(run)::message);
        FakeMachine twice = kept(FakeMachine.choosing(SLEEP));
        run = run(twice, "");
        twice.end(ProcessInstance.VCPU).engine(EngineKind.KVM, "");
        twice.end(ProcessInstance.VCPU).engine(EngineKind.X86, "");
        assertTrue(outcome(run).message().contains("which nobody had asked for"), outcome(run)::message);
    }

    @Test
    void sigtermPressesTheButtonAndTheSecondSigintKills() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        signals.raise(SignalSource.Kind.TERM);
        assertEquals(SupervisorRequestType.POWER_BUTTON, next(m.end(ProcessInstance.PLATFORM)));
        signals.raise(SignalSource.Kind.INT);
        assertEquals(SupervisorRequestType.POWER_BUTTON, next(m.end(ProcessInstance.PLATFORM)));
        signals.raise(SignalSource.Kind.INT);
        assertInstanceOf(Outcome.Killed.class, outcome(run));
    }

    /** Log records, rings of the doorbell and output without end: the machine lives, and the guest's end is still heard. */
    @Test
    void aFloodOfWordsIsDroppedAndTheMachineGoesOn() throws Exception {
        FakeMachine m = machine("while :; do echo 0123456789; done");
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        ProcessEndpoint loud = m.end(ProcessInstance.SERIAL);
        long begin = System.nanoTime();
        long until = begin + TimeUnit.SECONDS.toNanos(20);
        while (System.nanoTime() - begin < TimeUnit.MILLISECONDS.toNanos(500)
                || (!err.toString(StandardCharsets.UTF_8).contains("lines left out)") && System.nanoTime() < until)) {
            loud.log(LogLevel.INFO, "again");
            m.child(ProcessInstance.PLATFORM).eventDoorbell().signal();
        }
        assertFalse(run.isDone());
        m.end(ProcessInstance.VCPU).guestStopped(StopCause.POWERED_OFF, 0, 0, 0);
        assertEquals(new Outcome.PoweredOff(""), outcome(run));
        String said = err.toString(StandardCharsets.UTF_8);
        assertTrue(said.contains("lines left out)"), said);
        assertTrue(said.lines().filter(l -> l.contains("0123456789")).count() < 1000, "output is limited");
    }

    @Test
    void logRecordsAreToldAndDetailsAreNot() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        m.end(ProcessInstance.VCPU).log(LogLevel.WARN, "careful");
        m.end(ProcessInstance.VCPU).log(LogLevel.INFO, "by the way");
        allReady(m);
        m.end(ProcessInstance.VCPU).guestStopped(StopCause.RESET, 0, 0, 0);
        m.children().forEach(c -> c.pidfd().signal(9));
        assertEquals(new Outcome.Reset(""), outcome(run));
        assertEquals("[vcpu] careful\n", err.toString(StandardCharsets.UTF_8));
    }
}
