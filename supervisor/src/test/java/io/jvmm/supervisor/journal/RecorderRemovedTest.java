package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.trace.TraceRingLayout;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Somebody removes the journal, or a life of it, that is being written. */
final class RecorderRemovedTest extends RecorderFixture {
    private static final String GONE = "its life is not in the journal any more";

    @BeforeEach
    void inADirectoryThatCanGo() throws Exception {
        directory = Files.createDirectory(directory.resolve("journal"));
    }

    /** Keeps a device busy until the recorder has looked. */
    private void busy(Device device, Served recorder) throws Exception {
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (!recorder.end.isDone()) {
            assertTrue(System.nanoTime() - endNs < 0, "it has noticed nothing");
            device.commits(1, 1);
            Thread.sleep(20);
        }
    }

    @Test
    void aDirectoryThatIsRemovedEndsTheRecorderAndTheNextBeginsAnew() throws Exception {
        Served first = new Served(WIDE);
        Device device = new Device("block", "w1");
        assertEquals(1, first.begin(device));
        device.commits(10, 10);
        awaitEmpty(device);
        JournalDirectory.removeTree(directory);
        busy(device, first);
        ExecutionException how = assertThrows(ExecutionException.class, () -> first.end.get(20, TimeUnit.SECONDS));
        assertTrue(String.valueOf(how.getMessage()).contains("the journal directory has been removed"), how::toString);

        Files.createDirectory(directory); // as the supervisor does, before it starts another
        Served second = new Served(WIDE);
        assertEquals(1, second.begin(device));
        assertEquals(GONE, second.hear(RecorderWords.RENEW).text(RecorderWords.HOW));
        device.commits(10, 10);
        second.end(device, "drained");
        Device next = new Device("block", "w2");
        assertEquals(2, second.begin(next));
        next.commits(10, 10);
        second.end(next, "killed");
        assertEquals(ProcessExit.STOPPED, second.finish());
        List<Life> lives = new JournalDirectory(directory).lives("block");
        assertEquals("", lives.getFirst().severed(), "its process did nothing wrong");
        assertEquals(0, commits("block", 1), "what has no beginning is of no use");
        assertEquals(100, commits("block", 2));
    }

    @Test
    void whatIsToBeginInADirectoryThatWasRemovedSaysSo() throws Exception {
        Served recorder = new Served(WIDE);
        JournalDirectory.removeTree(directory);
        recorder.wantBegin(new Device("block", "w1"));
        ExecutionException how = assertThrows(ExecutionException.class, () -> recorder.end.get(20, TimeUnit.SECONDS));
        assertTrue(String.valueOf(how.getMessage()).contains("the journal directory has been removed"), how::toString);
    }

    /** A process that moves its ring's head before a recorder has begun its life has broken the protocol, whatever it would have believed. */
    @Test
    void aHeadThatMovedWithoutARecorderIsAViolation() throws Exception {
        Device bad = new Device("block", "w1");
        bad.commits(10, 10);
        try (Fd copy = bad.ring.fd().duplicate()) {
            MemFd.of(copy)
                    .map()
                    .buffer()
                    .putLongVolatile(TraceRingLayout.CAPACITY_BYTES + IpcRingLayout.HEAD_OFFSET, 8);
        }
        Served recorder = new Served(WIDE);
        recorder.begin(bad);
        String how = recorder.hear(RecorderWords.SEVERED).text(RecorderWords.HOW);
        assertTrue(how.contains("RING_POSITION"), how);
        recorder.end(bad, "killed");
        recorder.finish();
        assertEquals(
                how, new JournalDirectory(directory).lives("block").getFirst().severed());
    }

    @Test
    void aLifeThatIsRemovedIsFollowedByAnotherAndTheOthersGoOn() throws Exception {
        Served recorder = new Served(WIDE);
        Device removed = new Device("block", "w1");
        Device other = new Device("serial", "w2");
        recorder.begin(removed);
        recorder.begin(other);
        removed.commits(10, 10);
        other.commits(10, 10);
        awaitEmpty(removed);
        JournalDirectory.removeTree(directory.resolve("block"));
        removed.commits(1, 1);
        BootRecord wish = recorder.hear(RecorderWords.RENEW);
        assertEquals("w1", wish.text(RecorderWords.RING));
        assertEquals(GONE, wish.text(RecorderWords.HOW));
        removed.commits(1, 1);
        long before = recorder.cpuNs();
        pause();
        assertTrue(recorder.cpuNs() - before < 100_000_000, "it answers a bell that nobody reads");
        recorder.end(removed, "drained");
        assertFalse(Files.exists(directory.resolve("block")));
        Device next = new Device("block", "w3");
        assertEquals(2, recorder.begin(next), "a number is not used again");
        next.commits(5, 10);
        other.commits(10, 10);
        assertEquals(ProcessExit.STOPPED, recorder.finish());
        assertEquals(50, commits("block", 2));
        assertEquals(200, commits("serial", 1));
    }
}
