package io.jvmm.supervisor.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.stream.PortStreamLayout;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.UnixSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A port's channel as PROTOCOL.md has it; the test speaks for the device. */
class StreamBrokerTest {
    private static final int CONNECT = 1;
    private static final int CLIENT = 2;
    private static final int CLOSED = 2;
    private static final int RESUME = 3;
    private static final int HELD = 3;
    private static final int END = 4;
    private static final int FIRST_CLIENT = 0x8000_0001;
    private static final long PATIENCE_NS = 1_000_000_000L;

    @TempDir
    Path dir;

    private static byte[] message(int what, int id) {
        return ByteBuffer.allocate(16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(what)
                .putInt(id)
                .array();
    }

    @Test
    void oneClientAtATimeWhomEachProcessGets() {
        try (UnixSocket listener = UnixSocket.listen(dir.resolve("p"), 1);
                StreamBroker broker = new StreamBroker(listener.fd());
                UnixSocket first = UnixSocket.connect(dir.resolve("p"));
                UnixSocket device = UnixSocket.of(broker.connect().duplicate())) {
            listener.fd().setNonBlocking(true);
            assertTrue(broker.wantsClients());
            broker.takeClients();
            assertFalse(broker.wantsClients());
            try (UnixSocket _ = UnixSocket.connect(dir.resolve("p"))) {
                broker.takeClients();
                assertEquals(1, broker.held(), "the next waits");
                UnixSocket.Received client = device.receive(64, PATIENCE_NS);
                assertArrayEquals(message(CLIENT, FIRST_CLIENT), client.bytes());
                client.fds().forEach(Fd::close); // it dies
                device.send(message(RESUME, 77));
                assertTrue(broker.serve());
                UnixSocket.Received held = device.receive(64, PATIENCE_NS);
                assertArrayEquals(message(HELD, FIRST_CLIENT), held.bytes());
                try (UnixSocket stream = UnixSocket.of(held.fds().getFirst())) {
                    stream.send(new byte[] {7});
                }
                assertArrayEquals(new byte[] {7}, first.receive(8, PATIENCE_NS).bytes());
                assertArrayEquals(
                        message(END, 77), device.receive(64, PATIENCE_NS).bytes());
                device.send(message(CLOSED, FIRST_CLIENT));
                assertTrue(broker.serve());
                assertTrue(first.receive(1, PATIENCE_NS).endOfFile());
                assertTrue(broker.wantsClients());
                broker.takeClients();
                UnixSocket.Received next = device.receive(64, PATIENCE_NS);
                assertArrayEquals(message(CLIENT, FIRST_CLIENT + 1), next.bytes());
                next.fds().forEach(Fd::close);
            }
        }
    }

    @Test
    void aProcessThatAsksToBeConnectedBreaksTheProtocol() {
        try (UnixSocket listener = UnixSocket.listen(dir.resolve("p"), 1);
                StreamBroker broker = new StreamBroker(listener.fd());
                UnixSocket client = UnixSocket.connect(dir.resolve("p"))) {
            listener.fd().setNonBlocking(true);
            broker.takeClients();
            try (UnixSocket device = UnixSocket.of(broker.connect().duplicate())) {
                device.send(message(CONNECT, 5));
                assertFalse(broker.serve());
            }
            broker.renew();
            try (UnixSocket successor = UnixSocket.of(broker.connect().duplicate())) {
                successor.send(message(RESUME, 9));
                assertTrue(broker.serve());
                UnixSocket.Received held = successor.receive(64, PATIENCE_NS);
                assertArrayEquals(message(HELD, FIRST_CLIENT), held.bytes());
                held.fds().forEach(Fd::close);
                assertTrue(client.fd().isOpen());
            }
        }
    }

    @Test
    void theMemoryHasItsSize() {
        try (UnixSocket listener = UnixSocket.listen(dir.resolve("p"), 1);
                StreamBroker broker = new StreamBroker(listener.fd())) {
            assertEquals(PortStreamLayout.TOTAL_BYTES, FileIo.size(broker.stream()));
            assertTrue(MemFd.of(broker.stream()).hasSeals(MemFd.SEALS_FIXED_SIZE));
        }
    }
}
