package io.jvmm.ipc.trace;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.memory.MemoryTap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is recorded comes back; what is no trace is refused; what is different is found where it is. */
class TraceTest {
    private static final int LONG_BYTES = 200_000;

    private final TraceBuffer trace = new TraceBuffer();

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        new SplittableRandom(length).nextBytes(bytes);
        return bytes;
    }

    private void record() {
        RecordingTape tape = new RecordingTape(trace, 0);
        tape.life(new LifeText().put(LifeText.DEVICE, "test").putConfig("k", "v"));
        tape.state(0, new UnsafeBuffer(bytes(LONG_BYTES)), LONG_BYTES);
        tape.call(2, 1, 2, 3, 4);
        tape.callBytes(new UnsafeBuffer(bytes(LONG_BYTES)), 0, LONG_BYTES);
        exercise(tape, new UnsafeBuffer(bytes(LONG_BYTES)), MemorySegment.ofArray(bytes(LONG_BYTES)), 7);
        tape.commit();
        tape.call(3, 1, 2, 3, 4);
        tape.commit();
        tape.end(0);
    }

    /** What a core does; the answers depend on the tape. */
    private static void exercise(Tape tape, UnsafeBuffer bytes, MemorySegment range, long given) {
        MemoryTap tap = (MemoryTap) tape;
        tape.output(64, 1, 2, 3);
        long answer = tape.answer(64, given);
        tape.answerBytes(64, bytes, 0, LONG_BYTES);
        tape.answerBytes(64, bytes, 0, 0);
        tape.output(65, answer, bytes.getByte(LONG_BYTES - 1), 0);
        tape.outputBytes(65, bytes, 0, LONG_BYTES);
        tap.written(100, 2, tap.read(100, 4, given));
        tap.copiedOut(0, range, 0, LONG_BYTES);
        tap.copiedIn(8, range, 0, LONG_BYTES);
        tape.output(66, tap.discarded(4096, 4096, given), 0, 0);
    }

    private ReplayTape replayed(byte[] state) {
        ReplayTape tape = new ReplayTape(trace.source(), Integer::toString);
        UnsafeBuffer parts = new UnsafeBuffer(new byte[LONG_BYTES]);
        tape.takeParts(RecordType.LIFE, parts);
        assertEquals(LONG_BYTES, tape.takeParts(RecordType.STATE, parts));
        parts.getBytes(0, state);
        tape.call(2, 1, 2, 3, 4);
        assertEquals(LONG_BYTES, tape.takeCallBytes());
        assertEquals(bytes(LONG_BYTES)[LONG_BYTES - 1], tape.callBytes().getByte(LONG_BYTES - 1));
        return tape;
    }

    @Test
    void aReplayGetsWhatWasRecorded() {
        record();
        byte[] state = new byte[LONG_BYTES];
        ReplayTape tape = replayed(state);
        assertArrayEquals(bytes(LONG_BYTES), state);
        MemorySegment range = MemorySegment.ofArray(new byte[LONG_BYTES]);
        exercise(tape, new UnsafeBuffer(new byte[LONG_BYTES]), range, 0);
        assertArrayEquals(bytes(LONG_BYTES), range.toArray(ValueLayout.JAVA_BYTE));
        tape.commit();
        assertEquals(1, tape.transaction());
        tape.call(3, 1, 2, 3, 4);
        tape.commit();
        assertEquals(2, tape.transaction());
        assertEquals(RecordType.END, tape.peek());
        tape.take();
        assertEquals(null, tape.peek());
        assertEquals(
                ReplayStop.Why.END_OF_TRACE,
                assertThrows(ReplayStop.class, tape::take).why());
    }

    @Test
    void aDifferenceIsFoundWhereItIs() {
        record();
        ReplayTape tape = replayed(new byte[LONG_BYTES]);
        long before = tape.taken();
        tape.output(64, 1, 2, 3);
        ReplayStop stop = assertThrows(ReplayStop.class, () -> tape.output(64, 1, 2, 3));
        assertEquals(ReplayStop.Why.DIFFERENCE, stop.why());
        assertEquals(before + 1, stop.record());
        assertEquals("recorded: ANSWER 64 0x7; now: OUTPUT 64 a=0x1 b=0x2 c=0x3", stop.getMessage());
        assertEquals(7, tape.answer(64, 0));
        assertThrows(ReplayStop.class, () -> tape.answerBytes(64, new UnsafeBuffer(new byte[4]), 0, 4));
    }

    /** A trace cut off behind any batch ends there, and not in a difference. */
    @Test
    void aTraceEndsWhereItEnds() {
        record();
        while (trace.batches().size() > 5) {
            trace.batches().removeLast();
            ReplayTape tape = new ReplayTape(trace.source(), Integer::toString);
            ReplayStop stop = assertThrows(ReplayStop.class, () -> {
                UnsafeBuffer parts = new UnsafeBuffer(new byte[LONG_BYTES]);
                tape.takeParts(RecordType.LIFE, parts);
                tape.takeParts(RecordType.STATE, parts);
                tape.call(2, 1, 2, 3, 4);
                tape.takeCallBytes();
                MemorySegment range = MemorySegment.ofArray(new byte[LONG_BYTES]);
                exercise(tape, new UnsafeBuffer(new byte[LONG_BYTES]), range, 0);
                tape.commit();
                tape.call(3, 1, 2, 3, 4);
                tape.commit();
                tape.take();
            });
            assertEquals(ReplayStop.Why.END_OF_TRACE, stop.why());
        }
    }

    /** Whichever numbers it has, and however many bytes that takes. */
    @Test
    void aCallOfWhichNothingComesIsReadAsItWasTold() throws Exception {
        SplittableRandom random = new SplittableRandom(TestSeed.next());
        RecordingTape tape = new RecordingTape(trace, 41);
        int steps = 0;
        for (int n = 0; n < 5000; n++) {
            long[] abc = {random.nextLong(), random.nextLong(), random.nextLong()};
            for (int i = 0; i < 3; i++) {
                abc[i] = random.nextBoolean() ? abc[i] & 0xFFFF : abc[i] >>> random.nextInt(Long.SIZE);
            }
            abc[0] |= random.nextBoolean() ? (long) random.nextInt(1 << 16) << 32 : 0;
            long nowNs = random.nextBoolean() ? 0 : random.nextLong();
            int method = random.nextInt(1 << 16);
            boolean idle = random.nextInt(4) != 0;
            tape.call(method, abc[0], abc[1], abc[2], nowNs);
            if (!idle) {
                tape.output(7, 1, 2, 3);
            }
            tape.commit();
            byte[] batch = trace.batches().removeLast();
            BatchReader reader = new BatchReader();
            reader.wrap(new UnsafeBuffer(batch), 0, batch.length);
            assertTrue(reader.next());
            assertEquals(RecordType.CALL, reader.type());
            assertEquals(method, reader.method());
            assertEquals(nowNs, reader.nowNs());
            assertEquals(abc[0], reader.a());
            assertEquals(abc[1], reader.b());
            assertEquals(abc[2], reader.c());
            boolean small = idle
                    && abc[0] == (abc[0] & 0xFFFF_0000_FFFFL)
                    && abc[1] == (abc[1] & 0xFFFF)
                    && abc[2] == (abc[2] & 0xFFFF);
            assertEquals(small, reader.hasMore());
            steps += small ? 1 : 0;
            assertEquals(0, reader.recordOffset());
            assertEquals(small ? TraceLayout.STEP_LENGTH : TraceLayout.CALL_LENGTH, reader.recordLength());
            assertEquals(!idle, reader.next() && reader.type() == RecordType.OUTPUT);
            assertTrue(idle || reader.next());
            assertEquals(RecordType.COMMIT, reader.type());
            assertEquals(0, reader.method());
            assertEquals(42 + n, reader.value());
            assertEquals(batch.length, reader.recordOffset() + TraceLayout.align(reader.recordLength()));
            assertFalse(reader.next());
        }
        assertTrue(steps > 100, steps + " steps");
    }

    /** Writes to and reads of a few registers, and what comes of them, in messages of many lengths. */
    @Test
    void shortFormsAreReadAsTheyWereTold() throws Exception {
        SplittableRandom random = new SplittableRandom(TestSeed.next());
        JoinedBatches joined = new JoinedBatches(() -> random.nextInt(10) != 0);
        RecordingTape tape = new RecordingTape(joined, 6);
        List<String> told = new ArrayList<>();
        List<Long> commits = new ArrayList<>();
        for (int n = 7; n < 5000; n++) {
            int method = 2 + random.nextInt(2);
            long a = 1L << 32 | random.nextInt(2);
            long b = random.nextInt(2);
            long last = random.nextInt(8) == 0 ? random.nextLong() : random.nextInt(1 << 16);
            long nowNs = random.nextLong();
            boolean read = method == 2;
            long c = read && random.nextInt(16) != 0 ? 0 : last;
            tape.call(method, a, b, c, nowNs);
            told.add("CALL " + method + " " + a + " " + b + " " + c + " " + nowNs);
            int given = random.nextInt(8) == 0 ? 4 : method;
            long other = random.nextInt(8) == 0 ? 1 : 0;
            if (read || random.nextInt(8) == 0) {
                tape.output(given, last, 0, other);
                told.add("OUTPUT " + given + " " + last + " 0 " + other);
            }
            if (random.nextInt(8) == 0) {
                tape.answer(64, 5);
                told.add("ANSWER 64 5");
            }
            tape.commit();
            told.add("COMMIT " + n);
            commits.add((long) n);
        }
        List<String> found = new ArrayList<>();
        List<Long> foundWhole = new ArrayList<>();
        int again = 0;
        BatchReader reader = new BatchReader();
        for (byte[] message : joined.messages()) {
            reader.wrap(new UnsafeBuffer(message), 0, message.length);
            while (reader.next()) {
                found.add(text(reader));
                again += reader.type() == RecordType.CALL && reader.recordLength() == TraceLayout.AGAIN_LENGTH ? 1 : 0;
                assertEquals(reader.hasMore(), reader.type() != RecordType.COMMIT && isShort(message, reader));
            }
            reader.wrap(new UnsafeBuffer(message), 0, message.length);
            while (reader.nextWhole()) {
                if (reader.type() == RecordType.COMMIT) {
                    foundWhole.add(reader.value());
                }
            }
        }
        assertEquals(told, found);
        assertEquals(commits, foundWhole);
        assertTrue(again > 100, again + " times AGAIN");
    }

    /** A record's own type, or that of what it lies behind. */
    private static boolean isShort(byte[] message, BatchReader reader) {
        int at = reader.recordOffset();
        int code = at < message.length ? message[at + TraceLayout.RECORD_TYPE] : 0;
        return reader.recordLength() == 0 || code >= TraceLayout.STEP_CODE;
    }

    private static String text(BatchReader r) {
        return switch (r.type()) {
            case CALL -> "CALL " + r.method() + " " + r.a() + " " + r.b() + " " + r.c() + " " + r.nowNs();
            case OUTPUT -> "OUTPUT " + r.method() + " " + r.a() + " " + r.b() + " " + r.c();
            case ANSWER -> "ANSWER " + r.method() + " " + r.value();
            default -> r.type() + " " + r.value();
        };
    }

    /** It would be one of nothing: a message that begins with it, or one behind something else. */
    @Test
    void againNeedsAShortFormBeforeIt() throws Exception {
        JoinedBatches joined = new JoinedBatches(() -> true);
        RecordingTape tape = new RecordingTape(joined, 0);
        for (int n = 0; n < 3; n++) {
            tape.call(3, 1, 0, n, n);
            tape.commit();
        }
        byte[] message = joined.messages().getFirst();
        assertEquals(TraceLayout.STEP_LENGTH + 2 * TraceLayout.AGAIN_LENGTH, message.length);
        byte[] only = Arrays.copyOfRange(message, TraceLayout.STEP_LENGTH, message.length);
        BatchReader reader = new BatchReader();
        reader.wrap(new UnsafeBuffer(only), 0, only.length);
        assertThrows(TraceFormatException.class, reader::next);
        byte[] between = message.clone();
        between[TraceLayout.STEP_LENGTH + TraceLayout.RECORD_TYPE] = (byte) RecordType.COMMIT.code();
        reader.wrap(new UnsafeBuffer(between), 0, between.length);
        for (RecordType type : List.of(RecordType.CALL, RecordType.COMMIT, RecordType.COMMIT)) {
            assertTrue(reader.next());
            assertEquals(type, reader.type());
        }
        assertThrows(TraceFormatException.class, reader::next);
        assertFalse(reader.next());
    }

    /** The short form's output counts as the record would: format 2 has the same hash. */
    @Test
    void anOutputOfAShortFormIsHashedAsARecord() {
        long[] hashes = new long[2];
        for (int i = 0; i < 2; i++) {
            trace.batches().clear();
            RecordingTape tape = new RecordingTape(trace, 0);
            tape.call(2, 1, 0, 0, 9);
            if (i == 1) {
                tape.flush(); // and so no short form
            }
            tape.output(2, 0x1234, 0, 0);
            tape.commit();
            assertEquals(i == 0 ? 1 : 2, trace.batches().size());
            ReplayTape replay = new ReplayTape(trace.source(), Integer::toString);
            replay.call(2, 1, 0, 0, 9);
            replay.output(2, 0x1234, 0, 0);
            replay.commit();
            hashes[i] = replay.outputHash();
            assertEquals(1, replay.transaction());
            assertNull(replay.peek());
        }
        assertEquals(hashes[0], hashes[1]);
    }

    /** Random damage to a batch: refused or read, but never anything else, and never for long. */
    @Test
    void hostileBatches() {
        record();
        SplittableRandom random = new SplittableRandom(TestSeed.next());
        BatchReader reader = new BatchReader();
        JoinedBatches joined = new JoinedBatches(() -> true);
        RecordingTape again = new RecordingTape(joined, 0);
        for (int n = 0; n < 8; n++) {
            again.call(2, 1, 5, 0, n);
            again.output(2, n, 0, 0);
            again.commit();
        }
        trace.batches().add(joined.messages().getLast());
        int refused = 0;
        for (int round = 0; round < 20_000; round++) {
            byte[] original = trace.batches().get(random.nextInt(trace.batches().size()));
            byte[] batch = Arrays.copyOf(
                    original,
                    Math.max(8, random.nextInt(4) == 0 ? random.nextInt(300) : Math.min(512, original.length)));
            for (int i = random.nextInt(8); i > 0; i--) {
                batch[random.nextInt(Math.min(64, batch.length))] = (byte) random.nextInt();
            }
            int records = 0;
            try {
                reader.wrap(new UnsafeBuffer(batch), 0, batch.length);
                while (reader.next()) {
                    records++;
                    assertFalse(RecordText.of(reader, Integer::toString).isEmpty());
                }
            } catch (TraceFormatException e) {
                refused++;
            }
            assertTrue(records <= batch.length / 16 * 3);
        }
        assertTrue(refused > 1000, refused + " refused");
    }

    @Test
    void aFileComesBackAndItsTornTailIsKnown(@TempDir Path directory) throws Exception {
        record();
        Path path = directory.resolve("a.jtrace");
        try (TraceFileWriter file = new TraceFileWriter(path)) {
            for (byte[] batch : trace.batches()) {
                file.publish(new UnsafeBuffer(batch), batch.length);
            }
        }
        assertEquals(trace.batches().size(), read(path, false).size());
        assertArrayEquals(trace.batches().getLast(), read(path, false).getLast());
        byte[] all = Files.readAllBytes(path);
        int last = TraceLayout.BATCH_HEADER_BYTES + trace.batches().getLast().length;
        SplittableRandom random = new SplittableRandom(TestSeed.next());
        for (int cut = 1; cut < last; cut += 1 + random.nextInt(200)) {
            Files.write(path, Arrays.copyOf(all, all.length - cut));
            assertEquals(trace.batches().size() - 1, read(path, true).size());
        }
        byte[] damaged = all.clone();
        damaged[all.length - 1] ^= 1;
        Files.write(path, damaged);
        assertEquals(trace.batches().size() - 1, read(path, true).size());
        damaged[TraceLayout.FILE_HEADER_BYTES + TraceLayout.BATCH_HEADER_BYTES] ^= 1;
        Files.write(path, damaged);
        assertThrows(TraceFormatException.class, () -> read(path, true));
        Files.write(path, new byte[100]);
        assertThrows(TraceFormatException.class, () -> read(path, true));
    }

    private static List<byte[]> read(Path path, boolean torn) throws Exception {
        List<byte[]> batches = new ArrayList<>();
        try (TraceFileReader file = new TraceFileReader(path)) {
            while (file.nextBatch()) {
                byte[] bytes = new byte[file.lengthBytes()];
                file.batch().getBytes(0, bytes);
                assertEquals(batches.size(), file.sequence());
                batches.add(bytes);
            }
            assertEquals(torn, file.torn());
        }
        return batches;
    }

    @Test
    void aLifeIsSummedUp() throws Exception {
        record();
        LifeSummary summary = LifeSummary.of(trace.source());
        assertEquals("v", Objects.requireNonNull(summary.life()).config("k").orElseThrow());
        assertEquals(2, summary.lastTransaction());
        assertTrue(summary.ended());
        assertFalse(summary.hasGap());
        assertEquals(2, summary.count(RecordType.CALL));
        assertEquals(2, summary.count(RecordType.COMMIT));
        assertEquals(4, summary.count(RecordType.CALL_BYTES));
        assertEquals(trace.batches().stream().mapToLong(batch -> batch.length).sum(), bytesOf(summary));
    }

    private static long bytesOf(LifeSummary summary) {
        return Arrays.stream(RecordType.values()).mapToLong(summary::bytes).sum();
    }

    /** Without a part of the state, or with a batch behind the end. What is missing between, a file knows by its numbers. */
    @Test
    void aLifeInDisorderIsRefused() {
        record();
        List<byte[]> batches = trace.batches();
        List<byte[]> whole = List.copyOf(batches);
        for (int missing = 0; missing < 3; missing++) {
            batches.clear();
            batches.addAll(whole);
            batches.remove(missing);
            assertThrows(TraceFormatException.class, () -> LifeSummary.of(trace.source()), "without " + missing);
        }
        batches.clear();
        batches.addAll(whole);
        batches.add(whole.getFirst());
        assertThrows(TraceFormatException.class, () -> LifeSummary.of(trace.source()));
    }

    /** A batch is lost between the parts of something, and the next one begins in the middle. */
    @Test
    void behindAGapComesWhatFollows() throws Exception {
        record();
        List<byte[]> batches = trace.batches();
        byte[] gap = new byte[TraceLayout.ONE_FIELD_LENGTH];
        gap[TraceLayout.RECORD_LENGTH] = TraceLayout.ONE_FIELD_LENGTH;
        gap[TraceLayout.RECORD_TYPE] = (byte) RecordType.GAP.code();
        gap[TraceLayout.ONE_FIELD] = 1;
        List<byte[]> whole = List.copyOf(batches);
        for (int lost = 3; lost < whole.size() - 1; lost++) {
            batches.clear();
            batches.addAll(whole);
            batches.set(lost, gap);
            assertTrue(LifeSummary.of(trace.source()).hasGap(), "without " + lost);
        }
    }

    @Test
    void howALifeBegan() throws Exception {
        LifeText life =
                new LifeText().put("a", "x = y\r\n\\n").putConfig("ports", "4").put("n", 5);
        LifeText parsed = LifeText.parse(life.toString());
        assertEquals(life.toString(), parsed.toString());
        assertEquals("x = y\r\n\\n", parsed.find("a").orElseThrow());
        assertEquals("4", parsed.config("ports").orElseThrow());
        assertEquals(1, parsed.config().size());
        assertEquals(5, parsed.number("n"));
        for (String bad :
                List.of("", "format = 0\n", "format = 4\n", "format = 1\nx\n", "format = 1\nformat = 1\n", " = \n")) {
            assertThrows(TraceFormatException.class, () -> LifeText.parse(bad), bad);
        }
        for (String bad : List.of("format = \u001b[2J\n", "format = 1\n\u001b]0;x\u0007\u009b\n")) {
            String said = String.valueOf(assertThrows(TraceFormatException.class, () -> LifeText.parse(bad))
                    .getMessage());
            assertTrue(said.codePoints().noneMatch(Character::isISOControl), said);
        }
    }
}
