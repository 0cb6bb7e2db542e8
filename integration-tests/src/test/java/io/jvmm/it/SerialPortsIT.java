package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Four ports with a back end each, and the terminal. */
@Tag("kvm")
@Tag("boot")
class SerialPortsIT extends MachineTest {
    @Test
    void fourPortsFourBackEnds() throws Exception {
        Path log = dir.resolve("com3.log");
        String toml = monitorToml("""
                [[serial]]
                port = 2
                backend = "pty"
                path = "com2"
                [[serial]]
                port = 3
                backend = "file"
                path = "com3.log"
                [[serial]]
                port = 4
                backend = "socket"
                path = "com4"
                """);
        try (Machine machine = Machine.with(dir, toml).run().awaitPrompt()) {
            assertTrue(machine.ask("uart").contains("ports 1 2 3 4"));

            try (UnixPeer peer = UnixPeer.connect(dir.resolve("com4"), Machine.PATIENCE)) {
                peer.write("over the socket");
                peer.await("over the socket", Machine.PATIENCE);
            }
            // A second peer finds the port again.
            try (UnixPeer peer = UnixPeer.connect(dir.resolve("com4"), Machine.PATIENCE)) {
                peer.write("once more");
                peer.await("once more", Machine.PATIENCE);
            }

            try (Fd pty = FileIo.open(dir.resolve("com2"), FileIo.READ_WRITE | FileIo.NO_CONTROLLING_TERMINAL, 0);
                    Arena arena = Arena.ofConfined()) {
                byte[] word = "pty".getBytes(StandardCharsets.US_ASCII);
                MemorySegment out = arena.allocate(word.length);
                MemorySegment.copy(word, 0, out, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, word.length);
                FileIo.writeFully(pty, out);
                MemorySegment in = arena.allocate(word.length);
                long n = 0;
                while (n < word.length) {
                    n += FileIo.tryRead(pty, in, n, word.length - n);
                }
                assertEquals(-1, out.mismatch(in));
            }

            // The file has no input, so the guest writes to it by hand.
            for (char c : "COM3\n".toCharArray()) {
                machine.ask("out 3e8 " + Integer.toHexString(c));
            }
            machine.type("off\r");
            assertEquals(0, machine.awaitExit());
        }
        assertEquals("COM3\n", Files.readString(log));
        assertFalse(Files.exists(dir.resolve("com2"), LinkOption.NOFOLLOW_LINKS), "the link to the pty");
        assertFalse(Files.exists(dir.resolve("com4"), LinkOption.NOFOLLOW_LINKS), "the socket");
    }

    @Test
    void terminalIsRawAndRestored() throws Exception {
        try (Machine machine =
                Machine.with(dir, monitorToml("")).onTerminal().run().awaitPrompt()) {
            assertFalse(machine.terminal().settings().equals(machine.terminal().originalSettings()), "raw mode");
            assertTrue(machine.ask("uart").contains("LSR"));
            // In raw mode Ctrl-C is the guest's.
            machine.type("\u0003");
            assertTrue(machine.ask("uart").contains("LSR"));
            machine.type("off\r");
            assertEquals(0, machine.awaitExit());
            assertEquals(
                    machine.terminal().originalSettings(), machine.terminal().settings());
        }
    }

    @Test
    void escapeKeyEndsTheMachine() throws Exception {
        try (Machine machine =
                Machine.with(dir, monitorToml("")).onTerminal().run().awaitPrompt()) {
            machine.type("\u0001x");
            assertEquals(0, machine.awaitExit());
            assertEquals(
                    machine.terminal().originalSettings(), machine.terminal().settings());
        }
    }

    @Test
    void killedSupervisorLeavesTheTerminalSane() throws Exception {
        try (Machine machine =
                Machine.with(dir, monitorToml("")).onTerminal().run().awaitPrompt()) {
            machine.signal(9);
            machine.awaitExit();
            long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
            while (!machine.terminal().settings().equals(machine.terminal().originalSettings())
                    && System.nanoTime() - deadline < 0) {
                Transcript.pause(20);
            }
            assertEquals(
                    machine.terminal().originalSettings(), machine.terminal().settings());
        }
    }

    /** The window is closed: the guest gets the power button, and nothing stays. */
    @Test
    void vanishingTerminalEndsTheMachine() throws Exception {
        try (Machine machine =
                Machine.with(dir, monitorToml("")).onTerminal().run().awaitPrompt()) {
            machine.terminal().hangUp();
            int status = machine.awaitExit();
            assertTrue(status == 0 || status == 5, "exit status " + status);
        }
    }

    /** Commands from a pipe that ends: the machine goes on until it is told to stop. */
    @Test
    void inputFromAPipe() throws Exception {
        try (Machine machine = startMonitor()) {
            machine.type("help\roff\r");
            machine.closeInput();
            machine.console().await("power off through ACPI", Machine.PATIENCE);
            assertEquals(0, machine.awaitExit());
        }
    }
}
