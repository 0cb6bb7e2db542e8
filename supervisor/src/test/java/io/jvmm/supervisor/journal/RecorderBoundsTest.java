package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.TraceLayout;
import io.jvmm.ipc.trace.TraceRingLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** A recorder at its bounds: of room, of age, of its own life and of its devices'. */
final class RecorderBoundsTest extends RecorderFixture {
    @Test
    void aDeviceThatWritesWithoutEndDrivesOutNobodysLivesButItsOwn() throws Exception {
        long most = 8 << 20;
        Served recorder = new Served(new Bounds(most, Duration.ofDays(1), 1 << 20));
        Device quiet = new Device("serial", "quiet");
        recorder.begin(quiet);
        quiet.commits(10, 100);
        recorder.endDrained(quiet, new FinalState(999, 0));
        Device living = new Device("net", "living");
        recorder.begin(living);
        for (int n = 0; n < 4; n++) {
            Device flood = new Device("block", "flood" + n);
            recorder.begin(flood);
            flood.commits(2000, 1000); // 32 MB, though another process of it is wanted after 1
            recorder.hear(RecorderWords.RENEW);
            recorder.end(flood, "replaced");
            living.commits(1, 10);
        }
        Device modest = new Device(
                "block", "modest"); // one that alone was more than there is room for has gone when it was over
        recorder.begin(modest);
        modest.commits(10, 10);
        recorder.end(modest, "replaced");
        awaitEmpty(living);
        recorder.end(living, "replaced");
        recorder.finish();
        List<Life> lives = new JournalDirectory(directory).lives();
        long bytes = lives.stream().mapToLong(Life::bytes).sum();
        assertTrue(bytes <= 2 * most, bytes + " bytes");
        assertEquals(1000, commits("serial", 1));
        assertEquals(40, commits("net", 1), "the ring of one that is full keeps nobody from the others'");
    }

    @Test
    void aFullDiskIsToldOnceAndRecordingGoesOnWhenThereIsRoom() throws Exception {
        AtomicLong usable = new AtomicLong(1L << 40);
        Served recorder = new Served(WIDE, usable::get);
        Device first = new Device("block", "first");
        recorder.begin(first);
        first.commits(10, 10);
        awaitEmpty(first);
        usable.set(1 << 20);
        Device second = new Device("net", "second");
        recorder.wantBegin(second);
        assertTrue(recorder.hear(RecorderWords.FULL).text(RecorderWords.HOW).contains("has 1 MB left"));
        Device third = new Device("rng", "third");
        recorder.wantBegin(third);
        third.commits(3, 3);
        recorder.wantEnd(third, "killed"); // it has no life yet
        first.commits(400, 1000);
        assertTrue(first.sink.lostBatches() > 0, "nobody takes anything");
        usable.set(1L << 40);
        assertEquals("second", recorder.hear(RecorderWords.BEGUN).text(RecorderWords.RING));
        assertEquals("third", recorder.hear(RecorderWords.BEGUN).text(RecorderWords.RING));
        recorder.hear(RecorderWords.ROOM);
        assertEquals("third", recorder.hear(RecorderWords.ENDED).text(RecorderWords.RING));
        awaitEmpty(first);
        first.commits(1, 1);
        assertEquals("first", recorder.hear(RecorderWords.RENEW).text(RecorderWords.RING));
        second.commits(5, 5);
        recorder.end(first, "replaced");
        recorder.end(second, "replaced");
        recorder.finish();
        assertTrue(scan("block", 1).gaps() > 0);
        assertEquals(25, commits("net", 1));
        assertEquals(9, commits("rng", 1), "what came and went meanwhile is there, too");
        assertEquals(3, new JournalDirectory(directory).lives().size());
    }

    /** The look said that there is room, as it may a moment before somebody else takes it, or of a user who has no more of it. */
    @Test
    void aDiskThatFillsUpBetweenTwoLooksIsAsOneThatIsFullAndNothingIsLost() throws Exception {
        AtomicBoolean full = new AtomicBoolean();
        Served recorder = new Served(
                WIDE,
                () -> Long.MAX_VALUE,
                (file, mode, position, length) ->
                        full.get() ? -Errno.ENOSPC.number() : FileIo.tryAllocate(file, mode, position, length));
        Device first = new Device("block", "first");
        Device gone = new Device("serial", "gone");
        recorder.begin(first);
        recorder.begin(gone);
        first.commits(10, 10);
        awaitEmpty(first);
        full.set(true);
        first.commits(100, 1000); // 1.6 MB: more than the file has room for, and less than a ring holds
        BootRecord told = recorder.hear(RecorderWords.FULL);
        assertTrue(told.text(RecorderWords.HOW).contains("has no room for"), told.text(RecorderWords.HOW));
        assertTrue(told.text(RecorderWords.HOW).endsWith("(ENOSPC)"), told.text(RecorderWords.HOW));
        Device second = new Device("net", "second");
        recorder.wantBegin(second);
        second.commits(5, 5);
        gone.commits(7, 7);
        recorder.wantEnd(gone, "killed");
        full.set(false);
        assertEquals(1, recorder.hear(RecorderWords.BEGUN).integer(RecorderWords.LIFE));
        recorder.hear(RecorderWords.ROOM);
        assertEquals("gone", recorder.hear(RecorderWords.ENDED).text(RecorderWords.RING));
        full.set(true);
        Device third = new Device("rng", "third");
        recorder.wantBegin(third); // its files are the first that there is no room for
        recorder.hear(RecorderWords.FULL);
        Thread.sleep(2500); // it looks again twice, and says nothing: the look alone would say that there is room
        full.set(false);
        assertEquals(1, recorder.hear(RecorderWords.BEGUN).integer(RecorderWords.LIFE));
        recorder.hear(RecorderWords.ROOM);
        third.commits(3, 3);
        recorder.end(first, "replaced");
        recorder.end(second, "replaced");
        recorder.end(third, "replaced");
        assertEquals(ProcessExit.STOPPED, recorder.finish());
        assertEquals(100_100, commits("block", 1), "what there was no room for stayed in the ring");
        assertEquals(25, commits("net", 1));
        assertEquals(9, commits("rng", 1));
        assertEquals(49, commits("serial", 1), "what a process leaves that ends meanwhile stays, too");
        assertEquals(
                "killed",
                new JournalDirectory(directory).lives("serial").getFirst().ended());
    }

    @Test
    void whatADiskThatStaysFullHasNoRoomForIsSaidToBeMissing() throws Exception {
        AtomicLong usable = new AtomicLong(1L << 40);
        Served recorder = new Served(WIDE, usable::get);
        List<Device> gone = new ArrayList<>();
        for (int n = 0; n < 66; n++) {
            Device device = new Device("serial", "gone" + n);
            recorder.begin(device);
            gone.add(device);
        }
        usable.set(1 << 20);
        recorder.wantBegin(new Device("net", "next"));
        recorder.hear(RecorderWords.FULL);
        for (int n = 0; n < 64; n++) {
            recorder.wantEnd(gone.get(n), "killed");
        }
        recorder.wantEnd(gone.get(64), "killed");
        assertEquals("gone0", recorder.hear(RecorderWords.ENDED).text(RecorderWords.RING), "the oldest is given up");
        recorder.finish();
        assertEquals(0, lives("net"));
        List<String> ended = new JournalDirectory(directory)
                .lives("serial").stream().map(Life::ended).toList();
        assertEquals("killed; the disk was full", ended.getFirst());
        assertEquals("killed; the disk was full", ended.get(64));
        assertEquals("the machine ended; the disk was full", ended.get(65));
    }

    /** Who waits for room has its place kept, or there would be none when there is room. */
    @Test
    void ringsThatWaitForRoomHaveTheirPlaces() throws Exception {
        Served recorder = new Served(WIDE, () -> 1 << 20);
        Device device = new Device("net", "w0");
        recorder.wantBegin(device);
        recorder.hear(RecorderWords.FULL);
        for (int n = 1; n <= Recorder.MOST_RINGS; n++) {
            assertFalse(recorder.end.isDone(), n + " are not too many");
            recorder.supervisor.send(BootRecord.builder()
                    .put(RecorderWords.DO, RecorderWords.BEGIN)
                    .put(RecorderWords.RING, "w" + n)
                    .put(RecorderWords.DEVICE, device.name)
                    .put(RecorderWords.BEGAN, device.began.toString())
                    .fd(RecorderWords.FD_TRACE, device.ring.fd())
                    .fd(RecorderWords.FD_BELL, device.bell.fd())
                    .build());
        }
        Exception e = assertThrows(ExecutionException.class, () -> recorder.end.get(20, TimeUnit.SECONDS));
        String said = String.valueOf(e.getCause());
        assertTrue(said.endsWith("ring w" + Recorder.MOST_RINGS + " of net cannot be begun"), said);
    }

    /** Room is found by the last look of all. */
    @Test
    void eachRingIsEndedOnceWhenThereIsRoomAtTheVeryEnd() throws Exception {
        AtomicLong usable = new AtomicLong(1L << 40);
        Served recorder = new Served(WIDE, usable::get);
        Device device = new Device("serial", "last");
        recorder.begin(device);
        usable.set(1 << 20);
        recorder.wantBegin(new Device("net", "next"));
        recorder.hear(RecorderWords.FULL);
        device.commits(6, 6);
        recorder.wantEnd(device, "killed");
        usable.set(1L << 40);
        assertEquals(ProcessExit.STOPPED, recorder.finish());
        assertEquals(36, commits("serial", 1));
        assertEquals(
                "killed",
                new JournalDirectory(directory).lives("serial").getFirst().ended());
    }

    /** Its bell is the hostile process's to ring. */
    @Test
    void nobodyWaitsForTheBellOfASeveredRingEvenWhenThereIsRoomAgain() throws Exception {
        AtomicLong usable = new AtomicLong(1L << 40);
        Served recorder = new Served(WIDE, usable::get);
        Device bad = new Device("block", "bad");
        recorder.begin(bad);
        spoil(bad, 1, new Random(1));
        recorder.hear(RecorderWords.SEVERED);
        usable.set(1 << 20);
        Device good = new Device("net", "good");
        recorder.wantBegin(good);
        recorder.hear(RecorderWords.FULL);
        usable.set(1L << 40);
        recorder.hear(RecorderWords.BEGUN);
        recorder.hear(RecorderWords.ROOM);
        bad.bell.signal();
        long before = recorder.cpuNs();
        long beganNs = System.nanoTime();
        Thread.sleep(500);
        long busyNs = recorder.cpuNs() - before;
        assertTrue(busyNs < (System.nanoTime() - beganNs) / 5, () -> "busy for " + busyNs + " ns");
        good.commits(5, 5);
        recorder.end(good, "replaced");
        recorder.finish();
        assertEquals(25, commits("net", 1));
    }

    @Test
    void whatIsTooOldGoesWhenNothingIsWrittenAndWhatIsOpenStays() throws Exception {
        Served recorder = new Served(new Bounds(1L << 30, Duration.ofSeconds(1), 1L << 30));
        List<BootRecord> wishes = new ArrayList<>();
        recorder.wishes = wishes;
        Device open = new Device("serial", "open"); // as a caretaker's, which is given no other process
        recorder.begin(open);
        open.commits(2, 2);
        awaitEmpty(open);
        Device over = new Device("block", "over");
        recorder.begin(over);
        over.commits(2, 2);
        recorder.end(over, "replaced");
        awaitGone("block");
        open.commits(1, 1);
        recorder.end(open, "replaced");
        List<String> old = wishes.stream()
                .filter(w -> w.text(RecorderWords.HOW).equals("it has lasted as long as lives are kept"))
                .map(w -> w.text(RecorderWords.RING))
                .toList();
        assertEquals(1, old.stream().filter("open"::equals).count(), "once, though its process writes nothing: " + old);
        awaitGone("serial");
        recorder.finish();
    }

    @Test
    void whatIsTooOldGoesWhileTheDiskIsFull() throws Exception {
        AtomicLong usable = new AtomicLong(1L << 40);
        Served recorder = new Served(new Bounds(1L << 30, Duration.ofSeconds(1), 1L << 30), usable::get);
        recorder.wishes = new ArrayList<>();
        Device over = new Device("block", "over");
        recorder.begin(over);
        over.commits(2, 2);
        recorder.end(over, "replaced");
        usable.set(1 << 20);
        Device next = new Device("net", "next");
        recorder.wantBegin(next);
        recorder.hear(RecorderWords.FULL);
        awaitGone("block");
        recorder.wantEnd(next, "killed");
        recorder.finish();
    }

    /** The look would have said that the disk is full; what is too old made room. */
    @Test
    void whatIsTooOldGoesBeforeTheDiskIsCalledFull() throws Exception {
        AtomicBoolean full = new AtomicBoolean();
        LongSupplier usable = () -> full.get() && lives("block") > 0 ? 1 << 20 : 1L << 40;
        Served recorder = new Served(new Bounds(1L << 30, Duration.ofHours(1), 1L << 30), usable);
        Device over = new Device("block", "over");
        recorder.begin(over);
        over.commits(2, 2);
        recorder.end(over, "replaced");
        FileTime longAgo = FileTime.from(Instant.now().minus(Duration.ofHours(2)));
        Path life = new JournalDirectory(directory).lives("block").getFirst().directory();
        try (Stream<Path> all = Files.walk(life)) {
            for (Path each : all.toList()) {
                Files.setLastModifiedTime(each, longAgo);
            }
        }
        full.set(true);
        assertEquals(1, recorder.begin(new Device("net", "next")), "what was told first is that it has begun");
        assertEquals(0, lives("block"));
        recorder.finish();
    }

    /** Killed between the copy of a batch and its publication; the recorder that found that died, too, before it could say so. */
    @Test
    void whatADeadDeviceLeavesUnfinishedIsTakenOnceHoweverManyRecordersDieOfIt() throws Exception {
        JournalDirectory journal = new JournalDirectory(directory);
        for (int number = 1; number <= 2; number++) {
            Device device = new Device("serial", "w" + number);
            boolean spoilt = number == 2;
            device.commits(10, 10);
            UnsafeBuffer ring;
            try (Fd copy = device.ring.fd().duplicate()) {
                ring = MemFd.of(copy).map().buffer();
            }
            long tail = ring.getLongVolatile(TraceRingLayout.CAPACITY_BYTES + IpcRingLayout.TAIL_OFFSET);
            UnsafeBuffer batch = new UnsafeBuffer(new byte[TraceLayout.ONE_FIELD_LENGTH]);
            record(batch, 0, RecordType.COMMIT, device.next++);
            if (spoilt) {
                batch.putByte(TraceLayout.RECORD_TYPE, (byte) 99);
            }
            device.sink.publish(batch, batch.capacity());
            record(batch, 0, RecordType.COMMIT, device.next);
            ring.putBytes(
                    (int) tail + IpcRingLayout.RECORD_HEADER_BYTES + batch.capacity(), batch, 0, batch.capacity());
            for (int recorder = 0; recorder < 3; recorder++) {
                try (RingDrain drain = open(journal, device)) {
                    var _ = drain.drain(1 << 20);
                    drain.drainUnfinished();
                    assertEquals("", drain.severed());
                }
            }
            try (RingDrain last = open(journal, device)) {
                last.end("killed by SIGKILL", false, Optional.of(new FinalState(spoilt ? 99 : 100, 7)));
            }
            Life life = journal.lives("serial").getLast();
            assertEquals("", life.severed());
            assertTrue(life.state().isPresent(), "its last commit is there");
            assertEquals(spoilt ? 100 : 101, commits("serial", number));
        }
    }
}
