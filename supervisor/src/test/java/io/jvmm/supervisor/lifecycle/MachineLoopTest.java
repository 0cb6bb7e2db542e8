package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorRequestLayout;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.config.VmToml;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.FakeMachine;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The loop on real processes, pipes and links; only what the processes are is made up. */
class MachineLoopTest {
    private static final String SLEEP = "exec sleep 100";

    /** A thread each: the common pool has one for all. */
    private static final Executor ON_THREADS =
            task -> Thread.ofPlatform().daemon().start(task);

    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final SignalSource signals = SignalSource.detached();
    private final List<FakeMachine> machines = new ArrayList<>();

    private FakeMachine machine(String script) {
        return kept(new FakeMachine(script));
    }

    private FakeMachine kept(FakeMachine m) {
        machines.add(m);
        return m;
    }

    @AfterEach
    void nothingStays() {
        signals.close();
        for (FakeMachine m : machines) {
            for (ChildProcess child : m.children()) {
                assertFalse(Files.exists(Path.of("/proc/" + child.pid())), child.instance()::process);
            }
            m.close();
        }
    }

    private CompletableFuture<Outcome> run(FakeMachine m, String lifecycle) throws ConfigException {
        VmConfig config = VmToml.read(
                        "[boot]\nkernel = \"k\"\n[lifecycle]\n"
                                + (lifecycle.contains("hang_timeout_ms") ? "" : "hang_timeout_ms = 0\n") + lifecycle,
                        "vm.toml",
                        Path.of("/"),
                        HostFacts.read(),
                        VmToml.Options.STANDARD)
                .config();
        Console console = new Console(new PrintStream(err, true, StandardCharsets.UTF_8), Console.Detail.NORMAL);
        MachineLoop loop = new MachineLoop(
                config, m.children(), signals, console, Optional.empty(), m, Optional.empty(), m, false);
        return CompletableFuture.supplyAsync(loop::run, ON_THREADS);
    }

    private static Outcome outcome(CompletableFuture<Outcome> run) throws Exception {
        return run.get(30, TimeUnit.SECONDS);
    }

    private void allReady(FakeMachine m) throws InterruptedException {
        for (ProcessInstance kind : FakeMachine.PROCESSES) {
            m.ready(kind);
        }
        for (ProcessInstance kind : FakeMachine.PROCESSES) {
            assertEquals(SupervisorRequestType.START, next(m.end(kind)), kind::process);
        }
    }

    /** The next request, which is acknowledged. */
    private static SupervisorRequestType next(ProcessEndpoint end) throws InterruptedException {
        SupervisorRequestType request = nextUnanswered(end);
        end.ack(request, 0);
        return request;
    }

    private static SupervisorRequestType nextUnanswered(ProcessEndpoint end) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!end.next()) {
            assertTrue(System.nanoTime() < deadline, "no request came");
            Thread.sleep(1);
        }
        SupervisorRequestType request = end.request();
        end.release();
        return request;
    }

    /** Plays the board and the successor of a device whose process has just gone; answers what the user was told. */
    private String replaced(FakeMachine m, ProcessInstance device, int reason) throws Exception {
        ProcessEndpoint board = m.end(ProcessInstance.VCPU);
        int index = FakeMachine.PROCESSES.indexOf(device) - 1;
        away(board, index, reason);
        ChildProcess before = m.child(device);
        board.ack(SupervisorRequestType.DEVICE_AWAY, 0);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (m.child(device).equals(before)) {
            assertTrue(System.nanoTime() < deadline, "no successor came");
            Thread.sleep(1);
        }
        m.ready(device);
        assertEquals(SupervisorRequestType.DEVICE_BACK, next(board));
        assertEquals(SupervisorRequestType.START, next(m.end(device)));
        board.deviceStall(index, 1, 3_000_000);
        String line = "the guest waited 3.0 ms.\n";
        while (!err.toString(StandardCharsets.UTF_8).contains(line)) {
            assertTrue(System.nanoTime() < deadline, err::toString);
            Thread.sleep(1);
        }
        return err.toString(StandardCharsets.UTF_8);
    }

    private static boolean isThere(ChildProcess child) {
        return Files.exists(Path.of("/proc/" + child.pid()));
    }

    private static void away(ProcessEndpoint board, int index, int reason) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!board.next()) {
            assertTrue(System.nanoTime() < deadline, "the board is told nothing");
            Thread.sleep(1);
        }
        assertEquals(SupervisorRequestType.DEVICE_AWAY, board.request());
        assertEquals(SupervisorRequestLayout.away(index, reason), board.argument());
        assertTrue(board.detail() > 0 && board.detail() <= Clock.monotonicNs());
        board.release();
    }

    private static void powerOff(FakeMachine m, CompletableFuture<Outcome> run) throws Exception {
        m.end(ProcessInstance.VCPU).guestStopped(StopCause.POWERED_OFF, 0, 0, 0);
        assertEquals(new Outcome.PoweredOff(""), outcome(run));
    }

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

    @Test
    void aSpareTakesItsPlace() throws Exception {
        FakeMachine m = machine(SLEEP);
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
        CompletableFuture<Outcome> run = run(m, "hang_timeout_ms = 100\n");
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

    /** Log records, rings of the doorbell and output without end: the machine lives, and the guest's end is still heard. */
    @Test
    void aFloodOfWordsIsDroppedAndTheMachineGoesOn() throws Exception {
        FakeMachine m = machine("while :; do echo 0123456789; done");
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        ProcessEndpoint loud = m.end(ProcessInstance.SERIAL);
        long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(500);
        while (System.nanoTime() < until) {
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
