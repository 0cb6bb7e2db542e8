package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.RingSink;
import io.jvmm.ipc.trace.TraceLayout;
import io.jvmm.ipc.trace.TraceRing;
import io.jvmm.ipc.trace.TraceRingLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A recorder in a thread, its supervisor and hostile devices here. */
final class RecorderTest {
    private static final long PATIENCE_NS = 20_000_000_000L;
    private static final Bounds WIDE = new Bounds(1L << 30, Duration.ofDays(1), 1L << 30);

    @TempDir
    private Path directory;

    private final List<AutoCloseable> open = new ArrayList<>();

    /** A recorder that serves. */
    private final class Served {
        final BootChannel supervisor;
        final CompletableFuture<ProcessExit> end;
        private final CompletableFuture<Thread> thread = new CompletableFuture<>();
        /** Wishes for another life that have come while something else was waited for; null where none may come. */
        private @Nullable List<BootRecord> wishes;

        Served(Bounds bounds) throws JournalException {
            this(bounds, () -> Long.MAX_VALUE);
        }

        Served(Bounds bounds, LongSupplier usableBytes) throws JournalException {
            this(bounds, usableBytes, FileIo::tryAllocate);
        }

        Served(Bounds bounds, LongSupplier usableBytes, RoomAhead.Allocator allocator) throws JournalException {
            UnixSocket.Pair pair = UnixSocket.seqPacketPair();
            supervisor = BootChannel.over(pair.left().fd());
            open.add(supervisor);
            Recorder recorder = new Recorder(
                    directory, bounds, BootChannel.over(pair.right().fd()), usableBytes, allocator);
            end = CompletableFuture.supplyAsync(
                    () -> {
                        thread.complete(Thread.currentThread());
                        try (recorder) {
                            return recorder.run();
                        } catch (JournalException e) {
                            throw new IllegalStateException(e);
                        }
                    },
                    Executors.newThreadPerTaskExecutor(
                            Thread.ofPlatform().daemon().factory()));
        }

        /** What its thread has had of a processor. */
        long cpuNs() {
            return ManagementFactory.getThreadMXBean()
                    .getThreadCpuTime(thread.join().threadId());
        }

        BootRecord hear(String what) {
            BootRecord record = supervisor.receive(PATIENCE_NS);
            while (record.text(RecorderWords.DO).equals(RecorderWords.ALIVE) || isWish(record)) {
                record = supervisor.receive(PATIENCE_NS);
            }
            assertEquals(what, record.text(RecorderWords.DO));
            return record;
        }

        private boolean isWish(BootRecord record) {
            List<BootRecord> all = wishes;
            return all != null && record.text(RecorderWords.DO).equals(RecorderWords.RENEW) && all.add(record);
        }

        int begin(Device device) {
            wantBegin(device);
            return hear(RecorderWords.BEGUN).integer(RecorderWords.LIFE);
        }

        void wantBegin(Device device) {
            supervisor.send(BootRecord.builder()
                    .put(RecorderWords.DO, RecorderWords.BEGIN)
                    .put(RecorderWords.RING, device.word)
                    .put(RecorderWords.DEVICE, device.name)
                    .put(RecorderWords.BEGAN, device.began.toString())
                    .fd(RecorderWords.FD_TRACE, device.ring.fd())
                    .fd(RecorderWords.FD_BELL, device.bell.fd())
                    .build());
        }

        /** A process that was drained, and committed this last. */
        void endDrained(Device device, FinalState left) {
            supervisor.send(BootRecord.builder()
                    .put(RecorderWords.DO, RecorderWords.END)
                    .put(RecorderWords.RING, device.word)
                    .put(RecorderWords.HOW, "drained")
                    .put(RecorderWords.DRAINED, "true")
                    .put(RecorderWords.STATE, left.toString())
                    .build());
            assertEquals(device.word, hear(RecorderWords.ENDED).text(RecorderWords.RING));
        }

        void end(Device device, String how) {
            supervisor.send(BootRecord.builder()
                    .put(RecorderWords.DO, RecorderWords.END)
                    .put(RecorderWords.RING, device.word)
                    .put(RecorderWords.HOW, how)
                    .build());
            assertEquals(device.word, hear(RecorderWords.ENDED).text(RecorderWords.RING));
        }

        ProcessExit finish() throws InterruptedException, ExecutionException, TimeoutException {
            supervisor.send(BootRecord.builder()
                    .put(RecorderWords.DO, RecorderWords.FINISH)
                    .build());
            return end.get(20, TimeUnit.SECONDS);
        }
    }

    /** What a recorded process has, and the supervisor. */
    private final class Device {
        final String name;
        final String word;
        final TraceRing ring;
        final EventFd bell = EventFd.create();
        final Instant began = Instant.now();
        final RingSink sink;
        long next;

        Device(String name, String word) {
            this.name = name;
            this.word = word;
            ring = TraceRing.create(name + "-trace");
            sink = new RingSink(ring, bell, () -> {});
            open.add(bell);
            open.add(ring);
        }

        /** Batches of commits, numbered through. */
        void commits(int batches, int ofEach) {
            for (int n = 0; n < batches; n++) {
                UnsafeBuffer batch = new UnsafeBuffer(new byte[ofEach * TraceLayout.ONE_FIELD_LENGTH]);
                for (int i = 0; i < ofEach; i++) {
                    record(batch, i * TraceLayout.ONE_FIELD_LENGTH, RecordType.COMMIT, next++);
                }
                sink.publish(batch, batch.capacity());
            }
            sink.rest();
        }

        void one(RecordType type, long value) {
            UnsafeBuffer batch = new UnsafeBuffer(new byte[TraceLayout.ONE_FIELD_LENGTH]);
            record(batch, 0, type, value);
            sink.publish(batch, batch.capacity());
            sink.rest();
        }
    }

    private static void record(UnsafeBuffer batch, int at, RecordType type, long value) {
        batch.putInt(at, TraceLayout.ONE_FIELD_LENGTH, ByteOrder.LITTLE_ENDIAN);
        batch.putByte(at + TraceLayout.RECORD_TYPE, (byte) type.code());
        batch.putLong(at + TraceLayout.ONE_FIELD, value, ByteOrder.LITTLE_ENDIAN);
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable c : open) {
            c.close();
        }
    }

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

    /** Something that no device of ours does. */
    private static void spoil(Device device, int kind, Random random) {
        UnsafeBuffer ring;
        try (Fd copy = device.ring.fd().duplicate()) {
            ring = MemFd.of(copy).map().buffer();
        }
        long tail = ring.getLongVolatile(TraceRingLayout.CAPACITY_BYTES + IpcRingLayout.TAIL_OFFSET);
        int at = (int) (tail & (TraceRingLayout.CAPACITY_BYTES - 1));
        switch (kind % 5) {
            case 0 -> { // records of no type
                device.sink.publish(new UnsafeBuffer(new byte[64]), 64);
                device.sink.rest();
            }
            case 1 -> { // a type of message that there is not
                ring.putInt(at + 4, 2);
                ring.putIntVolatile(at, 24);
            }
            case 2 -> { // longer than any batch
                ring.putInt(at + 4, TraceRingLayout.BATCH);
                ring.putIntVolatile(at, 1 << 20);
            }
            case 3 -> { // one that ends and goes on
                device.one(RecordType.END, 0);
                device.one(RecordType.COMMIT, 1);
            }
            default -> { // anything at all, with a header that is plausible
                byte[] noise = new byte[256];
                random.nextBytes(noise);
                noise[TraceLayout.RECORD_TYPE] = 99;
                ring.putBytes(at + 8, noise);
                ring.putInt(at + 4, TraceRingLayout.BATCH);
                ring.putIntVolatile(at, 8 + noise.length);
            }
        }
        device.bell.signal();
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
        recorder.end(third, "killed"); // it had no life
        first.commits(400, 1000);
        assertTrue(first.sink.lostBatches() > 0, "nobody takes anything");
        usable.set(1L << 40);
        recorder.hear(RecorderWords.ROOM);
        assertEquals("second", recorder.hear(RecorderWords.BEGUN).text(RecorderWords.RING));
        awaitEmpty(first);
        first.commits(1, 1);
        assertEquals("first", recorder.hear(RecorderWords.RENEW).text(RecorderWords.RING));
        second.commits(5, 5);
        recorder.end(first, "replaced");
        recorder.end(second, "replaced");
        recorder.finish();
        assertTrue(scan("block", 1).gaps() > 0);
        assertEquals(25, commits("net", 1));
        assertEquals(2, new JournalDirectory(directory).lives().size());
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
        recorder.end(gone, "killed");
        full.set(false);
        recorder.hear(RecorderWords.ROOM);
        assertEquals(1, recorder.hear(RecorderWords.BEGUN).integer(RecorderWords.LIFE));
        full.set(true);
        Device third = new Device("rng", "third");
        recorder.wantBegin(third); // its files are the first that there is no room for
        recorder.hear(RecorderWords.FULL);
        full.set(false);
        recorder.hear(RecorderWords.ROOM);
        assertEquals(1, recorder.hear(RecorderWords.BEGUN).integer(RecorderWords.LIFE));
        third.commits(3, 3);
        recorder.end(first, "replaced");
        recorder.end(second, "replaced");
        recorder.end(third, "replaced");
        assertEquals(ProcessExit.STOPPED, recorder.finish());
        assertEquals(100_100, commits("block", 1), "what there was no room for stayed in the ring");
        assertEquals(25, commits("net", 1));
        assertEquals(9, commits("rng", 1));
        assertEquals(
                "killed; the disk was full",
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
        recorder.hear(RecorderWords.ROOM);
        recorder.hear(RecorderWords.BEGUN);
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
        recorder.end(next, "killed");
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

    private int lives(String device) {
        try {
            return new JournalDirectory(directory).lives(device).size();
        } catch (JournalException e) {
            throw new IllegalStateException(e);
        }
    }

    private void awaitGone(String device) throws InterruptedException {
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (lives(device) > 0) {
            assertTrue(System.nanoTime() - endNs < 0, () -> "the life of " + device + " stays");
            Thread.sleep(20);
        }
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

    private static RingDrain open(JournalDirectory journal, Device device) throws JournalException {
        return RingDrain.open(
                journal,
                device.name,
                device.word,
                device.ring.fd().duplicate(),
                device.bell.fd().duplicate(),
                device.began,
                FileIo::tryAllocate,
                () -> {});
    }

    /** What is in a life: its last COMMIT, what was lost, and its END; -1 for what there is not. */
    private record Scanned(long transaction, long gaps, long end) {}

    private Scanned scan(String device, int number) throws Exception {
        long transaction = -1;
        long gaps = 0;
        long end = -1;
        BatchReader records = new BatchReader();
        try (LifeReader reader = new LifeReader(directory.resolve(String.format("%s/life-%06d", device, number)))) {
            while (reader.next()) {
                records.wrap(new UnsafeBuffer(reader.buffer(), reader.offset(), reader.length()), 0, reader.length());
                while (records.next()) {
                    assertEquals(-1, end, "nothing comes behind END");
                    switch (records.type()) {
                        case COMMIT -> transaction = records.value();
                        case GAP -> gaps = LifeScan.saturated(gaps, records.value());
                        case END -> end = records.value();
                        default -> {}
                    }
                }
            }
            assertEquals("", reader.fault());
        }
        return new Scanned(transaction, gaps, end);
    }

    private static void awaitEmpty(Device device) throws InterruptedException {
        UnsafeBuffer ring;
        try (Fd copy = device.ring.fd().duplicate()) {
            ring = MemFd.of(copy).map().buffer();
        }
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (ring.getLongVolatile(TraceRingLayout.CAPACITY_BYTES + IpcRingLayout.HEAD_OFFSET)
                != ring.getLongVolatile(TraceRingLayout.CAPACITY_BYTES + IpcRingLayout.TAIL_OFFSET)) {
            assertTrue(System.nanoTime() - endNs < 0, "the recorder does not read");
            Thread.sleep(1);
        }
    }

    private static void pause() throws InterruptedException {
        Thread.sleep(200);
    }

    /** How many commits are in a life; they must be numbered through. */
    private long commits(String device, int number) throws Exception {
        Life life = new JournalDirectory(directory)
                .lives(device).stream()
                        .filter(l -> l.number() == number)
                        .findFirst()
                        .orElseThrow();
        long next = 0;
        BatchReader records = new BatchReader();
        try (LifeReader reader = new LifeReader(life.directory())) {
            while (reader.next()) {
                records.wrap(new UnsafeBuffer(reader.buffer(), reader.offset(), reader.length()), 0, reader.length());
                while (records.next()) {
                    if (records.type() == RecordType.COMMIT) {
                        assertEquals(next++, records.value());
                    }
                }
            }
            assertEquals("", reader.fault());
        }
        return next;
    }
}
