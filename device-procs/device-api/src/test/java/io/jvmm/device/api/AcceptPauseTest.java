package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AcceptPauseTest implements HostEvents {
    private final List<String> said = new ArrayList<>();

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path directory;

    @Override
    public void escape(int port, int what) {}

    @Override
    public void backendLost(int port, int errno) {}

    @Override
    public void warn(String line) {
        said.add(line);
    }

    @Test
    void nobodyThereIsNoReason() {
        AcceptPause pause = new AcceptPause("port 3", this);
        for (Errno nobody : new Errno[] {Errno.EAGAIN, Errno.EINTR, Errno.ECONNABORTED}) {
            assertFalse(pause.begins(-nobody.number(), 1));
        }
        assertFalse(pause.active());
        assertEquals(DeviceCore.NO_DEADLINE, pause.nextDeadlineNs());
        assertTrue(pause.begins(-Errno.EMFILE.number(), 1));
        assertFalse(pause.ends(AcceptPause.PAUSE_NS));
        assertTrue(pause.ends(AcceptPause.PAUSE_NS + 1));
        assertFalse(pause.active());
        assertTrue(pause.begins(-Errno.EMFILE.number(), 1));
        assertEquals(1, said.size());
        assertTrue(said.getFirst().startsWith("port 3: ") && said.getFirst().contains("EMFILE"), said.getFirst());
    }

    /** A port behind a socket: the poller is not shown what it would call ready all the time. */
    @Test
    void aPortLooksAwayForAWhile() {
        long[] result = {-Errno.ENFILE.number()};
        int[] accepts = new int[1];
        try (UnixSocket listener = UnixSocket.listen(directory.resolve("s"), 1)) {
            SocketBackend port = new SocketBackend(0, new HostPorts() {}, this, listener, InputFilter.NONE, 16, () -> {
                accepts[0]++;
                return result[0] != 0 ? result[0] : listener.tryAccept();
            });
            Poller poller = new Poller(port.maxDescriptors());
            port.attach(poller, 0);
            try (UnixSocket client = UnixSocket.connect(directory.resolve("s"))) {
                for (int turn = 0; turn < 20; turn++) {
                    port.watch(poller);
                    assertEquals(turn == 0 ? 1 : 0, poller.await(0));
                    port.service(poller, 1);
                }
                assertEquals(1, accepts[0]);
                long endNs = port.nextDeadlineNs();
                result[0] = 0;
                port.service(poller, endNs);
                port.watch(poller);
                poller.await(0);
                assertTrue(port.service(poller, endNs));
                assertEquals(2, accepts[0]);
                assertTrue(client.fd().isOpen());
            }
        }
    }
}
