package io.jvmm.supervisor.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.supervisor.sys.PseudoTerminal;
import io.jvmm.supervisor.sys.Termios;
import java.io.BufferedReader;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** On real pseudo-terminals. */
class TerminalSessionTest {
    private PseudoTerminal pty = PseudoTerminal.open();
    private Fd tty = pty.openSlave();

    @BeforeEach
    void open() {
        assertTrue(Termios.of(tty).isPresent());
    }

    @AfterEach
    void close() {
        tty.close();
        pty.close();
    }

    private Termios settings() {
        return Termios.of(tty).orElseThrow();
    }

    private void awaitSettings(Termios expected) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!settings().equals(expected) && System.nanoTime() < deadline) {
            Thread.sleep(5);
        }
        assertEquals(expected, settings());
    }

    @Test
    void rawAndBack() {
        Termios before = settings();
        try (TerminalSession session = TerminalSession.prepare(tty).orElseThrow()) {
            assertEquals(before, settings(), "preparing changes nothing");
            session.enterRaw();
            assertTrue(session.isRaw());
            assertEquals(before.raw(), settings());
            assertNotEquals(before, settings());
        }
        assertEquals(before, settings());
    }

    @Test
    void whatIsNoTerminalIsLeftAlone() {
        try (Pipe pipe = Pipe.create()) {
            assertTrue(TerminalSession.prepare(pipe.reader()).isEmpty());
        }
    }

    @Test
    void aTerminalThatVanishesIsNoError() {
        PseudoTerminal doomed = PseudoTerminal.open();
        try (Fd slave = doomed.openSlave();
                TerminalSession session = TerminalSession.prepare(slave).orElseThrow()) {
            session.enterRaw();
            doomed.close();
        }
    }

    private Process program() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process p = new ProcessBuilder(List.of(
                        java,
                        "--enable-native-access=ALL-UNNAMED",
                        "--add-exports",
                        "java.base/jdk.internal.misc=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        GuardedProgram.class.getName()))
                .redirectInput(new File(pty.slave().toString()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader out = p.inputReader(StandardCharsets.UTF_8);
        assertEquals("raw", out.readLine());
        return p;
    }

    @Test
    void kill9RestoresTheTerminal() throws Exception {
        Termios before = settings();
        Process p = program();
        try {
            assertEquals(before.raw(), settings());
        } finally {
            p.destroyForcibly();
        }
        assertEquals(137, p.waitFor());
        awaitSettings(before);
    }

    @Test
    void sigtermRestoresTheTerminal() throws Exception {
        Termios before = settings();
        Process p = program();
        p.destroy();
        assertEquals(143, p.waitFor());
        awaitSettings(before);
    }
}
