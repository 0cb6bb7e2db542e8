package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a device's program is started, as the build has written it down. */
class DeviceProgramTest {
    @TempDir
    Path directory;

    @Test
    void theClassPathIsInTheBuildsOrderAndTheClassComesLast() throws Exception {
        Path program = Files.write(directory.resolve("program"), List.of("a.Main", "serial/a.jar", "devices/b.jar"));
        List<String> command = DeviceProgram.read(program).command("/jvmm/lib");
        assertEquals(
                List.of("-cp", "/jvmm/lib/serial/a.jar:/jvmm/lib/devices/b.jar", "a.Main"),
                command.subList(command.size() - 3, command.size()));
        assertTrue(command.subList(0, command.size() - 3).stream().allMatch(option -> option.startsWith("--")));
    }

    /** A copy that was cut short: what is missing is named. */
    @Test
    void aFileWithNothingInItIsAnError() throws Exception {
        Path program = Files.createFile(directory.resolve("program"));
        IOException e = assertThrows(IOException.class, () -> DeviceProgram.read(program));
        assertEquals(program + " is empty", e.getMessage());
    }
}
