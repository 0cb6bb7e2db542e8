package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.supervisor.config.UidRange;
import io.jvmm.supervisor.sys.OpenFileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which directories a journal may be in. Under root all that is in one is given to the recorder's uid. */
final class JournalPlaceTest {
    /** Levels. */
    private static final int NEST = 3000;

    @TempDir
    private Path directory;

    private Optional<String> obstacle(String name) {
        return JournalPlace.obstacle(directory.resolve(name), UidRange.STANDARD);
    }

    @Test
    void oneThatIsNotThereIsMade() {
        assertEquals(Optional.empty(), obstacle("a/b/c"));
        assertTrue(JournalPlace.usableBytes(directory.resolve("a/b/c")) > 0);
    }

    @Test
    void aJournalMayBeUsedAgain() throws Exception {
        Files.createDirectories(directory.resolve("j/block/life-000012/part-000"));
        Files.createDirectories(directory.resolve("j/net-lan/gone-7"));
        Files.createDirectories(directory.resolve("j/rng"));
        Files.createDirectories(directory.resolve("j/WARM-UP/scratch"));
        Files.createDirectories(directory.resolve("j/WARM-UP/scratch/life-000001/part-000"));
        Files.createFile(directory.resolve("j/WARM-UP/scratch/life-000001/part-000/20260101F.cq4"));
        Files.createFile(directory.resolve("j/block/life-000012/life"));
        Files.createFile(directory.resolve("j/block/life-000012/part-000/metadata.cq4t"));
        Files.createFile(directory.resolve("j/lock"));
        assertEquals(Optional.empty(), obstacle("j"));
        Files.createSymbolicLink(directory.resolve("link"), directory.resolve("j"));
        assertEquals(Optional.empty(), obstacle("link"));
    }

    @Test
    void whatIsNoJournalIsLeftAlone() throws Exception {
        Files.createDirectories(directory.resolve("home/projects/life"));
        assertTrue(obstacle("home").orElse("").contains("holds projects/life, which is no part of a journal"));
        Files.createDirectories(directory.resolve("other"));
        Files.writeString(directory.resolve("other/block"), "a file");
        assertTrue(obstacle("other").orElse("").contains("holds block, which is no part of a journal"));
        Files.writeString(directory.resolve("file"), "");
        assertTrue(obstacle("file").orElse("").endsWith("is no directory"));
        assertTrue(obstacle("file/below").orElse("").contains("cannot be made: "));
    }

    /** A recorder that was taken over makes a nest as deep as it likes: with mkdir, and rename of what there is into what is new. */
    @Test
    void aWarmUpHasNoneInIt() throws Exception {
        Path journal = Files.createDirectories(directory.resolve("j"));
        Path warmUp = journal.resolve("WARM-UP");
        Path next = journal.resolve("next");
        Files.createDirectory(warmUp);
        for (int level = 1; level < NEST; level++) {
            Files.createDirectory(next);
            Files.move(warmUp, next.resolve("WARM-UP"));
            Files.move(next, warmUp);
        }
        try {
            assertEquals(
                    Optional.of("the journal directory " + journal
                            + " holds WARM-UP/WARM-UP, which is no part of a journal; give it a directory of its own"),
                    obstacle("j"));
        } finally {
            // Too deep for one who walks down.
            for (Path inner = next; Files.exists(warmUp.resolve("WARM-UP")); ) {
                Files.move(warmUp.resolve("WARM-UP"), inner);
                Files.delete(warmUp);
                Files.move(inner, warmUp);
            }
        }
    }

    /** A machine that runs is where it is: nobody else's recorder may be there, and --check says so. */
    @Test
    void whereAnotherMachineIsRecordedIsOccupied() throws Exception {
        Path journal = Files.createDirectory(directory.resolve("j"));
        assertEquals(Optional.empty(), JournalPlace.occupied(journal));
        try (Fd lock = FileIo.open(journal.resolve("lock"), FileIo.READ_WRITE | FileIo.CREATE, 0600)) {
            assertEquals(Optional.empty(), JournalPlace.occupied(journal));
            assertTrue(OpenFileLock.tryLock(lock, true));
            assertTrue(JournalPlace.occupied(journal).orElse("").endsWith("give each machine one of its own"));
        }
        assertEquals(Optional.empty(), JournalPlace.occupied(journal));
    }

    /** A lock that cannot be opened says nothing: that is no "nobody". */
    @Test
    void aLockThatCannotBeLookedAtIsNoFreePlace() throws Exception {
        Path journal = Files.createDirectory(directory.resolve("linked"));
        Files.createSymbolicLink(journal.resolve(MachineRecording.LOCK), Path.of("elsewhere"));
        String said = JournalPlace.occupied(journal).orElse("");
        assertTrue(said.contains("cannot be told: ") && said.contains("linked"), said);
        assertEquals(Optional.empty(), JournalPlace.occupied(directory.resolve("not-there")));
    }
}
