package io.jvmm.supervisor.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The connect channel as PROTOCOL.md has it; the test speaks for the device. */
class VsockBrokerTest {
    @TempDir
    Path dir;

    private static final VsockStreamsLayout STREAMS = new VsockStreamsLayout(8, 4096);

    /** CONNECT and its answer alike. */
    private static byte[] two(int id, int number) {
        return message(1, id, number);
    }

    private static byte[] message(int what, int id, int number) {
        return ByteBuffer.allocate(16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(what)
                .putInt(id)
                .putInt(number)
                .array();
    }

    @Test
    void whoListensAtThePortIsConnected() {
        try (VsockBroker broker = new VsockBroker(dir.resolve("v"), null, STREAMS);
                UnixSocket device = UnixSocket.of(broker.deviceEnd().duplicate());
                UnixSocket listener = UnixSocket.listen(dir.resolve("v_4000000000"), 4)) {
            device.send(two(7, (int) 4_000_000_000L));
            assertTrue(broker.serve());
            UnixSocket.Received reply = device.receive(64, 1_000_000_000L);
            assertArrayEquals(two(7, 0), reply.bytes());
            try (UnixSocket stream = UnixSocket.of(reply.fds().getFirst());
                    UnixSocket service = listener.accept()) {
                service.send(new byte[] {1, 2});
                assertArrayEquals(
                        new byte[] {1, 2}, stream.receive(8, 1_000_000_000L).bytes());
            }
        }
    }

    @Test
    void nobodyThereIsAnErrno() {
        try (VsockBroker broker = new VsockBroker(dir.resolve("v"), null, STREAMS);
                UnixSocket device = UnixSocket.of(broker.deviceEnd().duplicate())) {
            device.send(two(8, 1));
            assertTrue(broker.serve());
            UnixSocket.Received reply = device.receive(64, 1_000_000_000L);
            assertArrayEquals(two(8, Errno.ENOENT.number()), reply.bytes());
            assertEquals(List.of(), reply.fds());
        }
    }

    /** More than it answers at one go, and a backlog that is full: it never waits. */
    @Test
    void manyAtOnce() {
        try (VsockBroker broker = new VsockBroker(dir.resolve("v"), null, STREAMS);
                UnixSocket device = UnixSocket.of(broker.deviceEnd().duplicate());
                UnixSocket _ = UnixSocket.listen(dir.resolve("v_5"), 1)) {
            for (int id = 0; id < VsockBroker.AT_ONCE + 3; id++) {
                device.send(two(id, 5));
            }
            assertTrue(broker.serve());
            assertTrue(broker.serve());
            int refused = 0;
            for (int id = 0; id < VsockBroker.AT_ONCE + 3; id++) {
                UnixSocket.Received reply = device.receive(64, 1_000_000_000L);
                refused += ByteBuffer.wrap(reply.bytes())
                                        .order(ByteOrder.LITTLE_ENDIAN)
                                        .getInt(8)
                                == Errno.EAGAIN.number()
                        ? 1
                        : 0;
                reply.fds().forEach(Fd::close);
            }
            assertTrue(refused > 0, "nobody was refused");
        }
    }

    /** However fast it asks, the supervisor's time is bounded; what it has asked waits and is answered. */
    @Test
    void whoAsksTooMuchWaits() throws Exception {
        try (VsockBroker broker = new VsockBroker(dir.resolve("v"), null, STREAMS);
                UnixSocket device = UnixSocket.of(broker.deviceEnd().duplicate())) {
            int id = 0;
            long startNs = Clock.monotonicNs();
            while (broker.deafForNs(Clock.monotonicNs()) == 0) {
                assertTrue(Clock.monotonicNs() - startNs < 60_000_000_000L, "it never had enough");
                device.send(two(id, 1));
                assertTrue(broker.serve());
                assertArrayEquals(
                        two(id++, Errno.ENOENT.number()),
                        device.receive(64, 1_000_000_000L).bytes());
            }
            assertTrue(id >= VsockBroker.PER_PERIOD, id + " requests");
            device.send(two(id, 1));
            long leftNs;
            while ((leftNs = broker.deafForNs(Clock.monotonicNs())) > 0) {
                Thread.sleep(leftNs / 1_000_000 + 1);
            }
            assertTrue(broker.serve());
            assertArrayEquals(
                    two(id, Errno.ENOENT.number()),
                    device.receive(64, 1_000_000_000L).bytes());
        }
    }

    @Test
    void whatIsNoRequestIsAViolation() {
        try (VsockBroker broker = new VsockBroker(dir.resolve("v"), null, STREAMS);
                UnixSocket device = UnixSocket.of(broker.deviceEnd().duplicate())) {
            device.send(new byte[3]);
            assertFalse(broker.serve());
        }
    }

    /** Clients are taken as far as there is room for them, held, and brought to a successor, on a channel of its own where need be. */
    @Test
    void clientsAreHeldUntilTheDeviceLetsGo() {
        try (UnixSocket listener = UnixSocket.listen(dir.resolve("v"), 16);
                VsockBroker broker = new VsockBroker(dir.resolve("v"), listener.fd(), STREAMS)) {
            listener.fd().setNonBlocking(true);
            List<UnixSocket> clients = new ArrayList<>();
            for (int i = 0; i < STREAMS.connections() + 2; i++) {
                clients.add(UnixSocket.connect(dir.resolve("v")));
            }
            broker.takeClients();
            assertEquals(STREAMS.connections(), broker.held());
            assertTrue(clients.getLast().receive(1, 1_000_000_000L).endOfFile(), "beyond the limit");
            int first = 0x8000_0001;
            try (UnixSocket device = UnixSocket.of(broker.deviceEnd().duplicate())) {
                UnixSocket.Received client = device.receive(64, 1_000_000_000L);
                assertArrayEquals(message(2, first, 0), client.bytes());
                client.fds().forEach(Fd::close);
                device.send(message(2, first, 0));
                assertTrue(broker.serve());
                assertTrue(clients.getFirst().receive(1, 1_000_000_000L).endOfFile(), "let go");
                assertEquals(STREAMS.connections() - 1, broker.held());
                device.send(new byte[3]);
                assertFalse(broker.serve());
            }
            broker.renew();
            try (UnixSocket successor = UnixSocket.of(broker.deviceEnd().duplicate())) {
                successor.send(message(3, 99, 0));
                assertTrue(broker.serve());
                for (int i = 1; i < STREAMS.connections(); i++) {
                    UnixSocket.Received held = successor.receive(64, 1_000_000_000L);
                    assertArrayEquals(message(3, first + i, 0), held.bytes());
                    try (UnixSocket stream = UnixSocket.of(held.fds().getFirst())) {
                        stream.send(new byte[] {7});
                    }
                    assertArrayEquals(
                            new byte[] {7},
                            clients.get(i).receive(8, 1_000_000_000L).bytes());
                }
                assertArrayEquals(
                        message(4, 99, 0), successor.receive(64, 1_000_000_000L).bytes());
            }
            clients.forEach(UnixSocket::close);
        }
    }

    /** Of a device that is broken: nobody at the host waits for it, now or later. */
    @Test
    void oneThatIsGivenUpTurnsEverybodyAway() {
        try (UnixSocket listener = UnixSocket.listen(dir.resolve("v"), 16);
                VsockBroker broker = new VsockBroker(dir.resolve("v"), listener.fd(), STREAMS);
                UnixSocket before = UnixSocket.connect(dir.resolve("v"))) {
            listener.fd().setNonBlocking(true);
            broker.takeClients();
            assertEquals(1, broker.held());
            broker.letGoOfAll();
            assertEquals(0, broker.held());
            try (UnixSocket after = UnixSocket.connect(dir.resolve("v"))) {
                broker.turnAwayClients();
                assertTrue(after.receive(1, 1_000_000_000L).endOfFile());
            }
            // He was on his way to the device, which has not read of him.
            assertTrue(before.receive(1, 1_000_000_000L).endOfFile());
        }
    }
}
