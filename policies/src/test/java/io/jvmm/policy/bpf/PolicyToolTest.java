package io.jvmm.policy.bpf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command: what the build and a reviewer see. */
final class PolicyToolTest {
    @TempDir
    Path directory;

    @Test
    void policiesAreCompiledAndFragmentsPassedOver() throws Exception {
        Path output = directory.resolve("out");
        assertEquals(List.of(), PolicyTool.run("compile", Policies.SOURCES.toString(), output.toString()));
        for (String name : Policies.names()) {
            assertEquals(
                    Policies.compiled(name), BpfProgram.fromBytes(Files.readAllBytes(output.resolve(name + ".bpf"))));
            String listing = Files.readString(output.resolve(name + ".txt"));
            assertTrue(listing.startsWith(name + ": "), listing);
        }
        assertFalse(Files.exists(output.resolve("base.bpf")));
    }

    @Test
    void everyMistakeIsReportedOnOneLineAndFailsTheBuild() throws Exception {
        Files.writeString(
                directory.resolve("a.policy"), "policy a\ndefault kill because \"nothing else\"\nallow raed\n");
        Files.writeString(directory.resolve("b.policy"), "policy c\n");
        String[] arguments = {
            "compile", directory.toString(), directory.resolve("out").toString()
        };
        List<String> mistakes = PolicyTool.run(arguments);
        assertEquals(2, mistakes.size());
        assertTrue(mistakes.getFirst().startsWith("a.policy:3:7: "), mistakes.getFirst());
        assertTrue(mistakes.getLast().startsWith("b.policy:1:8: "), mistakes.getLast());
        assertThrows(IllegalStateException.class, () -> PolicyTool.InBuild.main(arguments));
    }

    @Test
    void aWrongCommandIsToldTheUsage() throws Exception {
        assertTrue(PolicyTool.run().getFirst().startsWith("usage: "));
        assertTrue(PolicyTool.run("complie", "x").getFirst().contains("unknown command complie"));
    }

    @Test
    void theExplanationHasEveryReason() throws Exception {
        for (String name : Policies.names()) {
            String page = Explanation.of(Policies.parse(name));
            Policies.parse(name).rules().forEach(rule -> assertTrue(page.contains(rule.reason()), rule.text()));
        }
    }

    @Test
    void theReadmeTellsTodaysNumbers() throws Exception {
        String readme = Files.readString(Path.of("README.md"));
        for (String name : Policies.names()) {
            int allowed = Policies.parse(name).allowed().size();
            String row = "| `" + name + "` |";
            String line =
                    readme.lines().filter(l -> l.startsWith(row)).findFirst().orElse("no row for " + name);
            assertTrue(line.contains("| " + allowed + " |"), "README.md says otherwise than " + allowed + ": " + line);
        }
    }

    /** What a device's own page says is what its filter allows. */
    @Test
    void theDevicesReadmesTellTodaysNumbers() throws Exception {
        for (String name : Policies.names()) {
            Path page = Path.of("../device-procs", name, "README.md");
            if (Files.exists(page)) {
                String wanted = "The narrow filter allows "
                        + Policies.parse(name).allowed().size() + " system calls";
                assertTrue(Files.readString(page).contains(wanted), page + " does not say: " + wanted);
            }
        }
    }
}
