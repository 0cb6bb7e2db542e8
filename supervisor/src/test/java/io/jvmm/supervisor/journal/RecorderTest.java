package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.TraceLayout;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** What a recorder takes of honest and of hostile devices. */
final class RecorderTest extends RecorderFixture {
    @Test
    void whatADeviceWritesIsItsLife() throws Exception {
        Files.createFile(directory.resolve("lock")); // the supervisor's
        Served recorder = new Served(WIDE);
        Device device = new Device("block", "w1");
        device.commits(100, 3); // before there is anybody to read it
        assertEquals(1, recorder.begin(device));
        device.commits(1000, 50);
        awaitEmpty(device);
        pause(); // it sleeps now
        device.commits(1, 1);
        device.one(RecordType.END, 0);
        recorder.end(device, "exited with 0");
        Device next = new Device("block", "w2");
        assertEquals(2, recorder.begin(next));
        assertEquals(ProcessExit.STOPPED, recorder.finish());
        assertEquals(50_301, commits("block", 1));
        Life life = new JournalDirectory(directory).lives("block").getFirst();
        assertEquals(device.began, life.began(), "when its process was started");
        assertEquals("exited with 0", life.ended());
        assertEquals(0, commits("block", 2));
    }

    @Test
    void anotherRecorderGoesOnWhereOneDied() throws Exception {
        Random random = new Random(TestSeed.next());
        Device device = new Device("net", "w1");
        for (int death = 0; death < 5; death++) {
            Served recorder = new Served(WIDE);
            assertEquals(1, recorder.begin(device));
            device.commits(random.nextInt(300), 1 + random.nextInt(200));
            recorder.supervisor.close(); // for a recorder the same as its own death, but that nothing is torn
            assertEquals(ProcessExit.SUPERVISOR_LOST, recorder.end.get(20, TimeUnit.SECONDS));
        }
        Served last = new Served(WIDE);
        assertEquals(1, last.begin(device));
        last.end(device, "killed by SIGKILL");
        last.finish();
        assertEquals(device.next, commits("net", 1));
    }

    /** Killed before it rested: what it had published counts; what is no batch does not, and harms nobody. */
    @Test
    void theMessageThatADeadDeviceLeavesUnfinishedCounts() throws Exception {
        Served recorder = new Served(WIDE);
        for (int death = 1; death <= 6; death++) {
            Device device = new Device("serial", "w" + death);
            assertEquals(death, recorder.begin(device));
            device.commits(10, 10);
            UnsafeBuffer batch = new UnsafeBuffer(new byte[TraceLayout.ONE_FIELD_LENGTH]);
            for (int i = 0; i < death; i++) {
                record(batch, 0, RecordType.COMMIT, device.next++);
                device.sink.publish(batch, batch.capacity());
            }
            boolean spoilt = death % 2 == 0;
            if (spoilt) {
                batch.putByte(TraceLayout.RECORD_TYPE, (byte) 99);
                device.sink.publish(batch, batch.capacity());
            }
            recorder.end(device, "killed by SIGKILL");
            assertEquals(spoilt ? 100 : 100 + death, commits("serial", death));
            assertEquals(
                    "",
                    new JournalDirectory(directory).lives("serial").getLast().severed());
        }
        recorder.finish();
    }

    /** A refused batch is not in the life, and so what it says is neither its last commit nor a loss. */
    @Test
    void whatARefusedBatchSaysDoesNotCount() throws Exception {
        Served recorder = new Served(WIDE);
        Device device = new Device("serial", "w1");
        recorder.begin(device);
        device.commits(10, 10);
        UnsafeBuffer batch = new UnsafeBuffer(new byte[3 * TraceLayout.ONE_FIELD_LENGTH]);
        record(batch, 0, RecordType.COMMIT, 100);
        record(batch, TraceLayout.ONE_FIELD_LENGTH, RecordType.GAP, 7);
        record(batch, 2 * TraceLayout.ONE_FIELD_LENGTH, RecordType.COMMIT, 101);
        batch.putByte(2 * TraceLayout.ONE_FIELD_LENGTH + TraceLayout.RECORD_TYPE, (byte) 99);
        device.sink.publish(batch, batch.capacity()); // and it died before it rested
        recorder.endDrained(device, new FinalState(100, 0));
        recorder.finish();
        Life life = new JournalDirectory(directory).lives("serial").getFirst();
        assertFalse(life.drained(), "the life ends with commit 99");
        assertEquals(Optional.empty(), life.state());
        assertEquals(100, commits("serial", 1));
    }

    /** Many messages of the ring make one batch of the life. */
    @Test
    void smallBatchesAreGathered() throws Exception {
        Device device = new Device("serial", "w1");
        for (int n = 0; n < 1000; n++) {
            device.commits(1, 3);
        }
        Served recorder = new Served(WIDE);
        recorder.begin(device);
        recorder.end(device, "killed by SIGKILL");
        recorder.finish();
        assertEquals(3000, commits("serial", 1));
        try (LifeReader reader = new LifeReader(
                new JournalDirectory(directory).lives().getFirst().directory())) {
            assertTrue(reader.next());
            assertEquals(3000 * TraceLayout.ONE_FIELD_LENGTH, reader.length());
            assertFalse(reader.next());
        }
    }

    @Test
    void aHostileDeviceEndsItsOwnLifeOnly() throws Exception {
        Served recorder = new Served(WIDE);
        Random random = new Random(TestSeed.next());
        Device good = new Device("serial", "good");
        recorder.begin(good);
        for (int n = 0; n < 10; n++) {
            Device bad = new Device("block", "bad" + n);
            int life = recorder.begin(bad);
            good.commits(10, 10);
            bad.commits(5, 5);
            awaitEmpty(bad);
            spoil(bad, n, random);
            BootRecord told = recorder.hear(RecorderWords.SEVERED);
            assertEquals(bad.word, told.text(RecorderWords.RING));
            assertFalse(told.text(RecorderWords.HOW).isEmpty());
            recorder.end(bad, "killed");
            assertEquals(25, commits("block", life), "what was whole is kept");
            assertFalse(new JournalDirectory(directory)
                    .lives("block")
                    .getLast()
                    .severed()
                    .isEmpty());
        }
        recorder.end(good, "killed");
        recorder.finish();
        assertEquals(1000, commits("serial", 1));
    }

    /** And says so, for whoever asks it must hear the same as of the first. */
    @Test
    void anotherRecorderKnowsWhyALifeWasSevered() throws Exception {
        Served first = new Served(WIDE);
        Device bad = new Device("block", "bad");
        first.begin(bad);
        bad.commits(5, 5);
        awaitEmpty(bad);
        spoil(bad, 1, new Random(1));
        String how = first.hear(RecorderWords.SEVERED).text(RecorderWords.HOW);
        assertTrue(how.contains("a message of type 2"), how);
        first.supervisor.close();
        assertEquals(ProcessExit.SUPERVISOR_LOST, first.end.get(20, TimeUnit.SECONDS));
        bad.commits(5, 5); // it goes on as if nothing had been
        Served second = new Served(WIDE);
        assertEquals(1, second.begin(bad));
        BootRecord told = second.hear(RecorderWords.SEVERED);
        assertEquals(bad.word, told.text(RecorderWords.RING));
        assertEquals(how, told.text(RecorderWords.HOW));
        second.endDrained(bad, new FinalState(24, 0));
        second.finish();
        Life life = new JournalDirectory(directory).lives("block").getFirst();
        assertEquals(how, life.severed());
        assertEquals(Optional.empty(), life.state(), "what it did afterwards is not there");
        assertEquals(25, commits("block", 1));
        assertEquals(ProcessExit.PEER_VIOLATION.code(), scan("block", 1).end());
    }

    @Test
    void aGapAndAFullLifeAskForANewOne() throws Exception {
        Served recorder = new Served(new Bounds(1L << 30, Duration.ofDays(1), 1 << 20));
        Device gap = new Device("block", "gap");
        recorder.begin(gap);
        gap.one(RecordType.GAP, 7);
        assertTrue(recorder.hear(RecorderWords.RENEW).text(RecorderWords.HOW).contains("lost 7 batches"));
        Device full = new Device("net", "full");
        recorder.begin(full);
        full.commits(300, 256);
        assertEquals("full", recorder.hear(RecorderWords.RENEW).text(RecorderWords.RING));
        recorder.end(full, "replaced");
        recorder.finish();
        assertEquals(300 * 256, commits("net", 1), "what comes before the next process is kept, too");
    }

    @Test
    void theBoundsHoldWhileItWrites() throws Exception {
        Served recorder = new Served(new Bounds(4 << 20, Duration.ofDays(1), 1 << 20));
        for (int n = 0; n < 12; n++) {
            Device device = new Device("block", "w" + n);
            assertEquals(n + 1, recorder.begin(device));
            device.commits(60, 1000);
            awaitEmpty(device);
            recorder.end(device, "replaced");
        }
        recorder.finish();
        List<Life> lives = new JournalDirectory(directory).lives();
        long bytes = lives.stream().mapToLong(Life::bytes).sum();
        assertTrue(bytes <= 4 << 20, bytes + " bytes in " + lives.size() + " lives");
        assertTrue(lives.size() >= 2, lives.toString());
        assertEquals(12, lives.getLast().number());
        assertEquals(60_000, commits("block", 12));
    }

    @Test
    void lostBatchesAreCountedAsOftenAsADeviceLies() throws Exception {
        Served recorder = new Served(WIDE);
        Device liar = new Device("block", "liar");
        recorder.begin(liar);
        liar.one(RecordType.GAP, Long.MAX_VALUE);
        assertTrue(recorder.hear(RecorderWords.RENEW).text(RecorderWords.HOW).contains("lost " + Long.MAX_VALUE));
        liar.one(RecordType.GAP, Long.MAX_VALUE);
        liar.one(RecordType.GAP, -5);
        awaitEmpty(liar);
        recorder.supervisor.send(BootRecord.builder()
                .put(RecorderWords.DO, RecorderWords.STATUS)
                .put(RecorderWords.ID, 1)
                .build());
        assertEquals(Long.MAX_VALUE, recorder.hear(RecorderWords.STATUS).longInteger("liar" + RecorderWords.OF_LOST));
        recorder.end(liar, "killed");
        recorder.finish();
        assertEquals(Long.MAX_VALUE, scan("block", 1).gaps());
    }

    @Test
    void whatARecorderThatFrozeDidNotTakeIsAGapThatIsTold() throws Exception {
        Device device = new Device("block", "w1");
        device.commits(400, 1000); // 6.4 MB, and nobody reads
        long lost = device.sink.lostBatches();
        assertTrue(lost > 0, "the ring is not full");
        Served recorder = new Served(WIDE);
        recorder.begin(device);
        awaitEmpty(device);
        device.commits(1, 1);
        assertTrue(recorder.hear(RecorderWords.RENEW).text(RecorderWords.HOW).contains("lost " + lost + " batches"));
        recorder.endDrained(device, new FinalState(device.next - 1, 7));
        recorder.finish();
        assertEquals(lost, scan("block", 1).gaps());
    }

    @Test
    void oneLifeIsToldOnceOnly() throws Exception {
        Served recorder = new Served(WIDE);
        Device first = new Device("block", "w1");
        recorder.begin(first);
        first.one(RecordType.LIFE, 0); // offset 0 of 0 bytes
        first.one(RecordType.COMMIT, 0);
        first.one(RecordType.LIFE, 0);
        assertTrue(recorder.hear(RecorderWords.SEVERED).text(RecorderWords.HOW).contains("another LIFE"));
        recorder.finish();
    }

    @Test
    void itSaysThatItLives() throws Exception {
        Served recorder = new Served(WIDE);
        recorder.supervisor.send(
                BootRecord.builder().put(RecorderWords.DO, RecorderWords.PING).build());
        assertEquals(
                RecorderWords.ALIVE, recorder.supervisor.receive(PATIENCE_NS).text(RecorderWords.DO));
        recorder.finish();
    }

    @Test
    void aProcessThatWasDrainedEndsInGoodOrder() throws Exception {
        Served recorder = new Served(WIDE);
        Device drained = new Device("block", "w1");
        recorder.begin(drained);
        drained.commits(10, 10);
        recorder.endDrained(drained, new FinalState(99, 0x12AB));
        Scanned whole = scan("block", 1);
        assertEquals(-1, whole.end(), "it wrote none, and what it did behind its last commit is not there");
        assertEquals(99, whole.transaction());
        assertTrue(new JournalDirectory(directory).lives("block").getFirst().drained());
        assertEquals(
                "crc32c:000012ab behind 99",
                new JournalDirectory(directory)
                        .lives("block")
                        .getFirst()
                        .state()
                        .orElseThrow()
                        .toString());
        // One that says so and did not tell all: its last commit is not there.
        Device silent = new Device("block", "w2");
        recorder.begin(silent);
        silent.commits(10, 10);
        recorder.endDrained(silent, new FinalState(100, 0));
        assertFalse(new JournalDirectory(directory).lives("block").getLast().drained());
        assertTrue(
                new JournalDirectory(directory).lives("block").getLast().state().isEmpty());
        // One that has written its own END keeps that.
        Device stopped = new Device("block", "w3");
        recorder.begin(stopped);
        stopped.commits(1, 1);
        stopped.one(RecordType.END, 3);
        recorder.endDrained(stopped, new FinalState(0, 0));
        assertEquals(3, scan("block", 3).end());
        recorder.finish();
    }
}
