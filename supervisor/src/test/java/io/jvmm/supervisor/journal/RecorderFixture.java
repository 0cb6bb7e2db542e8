package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.Clock;
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
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** A recorder in a thread, its supervisor and hostile devices here. */
abstract class RecorderFixture {
    static final long PATIENCE_NS = 20_000_000_000L;
    static final Bounds WIDE = new Bounds(1L << 30, Duration.ofDays(1), 1L << 30);

    @TempDir
    Path directory;

    final List<AutoCloseable> open = new ArrayList<>();

    /** A recorder that serves. */
    final class Served {
        final BootChannel supervisor;
        final CompletableFuture<ProcessExit> end;
        final CompletableFuture<Thread> thread = new CompletableFuture<>();
        /** Wishes for another life that have come while something else was waited for; null where none may come. */
        @Nullable
        List<BootRecord> wishes;

        Served(Bounds bounds) throws JournalException {
            this(bounds, () -> Long.MAX_VALUE);
        }

        Served(Bounds bounds, LongSupplier usableBytes) throws JournalException {
            this(bounds, usableBytes, RoomAhead.whereScarce(usableBytes, Clock::monotonicNs, FileIo::tryAllocate));
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
            device.life = hear(RecorderWords.BEGUN).integer(RecorderWords.LIFE);
            return device.life;
        }

        void wantBegin(Device device) {
            BootRecord.Builder record = BootRecord.builder()
                    .put(RecorderWords.DO, RecorderWords.BEGIN)
                    .put(RecorderWords.RING, device.word)
                    .put(RecorderWords.DEVICE, device.name)
                    .put(RecorderWords.BEGAN, device.began.toString())
                    .fd(RecorderWords.FD_TRACE, device.ring.fd())
                    .fd(RecorderWords.FD_BELL, device.bell.fd());
            if (device.life != 0) {
                record.put(RecorderWords.LIFE, device.life);
            }
            supervisor.send(record.build());
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
            wantEnd(device, how);
            assertEquals(device.word, hear(RecorderWords.ENDED).text(RecorderWords.RING));
        }

        void wantEnd(Device device, String how) {
            supervisor.send(BootRecord.builder()
                    .put(RecorderWords.DO, RecorderWords.END)
                    .put(RecorderWords.RING, device.word)
                    .put(RecorderWords.HOW, how)
                    .build());
        }

        ProcessExit finish() throws InterruptedException, ExecutionException, TimeoutException {
            supervisor.send(BootRecord.builder()
                    .put(RecorderWords.DO, RecorderWords.FINISH)
                    .build());
            return end.get(20, TimeUnit.SECONDS);
        }
    }

    /** What a recorded process has, and the supervisor. */
    final class Device {
        final String name;
        final String word;
        final TraceRing ring;
        final EventFd bell = EventFd.create();
        final Instant began = Instant.now();
        final RingSink sink;
        long next;
        /** As a recorder said; 0 before. */
        int life;

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

    static void record(UnsafeBuffer batch, int at, RecordType type, long value) {
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

    /** Something that no device of ours does. */
    static void spoil(Device device, int kind, Random random) {
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

    int lives(String device) {
        try {
            return new JournalDirectory(directory).lives(device).size();
        } catch (JournalException e) {
            throw new IllegalStateException(e);
        }
    }

    void awaitGone(String device) throws InterruptedException {
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (lives(device) > 0) {
            assertTrue(System.nanoTime() - endNs < 0, () -> "the life of " + device + " stays");
            Thread.sleep(20);
        }
    }

    static RingDrain open(JournalDirectory journal, Device device) throws JournalException {
        return RingDrain.open(
                journal,
                device.name,
                device.word,
                device.ring.fd().duplicate(),
                device.bell.fd().duplicate(),
                device.began,
                false,
                RoomAhead.whereScarce(() -> Long.MAX_VALUE, Clock::monotonicNs, FileIo::tryAllocate),
                () -> {});
    }

    /** What is in a life: its last COMMIT, what was lost, and its END; -1 for what there is not. */
    record Scanned(long transaction, long gaps, long end) {}

    Scanned scan(String device, int number) throws Exception {
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

    static void awaitEmpty(Device device) throws InterruptedException {
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

    static void pause() throws InterruptedException {
        Thread.sleep(200);
    }

    /** How many commits are in a life; they must be numbered through. */
    long commits(String device, int number) throws Exception {
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
