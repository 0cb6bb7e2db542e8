package io.jvmm.fuzz.sandbox;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.fuzz.Targets;
import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.Signals;
import io.jvmm.policy.parse.SyscallTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real device processes in real jails: what is right is no finding, and what is wrong is one, with its name. */
@Tag("jail")
class SandboxTest {
    private static final int FOUND = 77;
    private static final long BOUND_NS = 20_000_000_000L;
    /** In which a process that stands still does not answer, and one that runs does. */
    private static final long SHORT_BOUND_NS = 4_000_000_000L;

    private static final int LENGTH_SHORT = List.of(RingLie.values()).indexOf(RingLie.LENGTH_SHORT);

    @TempDir
    Path dir;

    private final List<String> said = new ArrayList<>();

    private static SandboxPrograms programs() {
        return SandboxPrograms.in(SandboxPrograms.ofTheTree());
    }

    private SandboxCampaign campaign(String device, SandboxPrograms programs, long seconds, long runs) {
        FuzzTarget target = Targets.named(device).make();
        SandboxCampaign.Plan plan =
                new SandboxCampaign.Plan(device, null, seconds, runs, 11, null, dir.resolve("findings"), 1, false);
        return new SandboxCampaign(plan, target, programs, said::add);
    }

    @ParameterizedTest
    @ValueSource(strings = {"serial", "rng", "block", "net"})
    void nothingIsFoundOfTheDistribution(String device) throws IOException {
        assertEquals(0, campaign(device, programs(), 4, 0).run(), () -> String.join("\n", said));
        said.forEach(System.out::println);
    }

    @Test
    void aCallThatTheFilterForbidsIsFoundAndNamed() throws IOException {
        SandboxPrograms planted = programs().without(SyscallTable.x86_64().number("getrandom"));
        int result = campaign("rng", planted, 0, 200).run();
        String text = String.join("\n", said);
        System.out.println(text);
        assertEquals(FOUND, result, text);
        assertTrue(text.contains("FOUND killed by SIGSYS"), text);
        assertTrue(text.contains("the call that the filter forbids: getrandom"), text);
        Path script;
        try (Stream<Path> files = Files.walk(dir)) {
            script = files.filter(file -> file.endsWith("script")).findFirst().orElseThrow();
        }
        assertEquals(FOUND, campaign("rng", planted, 0, 1).again(script), "it is found again with the same filter");
        assertEquals(0, campaign("rng", programs(), 0, 1).again(script), "and not with the right one");
    }

    @Test
    void lieDamageAndDeathAreNoFindings() {
        SandboxDevice device = SandboxDevice.named("rng");
        Feedback feedback = new Feedback();
        try (Spares spares = new Spares(device.name(), programs(), 1);
                SandboxMachine machine = new SandboxMachine(device, spares, feedback, BOUND_NS)) {
            machine.begin();
            machine.run(script(
                    device,
                    Script.step(device.vocabulary(), Outside.CASE),
                    Script.step(device.vocabulary(), Outside.LIE, LENGTH_SHORT),
                    Script.step(device.vocabulary(), Outside.CASE),
                    Script.step(device.vocabulary(), Outside.KILL),
                    Script.step(device.vocabulary(), Outside.DAMAGE),
                    Script.step(device.vocabulary(), Outside.HEADER, 0, 1),
                    Script.step(device.vocabulary(), Outside.CASE)));
            machine.end();
            assertTrue(
                    feedback.has(Feedback.Kind.END, ProcessExit.PEER_VIOLATION.code(), 0),
                    "it says that the vCPU process lies");
            assertTrue(
                    feedback.has(Feedback.Kind.END, ProcessExit.STATE_REJECTED.code(), 1),
                    "a state without its magic is refused");
            assertTrue(
                    feedback.has(Feedback.Kind.END, ProcessExit.BAD_CONFIGURATION.code(), 1),
                    "so is a link without its own");
            assertTrue(spares.started() >= 6, "each of them cost a process");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {Signals.SIGSTOP, Signals.SIGKILL})
    void silenceAndASuddenEndAreFindings(int signal) {
        SandboxDevice device = SandboxDevice.named("serial");
        try (Spares spares = new Spares(device.name(), programs(), 0);
                SandboxMachine machine = new SandboxMachine(device, spares, new Feedback(), SHORT_BOUND_NS)) {
            machine.begin();
            Script one = script(device, Script.step(device.vocabulary(), Outside.CASE));
            machine.run(one);
            Optional.ofNullable(machine.session().serving()).orElseThrow().signal(signal);
            SandboxFinding found = assertThrows(SandboxFinding.class, () -> machine.run(one));
            assertEquals(
                    signal == Signals.SIGKILL ? "killed by SIGKILL" : "a register read or write is not answered",
                    String.valueOf(found.getMessage()));
        }
    }

    private static Script script(SandboxDevice device, byte[]... steps) {
        return new Script(device.vocabulary(), List.of(steps));
    }
}
