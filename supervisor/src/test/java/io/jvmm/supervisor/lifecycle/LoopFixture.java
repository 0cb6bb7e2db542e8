package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorRequestLayout;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.config.VmToml;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.FakeMachine;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.telemetry.TelemetryHub;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;

/** A machine loop on real processes, pipes and links; only what the processes are is made up, and the test speaks for them. */
abstract class LoopFixture {
    static final String SLEEP = "exec sleep 100";

    /** A thread each: the common pool has one for all. */
    static final Executor ON_THREADS = task -> Thread.ofPlatform().daemon().start(task);

    final ByteArrayOutputStream err = new ByteArrayOutputStream();
    final SignalSource signals = SignalSource.detached();
    final List<FakeMachine> machines = new ArrayList<>();
    final TelemetryHub hub = new TelemetryHub();

    FakeMachine machine(String script) {
        return kept(new FakeMachine(script));
    }

    FakeMachine kept(FakeMachine m) {
        machines.add(m);
        return m;
    }

    @AfterEach
    void nothingStays() {
        signals.close();
        hub.close();
        for (FakeMachine m : machines) {
            for (ChildProcess child : m.children()) {
                assertFalse(Files.exists(Path.of("/proc/" + child.pid())), child.instance()::process);
            }
            m.close();
        }
    }

    CompletableFuture<Outcome> run(FakeMachine m, String lifecycle) throws ConfigException {
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
                config,
                m.children(),
                signals,
                console,
                Optional.empty(),
                m,
                Optional.empty(),
                m,
                Optional.empty(),
                false);
        loop.observedThrough(hub, () -> Path.of("/nowhere"));
        return CompletableFuture.supplyAsync(loop::run, ON_THREADS);
    }

    static Outcome outcome(CompletableFuture<Outcome> run) throws Exception {
        return run.get(30, TimeUnit.SECONDS);
    }

    void allReady(FakeMachine m) throws InterruptedException {
        for (ProcessInstance kind : FakeMachine.PROCESSES) {
            m.ready(kind);
        }
        for (ProcessInstance kind : FakeMachine.PROCESSES) {
            assertEquals(SupervisorRequestType.START, next(m.end(kind)), kind::process);
        }
    }

    /** The next request, which is acknowledged. */
    static SupervisorRequestType next(ProcessEndpoint end) throws InterruptedException {
        SupervisorRequestType request = nextUnanswered(end);
        end.ack(request, 0);
        return request;
    }

    static SupervisorRequestType nextUnanswered(ProcessEndpoint end) throws InterruptedException {
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
    String replaced(FakeMachine m, ProcessInstance device, int reason) throws Exception {
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

    static boolean isThere(ChildProcess child) {
        return Files.exists(Path.of("/proc/" + child.pid()));
    }

    static void away(ProcessEndpoint board, int index, int reason) throws InterruptedException {
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

    static void powerOff(FakeMachine m, CompletableFuture<Outcome> run) throws Exception {
        m.end(ProcessInstance.VCPU).guestStopped(StopCause.POWERED_OFF, 0, 0, 0);
        assertEquals(new Outcome.PoweredOff(""), outcome(run));
    }
}
