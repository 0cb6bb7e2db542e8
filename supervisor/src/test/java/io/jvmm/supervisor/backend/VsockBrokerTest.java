package io.jvmm.supervisor.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.UnixSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The connect channel as PROTOCOL.md has it; the test speaks for the device. */
class VsockBrokerTest {
    @TempDir
    Path dir;

    private static byte[] two(int id, int number) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(id)
                .putInt(number)
                .array();
    }

    @Test
    void whoListensAtThePortIsConnected() {
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        try (UnixSocket device = pair.right();
                VsockBroker broker = new VsockBroker(dir.resolve("v"), pair.left());
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
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        try (UnixSocket device = pair.right();
                VsockBroker broker = new VsockBroker(dir.resolve("v"), pair.left())) {
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
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        try (UnixSocket device = pair.right();
                VsockBroker broker = new VsockBroker(dir.resolve("v"), pair.left());
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
                                        .getInt(4)
                                == Errno.EAGAIN.number()
                        ? 1
                        : 0;
                reply.fds().forEach(io.jvmm.ipc.sys.Fd::close);
            }
            assertTrue(refused > 0, "nobody was refused");
        }
    }

    /** However fast it asks, the supervisor's time is bounded; what it has asked waits and is answered. */
    @Test
    void whoAsksTooMuchWaits() throws Exception {
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        try (UnixSocket device = pair.right();
                VsockBroker broker = new VsockBroker(dir.resolve("v"), pair.left())) {
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
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        try (UnixSocket device = pair.right();
                VsockBroker broker = new VsockBroker(dir.resolve("v"), pair.left())) {
            device.send(new byte[3]);
            assertFalse(broker.serve());
        }
    }
}
