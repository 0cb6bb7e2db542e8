package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.supervisor.launch.FakeMachine;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.telemetry.Samples;
import io.jvmm.supervisor.telemetry.Telemetry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What observers are told of a machine's life. */
class ObservationTest extends LoopFixture {
    private List<String> told() {
        return hub.history().stream()
                .map(e -> (Telemetry.Event) e.body())
                .map(e -> (e.process() + " " + e.kind().word()).strip())
                .toList();
    }

    @Test
    void theLifeOfAMachineIsTold() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        m.child(ProcessInstance.SERIAL).pidfd().signal(9);
        replaced(m, ProcessInstance.SERIAL, 0);
        powerOff(m, run);
        List<String> all = told();
        long processes = FakeMachine.PROCESSES.size();
        assertEquals(
                processes + 1, all.stream().filter(s -> s.endsWith(" started")).count(), all::toString);
        assertEquals(
                processes + 1, all.stream().filter(s -> s.endsWith(" ready")).count(), all::toString);
        assertEquals(
                processes + 1, all.stream().filter(s -> s.endsWith(" ended")).count(), all::toString);
        List<String> serial = all.stream()
                .filter(s -> s.startsWith("serial") || s.equals("running") || s.equals("guest-stopped"))
                .toList();
        assertEquals(
                List.of(
                        "serial started",
                        "serial ready",
                        "running",
                        "serial ended",
                        "serial started",
                        "serial ready",
                        "serial replaced",
                        "guest-stopped",
                        "serial ended"),
                serial);
        Telemetry.Event replaced = hub.history().stream()
                .map(e -> (Telemetry.Event) e.body())
                .filter(e -> e.kind() == Telemetry.Kind.REPLACED)
                .findFirst()
                .orElseThrow();
        assertEquals("was killed by SIGKILL (no spare)", replaced.text());
        assertTrue(replaced.durationNs() > 0 && replaced.pid() > 0);
        assertEquals(LogLevel.WARN, replaced.level());
    }

    @Test
    void whatProcessesLogIsToldToWhoWatches() throws Exception {
        List<Telemetry.Envelope> carried = Collections.synchronizedList(new ArrayList<>());
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        hub.carryBy(carried::add);
        m.end(ProcessInstance.SERIAL).log(LogLevel.DEBUG, "a word");
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (logs(carried).findFirst().isEmpty()) {
            assertTrue(System.nanoTime() < deadline, "nothing was told");
            Thread.sleep(1);
        }
        assertEquals(
                new Telemetry.Log(LogLevel.DEBUG, "serial", "a word"),
                logs(carried).findFirst().orElseThrow());
        powerOff(m, run);
    }

    private static Stream<Telemetry> logs(List<Telemetry.Envelope> carried) {
        return List.copyOf(carried).stream().map(Telemetry.Envelope::body).filter(Telemetry.Log.class::isInstance);
    }

    /** These processes count nothing; they are seen all the same. */
    @Test
    void aSampleHasEveryProcess() throws Exception {
        FakeMachine m = machine(SLEEP);
        CompletableFuture<Outcome> run = run(m, "");
        allReady(m);
        Telemetry.Sample sample = Samples.take(hub).orElseThrow();
        assertEquals(sample.machine().rows(), sample.processes().size());
        List<String> names =
                sample.processes().stream().map(Telemetry.Row::name).toList();
        assertEquals("supervisor", names.getFirst());
        assertTrue(
                names.containsAll(FakeMachine.PROCESSES.stream()
                        .map(ProcessInstance::process)
                        .toList()),
                names::toString);
        for (Telemetry.Row p : sample.processes()) {
            assertTrue(p.pid() > 0 && p.usage().cpuNs() >= 0 && p.usage().threads() >= 1, p::toString);
        }
        powerOff(m, run);
        assertTrue(Samples.take(hub).isEmpty(), "the machine has ended");
    }
}
