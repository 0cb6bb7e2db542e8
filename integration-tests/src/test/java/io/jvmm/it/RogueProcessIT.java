package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A process that does not do what it should: the supervisor names it, ends the machine, and is not drowned by it. */
@Tag("kvm")
@Tag("fault")
class RogueProcessIT extends MachineTest {
    private static final int INTERNAL = 4;
    /** A few hundred lines at most, however much the process says. */
    private static final int MOST_SAID_BYTES = 200_000;

    @Test
    void processThatNeverBecomesReady() throws Exception {
        String said = rogue("serial", RogueProgram.Silent.class);
        assertTrue(said.lines().anyMatch(l -> l.contains("serial") && l.contains("ready")), said);
    }

    @Test
    void processThatLeaves() throws Exception {
        String said = rogue("platform", RogueProgram.Leaving.class);
        assertTrue(said.lines().anyMatch(l -> l.contains("platform") && l.contains("77")), said);
    }

    @Test
    void vcpuProcessThatNeverBecomesReady() throws Exception {
        String said = rogue("vcpu", RogueProgram.Silent.class);
        assertTrue(said.lines().anyMatch(l -> l.contains("vcpu") && l.contains("ready")), said);
    }

    /** What a process says is limited, and cannot steer the user's terminal. */
    @Test
    void processThatBabbles() throws Exception {
        String said = rogue("serial", RogueProgram.Babbling.class);
        assertTrue(said.length() < MOST_SAID_BYTES, "said " + said.length() + " bytes");
        assertTrue(said.chars().noneMatch(c -> c == 0x1b || c == 7), "control characters reached the user");
        assertTrue(said.lines().anyMatch(l -> l.contains("serial") && l.contains("ready")), said);
    }

    /** Runs a machine in which one process is another program; returns what the supervisor said. */
    private String rogue(String process, Class<?> program) throws Exception {
        Path broken = BrokenDistribution.copy(dir.resolve("dist"));
        Path jar;
        try (Stream<Path> jars = Files.list(broken.resolve("lib/" + process))) {
            jar = jars.filter(j ->
                            String.valueOf(j.getFileName()).matches("jvmm-(device-)?" + process + "(-process)?\\.jar"))
                    .findFirst()
                    .orElseThrow();
        }
        RogueProgram.replace(broken, broken.relativize(jar).toString(), program);
        // Its cache belongs to the program that was there.
        if (process.equals("vcpu")) {
            Files.writeString(broken.resolve("aot/vcpu.aot"), "");
        } else {
            Files.delete(broken.resolve("aot/" + process + ".jsa"));
            Files.writeString(
                    broken.resolve("lib/" + process + "/program"),
                    program.getName() + "\n" + process + "/" + jar.getFileName() + "\n");
        }
        String toml = monitorToml("[lifecycle]\nready_timeout_s = 5\n");
        try (Machine machine = Machine.with(dir, toml).distribution(broken).run()) {
            int status = machine.awaitExit();
            String said = machine.messages().text();
            assertEquals(INTERNAL, status, said);
            assertEquals("", machine.console().text());
            return said;
        }
    }
}
