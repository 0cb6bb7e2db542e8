package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Packets, connections and their ends: the device, its sockets and the queues allocate nothing. */
@Timeout(120)
class AllocationTest {
    private static final int PORT = 52;
    private static final int GUEST_PORT = 1024;
    private static final int RX_BYTES = 44 + 4096;
    private static final int CLIENTS_OF_A_WINDOW = 25;
    /** One window to warm up and at most ten that count. */
    private static final int CLIENTS = 11 * CLIENTS_OF_A_WINDOW;

    /** A driver with two buffers of its own, which it uses again and again. */
    private static final class Raw {
        private final VsockBench bench;
        private final GuestMemory memory;
        private final long[] tx = new long[1];
        private final int[] txLength = new int[1];
        private final long[] rx = new long[1];
        private final int[] rxLength = {RX_BYTES};
        private int guestPort = GUEST_PORT;
        private int hostPort = PORT;

        Raw(VsockBench bench) {
            this.bench = bench;
            this.memory = bench.rig.memory();
            tx[0] = memory.lengthBytes() - (1 << 20);
            rx[0] = tx[0] + (1 << 16);
        }

        void send(int op, int flags, int dataBytes, int taken) {
            long at = tx[0];
            memory.put64(at, VsockBench.CID);
            memory.put64(at + 8, 2);
            memory.put32(at + 16, guestPort);
            memory.put32(at + 20, hostPort);
            memory.put32(at + 24, dataBytes);
            memory.put16(at + 28, (short) 1);
            memory.put16(at + 30, (short) op);
            memory.put32(at + 32, flags);
            memory.put32(at + 36, 1 << 16);
            memory.put32(at + 40, taken);
            txLength[0] = 44 + dataBytes;
            RigQueue queue = bench.driver.queue(VsockBench.TX);
            queue.offerRaw(tx, txLength, 1, 1);
            queue.kick();
            bench.rig.settle();
            while (queue.reapRaw() >= 0) {
                // ours again
            }
        }

        void offer() {
            bench.driver.queue(VsockBench.RX).offerRaw(rx, rxLength, 0, 1);
            bench.driver.queue(VsockBench.RX).kick();
        }

        int receive() {
            bench.rig.settle();
            if (bench.driver.queue(VsockBench.RX).reapRaw() < 0) {
                return -1;
            }
            int op = memory.get16(rx[0] + 30, (short) 0);
            hostPort = memory.get32(rx[0] + 16, 0);
            guestPort = memory.get32(rx[0] + 20, 0);
            offer();
            return op;
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {RigDriver.F_EVENT_IDX, VsockBench.ALL})
    void dataBothWays(long features) {
        try (VsockBench bench = new VsockBench()) {
            int[] packets = new int[1];
            Allocations.assertNone("a packet there and one back", thereAndBack(bench, features, packets));
            assertTrue(packets[0] > 10_000);
            assertEquals(0, bench.rig.guestErrors());
        }
    }

    /** A packet of 1000 bytes for the host, and one back. */
    static Runnable thereAndBack(VsockBench bench, long features, int[] packets) {
        bench.driver.setUp(features);
        bench.settleHost();
        bench.listen(PORT);
        Raw raw = new Raw(bench);
        raw.offer();
        raw.send(Packet.REQUEST, 0, 0, 0);
        bench.settleHost();
        assertEquals(Packet.RESPONSE, raw.receive());
        HostEnd host = bench.accept(PORT);
        int[] taken = new int[1];
        return () -> {
            raw.send(Packet.RW, 0, 1000, taken[0]);
            taken[0] += host.echo(1000);
            for (int op = raw.receive(); op >= 0; op = raw.receive()) {
                packets[0]++;
            }
        };
    }

    /** The host's side is the test's and allocates; the device must not. So it is refused connections that are counted. */
    @ParameterizedTest
    @ValueSource(longs = {RigDriver.F_EVENT_IDX, VsockBench.ALL})
    void connectionsThatAreRefused(long features) {
        try (VsockBench bench = new VsockBench()) {
            bench.driver.setUp(features);
            bench.settleHost();
            Raw raw = new Raw(bench);
            raw.offer();
            int[] refused = new int[1];
            Allocations.assertNone("a connection that is refused", () -> {
                raw.send(Packet.REQUEST, 0, 0, 0);
                bench.refuse();
                refused[0] += raw.receive() == Packet.RST ? 1 : 0;
                raw.send(Packet.RW, 0, 10, 0);
                refused[0] += raw.receive() == Packet.RST ? 1 : 0;
            });
            assertTrue(refused[0] > 20_000);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {RigDriver.F_EVENT_IDX, VsockBench.ALL})
    void connectionsThatAreMade(long features) {
        try (VsockBench bench = new VsockBench()) {
            bench.driver.setUp(features);
            bench.settleHost();
            Raw raw = new Raw(bench);
            raw.offer();
            int[] made = new int[1];
            Allocations.assertNone("a connection from beginning to end", () -> {
                raw.send(Packet.REQUEST, 0, 0, 0);
                bench.acceptOverAndOver();
                made[0] += raw.receive() == Packet.RESPONSE ? 1 : 0;
                raw.send(Packet.RW, 0, 100, 0);
                raw.send(Packet.SHUTDOWN, Packet.RCV | Packet.SEND, 0, 0);
                made[0] += raw.receive() == Packet.RST ? 1 : 0;
                bench.drainOverAndOver();
            });
            assertTrue(made[0] > 20_000, "made " + made[0]);
            assertEquals(0, bench.rig.guestErrors());
        }
    }

    /** Clients of the host: their line, the guest's answer, the end. Their sockets are made beforehand, which is the test's business. */
    @ParameterizedTest
    @ValueSource(longs = {RigDriver.F_EVENT_IDX, VsockBench.ALL})
    void clientsOfTheHost(long features) {
        try (VsockBench bench = new VsockBench()) {
            bench.driver.setUp(features);
            bench.settleHost();
            Raw raw = new Raw(bench);
            raw.offer();
            int[] sockets = new int[CLIENTS];
            List<HostEnd> ends = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                UnixSocket.Pair pair = UnixSocket.streamPair();
                pair.left().fd().setNonBlocking(true);
                pair.right().fd().setNonBlocking(true);
                sockets[i] = pair.left().fd().release();
                ends.add(new HostEnd(pair.right()));
                ends.getLast().write("CONNECT 77\n");
            }
            UnixHostSide host = (UnixHostSide) bench.rig.backends().getFirst();
            int[] count = new int[2];
            Allocations.assertNoneIn("clients of the host", () -> {
                for (int i = 0; i < CLIENTS_OF_A_WINDOW; i++) {
                    host.client(0, sockets[count[0]++], bench.rig.nowNs());
                    count[1] += raw.receive() == Packet.REQUEST ? 1 : 0;
                    raw.send(Packet.RESPONSE, 0, 0, 0);
                    raw.send(Packet.RW, 0, 100, 0);
                    raw.send(Packet.SHUTDOWN, Packet.RCV | Packet.SEND, 0, 0);
                    count[1] += raw.receive() == Packet.RST ? 1 : 0;
                }
            });
            assertEquals(2 * count[0], count[1]);
            assertEquals(100 + "OK 1073741824\n".length(), ends.getFirst().read(0x1000).length);
            assertEquals(0, bench.rig.guestErrors());
            for (int i = count[0]; i < CLIENTS; i++) {
                SocketIo.close(sockets[i]);
            }
            ends.forEach(HostEnd::close);
        }
    }
}
