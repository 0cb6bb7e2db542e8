package io.jvmm.supervisor.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.config.ConfigKey;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SupervisorMainTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String... args) {
        return new SupervisorMain(
                        new PrintStream(out, true, StandardCharsets.UTF_8),
                        new PrintStream(err, true, StandardCharsets.UTF_8))
                .run(args);
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void helpTeachesEveryKeyAndEveryExitStatus() {
        assertEquals(ExitCode.DONE.status(), run("--help"));
        for (ConfigKey key : ConfigKey.values()) {
            assertTrue(out().contains("    " + key.key() + " "), key::dotted);
        }
        for (ExitCode code : ExitCode.values()) {
            assertTrue(out().contains("  " + code.status() + "  " + code.meaning()), code::toString);
        }
        out().lines().forEach(line -> assertTrue(line.length() <= 120, line));
        assertEquals("", err());
    }

    @Test
    void versionIsOneLine() {
        assertEquals(ExitCode.DONE.status(), run("--version"));
        assertTrue(out().matches("jvmm .* on Java 25.*\\n"), this::out);
    }

    @Test
    void eachExitStatusHasOneMeaning() {
        Set<Integer> seen = new HashSet<>();
        for (ExitCode code : ExitCode.values()) {
            assertTrue(seen.add(code.status()));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            --demmo                     | jvmm: unknown option "--demmo". Did you mean --demo?
            --frobnicate                | jvmm: unknown option "--frobnicate". See jvmm-supervisor --help.
            --config                    | jvmm: --config needs a value. Write --config FILE.
            --config=                   | jvmm: --config needs a value. Write --config FILE.
            --check=yes                 | jvmm: --check takes no value. Remove "=yes".
            -c a -c b                   | jvmm: --config is given twice. Remove one.
            vm.toml                     | jvmm: "vm.toml" is no option. Did you mean --config vm.toml?
            --check                     | jvmm: no machine is named. Give --config vm.toml, or --demo.
            --demo --config vm.toml     | jvmm: --demo brings its own configuration. Give it or --config, not both.
            --exec true --config vm.toml | jvmm: --exec runs a command in the demo's guest. Give it or --config, not both.
            --exec                      | jvmm: --exec needs a value. Write --exec CMD.
            --demo --check --jail-report | jvmm: --check starts nothing and --jail-report starts processes. Give one of them.
            """)
    void aWrongCommandLineIsOneLineAndExitStatusTwo(String args, String message) {
        assertEquals(ExitCode.CONFIGURATION.status(), run(args.split(" ")));
        assertEquals(message + "\n", err());
        assertEquals("", out());
    }

    @Test
    void nothingIsStartedByAWrongConfiguration(@TempDir Path dir) throws IOException {
        Path file = Files.writeString(dir.resolve("vm.toml"), "[machine]\nvcpus = 0\n");
        assertEquals(ExitCode.CONFIGURATION.status(), run("--config", file.toString()));
        assertEquals(
                file + ":2:1: machine.vcpus: 0 is out of range, which is 1 to 64.\n" + file
                        + ": boot.kernel: is missing. Add e.g. kernel = \"vmlinuz\".\n",
                err());
    }
}
