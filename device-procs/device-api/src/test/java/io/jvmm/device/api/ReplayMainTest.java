package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceFileWriter;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceLayout;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line of a replay. */
class ReplayMainTest {
    private static final int WRITES = 100;

    @TempDir
    private Path directory;

    private final EchoDevice factory = new EchoDevice();
    private final TraceBuffer trace = new TraceBuffer();
    private Path file = Path.of("");

    @BeforeEach
    void record() throws IOException {
        ScratchMachine machine = new ScratchMachine(factory, factory.exampleConfig(), Map.of(), trace);
        assertEquals(0, machine.readValue(EchoDevice.MEMORY, 0, 4));
        for (int i = 1; i <= WRITES; i++) {
            machine.write(EchoDevice.MEMORY, 0, 4, i);
            assertEquals(i, machine.readValue(EchoDevice.MEMORY, 0, 4));
        }
        machine.end(ProcessExit.STOPPED);
        file = write("a.jtrace");
    }

    private Path write(String name) throws IOException {
        return write(name, trace.batches());
    }

    private Path write(String name, List<byte[]> batches) throws IOException {
        Path path = directory.resolve(name);
        try (TraceFileWriter writer = new TraceFileWriter(path)) {
            for (byte[] batch : batches) {
                writer.publish(new UnsafeBuffer(batch), batch.length);
            }
        }
        return path;
    }

    private String replay(ProcessExit expected, Path path, String... options) throws IOException {
        List<String> args = new ArrayList<>(List.of("--replay", path.toString()));
        args.addAll(List.of(options));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertEquals(expected, ReplayMain.run(args.toArray(String[]::new), factory, new PrintStream(out)));
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void theSameTenTimes() throws IOException {
        String first = replay(ProcessExit.STOPPED, file);
        assertTrue(first.endsWith("same; the recorded life ended with 0\n"), first);
        assertTrue(first.contains("outputs crc32c:"), first);
        for (int i = 0; i < 10; i++) {
            assertEquals(first, replay(ProcessExit.STOPPED, file));
        }
    }

    @Test
    void aRowForEachLifeThatIsTheSameEachTime() throws IOException {
        List<String> row = row(replay(ProcessExit.STOPPED, file, "--times", "10"));
        assertEquals(10, row.size(), row::toString);
        assertEquals("1", row.get(2), "the state is compared at the end");
        assertTrue(row.get(3).matches("[0-9a-f]{64}"), row::toString);
        assertEquals(List.of("10", "10", "whole", "ended with 0"), row.subList(6, 10));
        Path second = write("b.jtrace");
        String two = replay(ProcessExit.STOPPED, file, "--replay", second.toString(), "--times", "2", "--until", "7");
        assertEquals(2, two.lines().count(), two);
        assertEquals(
                row(two.lines().toList().getFirst()), row(two.lines().toList().getLast()));
        assertEquals(
                List.of("2", "2", "whole", "goes on"),
                row(two.lines().toList().getLast()).subList(6, 10));
        assertThrows(StageException.class, () -> replay(ProcessExit.STOPPED, file, "--replay", second.toString()));
    }

    private static List<String> row(String line) {
        return List.of(line.strip().split("\t", -1));
    }

    /** Its last bytes in the trace are those of the last check point. */
    @Test
    void theStateAtTheEndIsCompared() throws Exception {
        BatchReader reader = new BatchReader();
        byte[] last = trace.batches().getLast();
        reader.wrap(new UnsafeBuffer(last), 0, last.length);
        while (reader.next() && reader.type() != RecordType.STATE) {}
        assertEquals(RecordType.STATE, reader.type());
        last[reader.bytesOffset() + reader.bytesLength() - 1] ^= 1;
        String text = replay(ProcessExit.EXPECTATION_FAILED, write("b.jtrace"));
        assertTrue(text.contains("the state recorded in record "), text);
    }

    /** What the supervisor has read of the process is no part of the trace. */
    @Test
    void theStateThatTheProcessLeftIsCompared() throws Exception {
        String alone = replay(ProcessExit.STOPPED, file);
        Matcher told = Pattern.compile("last transaction ([0-9]+)\nstate   (crc32c:[0-9a-f]{8})")
                .matcher(alone);
        assertTrue(told.find(), alone);
        long last = Long.parseLong(told.group(1));
        String right = told.group(2) + " behind " + last;
        assertTrue(replay(ProcessExit.STOPPED, file, "--left", right).contains("; 2 states were compared\n"), right);
        assertEquals(
                "2",
                row(replay(ProcessExit.STOPPED, file, "--left", right, "--times", "2"))
                        .get(2));
        String wrong = "crc32c:0badcafe behind " + last;
        String different = "different behind transaction " + last + ": its process left the state crc32c:0badcafe, and"
                + " now it is " + told.group(2);
        String text = replay(ProcessExit.EXPECTATION_FAILED, file, "--left", wrong);
        assertTrue(text.endsWith(different + "\n"), text);
        List<String> row = row(replay(ProcessExit.EXPECTATION_FAILED, file, "--left", wrong, "--times", "2"));
        assertEquals(List.of("0", "2", "different", different), row.subList(6, 10));
        String further = "crc32c:0badcafe behind " + (last + 1);
        text = replay(ProcessExit.HOST_ERROR, file, "--left", further);
        assertTrue(text.endsWith("; its process came to transaction " + (last + 1) + "\n"), text);
        // Whatever is said of its end, by whoever wrote the journal.
        row = row(
                replay(ProcessExit.HOST_ERROR, file, "--left", further, "--severed", "x behind a gap", "--times", "2"));
        assertEquals(
                List.of("2", "2", "damaged", "x behind a gap; its process came to transaction " + (last + 1)),
                row.subList(6, 10));
        text = replay(ProcessExit.STOPPED, file, "--left", wrong, "--until", "7");
        assertTrue(text.endsWith("same; the recorded life goes on\n"), text);
    }

    @Test
    void aMessageCallsALifeByItsName() throws IOException {
        trace.batches().getFirst()[8] ^= 1;
        Path broken = write("b.jtrace");
        StageException e =
                assertThrows(StageException.class, () -> replay(ProcessExit.STOPPED, broken, "--as", "echo, life 3"));
        assertTrue(String.valueOf(e.getMessage()).startsWith("echo, life 3: "), e::getMessage);
    }

    @Test
    void theFirstDifferenceEndsTheRows() throws Exception {
        long record = changeAnOutput();
        Path changed = write("b.jtrace");
        String text = replay(ProcessExit.EXPECTATION_FAILED, changed, "--replay", file.toString(), "--times", "3");
        List<String> row = row(text);
        assertEquals(List.of("0", "3", "different"), row.subList(6, 9));
        assertTrue(row.get(9).startsWith("different at record " + record + ", in transaction "), text);
    }

    @Test
    void untilATransaction() throws IOException {
        String text = replay(ProcessExit.STOPPED, file, "--until", "7");
        assertTrue(text.contains("last transaction 7\n"), text);
        assertTrue(text.endsWith("same; the recorded life goes on\n"), text);
    }

    @Test
    void untilAFieldChanges() throws IOException {
        String text = replay(ProcessExit.STOPPED, file, "--break-on", "memory", "--state", "");
        assertTrue(text.contains("memory was 0x0000000000000000 and is 0x0000000000000001 behind transaction "), text);
    }

    @Test
    void aDifferenceNamesItsRecord() throws Exception {
        long record = changeAnOutput();
        String text = replay(ProcessExit.EXPECTATION_FAILED, write("b.jtrace"));
        assertTrue(text.contains("different at record " + record + ", in transaction "), text);
        assertTrue(text.contains("recorded: OUTPUT READ a=0x1 "), text);
        assertTrue(text.contains("now: OUTPUT READ a=0x0 "), text);
    }

    /** The first value read was 0 before anything was written; it becomes 1. */
    private long changeAnOutput() throws TraceFormatException {
        BatchReader reader = new BatchReader();
        long records = 0;
        for (byte[] batch : trace.batches()) {
            reader.wrap(new UnsafeBuffer(batch), 0, batch.length);
            while (reader.next()) {
                if (reader.type() == RecordType.OUTPUT) {
                    boolean ask = reader.recordLength() == 0;
                    int value = ask ? TraceLayout.STEP_C - TraceLayout.STEP_LENGTH : TraceLayout.OUTPUT_A;
                    batch[reader.recordOffset() + value] ^= 1;
                    return records;
                }
                records++;
            }
        }
        throw new AssertionError("no output");
    }

    @Test
    void aTornTailIsTold() throws IOException {
        byte[] all = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(all, all.length - 5));
        assertTrue(replay(ProcessExit.HOST_ERROR, file).endsWith("same; the recorded life has a torn tail\n"));
        assertTrue(replay(ProcessExit.HOST_ERROR, file, "--times", "2").endsWith("\tdamaged\thas a torn tail\n"));
    }

    /** And those behind it are lived again. */
    @Test
    void aLifeThatDoesNotTellHowItBeganIsARow() throws IOException {
        Path headless =
                write("b.jtrace", trace.batches().subList(1, trace.batches().size()));
        String two = replay(ProcessExit.HOST_ERROR, headless, "--replay", file.toString(), "--times", "2");
        assertEquals(2, two.lines().count(), two);
        List<String> row = row(two.lines().toList().getFirst());
        assertEquals(10, row.size(), two);
        assertEquals("-", row.get(6), two);
        assertEquals("damaged", row.get(8), two);
        assertTrue(row.get(9).startsWith("did not begin: "), two);
        assertEquals(
                List.of("2", "2", "whole", "ended with 0"),
                row(two.lines().toList().getLast()).subList(6, 10));
    }

    /** Nor the check point before it. */
    private List<byte[]> withoutItsEnd() throws TraceFormatException {
        BatchReader reader = new BatchReader();
        List<byte[]> all = new ArrayList<>(trace.batches());
        byte[] last = all.removeLast();
        reader.wrap(new UnsafeBuffer(last), 0, last.length);
        while (reader.next() && reader.type() != RecordType.STATE) {}
        if (reader.recordOffset() > 0) {
            all.add(Arrays.copyOf(last, reader.recordOffset()));
        }
        return all;
    }

    @Test
    void howALifeWithoutAnEndEndedIsSaidByWhoKnows() throws Exception {
        Path killed = write("b.jtrace", withoutItsEnd());
        assertTrue(replay(ProcessExit.STOPPED, killed).endsWith("the recorded life was killed, or still lives\n"));
        assertTrue(replay(ProcessExit.STOPPED, killed, "--ended", "drained").endsWith("the recorded life drained\n"));
        assertTrue(replay(ProcessExit.STOPPED, killed, "--ended", "drained", "--times", "2")
                .endsWith("\t2\t2\twhole\tdrained\n"));
        assertTrue(replay(ProcessExit.STOPPED, file, "--ended", "drained").endsWith("ended with 0\n"));
    }

    /** Its END is the recorder's, or its process lied: what the recorder says counts, as in jvmm-journal list. */
    @Test
    void ofASeveredLifeItsEndDoesNotCount() throws Exception {
        String severed = "severed: a record behind the end";
        assertTrue(replay(ProcessExit.STOPPED, file, "--severed", severed)
                .endsWith("same; the recorded life " + severed + "\n"));
        assertTrue(replay(ProcessExit.STOPPED, file, "--severed", severed, "--times", "2")
                .endsWith("\t2\t2\twhole\t" + severed + "\n"));
        assertTrue(replay(ProcessExit.STOPPED, file, "--severed", severed, "--until", "7")
                .endsWith("same; the recorded life goes on\n"));
        assertTrue(replay(ProcessExit.STOPPED, file, "--ended", "drained", "--severed", severed)
                .endsWith("same; the recorded life " + severed + "\n"));
    }

    @Test
    void whatALifeLosesIsAGap() throws Exception {
        UnsafeBuffer gap = new UnsafeBuffer(new byte[TraceLayout.ONE_FIELD_LENGTH]);
        gap.putInt(TraceLayout.RECORD_LENGTH, TraceLayout.ONE_FIELD_LENGTH, ByteOrder.LITTLE_ENDIAN);
        gap.putByte(TraceLayout.RECORD_TYPE, (byte) RecordType.GAP.code());
        gap.putLong(TraceLayout.ONE_FIELD, 7, ByteOrder.LITTLE_ENDIAN);
        List<byte[]> all = withoutItsEnd();
        all.add(gap.byteArray());
        Path cut = write("b.jtrace", all);
        List<String> row = row(replay(
                ProcessExit.STOPPED, cut, "--times", "2", "--left", "crc32c:0badcafe behind 9999", "--ended", "x"));
        assertEquals(List.of("2", "2", "gap"), row.subList(6, 9));
        assertTrue(row.get(9).startsWith("goes on behind a gap of 7 batches"), row::toString);
    }

    /** There may be thousands behind it. */
    @Test
    void nothingOfADamagedLifeStaysOpen() throws Exception {
        changeAType();
        List<Path> damaged = List.of(
                write("b.jtrace", with(LifeText.MEMORY_BYTES, "1048576")),
                write("c.jtrace", with(LifeText.NOW_NS, "no number")),
                write("d.jtrace", trace.batches().subList(1, trace.batches().size())));
        List<String> more = new ArrayList<>(List.of("--times", "1"));
        for (int n = 0; n < 5; n++) {
            damaged.forEach(d -> more.addAll(List.of("--replay", d.toString())));
        }
        assertEquals(0, mappings());
        String rows = replay(ProcessExit.HOST_ERROR, damaged.getFirst(), more.toArray(String[]::new));
        assertEquals(16, rows.lines().filter(l -> l.contains("\tdamaged\t")).count(), rows);
        assertEquals(
                6, rows.lines().filter(l -> l.contains("\tdamaged at record ")).count(), rows);
        assertEquals(List.of(), open(damaged));
        assertEquals(0, mappings());
    }

    /** The trace, of a life that began with this, too. */
    private List<byte[]> with(String key, String value) throws TraceFormatException {
        List<byte[]> all = new ArrayList<>(trace.batches());
        byte[] first = all.removeFirst();
        BatchReader reader = new BatchReader();
        reader.wrap(new UnsafeBuffer(first), 0, first.length);
        assertTrue(reader.next());
        assertEquals(RecordType.LIFE, reader.type());
        LifeText text =
                LifeText.parse(new String(first, reader.bytesOffset(), reader.bytesLength(), StandardCharsets.UTF_8));
        TraceBuffer life = new TraceBuffer();
        RecordingTape tape = new RecordingTape(life, 0);
        tape.life(text.put(key, value));
        tape.flush();
        List<byte[]> changed = new ArrayList<>(life.batches());
        changed.add(Arrays.copyOfRange(first, reader.recordOffset() + reader.recordLength(), first.length));
        changed.addAll(all);
        return changed;
    }

    /** The type of the last record is none: the records before it are lived. */
    private void changeAType() throws TraceFormatException {
        BatchReader reader = new BatchReader();
        byte[] last = trace.batches().getLast();
        reader.wrap(new UnsafeBuffer(last), 0, last.length);
        int at = 0;
        while (reader.next()) {
            at = reader.recordOffset();
        }
        last[at + TraceLayout.RECORD_TYPE] = 99;
    }

    /** Which of these this process has open. */
    private static List<Path> open(List<Path> files) throws IOException {
        List<Path> open = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path fd : all) {
                try {
                    Path file = Files.readSymbolicLink(fd);
                    if (files.contains(file)) {
                        open.add(file);
                    }
                } catch (NoSuchFileException e) {
                    // That of the listing itself, or one that somebody closes.
                }
            }
        }
        return open;
    }

    /** Of guest memories that replays have. */
    private static long mappings() throws IOException {
        try (Stream<String> all = Files.lines(Path.of("/proc/self/maps"))) {
            return all.filter(l -> l.contains("/memfd:replay")).count();
        }
    }

    @Test
    void whatCannotBeIsRefused() throws IOException {
        Path none = directory.resolve("none");
        assertThrows(StageException.class, () -> replay(ProcessExit.STOPPED, none));
        Files.write(none, new byte[64]);
        assertThrows(StageException.class, () -> replay(ProcessExit.STOPPED, none));
        for (List<String> options : List.of(
                List.of("--until", "x"),
                List.of("--until"),
                List.of("--times", "0"),
                List.of("--times", "2", "--state", ""),
                List.of("--break-on", "no.such"),
                List.of("--state", "zzz"),
                List.of("--left", "12AB"),
                List.of("--jail=x"))) {
            assertThrows(StageException.class, () -> replay(ProcessExit.STOPPED, file, options.toArray(String[]::new)));
        }
        assertEquals(ProcessExit.STOPPED, ReplayMain.run(new String[] {"--replay", "--help"}, factory, System.out));
    }
}
