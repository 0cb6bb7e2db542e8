package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceLayout;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code jvmm-journal}, on a journal of two devices. */
final class JournalMainTest {
    @TempDir
    private Path directory;

    private Path journal;
    private String said = "";
    private String complained = "";

    @BeforeEach
    void record() throws Exception {
        journal = directory.resolve("journal");
        life("serial", 3);
        life("serial", 5);
        life("block", 2);
    }

    private void life(String device, int writes) throws JournalException {
        TraceBuffer trace = new TraceBuffer();
        RecordingTape tape = new RecordingTape(trace, 0);
        tape.life(new LifeText().put(LifeText.DEVICE, device));
        tape.state(0, new UnsafeBuffer(new byte[8]), 8);
        tape.flush();
        for (int n = 0; n < writes; n++) {
            tape.call(2, 0x1_0000_0000L, 3, 0x80, 1_000_000L * n);
            tape.commit();
        }
        Life life = new JournalDirectory(journal).begin(device, device + writes, Instant.EPOCH.plusSeconds(1));
        try (LifeWriter writer = new LifeWriter(life.directory(), 0, TraceLayout.MAX_BATCH_BYTES)) {
            for (byte[] batch : trace.batches()) {
                writer.append(new UnsafeBuffer(batch), 0, batch.length, 8);
            }
        }
    }

    private int run(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = new JournalMain(
                        new PrintStream(out, true, StandardCharsets.UTF_8),
                        new PrintStream(err, true, StandardCharsets.UTF_8))
                .run(args);
        said = out.toString(StandardCharsets.UTF_8);
        complained = err.toString(StandardCharsets.UTF_8);
        return status;
    }

    @Test
    void listTellsTheLives() {
        assertEquals(0, run("list", journal.toString()));
        assertEquals(4, said.lines().count(), said);
        assertTrue(said.contains("serial  2     1970-01-01T00:00:01Z"), said);
    }

    @Test
    void dumpNamesMethods() {
        assertEquals(
                0, run("dump", journal.toString(), "--device", "serial", "--life=1", "--from", "1", "--until", "4"));
        assertEquals("""
                1 [0] STATE transaction=0 ring-position=0 part=0/8 [00 00 00 00 00 00 00 00]
                2 [1] CALL WRITE now=0 a=0x100000000 b=0x3 c=0x80
                3 [1] COMMIT 1
                """, said);
        assertEquals(2, run("dump", journal.toString()));
        assertEquals(
                "jvmm-journal: which device? Give --device with one of block, serial. See: jvmm-journal --help\n",
                complained);
    }

    @Test
    void whoAsksForRecordsThatAreNotThereIsToldHowManyThereAre() throws Exception {
        String dir = journal.toString();
        assertEquals(0, run("dump", dir, "--device", "serial", "--from", "12", "--until", "20"));
        assertEquals("", said);
        assertEquals("jvmm-journal: serial, life 2 has only 12 records, 0 to 11\n", complained);
        assertEquals(0, run("dump", dir, "--device", "serial", "--from", "11"));
        assertEquals(1, said.lines().count(), said);
        assertEquals("", complained);
        new JournalDirectory(journal).begin("serial", "empty", Instant.EPOCH);
        assertEquals(0, run("dump", dir, "--device", "serial"));
        assertEquals("jvmm-journal: serial, life 3 has no records\n", complained);
        assertEquals(2, run("dump", dir, "--device", "serial", "--from", "5", "--until", "5"));
        assertEquals(
                "jvmm-journal: there is no record from 5 on that is before 5: --until has to be more than --from."
                        + " See: jvmm-journal --help\n",
                complained);
    }

    @Test
    void statsCount() {
        assertEquals(0, run("stats", journal.toString(), "--device", "serial", "--life", "2"));
        assertTrue(said.startsWith("serial, life 2: 12 records in 6 batches, 248 bytes, 0.003 s\n"), said);
        assertTrue(said.contains("CALL    5        160    1667"), said);
    }

    @Test
    void cutMakesAFlatFile() {
        String file = directory.resolve("cut.jtrace").toString();
        assertEquals(0, run("cut", journal.toString(), "--device", "serial", "-o", file));
        assertEquals("serial, life 2: 6 batches, 12 records in " + file + "\n", said);
        assertEquals(0, run("verify", file));
        assertEquals(file + ": whole: 6 batches, 12 records, no END: open, or killed\n", said);
        assertEquals(0, run("cut", journal.toString(), "--device", "serial", "--until", "4", "-o", file));
        assertEquals(0, run("dump", file));
        assertEquals(4, said.lines().count(), said);
    }

    @Test
    void verifyFindsDamage() throws Exception {
        assertEquals(0, run("verify", journal.toString()));
        assertEquals(3, said.lines().filter(l -> l.contains(": whole: ")).count(), said);
        Path part = JournalDirectory.parts(
                        new JournalDirectory(journal).lives("block").getFirst().directory())
                .getFirst();
        try (var files = Files.list(part)) {
            Path queue =
                    files.filter(p -> p.toString().endsWith(".cq4")).findFirst().orElseThrow();
            byte[] bytes = Files.readAllBytes(queue);
            int at = bytes.length - 1;
            while (bytes[at] != (byte) 0x80) { // the value of the last write
                at--;
            }
            bytes[at] ^= 1;
            Files.write(queue, bytes);
        }
        assertEquals(1, run("verify", journal.toString()));
        assertTrue(
                said.contains(
                        "block, life 1: DAMAGED: the batch after 1 is not whole: its bytes have another checksum"),
                said);
        assertEquals(2, said.lines().filter(l -> l.contains(": whole: ")).count(), said);
    }

    /** A journal that somebody else has made: what is no file of it is not read. */
    @Test
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void linksPipesAndLongFilesAreNotRead() throws Exception {
        Path about = journal.resolve("serial/life-000001/life");
        Path elsewhere = Files.writeString(directory.resolve("elsewhere"), "ended = of another\n");
        assertEquals(0, run("list", journal.toString()));
        Files.delete(about);
        Files.createSymbolicLink(about, elsewhere);
        assertEquals(1, run("list", journal.toString()));
        assertFalse(said.contains("of another"), said);
        Files.delete(about);
        Files.writeString(about, "ended = of another\n" + "x".repeat(1 << 20));
        assertEquals(1, run("list", journal.toString()));
        assertFalse(said.contains("of another"), said);
        Files.delete(about);
        assertEquals(0, new ProcessBuilder("mkfifo", about.toString()).start().waitFor());
        assertEquals(1, run("list", journal.toString()));
        assertEquals(4, said.lines().count(), said);
        assertTrue(said.contains("DAMAGED: its text, \"life\", cannot be read"), said);
        Files.delete(about);

        Path part = journal.resolve("serial/life-000001/part-000");
        Files.move(part, directory.resolve("part"));
        Files.createSymbolicLink(part, directory.resolve("part"));
        assertEquals(0, run("verify", journal.toString(), "--device", "serial", "--life", "1"));
        assertTrue(said.startsWith("serial, life 1: whole: 0 batches, 0 records"), said);
        Files.delete(part);
        Files.createDirectory(part);
        try (var files = Files.list(directory.resolve("part"))) {
            for (Path file : files.filter(f -> f.toString().endsWith(".cq4")).toList()) {
                Files.createSymbolicLink(part.resolve(file.getFileName()), file);
            }
        }
        assertEquals(1, run("verify", journal.toString(), "--device", "serial", "--life", "1"));
        assertTrue(said.contains(".cq4 is no regular file"), said);
    }

    /** A life of records that a device has said, in what order it liked. */
    private String verified(UnsafeBuffer... batches) throws Exception {
        Life life = new JournalDirectory(journal).begin("rng", "r", Instant.EPOCH);
        try (LifeWriter writer = new LifeWriter(life.directory(), 0, TraceLayout.MAX_BATCH_BYTES)) {
            TraceBuffer trace = new TraceBuffer();
            RecordingTape tape = new RecordingTape(trace, 0);
            tape.life(new LifeText().put(LifeText.DEVICE, "rng"));
            tape.state(0, new UnsafeBuffer(new byte[8]), 8);
            tape.flush();
            for (byte[] batch : trace.batches()) {
                writer.append(new UnsafeBuffer(batch), 0, batch.length, 8);
            }
            for (UnsafeBuffer batch : batches) {
                writer.append(batch, 0, batch.capacity(), 8);
            }
        }
        run("verify", journal.toString(), "--device", "rng", "--life", Integer.toString(life.number()));
        return said;
    }

    private static UnsafeBuffer record(RecordType type, long value) {
        UnsafeBuffer batch = new UnsafeBuffer(new byte[TraceLayout.ONE_FIELD_LENGTH]);
        batch.putInt(0, TraceLayout.ONE_FIELD_LENGTH, ByteOrder.LITTLE_ENDIAN);
        batch.putByte(TraceLayout.RECORD_TYPE, (byte) type.code());
        batch.putLong(TraceLayout.ONE_FIELD, value, ByteOrder.LITTLE_ENDIAN);
        return batch;
    }

    @Test
    void verifyKnowsTheOrderOfALife() throws Exception {
        long most = Long.MAX_VALUE;
        assertTrue(verified(record(RecordType.GAP, most), record(RecordType.GAP, most))
                .contains("a gap of " + most + " batches"));
        assertTrue(verified(record(RecordType.END, -1)).contains("ended with -1"));
        assertTrue(
                verified(record(RecordType.END, -1), record(RecordType.COMMIT, 1))
                        .contains("DAMAGED"),
                said);
        assertTrue(verified(record(RecordType.COMMIT, 2)).contains("COMMIT 2 behind 0"), said);
        // a LIFE of no bytes: value is offset 0 of a total of 0
        assertTrue(verified(record(RecordType.LIFE, 0)).contains("another LIFE"), said);
    }

    @Test
    void noTextOfAJournalSteersTheTerminal() throws Exception {
        LifeNotes.add(journal.resolve("serial/life-000001"), Map.of("ended", "\u001b[2J\u009b"));
        LifeNotes.add(journal.resolve("serial/life-000002"), Map.of("severed", "\u001b]0;x\u0007"));
        assertEquals(0, run("list", journal.toString()));
        assertTrue(said.codePoints().noneMatch(c -> c != '\n' && Character.isISOControl(c)), said);
        assertTrue(said.contains("severed: ?]0;x?"), said);

        Path part = journal.resolve("serial/life-000001/part-000");
        Files.createDirectory(part.resolve("a\u001b]0;owned\u0007a.cq4"));
        assertEquals(0, run("verify", journal.toString()), said);
        Files.createDirectory(part.resolve("99991231F.cq4"));
        assertEquals(1, run("verify", journal.toString()));
        Path odd = Files.createDirectory(directory.resolve("o\u001b]0;x"));
        assertEquals(3, run("list", odd.resolve("none").toString()));
        assertTrue((said + complained).codePoints().noneMatch(c -> c != '\n' && Character.isISOControl(c)), complained);
    }

    /** The lives of a directory are held all at once, and anybody may have written them. */
    @Test
    void aLongTextIsHeldInPart() throws Exception {
        LifeNotes.add(journal.resolve("serial/life-000001"), Map.of("ended", "x".repeat(8000)));
        assertEquals(0, run("list", journal.toString()));
        assertTrue(said.lines().allMatch(l -> l.length() < 300), said);
        assertTrue(said.contains("x".repeat(200)), said);
    }

    @Test
    void aTextThatIsNotOfItsLifeIsDamage() throws Exception {
        Path about = journal.resolve("serial/life-000001/life");
        String own = Files.readString(about);
        for (String text :
                List.of("", "\u0000\u0001nonsense", own.replace("began", "begat"), own.replace("= 1", "= 2"))) {
            Files.writeString(about, text);
            assertEquals(1, run("list", journal.toString()), text);
            assertTrue(said.contains("DAMAGED: its text, \"life\", "), said);
            assertEquals(1, run("verify", journal.toString()), text);
            assertTrue(said.contains("serial, life 1: DAMAGED: its text, \"life\", "), said);
        }
        Files.delete(about);
        assertEquals(1, run("list", journal.toString()));
        Files.createDirectory(journal.resolve("serial/life-000009")); // its recorder was killed as it began it
        Files.writeString(about, own);
        assertEquals(0, run("list", journal.toString()), said);
        assertEquals(0, run("verify", journal.toString()), said);
    }

    /** Of a life that has ended: what it says at the end must not be lost unseen, nor what its state was. */
    @Test
    void aBitThatFlipsInTheTextOfALifeIsDamageAndSoIsAnEndThatIsMissing() throws Exception {
        Path life = journal.resolve("serial/life-000001");
        Path about = life.resolve("life");
        LifeNotes.add(life, Map.of("state", "crc32c:00000000 behind 1", "ended", "exited with 0"));
        byte[] whole = Files.readAllBytes(about);
        assertEquals(
                "", new JournalDirectory(journal).lives("serial").getFirst().fault());
        for (int bit = 0; bit < 8 * whole.length; bit++) {
            byte[] flipped = whole.clone();
            flipped[bit / 8] ^= (byte) (1 << (bit % 8));
            Files.write(about, flipped);
            String fault =
                    new JournalDirectory(journal).lives("serial").getFirst().fault();
            assertNotEquals("", fault, "bit " + bit);
        }
        String text = new String(whole, StandardCharsets.ISO_8859_1);
        int asOlderVersionsBegan = text.indexOf("sum = ");
        int asItBegan = text.indexOf('\n', asOlderVersionsBegan) + 1;
        for (int length = 1; length < whole.length; length++) {
            Files.write(about, Arrays.copyOf(whole, length));
            Life read = new JournalDirectory(journal).lives("serial").getFirst();
            boolean open = length == asOlderVersionsBegan || length == asItBegan;
            assertEquals(open, read.fault().isEmpty(), length + " bytes: " + read);
            assertEquals(open ? Life.OPEN : read.end(), read.end());
        }
    }

    /** As versions before wrote it: lines without a sum. */
    @Test
    void aTextOfAnOlderVersionIsRead() throws Exception {
        Path about = journal.resolve("serial/life-000001/life");
        String before = Files.readString(about).replaceAll("sum = .*\n", "");
        Files.writeString(
                about, before + "state = crc32c:0012abcd behind 4711\ndrained = true\nended = for an upgrade\n");
        Life life = new JournalDirectory(journal).lives("serial").getFirst();
        assertEquals("", life.fault());
        assertEquals("for an upgrade", life.ended());
        assertEquals("crc32c:0012abcd behind 4711", life.state().orElseThrow().toString());
        assertTrue(life.drained());
        LifeNotes.add(life.directory(), Map.of("severed", "by this version"));
        assertEquals(
                "", new JournalDirectory(journal).lives("serial").getFirst().fault());
    }

    /** Its process committed more than there is: all say so, not only verify. */
    @Test
    void whatIsMissingAtTheEndIsToldByAll() throws Exception {
        LifeNotes.add(journal.resolve("serial/life-000002"), Map.of("state", "crc32c:00000000 behind 99"));
        String file = directory.resolve("cut.jtrace").toString();
        String where = ": its process came to transaction 99, and it ends behind ";
        for (String command : List.of("stats", "dump", "verify", "cut")) {
            List<String> words =
                    new ArrayList<>(List.of(command, journal.toString(), "--device", "serial", "--life", "2"));
            if (command.equals("cut")) {
                words.addAll(List.of("-o", file));
            }
            assertEquals(1, run(words.toArray(String[]::new)), command);
            assertTrue((said + complained).contains(where), command + ": " + said + complained);
            assertTrue((said + complained).contains("serial, life 2: DAMAGED"), command + ": " + said + complained);
        }
        assertEquals(0, run("dump", journal.toString(), "--device", "serial", "--until", "2"));
        assertEquals(0, run("cut", journal.toString(), "--device", "serial", "--until", "2", "-o", file));
    }

    /** What a process writes is not what it does. */
    @Test
    void anEndThatIsNotHowItEndedIsSaid() throws Exception {
        assertTrue(verified(record(RecordType.END, 0)).endsWith(", ended with 0\n"), said);
        Life life = new JournalDirectory(journal).lives("rng").getFirst();
        life.note(Map.of("ended", "exited with 3 (internal error)"));
        assertEquals(0, run("verify", journal.toString(), "--device", "rng"));
        assertTrue(said.endsWith(", ended with 3, and its END says 0\n"), said);
        life.note(Map.of("ended", "the machine ended"));
        run("verify", journal.toString(), "--device", "rng");
        assertTrue(said.endsWith(", ended with 0\n"), said);
        life.note(Map.of("ended", "was killed by SIGKILL"));
        run("verify", journal.toString(), "--device", "rng");
        assertTrue(said.endsWith(", was killed by SIGKILL, and its END says 0\n"), said);
    }

    @Test
    void allSayInTheSameWordsHowALifeEnded() throws Exception {
        List<Life> lives = new JournalDirectory(journal).lives("serial");
        lives.getFirst().note(Map.of("ended", "was killed by SIGKILL"));
        lives.getLast().note(Map.of("ended", "exited with 0 (stopped on request)"));
        assertEquals(0, run("list", journal.toString()));
        assertTrue(said.contains("was killed by SIGKILL\n") && said.contains("ended with 0\n"), said);
        assertTrue(said.contains("open\n"), said);
        assertEquals(0, run("verify", journal.toString()));
        assertTrue(said.contains("block, life 1: whole: 3 batches, 6 records, open\n"), said);
        assertTrue(said.contains("serial, life 1: whole: 4 batches, 8 records, was killed by SIGKILL\n"), said);
    }

    @Test
    void aFlatFileIsCutInItsOwnPlace() throws Exception {
        Path file = directory.resolve("cut.jtrace");
        assertEquals(0, run("cut", journal.toString(), "--device", "block", "-o", file.toString()));
        long length = Files.size(file);
        assertEquals(0, run("cut", file.toString(), "-o", file.toString()));
        assertEquals(length, Files.size(file));
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        assertEquals(3, run("cut", directory.resolve("none").toString(), "-o", file.toString()));
        assertEquals(length, Files.size(file));
        try (var files = Files.list(directory)) {
            assertEquals(2, files.count(), "nothing is left beside it");
        }
    }

    @Test
    void whatIsDamagedIsNeverTheWholeOfIt() throws Exception {
        verified(record(RecordType.COMMIT, 2));
        for (String command : List.of("stats", "dump", "verify")) {
            assertEquals(1, run(command, journal.toString(), "--device", "rng"), command);
            assertTrue((said + complained).contains("COMMIT 2 behind 0"), said + complained);
        }
    }

    @Test
    void anOptionThatDoesNothingIsRefused() {
        String file = directory.resolve("cut.jtrace").toString();
        assertEquals(2, run("cut", journal.toString(), "--device", "block", "--from", "1", "-o", file));
        assertEquals("jvmm-journal: cut has no --from: remove it. See: jvmm-journal --help\n", complained);
        assertEquals(2, run("stats", journal.toString(), "--until", "1"));
        assertEquals(0, run("cut", journal.toString(), "--device", "block", "-o", file));
        assertEquals(2, run("dump", file, "--life", "5"));
        assertEquals("jvmm-journal: a flat file has no --life: remove it. See: jvmm-journal --help\n", complained);
        assertEquals(2, run("verify", file, "--device", "nonsense"));
    }

    @Test
    void wrongCommandLinesAreToldHow() {
        assertEquals(2, run("dmup", "x"));
        assertEquals("jvmm-journal: there is no command \"dmup\". See: jvmm-journal --help\n", complained);
        assertEquals(2, run("cut", journal.toString()));
        assertEquals("jvmm-journal: cut needs -o FILE.jtrace. See: jvmm-journal --help\n", complained);
        assertEquals(3, run("verify", directory.resolve("none").toString()));
        String cure = " Name the directory of [journal], or a .jtrace file.\n";
        assertEquals("jvmm-journal: there is no " + directory.resolve("none") + "." + cure, complained);
        assertEquals(3, run("verify", "/dev/null"));
        assertEquals("jvmm-journal: /dev/null is neither a directory nor a regular file." + cure, complained);
        assertEquals(3, run("stats", journal.toString(), "--device", "net"));
        assertTrue(complained.contains("It has block, serial"), complained);
        assertEquals(0, run("--help"));
        assertTrue(said.contains("jvmm-journal verify DIR"), said);
    }
}
