package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.Programs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RuntimeDirectoryTest {
    @TempDir
    Path temporary;

    private static List<String> vms(Path root) throws IOException {
        try (Stream<Path> all = Files.list(root.resolve("vms"))) {
            return all.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void onlyItsOwnerCanUseIt() throws Exception {
        Path root = temporary.resolve("r");
        try (RuntimeDirectory runtime = RuntimeDirectory.open(root)) {
            for (Path p : List.of(root, root.resolve("uids"), root.resolve("vms"), runtime.scratch())) {
                assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(p)), p::toString);
            }
        }
        assertEquals(List.of(), vms(root), "nothing of a closed supervisor stays");
    }

    @Test
    void aDirectoryThatOthersCanUseIsRefused() throws Exception {
        Path root = Files.createDirectory(temporary.resolve("r"));
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxrwx---"));
        HostLackException e = assertThrows(HostLackException.class, () -> RuntimeDirectory.open(root));
        assertTrue(String.valueOf(e.getMessage()).contains("r can be used by others (mode 0770)"), e::getMessage);
    }

    @Test
    void aLinkInItsPlaceIsRefused() throws Exception {
        Path real = Files.createDirectory(temporary.resolve("real"));
        Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rwx------"));
        Path root = Files.createSymbolicLink(temporary.resolve("r"), real);
        HostLackException e = assertThrows(HostLackException.class, () -> RuntimeDirectory.open(root));
        assertTrue(String.valueOf(e.getMessage()).contains("r is a symbolic link). Have it removed"), e::getMessage);
    }

    @Test
    void theLivingAreLeftAloneAndTheDeadAreClearedAway() throws Exception {
        Path root = temporary.resolve("r");
        Path outside = Files.createDirectory(temporary.resolve("outside"));
        Process p = Programs.start(HoldingProgram.class, root.toString(), outside.toString(), "300000-300007");
        String said = p.inputReader(StandardCharsets.UTF_8).readLine();
        assertTrue(said != null && said.startsWith("["), said);
        try (RuntimeDirectory second = RuntimeDirectory.open(root)) {
            assertEquals(2, vms(root).size(), second::toString);
            assertTrue(Files.exists(outside.resolve("socket")));
        }
        p.destroyForcibly();
        assertEquals(137, p.waitFor());
        assertTrue(Files.exists(outside.resolve("socket")), "a killed process cannot tidy up");
        try (RuntimeDirectory third = RuntimeDirectory.open(root)) {
            assertEquals(1, vms(root).size(), third::toString);
        }
        assertFalse(Files.exists(outside.resolve("socket"), LinkOption.NOFOLLOW_LINKS));
        assertFalse(Files.exists(outside.resolve("link"), LinkOption.NOFOLLOW_LINKS));
        assertTrue(Files.exists(outside.resolve("data")), "an ordinary file is somebody's data");
    }
}
