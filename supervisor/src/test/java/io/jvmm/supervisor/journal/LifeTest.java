package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.core.time.SetTimeProvider;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.RollCycles;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueueBuilder;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lives on disk: what is in them is read, and what happened to their writers. */
final class LifeTest {
    /** The long run: {@code -Djvmm.journal.kills=100}. */
    private static final int KILLS = Integer.getInteger("jvmm.journal.kills", 4);

    /** The long run: {@code -Djvmm.journal.powerfailures=2000}. */
    private static final int POWER_FAILURES = Integer.getInteger("jvmm.journal.powerfailures", 60);

    @TempDir
    private Path directory;

    private final Random random = new Random(TestSeed.next());

    @Test
    void whatIsAppendedIsReadInOrder() throws Exception {
        Life life = life();
        write(life, 0, 500);
        assertEquals(499, check(life, ""));
    }

    /** The file is mapped: a page that the disk does not have when it is written to is a SIGBUS. */
    @Test
    void theDiskHasThePagesOfAFileBeforeTheyAreWrittenTo() throws Exception {
        Life life = life();
        int most = 64 * 1024;
        UnsafeBuffer batch = new UnsafeBuffer(new byte[most]);
        random.nextBytes(batch.byteArray());
        long written = 0;
        long[] had = new long[1];
        try (LifeWriter writer = new LifeWriter(life.directory(), 0, most, (file, mode, position, length) -> {
            had[0] += mode == 0 ? length : 0;
            return FileIo.tryAllocate(file, mode, position, length);
        })) {
            try (Fd file = FileIo.open(queueFile(life), FileIo.READ_ONLY, 0)) {
                for (int n = 0; n < 100; n++) {
                    assertEquals("", writer.reserve());
                    long allocated = FileIo.allocatedBytes(file);
                    assertTrue(allocated >= written + 2L * most, allocated + " bytes behind " + written);
                    writer.gather(batch, 0, most);
                    writer.appendGathered(n);
                    written += most;
                }
                assertTrue(had[0] >= written, "had at once");
            }
        }
        try (Fd file = FileIo.open(queueFile(life), FileIo.READ_ONLY, 0)) {
            long allocated = FileIo.allocatedBytes(file);
            assertTrue(allocated < written + 2L * most, "what it did not need is given back: " + allocated);
        }
        try (LifeReader reader = new LifeReader(life.directory())) {
            int read = 0;
            while (reader.next()) {
                read++;
            }
            assertEquals(100, read);
            assertEquals("", reader.fault());
        }
    }

    /** Midnight brings no file that nobody has the pages of. */
    @Test
    void aPartHasOneFileAndIsNotBegunWithoutRoom() throws Exception {
        Life life = life();
        NoRoomException e = assertThrows(
                NoRoomException.class,
                () -> new LifeWriter(life.directory(), 0, 4096, (_, _, _, _) -> -Errno.ENOSPC.number()));
        assertTrue(String.valueOf(e.getMessage()).contains("ENOSPC"), e.getMessage());
        assertEquals(List.of(), JournalDirectory.parts(life.directory()));
        write(life, 0, 100);
        assertEquals(99, check(life, ""));
        assertEquals(
                1,
                JournalDirectory.queueFiles(
                                JournalDirectory.parts(life.directory()).getFirst())
                        .size());
    }

    /** As on a file system that can reserve nothing. */
    @Test
    void whereNothingCanBeReservedItIsWrittenAllTheSame() throws Exception {
        Life life = life();
        UnsafeBuffer batch = new UnsafeBuffer(WritingProgram.batch(0));
        try (LifeWriter writer = new LifeWriter(
                life.directory(), 0, WritingProgram.MOST_BATCH_BYTES, (_, _, _, _) -> -Errno.EOPNOTSUPP.number())) {
            writer.append(batch, 0, batch.capacity(), 1);
        }
        assertEquals(0, check(life, ""));
    }

    @Test
    void anotherPartGoesOn() throws Exception {
        Life life = life();
        write(life, 0, 20);
        write(life, 20, 20);
        assertEquals(39, check(life, ""));
        assertEquals(2, JournalDirectory.parts(life.directory()).size());
    }

    @Test
    void aMissingPartIsTold() throws Exception {
        Life life = life();
        write(life, 0, 20);
        write(life, 21, 20);
        assertEquals(19, check(life, "batch 20 is missing: 21 comes next"));
    }

    @Test
    void aTornTailEndsBeforeTheBatch() throws Exception {
        Life life = life();
        write(life, 0, 50);
        // As after a power failure: the last pages never came to the disk.
        Path file = queueFile(life);
        byte[] last = WritingProgram.batch(49);
        long at = find(file, last);
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.seek(at + last.length / 2);
            f.write(new byte[last.length - last.length / 2]);
        }
        assertEquals(48, check(life, "the batch after 48 is not whole: its bytes have another checksum"));
        write(life, 49, 10);
        assertEquals(58, check(life, ""), "the next part goes on where the torn one ended");
    }

    /** As after a power failure: of a file's last pages some never came to the disk, or of its length. */
    @Test
    void whatThePowerLeftOfALifeIsReadAsFarAsItIsWhole() throws Exception {
        Life life = life();
        write(life, 0, 400);
        Path file = queueFile(life);
        byte[] all = Files.readAllBytes(file);
        int used = (int) find(file, WritingProgram.batch(399)) + WritingProgram.batch(399).length;
        int told = 0;
        for (int n = 0; n < POWER_FAILURES; n++) {
            int at = random.nextInt(used);
            byte[] left = n % 3 == 0 ? Arrays.copyOf(all, at) : all.clone();
            if (n % 3 != 0) {
                Arrays.fill(left, at, n % 3 == 1 ? left.length : Math.min(left.length, (at | 4095) + 1), (byte) 0);
            }
            Files.write(file, left);
            long found = -1;
            String fault = "";
            try (LifeReader reader = new LifeReader(life.directory())) {
                while (reader.next()) {
                    byte[] batch = new byte[reader.length()];
                    reader.buffer().getBytes(reader.offset(), batch);
                    assertArrayEquals(WritingProgram.batch(reader.sequence()), batch, "batch " + reader.sequence());
                    assertEquals(found + 1, reader.sequence());
                    found = reader.sequence();
                }
                fault = reader.fault();
            } catch (JournalException e) {
                fault = String.valueOf(e.getMessage());
            }
            assertTrue(found < 399, "what is damaged from byte " + at + " on is not whole");
            told += fault.isEmpty() ? 0 : 1;
        }
        assertTrue(told > POWER_FAILURES / 2, "told " + told + " times of " + POWER_FAILURES);
    }

    /** What must never be loaded. */
    static final class Trap {
        static {
            System.setProperty("jvmm.test.trap", "sprung");
        }

        private Trap() {}
    }

    /** Chronicle Queue's own reader makes an object of whatever class a file names. */
    @Test
    void noClassThatAFileNamesIsLoaded() throws Exception {
        for (String type : List.of("STStore", "SCQStore")) {
            Life life = new JournalDirectory(directory).begin("block", type, Instant.now());
            write(life, 0, 20);
            try (Stream<Path> all = Files.walk(life.directory())) {
                String ending = type.startsWith("ST") ? ".cq4t" : ".cq4";
                Path file = all.filter(p -> p.toString().endsWith(ending))
                        .findFirst()
                        .orElseThrow();
                rename(file, type, "io.jvmm.supervisor.journal.LifeTest$Trap");
            }
            try (LifeReader reader = new LifeReader(life.directory())) {
                while (reader.next()) {
                    // as far as it goes
                }
            } catch (JournalException e) {
                // it may say so
            }
            assertNull(System.getProperty("jvmm.test.trap"), type);
        }
    }

    /** In the first document of a file, the name of its type; what follows that document is overwritten. */
    private static void rename(Path file, String type, String other) throws IOException {
        ByteBuffer old = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int length = old.getInt(0) & 0x3FFF_FFFF;
        String body = new String(old.array(), 4, length, StandardCharsets.ISO_8859_1);
        String named = body.replace("\u00B6" + (char) type.length() + type, "\u00B6" + (char) other.length() + other);
        assertTrue(named.length() > length, body);
        old.putInt(0, 0x4000_0000 | named.length());
        old.put(4, named.getBytes(StandardCharsets.ISO_8859_1));
        Files.write(file, old.array());
    }

    /** As Chronicle Queue writes it, with all that it puts in between: index pages, the end of a day, another file. */
    @Test
    void readsWhatChronicleQueueWrites() throws Exception {
        Life life = life();
        SetTimeProvider time = new SetTimeProvider(Duration.ofHours(23).toNanos());
        Path part = Files.createDirectory(life.directory().resolve("part-000"));
        UnsafeBuffer excerpt = new UnsafeBuffer(new byte[ExcerptLayout.HEADER_BYTES + WritingProgram.MOST_BATCH_BYTES]);
        int batches = 400;
        try (ChronicleQueue queue = SingleChronicleQueueBuilder.binary(part)
                        .rollCycle(RollCycles.FAST_DAILY)
                        .blockSize(Queues.BLOCK_BYTES)
                        .indexSpacing(8)
                        .indexCount(8)
                        .timeProvider(time)
                        .build();
                ExcerptAppender appender = queue.createAppender()) {
            for (int n = 0; n < batches; n++) {
                byte[] batch = WritingProgram.batch(n);
                excerpt.putBytes(ExcerptLayout.HEADER_BYTES, batch);
                ExcerptLayout.write(excerpt, batch.length, n, n);
                appender.writeBytes(
                        Bytes.wrapForRead(excerpt.byteArray()).readLimit(ExcerptLayout.HEADER_BYTES + batch.length));
                time.advanceMillis(Duration.ofMinutes(10).toMillis());
            }
        }
        assertEquals(4, JournalDirectory.queueFiles(part).size());
        assertEquals(batches - 1, check(life, ""));
    }

    @Test
    void killedAnywhereNothingBeforeTheLastWholeBatchIsLost() throws Exception {
        long said = -1;
        for (int kill = 0; kill < KILLS; kill++) {
            long begun = said;
            Process writer =
                    new ProcessBuilder(command()).redirectErrorStream(true).start();
            try (BufferedReader out =
                    new BufferedReader(new InputStreamReader(writer.getInputStream(), StandardCharsets.UTF_8))) {
                int batches = 1 + random.nextInt(300);
                String line = out.readLine();
                while (line != null && !line.startsWith("wrote " + (begun + batches))) {
                    line = out.readLine();
                }
                assertTrue(writer.toHandle().destroyForcibly()); // and what it has said stays readable
                for (; line != null; line = out.readLine()) {
                    if (line.matches("wrote [0-9]+")) {
                        said = Long.parseLong(line.substring(6));
                    }
                }
            }
            assertEquals(137, writer.waitFor());
            long found = check(new JournalDirectory(directory).lives("block").getFirst(), "");
            assertTrue(found >= said && found <= said + 1, "it said " + said + " and there is " + found);
            said = found;
        }
    }

    @Test
    void theOldestWholeLivesGo() throws Exception {
        JournalDirectory journal = new JournalDirectory(directory);
        List<Life> lives = new ArrayList<>();
        Instant now = Instant.parse("2026-11-22T12:00:00Z");
        for (int n = 0; n < 4; n++) {
            Life life =
                    filled(journal, n % 2 == 0 ? "block" : "net", "r" + n, 100, now.minus(Duration.ofHours(10 - n)));
            lives.add(life);
        }
        assertEquals(
                List.of("r0", "r1"),
                gone(journal.beyond(1 << 20, Duration.ofMinutes(8 * 60 + 30), Set.of(), now, () -> {})));
        assertEquals(List.of("r0", "r1"), gone(journal.beyond(300 << 10, Duration.ofDays(1), Set.of(), now, () -> {})));
        assertEquals(
                List.of("r1", "r2"),
                gone(journal.beyond(
                        300 << 10, Duration.ofDays(1), Set.of(lives.getFirst().directory()), now, () -> {})));
        JournalDirectory.remove(lives.getFirst());
        assertEquals(List.of("r2"), rings(journal.lives("block")));
        assertEquals(3, journal.begin("block", "r5", now).number());
    }

    @Test
    void theDeviceThatHasMostLosesFirst() throws Exception {
        JournalDirectory journal = new JournalDirectory(directory);
        Instant now = Instant.parse("2026-11-22T12:00:00Z");
        filled(journal, "serial", "quiet", 50, now.minusSeconds(1000));
        Life first = filled(journal, "block", "flood-1", 300, now.minusSeconds(20));
        Life second = filled(journal, "block", "flood-2", 300, now.minusSeconds(10));
        JournalDirectory.Excess excess = journal.beyond(400 << 10, Duration.ofDays(1), Set.of(), now, () -> {});
        assertEquals(List.of("flood-1"), gone(excess));
        assertEquals(Set.of(), excess.full());
        assertEquals(200 << 10, excess.shareBytes());
        // What is written now cannot go: it must grow no more, and nobody else pays for it.
        excess = journal.beyond(
                400 << 10, Duration.ofDays(1), Set.of(first.directory(), second.directory()), now, () -> {});
        assertEquals(List.of(), gone(excess));
        assertEquals(Set.of(first.directory(), second.directory()), excess.full());
    }

    private static Life filled(JournalDirectory journal, String device, String ring, int kilobytes, Instant touched)
            throws Exception {
        Life life = journal.begin(device, ring, touched);
        Path part = life.directory().resolve("part-000");
        Files.createDirectory(part);
        Files.write(part.resolve("x"), new byte[kilobytes << 10]);
        try (Stream<Path> all = Files.walk(life.directory())) {
            for (Path p : (Iterable<Path>) all::iterator) {
                Files.setLastModifiedTime(p, FileTime.from(touched));
            }
        }
        return life;
    }

    private static List<String> gone(JournalDirectory.Excess excess) {
        return rings(excess.go());
    }

    private static List<String> rings(List<Life> lives) {
        return lives.stream().map(Life::ring).toList();
    }

    private Life life() throws JournalException {
        return new JournalDirectory(directory).begin("block", "ring-1", Instant.now());
    }

    private static void write(Life life, long from, int count) throws JournalException {
        try (LifeWriter writer = new LifeWriter(life.directory(), from, WritingProgram.MOST_BATCH_BYTES)) {
            for (long n = from; n < from + count; n++) {
                byte[] bytes = WritingProgram.batch(n);
                writer.append(new UnsafeBuffer(bytes), 0, bytes.length, n * 8);
            }
        }
    }

    /** The number of the last batch. */
    private static long check(Life life, String fault) throws JournalException {
        try (LifeReader reader = new LifeReader(life.directory())) {
            while (reader.next()) {
                byte[] found = new byte[reader.length()];
                reader.buffer().getBytes(reader.offset(), found);
                assertArrayEquals(WritingProgram.batch(reader.sequence()), found, "batch " + reader.sequence());
            }
            assertEquals(fault, reader.fault());
            return reader.sequence();
        }
    }

    private static Path queueFile(Life life) throws IOException {
        try (Stream<Path> all = Files.walk(life.directory())) {
            return all.filter(p -> p.toString().endsWith(".cq4")).findFirst().orElseThrow();
        }
    }

    private static long find(Path file, byte[] bytes) throws IOException {
        byte[] all = Files.readAllBytes(file);
        for (int at = all.length - bytes.length; at >= 0; at--) {
            int n = 0;
            while (n < bytes.length && all[at + n] == bytes[n]) {
                n++;
            }
            if (n == bytes.length) {
                return at;
            }
        }
        throw new AssertionError("it is not there");
    }

    private List<String> command() {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path")));
        command.addAll(JournalFlags.ALL);
        command.add(WritingProgram.class.getName());
        command.add(directory.toString());
        return command;
    }

    /** There may be thousands, of which each takes its time: whoever looks for them must be able to say that it lives. */
    @Test
    void whoLooksAtLivesSaysThatItLives() throws Exception {
        JournalDirectory journal = new JournalDirectory(directory);
        Instant now = Instant.now();
        for (int n = 1; n <= 20; n++) {
            assertEquals(n, journal.begin("block", "r" + n, now).number());
        }
        AtomicInteger said = new AtomicInteger();
        assertEquals(
                "r7",
                journal.ofRing("block", "r7", said::getAndIncrement)
                        .orElseThrow()
                        .ring());
        assertEquals(14, said.getAndSet(0), "the last ones first");
        assertEquals(Optional.empty(), journal.ofRing("block", "none", said::getAndIncrement));
        assertEquals(20, said.getAndSet(0));
        Instant later = now.plus(Duration.ofMinutes(5));
        assertEquals(20, journal.lives(Set.of(), later, said::getAndIncrement).size());
        assertEquals(20, said.getAndSet(0));
        journal.lives(Set.of(), later, said::getAndIncrement);
        assertEquals(
                "r7",
                journal.ofRing("block", "r7", said::getAndIncrement)
                        .orElseThrow()
                        .ring());
        assertEquals(0, said.get(), "each is looked at once");
    }

    /** What is over does not change: nobody opens all files of a thousand lives every two seconds to see that. */
    @Test
    void whatIsOverIsLookedAtOnce() throws Exception {
        JournalDirectory journal = new JournalDirectory(directory);
        Instant now = Instant.now();
        Life over = journal.begin("block", "one", now);
        Path file = Files.write(over.directory().resolve("part"), new byte[1 << 16]);
        assertEquals(1, journal.lives(Set.of(), now, () -> {}).size());
        Instant later = now.plus(Duration.ofMinutes(5));
        long bytes = journal.lives(Set.of(), later, () -> {}).getFirst().bytes();
        Files.write(file, new byte[1 << 18]);
        assertEquals(bytes, journal.lives(Set.of(), later, () -> {}).getFirst().bytes(), "not looked at again");
        assertTrue(
                journal.lives(Set.of(over.directory()), later, () -> {})
                                .getFirst()
                                .bytes()
                        > bytes,
                "it goes on");
        assertTrue(journal.lives(Set.of(), later, () -> {}).getFirst().bytes() > bytes, "and is known as it was left");
        JournalDirectory.remove(over);
        assertEquals(List.of(), journal.lives(Set.of(), later, () -> {}));
    }
}
