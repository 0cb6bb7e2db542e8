package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How deep a journal directory is, whoever has written to it. */
final class JournalDirectoryTest {
    @TempDir
    private Path directory;

    @Test
    void itEndsWithTheFilesOfAPart() {
        for (String above : new String[] {"", "WARM-UP/"}) {
            assertTrue(JournalDirectory.isOurs(Path.of(above + "block/life-000001/part-000"), true), above);
            assertTrue(JournalDirectory.isOurs(Path.of(above + "block/life-000001/part-000/x.cq4"), false), above);
            assertFalse(JournalDirectory.isOurs(Path.of(above + "block/life-000001/part-000/x.cq4"), true), above);
            assertFalse(JournalDirectory.isOurs(Path.of(above + "block/life-000001/part-000/x/y"), false), above);
        }
        assertTrue(JournalDirectory.isOurs(Path.of("WARM-UP"), true));
        assertFalse(JournalDirectory.isOurs(Path.of("WARM-UP"), false));
        assertFalse(JournalDirectory.isOurs(Path.of("WARM-UP/WARM-UP"), true));
        assertFalse(JournalDirectory.isOurs(Path.of("WARM-UP/WARM-UP/block"), true));
    }

    /** Each level is a descriptor, and there may be more of them than anybody has. */
    @Test
    void whoRemovesOneGoesNoDeeper() throws Exception {
        Path part = Files.createDirectories(directory.resolve("j/block/life-000001/part-000"));
        Files.createFile(part.resolve("x.cq4"));
        JournalDirectory.removeTree(directory.resolve("j"));
        assertFalse(Files.exists(directory.resolve("j")));
        Path deep = Files.createDirectories(directory.resolve("WARM-UP/WARM-UP/WARM-UP/WARM-UP/WARM-UP/WARM-UP"));
        assertThrows(DirectoryNotEmptyException.class, () -> JournalDirectory.removeTree(directory.resolve("WARM-UP")));
        assertTrue(Files.exists(deep));
    }
}
