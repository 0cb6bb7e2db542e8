package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each program of the distribution says what it is for when it is asked, where a pager gets it, in lines that a terminal has room for. */
class HelpIT {
    private static final int MOST_SIGNS = 120;
    private static final Path HOME = Distribution.home();

    @TempDir
    private Path directory;

    private static List<Path> in(String directory) throws IOException {
        try (Stream<Path> files = Files.list(HOME.resolve(directory))) {
            return files.sorted().toList();
        }
    }

    @Test
    void everyProgram() throws Exception {
        List<List<String>> commands = new ArrayList<>();
        for (Path program : in("bin")) {
            commands.add(List.of(program.toString(), "--help"));
        }
        assertFalse(commands.isEmpty());
        String device = HOME.resolve("bin/jvmm-device").toString();
        for (Path lib : in("lib")) {
            String name = String.valueOf(lib.getFileName());
            if (Files.exists(lib.resolve("program")) && Files.exists(HOME.resolve("launch/" + name + ".launch"))) {
                commands.add(List.of(device, name, "--help"));
            }
        }
        commands.add(List.of(device, "serial", "--replay", "--help"));
        for (List<String> command : commands) {
            Path errors = directory.resolve("errors");
            Process process =
                    new ProcessBuilder(command).redirectError(errors.toFile()).start();
            process.getOutputStream().close();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(0, process.waitFor(), () -> command + ":\n" + text);
            assertFalse(text.isBlank(), command::toString);
            assertEquals("", Files.readString(errors), command::toString);
            text.lines().forEach(l -> assertTrue(l.length() <= MOST_SIGNS, () -> command + ":\n" + l));
        }
    }

    /** An answer that could not be written is not one. */
    @ParameterizedTest
    @ValueSource(strings = {"jvmm-supervisor", "jvmmctl", "jvmm-journal", "jvmm-replay"})
    void onAFullDisk(String program) throws Exception {
        Process process = new ProcessBuilder(
                        HOME.resolve("bin").resolve(program).toString(), "--help")
                .redirectOutput(new File("/dev/full"))
                .start();
        process.getOutputStream().close();
        String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertNotEquals(0, process.waitFor());
        assertTrue(errors.endsWith(": standard output: No space left on device\n"), errors);
        assertEquals(1, errors.lines().count(), errors);
    }
}
