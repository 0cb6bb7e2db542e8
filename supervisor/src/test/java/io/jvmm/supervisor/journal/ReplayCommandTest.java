package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceFileWriter;
import io.jvmm.ipc.trace.TraceLayout;
import io.jvmm.supervisor.Programs;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jvmm-replay} over all of a journal, in a distribution whose devices are a script. */
final class ReplayCommandTest {
    /** Says a row for each file it gets, and at the end of it how the life is said to have ended; of block it differs the third time, and of net something is missing. */
    private static final String PROGRAM = """
            #!/bin/sh
            echo "$*" >> "$(dirname "$0")/called"
            case "$*" in *BlockMain*) same=2 standing=different end='different at record 7, in transaction 3: x' status=1 ;;
            *NetMain*) same=10 standing=damaged end='x behind a gap; its process came to transaction 9' status=3 ;;
            *) same=10 standing=whole end='ended with 0' status=0 ;; esac
            while [ $# -gt 0 ]; do
                if [ "$1" = --replay ]; then
                    head -c 8 "$2" >> "$(dirname "$0")/read"
                    ls "$(dirname "$0")/../../scratch" >> "$(dirname "$0")/names"
                    printf '12\\t5\\t2\\t0123456789abcdef0123456789abcdef\\t3\\tcafe\\t%s\\t10\\t%s\\t%s\\n' "$same" "$standing" "$end"
                fi
                shift
            done
            exit $status
            """;

    @TempDir
    private Path directory;

    private Path journal;
    private String said = "";
    private String complained = "";
    private Optional<String> jdk = Optional.empty();

    @BeforeEach
    void record() throws Exception {
        journal = directory.resolve("journal");
        Files.createDirectory(directory.resolve("scratch"));
        Path java = directory.resolve("runtime/bin/java");
        Files.createDirectories(java.getParent());
        Files.writeString(java, PROGRAM);
        Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
        life("serial", 2);
        life("serial", 3);
        life("rng", 1);
    }

    private void life(String device, int commits) throws Exception {
        Path lib = directory.resolve("lib").resolve(device);
        Files.createDirectories(lib);
        String main = switch (device) {
            case "block" -> "BlockMain";
            case "net" -> "NetMain";
            default -> "Main";
        };
        Files.write(lib.resolve("program"), List.of(main, "x.jar"));
        TraceBuffer trace = new TraceBuffer();
        RecordingTape tape = new RecordingTape(trace, 0);
        for (int n = 0; n < commits; n++) {
            tape.commit();
        }
        Life life = new JournalDirectory(journal).begin(device, device + commits, Instant.EPOCH);
        try (LifeWriter writer = new LifeWriter(life.directory(), 0, TraceLayout.MAX_BATCH_BYTES)) {
            for (byte[] batch : trace.batches()) {
                writer.append(new UnsafeBuffer(batch), 0, batch.length, 8);
            }
        }
    }

    private int run(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = new ReplayCommand(
                        directory,
                        directory.resolve("scratch"),
                        jdk,
                        new PrintStream(out, true, StandardCharsets.UTF_8),
                        new PrintStream(err, true, StandardCharsets.UTF_8))
                .run(args);
        said = out.toString(StandardCharsets.UTF_8);
        complained = err.toString(StandardCharsets.UTF_8);
        return status;
    }

    private List<String> called() throws IOException {
        return Files.readAllLines(directory.resolve("runtime/bin/called"));
    }

    @Test
    void everyLifeOfEveryDeviceIsALine() throws Exception {
        assertEquals(0, run("--journal", journal.toString(), "--times", "10"), complained);
        List<String> lines = said.lines().toList();
        assertEquals(5, lines.size(), said);
        assertTrue(lines.get(1).matches("rng +1 +12 +5 +2 +0123456789abcdef +3 +cafe +10 of 10 +ended with 0"), said);
        assertTrue(lines.get(3).matches("serial +2 .*"), said);
        assertEquals("3 lives, each lived again 10 times: the same states, the same outputs", lines.get(4));
        assertEquals(2, called().size(), "one program for a device: " + called());
        assertTrue(called().getLast().endsWith(" --times 10"), called()::toString);
    }

    @Test
    void behindAFilterEachLifeHasAProgram() throws Exception {
        assertEquals(0, run("--journal", journal.toString(), "--device", "serial", "--times=2", "--jail"), complained);
        assertEquals(2, called().size(), called()::toString);
        assertTrue(called().getFirst().endsWith(" --jail=enforce --times 2"), called()::toString);
    }

    @Test
    void theFirstDifferenceEndsIt() throws Exception {
        life("block", 1);
        assertEquals(1, run("--journal", journal.toString(), "--times", "10"), complained);
        assertTrue(
                said.contains("2 of 10     DIFFERENT\nblock, life 1: different at record 7, in transaction 3: x\n"),
                said);
        assertFalse(said.contains("rng"), said);
    }

    /** A program that does to itself, at one of its lives, what {@code does} says, and lives others again. */
    private void breaksDown(String at, String does) throws IOException {
        Files.writeString(directory.resolve("runtime/bin/java"), """
                #!/bin/sh
                while [ $# -gt 0 ]; do
                    [ "$1" = --as ] && { [ "$2" != "%s" ] || { %s; }
                    printf '12\\t5\\t2\\tabcdef\\t3\\tcafe\\t2\\t2\\twhole\\tended with 0\\n'; }
                    shift
                done
                """.formatted(at, does));
    }

    @Test
    void aProgramThatBreaksDownIsARowAndTheOthersLiveOn() throws Exception {
        life("serial", 4);
        breaksDown("serial, life 2", "kill -SEGV $$");
        assertEquals(128 + 11, run("--journal", journal.toString(), "--times", "2"), complained);
        List<String> lines = said.lines().toList();
        assertEquals(6, lines.size(), said);
        assertTrue(lines.get(1).matches("rng +1 .* 2 of 2 +ended with 0"), said);
        assertTrue(lines.get(3).matches("serial +2 +3 .*  the program of serial was killed by SIGSEGV"), lines.get(3));
        assertTrue(lines.get(4).matches("serial +3 .* 2 of 2 +ended with 0"), said);
        assertEquals(
                "3 lives, each lived again 2 times: the same states, the same outputs; 1 whose program broke down",
                lines.get(5));

        breaksDown("rng, life 1", "exit 4");
        assertEquals(4, run("--journal", journal.toString(), "--times", "2"), complained);
        assertTrue(said.contains("the program of rng ended with 4 (internal error)\n"), said);
        assertEquals(6, said.lines().count(), said);
        breaksDown("rng, life 1", "exit 1");
        assertEquals(3, run("--journal", journal.toString(), "--times", "2"), "no life differs: " + said);

        // Whoever starts this test in the background may have it ignored, and a shell cannot undo that.
        breaksDown("serial, life 1", "exec env --default-signal=INT sh -c 'kill -INT $$'");
        assertEquals(128 + 2, run("--journal", journal.toString(), "--times", "2"), complained);
        assertFalse(said.contains("serial"), "nobody wants to see more: " + said);

        breaksDown("serial, life 1", "kill -KILL $$");
        assertEquals(128 + 9, run("--journal", journal.toString(), "--device", "serial", "--life", "1"), said);
        assertEquals("jvmm-replay: serial, life 1: its program was killed by SIGKILL\n", complained);
    }

    /** Of one life, and in a table. */
    @Test
    void aSignalEndsTheProgramToo() throws Exception {
        Path pid = directory.resolve("pid");
        Files.writeString(
                directory.resolve("runtime/bin/java"),
                "#!/bin/sh\necho $$ > " + pid + ".new && mv " + pid + ".new " + pid + "\nexec sleep 600\n");
        for (List<String> args : List.of(List.of("--device", "rng"), List.of("--times", "2"))) {
            List<String> all = new ArrayList<>(List.of("--journal", journal.toString()));
            all.addAll(args);
            ProcessBuilder builder = Programs.of(ReplayCommand.class, all.toArray(String[]::new));
            builder.environment()
                    .put(
                            "JDK_JAVA_OPTIONS",
                            "-Djvmm.home=" + directory + " -Djava.io.tmpdir=" + directory.resolve("scratch"));
            Process replay =
                    builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            while (replay.isAlive() && !Files.exists(pid)) {
                replay.waitFor(10, TimeUnit.MILLISECONDS);
            }
            ProcessHandle program = ProcessHandle.of(
                            Long.parseLong(Files.readString(pid).strip()))
                    .orElseThrow();
            try {
                replay.destroy();
                assertEquals(128 + 15, replay.waitFor());
                program.onExit().get(30, TimeUnit.SECONDS);
            } finally {
                program.destroyForcibly();
                Files.delete(pid);
            }
        }
    }

    /** The journal is anybody's, and its words are in the row: a life that is cut short is not whole for what is said of its end. */
    @Test
    void noWordsOfAJournalTurnDamageIntoAGap() throws Exception {
        life("net", 2);
        assertEquals(3, run("--journal", journal.toString(), "--times", "10"), said + complained);
        assertTrue(said.contains(" x behind a gap; its process came to transaction 9\n"), said);
        assertTrue(said.endsWith("the same outputs; 1 damaged\n"), said);
    }

    /** Whatever else its device's program says of it: with the status it says that something is damaged. */
    @Test
    void aProgramThatSaysDamageIsBelieved() throws Exception {
        Path java = directory.resolve("runtime/bin/java");
        Files.writeString(java, Files.readString(java).replace("standing=damaged", "standing=gap"));
        life("net", 2);
        assertEquals(3, run("--journal", journal.toString(), "--times", "10"), said + complained);
        assertTrue(said.endsWith("; 1 only as far as they are whole; 1 damaged\n"), said);
        Files.writeString(java, Files.readString(java).replace("status=3", "status=0"));
        assertEquals(0, run("--journal", journal.toString(), "--times", "10"), said + complained);
        assertTrue(said.endsWith("; 1 only as far as they are whole\n"), said);
    }

    /** Its END is the recorder's, or that of a liar. */
    @Test
    void theProgramHearsThatALifeWasSevered() throws Exception {
        Life life = new JournalDirectory(journal).lives("rng").getFirst();
        life.note(Map.of("severed", "a record behind the end"));
        life.note(Map.of("ended", "exited with 0"));
        assertEquals(0, run("--journal", journal.toString(), "--device", "rng"), complained);
        assertTrue(
                called().getLast().endsWith(" --as rng, life 1 --severed severed: a record behind the end"),
                called()::toString);
    }

    @Test
    void aLifeWithNothingInItIsSaid() throws Exception {
        life("serial", 0);
        assertEquals(0, run("--journal", journal.toString()), complained);
        assertTrue(said.contains("nothing was recorded"), said);
        assertTrue(
                said.endsWith(
                        "3 lives, each lived again once: the same states, the same outputs; 1 with nothing in them\n"),
                said);
    }

    /** While it is read: so that nothing is left of it, whoever is killed. */
    @Test
    void aLifeThatIsReadHasNoName() throws Exception {
        assertEquals(0, run("--journal", journal.toString(), "--device", "serial", "--times", "2"), complained);
        assertEquals(0, run("--journal", journal.toString(), "--device", "rng"), complained);
        Path bin = directory.resolve("runtime/bin");
        assertEquals("", Files.readString(bin.resolve("names")));
        byte[] read = Files.readAllBytes(bin.resolve("read"));
        assertEquals(3 * Long.BYTES, read.length);
        for (int at = 0; at < read.length; at += Long.BYTES) {
            assertEquals(TraceLayout.FILE_MAGIC, new UnsafeBuffer(read).getLong(at));
        }
    }

    @Test
    void anEmptyLifeIsCalledByItsName() throws Exception {
        life("serial", 0);
        assertEquals(2, run("--journal", journal.toString(), "--device", "serial"));
        assertEquals("jvmm-replay: serial, life 3: nothing was recorded\n", complained);
        assertFalse(Files.exists(directory.resolve("runtime/bin/called")));
    }

    @Test
    void theProgramHearsTheNameOfALifeAndWhatWasLeft() throws Exception {
        Life life = new JournalDirectory(journal).lives("rng").getFirst();
        life.note(Map.of(LifeNotes.STATE, new FinalState(1, 0x12AB).toString()));
        assertEquals(0, run("--journal", journal.toString(), "--device", "rng"), complained);
        assertTrue(
                called().getLast().endsWith(" --as rng, life 1 --left crc32c:000012ab behind 1 --ended open"),
                called()::toString);
    }

    /** Whatever is whole is lived again, and the status tells that something is not. */
    @Test
    void damageIsARowAndAStatus() throws Exception {
        byte[] bytes = queue("serial", 1);
        bytes[lastOf(bytes)] ^= 1;
        Files.write(queueFile("serial", 1), bytes);
        assertEquals(3, run("--journal", journal.toString(), "--times", "10"), said);
        List<String> lines = said.lines().toList();
        assertEquals(5, lines.size(), said);
        assertTrue(lines.get(2).contains("the batch after ") && lines.get(2).contains(" is not whole"), said);
        assertTrue(lines.get(3).matches("serial +2 .*10 of 10 +ended with 0"), said);
        assertTrue(lines.get(4).endsWith("; 1 damaged"), said);
        assertEquals(3, run("--journal", journal.toString(), "--device", "serial", "--life", "1"), said);
        assertTrue((said + complained).contains(" is not whole"), said + complained);
        assertEquals(0, run("--journal", journal.toString(), "--device", "serial", "--life", "2"), complained);

        Files.write(queueFile("rng", 1), Arrays.copyOf(queue("rng", 1), bytes.length / 2));
        Life life = new JournalDirectory(journal).lives("rng").getFirst();
        life.note(Map.of(LifeNotes.STATE, new FinalState(1, 0x12AB).toString()));
        Files.writeString(life.directory().resolve(LifeNotes.FILE), "nonsense");
        assertEquals(3, run("--journal", journal.toString(), "--device", "rng", "--times", "2"), said);
        assertTrue(said.contains("its text, \"life\", "), said);
    }

    private Path queueFile(String device, int number) throws Exception {
        Path life = journal.resolve(device).resolve("life-00000" + number);
        return JournalDirectory.queueFiles(JournalDirectory.parts(life).getFirst())
                .getFirst();
    }

    private byte[] queue(String device, int number) throws Exception {
        return Files.readAllBytes(queueFile(device, number));
    }

    /** A byte of the last batch. */
    private static int lastOf(byte[] bytes) {
        int at = bytes.length - 1;
        while (bytes[at] == 0) {
            at--;
        }
        return at;
    }

    @Test
    void whoAsksForALifeThatIsNotThereIsToldWhichAre() {
        assertEquals(3, run("--journal", journal.toString(), "--device", "serial", "--life", "99"));
        assertTrue(complained.contains("there is no life 99 of serial in "), complained);
        assertTrue(complained.contains("have the numbers 1 to 2; see: "), complained);
        assertEquals(3, run("--journal", journal.toString(), "--device", "serial0"));
        assertTrue(complained.contains(". Is serial meant? It has rng, serial; see: "), complained);
        Path none = directory.resolve("none/x.jtrace");
        assertEquals(3, run("--journal", journal.toString(), "--device", "rng", "--keep", none.toString()));
        assertEquals(
                "jvmm-replay: " + none + " cannot be written: there is no directory " + none.getParent() + "\n",
                complained);
        assertEquals(3, run("--journal", journal.toString(), "--device", "rng", "--keep", "/proc/x"));
        assertTrue(complained.startsWith("jvmm-replay: /proc/x cannot be written: "), complained);
        assertFalse(complained.contains(".cut-"), complained);
    }

    @Test
    void aFileOfAnotherDeviceIsRefused() throws Exception {
        Path file = directory.resolve("a.jtrace");
        try (TraceFileWriter writer = new TraceFileWriter(file)) {
            RecordingTape tape = new RecordingTape(writer, 0);
            tape.life(new LifeText().put(LifeText.DEVICE, "serial"));
            tape.commit();
        }
        for (String times : List.of("1", "2")) {
            assertEquals(2, run("--journal", file.toString(), "--device", "net", "--times", times));
            assertTrue(complained.contains(file + " is a life of serial, not of net."), complained);
        }
        assertEquals(2, run("--journal", file.toString(), "--device", "net"));
        assertTrue(complained.contains(file + " is a life of serial, not of net."), complained);
        assertEquals(2, run("--journal", file.toString(), "--life", "1"));
        assertTrue(complained.contains("--life is for a journal, and " + file + " is one life."), complained);
        assertEquals(0, run("--journal", file.toString(), "--device", "serial"), complained);
    }

    /** Told in a line, before anything is read. */
    @Test
    void aDebuggerNeedsAPortAndAJdk() throws Exception {
        List<String> one = List.of("--journal", journal.toString(), "--device", "rng", "--debug");
        for (String port : List.of("0", "65536", "99999999999")) {
            assertEquals(2, run(with(one, port)), port);
            assertEquals("jvmm-replay: --debug: 1 to 65535. See: jvmm-replay --help\n", complained);
        }
        assertEquals(2, run(with(one, "5005")));
        assertEquals(
                "jvmm-replay: --debug needs a JDK 25, which JAVA_HOME names: it is not set. See: jvmm-replay --help\n",
                complained);
        Path other = directory.resolve("jdk");
        jdk = Optional.of(other.toString());
        assertEquals(2, run(with(one, "5005")));
        assertTrue(complained.contains("JAVA_HOME names: " + other + " is none. "), complained);
        Files.createDirectories(other.resolve("lib"));
        Files.createFile(other.resolve("lib/libjdwp.so"));
        Files.createDirectories(other.resolve("bin"));
        Files.copy(
                directory.resolve("runtime/bin/java"), other.resolve("bin/java"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.writeString(other.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"21.0.9\"\n");
        assertEquals(2, run(with(one, "5005")));
        assertTrue(complained.contains("JAVA_HOME names: " + other + " is of another version. "), complained);
        assertEquals("", said, "nothing was read");
        Files.writeString(other.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"25.0.1\"\n");
        assertEquals(0, run(with(one, "5005")), complained);
        assertTrue(Files.readString(other.resolve("bin/called")).contains(",address=127.0.0.1:5005 "));
    }

    private static String[] with(List<String> words, String last) {
        return Stream.concat(words.stream(), Stream.of(last)).toArray(String[]::new);
    }

    @Test
    void whatIsForOneLifeIsRefused() {
        String dir = journal.toString();
        assertEquals(2, run("--journal", dir, "--state", ""));
        assertTrue(complained.contains("--state is for one life: give --device, and no --times."), complained);
        assertEquals(2, run("--journal", dir, "--times", "3", "--until", "5"));
        assertTrue(complained.contains("--until is for one device: give --device."), complained);
        assertEquals(2, run("--journal", dir, "--times", "0"));
        assertTrue(complained.contains("--times: 1 to 100."), complained);
        assertEquals(2, run("--journal", dir, "--device", "serial", "--life", "4294967297"));
        assertTrue(complained.contains("--life: 1 to 2147483647."), complained);
    }
}
