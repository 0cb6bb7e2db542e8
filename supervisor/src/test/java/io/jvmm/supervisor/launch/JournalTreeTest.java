package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.supervisor.config.UidRange;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What root gives to a recorder, and what it leaves alone. */
final class JournalTreeTest {
    private static final int SELF = SystemInfo.effectiveUid();
    /** Only root can give anything to another. */
    private static final int RECORDER = SELF == 0 ? UidRange.STANDARD.first() : SELF;

    @TempDir
    private Path directory;

    private Path journal = Path.of("/");
    private Path part = Path.of("/");
    private Path letter = Path.of("/");

    @BeforeEach
    void aJournalAndSomethingElse() throws IOException {
        journal = directory.resolve("journal");
        part = Files.createDirectories(journal.resolve("block/life-000001/part-000"));
        Files.writeString(part.resolve("20260101F.cq4"), "a queue");
        letter = Files.writeString(directory.resolve("letter"), "not theirs");
    }

    private String fault() throws IOException {
        try (JournalTree tree = JournalTree.open(journal, UidRange.STANDARD)) {
            return tree.fault().orElse("");
        }
    }

    private static int owner(Path path) throws IOException {
        return (Integer) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    }

    @Test
    void allOfAJournalIsGiven() throws IOException {
        assertEquals("", fault());
        try (JournalTree tree = JournalTree.open(journal, UidRange.STANDARD)) {
            tree.give(RECORDER);
        }
        try (Stream<Path> all = Files.walk(journal)) {
            List<Path> given = all.toList();
            assertEquals(5, given.size());
            for (Path p : given) {
                assertEquals(RECORDER, owner(p), p.toString());
            }
        }
        assertEquals("", fault(), "of an earlier recorder's uid");
    }

    @Test
    void aLinkIsNoPartOfAJournal() throws IOException {
        Files.createSymbolicLink(part.resolve("metadata.cq4t"), letter);
        assertTrue(fault().contains("holds block/life-000001/part-000/metadata.cq4t, which is a link"), fault());
        untouched();
    }

    @Test
    void aNameOfSomethingElsewhereIsNone() throws IOException {
        Files.createLink(part.resolve("metadata.cq4t"), letter);
        assertTrue(
                fault().contains("part-000/metadata.cq4t, which has another name somewhere else (2 links)"), fault());
        untouched();
    }

    private void untouched() throws IOException {
        try (JournalTree tree = JournalTree.open(journal, UidRange.STANDARD)) {
            assertThrows(IOException.class, () -> tree.give(RECORDER));
        }
        assertEquals(SELF, owner(letter));
    }

    /** Nobody goes down into what has come since it was looked at. */
    @Test
    void whatHasComeMeanwhileIsNotGiven() throws IOException {
        try (JournalTree tree = JournalTree.open(journal, UidRange.STANDARD)) {
            assertEquals("", tree.fault().orElse(""));
            Files.createDirectory(part.resolve("deeper"));
            assertThrows(IOException.class, () -> tree.give(RECORDER));
        }
    }

    @Test
    void neitherIsWhatHasAnotherName() throws IOException {
        Files.createDirectories(journal.resolve("docs/letters"));
        assertTrue(fault().contains("holds docs/letters, which is no part of a journal"), fault());
        Files.delete(journal.resolve("docs/letters"));
        Files.createLink(journal.resolve("docs/letter"), letter);
        assertTrue(fault().contains("holds docs/letter, which is no part of a journal"), "nobody is told to remove it");
        Files.delete(journal.resolve("docs/letter"));
        Files.createDirectory(part.resolve("deeper"));
        assertTrue(fault().contains("holds block/life-000001/part-000/deeper, which is no part"), fault());
        Files.delete(part.resolve("deeper"));
        Files.createFile(journal.resolve("\u001B[31m"));
        assertTrue(fault().contains("holds \"\\u001B[31m\", which is no part"), fault());
    }

    /** Empty directories can have any name: nothing of somebody else's is given away for it. */
    @Test
    void directoriesNamedAsDevicesAreNoJournal() throws IOException {
        journal = Files.createDirectory(directory.resolve("projects"));
        assertEquals("", fault(), "an empty one is made a journal");
        Files.createDirectory(journal.resolve("net"));
        Files.createDirectory(journal.resolve("docs"));
        assertEquals(
                "the journal directory " + journal
                        + " has nothing in it that only a journal has; give the journal a directory of its own",
                fault());
        Path lock = Files.createFile(journal.resolve("lock"));
        assertEquals("", fault(), "of a machine whose lives have all gone");
        Files.delete(lock);
        Files.createDirectory(journal.resolve("net/life-000001"));
        assertEquals("", fault());
    }

    @Test
    void whatOthersCanWriteToIsNotBelieved() throws IOException {
        Files.setPosixFilePermissions(journal, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertEquals(
                "the journal directory " + journal
                        + " can be written to by others (mode 0777); give the journal a directory of its own, or run: chmod -R go-w "
                        + journal,
                fault());
        Files.setAttribute(journal, "unix:mode", 01777);
        assertEquals(
                "the journal directory " + journal
                        + " can be written to by others (mode 1777); give the journal a directory of its own",
                fault(),
                "as /tmp, whose mode nobody should change");
        Files.setPosixFilePermissions(journal, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertEquals("", fault());
        Files.setPosixFilePermissions(part, PosixFilePermissions.fromString("rwx-w----"));
        assertTrue(fault().contains("holds block/life-000001/part-000, which can be written to by others"), fault());
    }

    @Test
    void whatIsSomebodyElsesIsNotBelieved() throws IOException {
        assertEquals("", fault());
        if (SELF == 0) {
            Files.setAttribute(journal, "unix:uid", 1000);
            assertTrue(
                    fault().startsWith("the journal directory " + journal + " belongs to uid 1000, who could put"),
                    fault());
            Files.setAttribute(journal, "unix:uid", UidRange.STANDARD.last() + 1);
            assertTrue(fault().contains("; give the journal a directory of its own, or run: chown -R 0 "), fault());
        }
    }
}
