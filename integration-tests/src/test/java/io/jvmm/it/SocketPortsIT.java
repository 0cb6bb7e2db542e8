package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Clients of serial ports on unix sockets, each with one connection for all of it: the serial process is killed under them, replaced on
 * request, upgraded to a copy and back, and at last the guest is reset. Of the one whose bytes are compared none is lost or doubled.
 */
@Tag("boot")
class SocketPortsIT extends MachineTest {
    private static final int KILLS = 6;
    private static final int SIGKILL = 9;

    private static final String PORTS = """
            [control]
            socket = "control"
            [ipc]
            read_timeout_ms = 5000
            [[serial]]
            port = 3
            backend = "socket"
            path = "com3"
            [[serial]]
            port = 4
            backend = "socket"
            path = "com4"
            """;

    @Test
    void clientsOutliveTheProcessItsUpgradeAndTheGuestsReset() throws Exception {
        // Beside the distribution, for hard links need one file system.
        Path shelf = Files.createTempDirectory(Distribution.home().getParent(), "socket-ports-it-");
        try {
            clientsStay(SecondDistribution.copy(shelf.resolve("second")).toRealPath());
        } finally {
            DebianMachine.host("rm", "-rf", shelf.toString());
        }
    }

    private void clientsStay(Path second) throws Exception {
        String toml = monitorToml(PORTS).replace("on_reset = \"exit\"", "on_reset = \"restart\"");
        Ctl ctl = new Ctl(dir.resolve("control"));
        try (Machine machine = Machine.with(dir, toml).run().awaitPrompt();
                UnixPeer peer = UnixPeer.connect(dir.resolve("com3"), Machine.PATIENCE);
                ControlLine control = new ControlLine(dir.resolve("control"))) {
            machine.ask("uart");
            ByteBuffer ready = ByteBuffer.wrap("ready1\n".getBytes(StandardCharsets.US_ASCII));
            try (EchoStream stream =
                    EchoStream.line("COM4", dir.resolve("com4"), line -> line.write(ready), TestSeed.next() | 1)) {
                for (int n = 0; n < KILLS; n++) {
                    long before = control.device("serial").pid();
                    if (n == KILLS - 1) {
                        ctl.done("device", "restart", "serial");
                    } else {
                        Machine.kill(before, SIGKILL);
                    }
                    awaitSuccessor(control, before);
                    Transcript.pause(100);
                    assertNull(stream.fault());
                }
                for (Path home : new Path[] {second, Distribution.home().toRealPath()}) {
                    ctl.done("device", "upgrade", "serial", "--dist", home.toString());
                    Transcript.pause(100);
                    assertNull(stream.fault());
                }
                stream.finish();
                assertNull(stream.fault());
                System.out.println(stream.receivedBytes() + " bytes there and back, one connection");
                assertTrue(stream.receivedBytes() > 0);
            }
            peer.write("through all of it");
            peer.await("through all of it", Machine.PATIENCE);
            machine.type("reset\r");
            machine.awaitPrompt();
            machine.ask("uart");
            peer.write("and a reset");
            peer.await("and a reset", Machine.PATIENCE);
            machine.type("off\r");
            assertEquals(0, machine.awaitExit());
        }
    }

    private static void awaitSuccessor(ControlLine control, long before) throws Exception {
        long deadline = System.nanoTime() + Machine.PATIENCE.toNanos();
        ControlLine.Device now = control.device("serial");
        while (!now.serves() || now.pid() == before) {
            assertTrue(System.nanoTime() - deadline < 0, "no successor");
            Transcript.pause(5);
            now = control.device("serial");
        }
    }
}
