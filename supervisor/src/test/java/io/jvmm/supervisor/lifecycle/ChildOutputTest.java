package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ChildOutputTest {
    private final List<String> told = new ArrayList<>();
    private final ChildOutput output = new ChildOutput("serial", 0, told::add);
    private final Pipe pipe = Pipe.create();

    private void write(String text) {
        try (Arena arena = Arena.ofConfined()) {
            FileIo.writeFully(
                    pipe.writer(), arena.allocateFrom(ValueLayout.JAVA_BYTE, text.getBytes(StandardCharsets.UTF_8)));
        }
    }

    private boolean read() {
        pipe.reader().setNonBlocking(true);
        return output.readFrom(pipe.reader(), 1);
    }

    @BeforeEach
    void isReady() {
        output.release(false);
    }

    @Test
    void beforeItIsReadyLinesWaitAndTheLastMayBeToldAnotherWay() {
        ChildOutput starting = new ChildOutput("vcpu", 0, told::add);
        starting.say("one", 1);
        starting.say("two", 1);
        starting.say("boot.kernel: it is none", 1);
        assertEquals(List.of(), told);
        starting.release(true);
        assertEquals(List.of("[vcpu] one", "[vcpu] two"), told);
        assertEquals("boot.kernel: it is none", starting.lastWords());
        starting.say("three", 1);
        assertEquals("[vcpu] three", told.getLast());
    }

    @Test
    void linesAreToldWithTheProcessName() {
        write("one\ntwo\npart");
        assertTrue(read());
        assertEquals(List.of("[serial] one", "[serial] two"), told);
        pipe.writer().close();
        assertFalse(read(), "the end of the pipe");
        assertEquals("[serial] part", told.getLast());
        assertEquals("part", output.lastWords());
    }

    @Test
    void hostileTextCannotDriveTheTerminal() {
        write("a\u001b[2Jb\u0007\tc\u009b31m\r\n\n   \n");
        assertTrue(read());
        assertEquals(List.of("[serial] a\uFFFD[2Jb\uFFFD    c\uFFFD31m"), told);
    }

    @Test
    void aLineIsCutAndAFloodIsCounted() {
        write("x".repeat(3000) + "\n");
        assertTrue(read());
        assertEquals("[serial] " + "x".repeat(ChildOutput.LONGEST_LINE), told.getFirst());
        told.clear();
        for (int i = 0; i < 1000; i++) {
            output.say("line " + i, 1);
        }
        assertEquals(ChildOutput.BURST - 1, told.size(), "the long line was one of the burst");
        assertEquals("line 999", output.lastWords(), "what is not told may still be the last words");
        output.say("later", 1 + ChildOutput.NS_PER_LINE);
        assertEquals(
                List.of("[serial] (" + (1000 - ChildOutput.BURST + 1) + " lines left out)", "[serial] later"),
                told.subList(told.size() - 2, told.size()));
    }

    /** Each process that starts says so; its user hears it once, and in words that help. */
    @Test
    void classArchivesThatDoNotFitAreToldOnce() {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        ArchiveTrouble archives = new ArchiveTrouble(
                new Console(new PrintStream(err, true, StandardCharsets.UTF_8), Console.Detail.NORMAL));
        for (String process : List.of("rng", "block")) {
            ChildOutput starting = new ChildOutput(process, 0, told::add, archives::takes);
            starting.release(false);
            write("""
                    [0.015s][error][cds] An error has occurred while processing the shared archive file.
                    [0.016s][warning][cds,dynamic] shared class paths mismatch
                    other
                    [0.1s][warning][gc] x
                    """);
            pipe.reader().setNonBlocking(true);
            starting.readFrom(pipe.reader(), 1);
        }
        assertEquals(
                List.of("[rng] other", "[rng] [0.1s][warning][gc] x", "[block] other", "[block] [0.1s][warning][gc] x"),
                told);
        String said = err.toString(StandardCharsets.UTF_8);
        assertEquals(1, said.lines().count(), said);
        assertTrue(said.startsWith("jvmm: process rng starts without its class archive, "), said);
    }

    @Test
    void oneReadTakesABoundedAmount() {
        pipe.writer().setNonBlocking(true);
        write("y".repeat(60_000));
        assertTrue(read());
        assertTrue(read());
        assertEquals(List.of(), told);
    }
}
