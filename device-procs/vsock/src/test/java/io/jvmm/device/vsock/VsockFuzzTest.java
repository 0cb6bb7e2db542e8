package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Seeded fuzz of chains, registers and states, with a host that echoes and clients that come, talk and go. The
 * longer run: {@code -Djvmm.fuzz.cases=1000000}.
 */
class VsockFuzzTest {
    private static final int GUEST_PORTS = 6;

    /** As the example configuration has them. */
    private static final int CONNECTIONS = 8;

    private static final int BUFFER_BYTES = 8192;

    private final Deque<UnixSocket> clients = new ArrayDeque<>();
    private final SocketIo io = new SocketIo();
    private final MemorySegment bytes = Arena.ofAuto().allocate(4096);

    private @Nullable VsockConnectServer supervisor;
    private @Nullable UnixSocket echo;

    private Map<String, Fd> descriptors() {
        UnixSocket.Pair channel = UnixSocket.seqPacketPair();
        supervisor = new VsockConnectServer(channel.left(), CONNECTIONS);
        return Map.of("0.connect", channel.right().fd(), "0.streams", streams());
    }

    private static Fd streams() {
        VsockStreamsLayout layout = new VsockStreamsLayout(CONNECTIONS, BUFFER_BYTES);
        return MemFd.createSealed("streams", layout.totalBytes()).fd();
    }

    /** The supervisor, and a host that echoes on one connection at a time, at any port but 0. */
    private void supervise() {
        VsockConnectServer server = Objects.requireNonNull(supervisor);
        for (VsockConnectServer.Next next = server.next(); next != VsockConnectServer.Next.NONE; next = server.next()) {
            if (next == VsockConnectServer.Next.REQUEST && server.port() == 0) {
                server.refuse(server.id(), Errno.ECONNREFUSED);
            } else if (next == VsockConnectServer.Next.REQUEST && server.answered(server.id())) {
                server.acceptAgain(server.id());
            } else if (next == VsockConnectServer.Next.REQUEST) {
                UnixSocket.Pair pair = UnixSocket.streamPair();
                server.accept(server.id(), pair.left().fd());
                pair.left().close();
                UnixSocket before = echo;
                if (before != null) {
                    before.close();
                }
                echo = pair.right();
            } else if (next != VsockConnectServer.Next.DONE) {
                throw new AssertionError(next);
            }
        }
        server.flush();
        UnixSocket open = echo;
        if (open != null) {
            long count = io.receive(open.fd().number(), bytes, 0, 4096);
            if (count > 0) {
                io.send(open.fd().number(), bytes, 0, count);
            }
        }
    }

    /** Mostly packets that might be meant, of a few ports, so that connections come about. */
    private byte[] packet(Random random) {
        byte[] data = new byte[random.nextInt(3) == 0 ? random.nextInt(200) : 0];
        random.nextBytes(data);
        int op = random.nextInt(20) == 0 ? random.nextInt(12) : 1 + random.nextInt(7);
        int[] hostPorts = {0, 7, 8, (1 << 30) + random.nextInt(200)};
        return new Packet(
                        3,
                        random.nextInt(60) == 0 ? random.nextLong() : 2,
                        1000 + random.nextInt(GUEST_PORTS),
                        hostPorts[random.nextInt(hostPorts.length)],
                        random.nextInt(20) == 0 ? random.nextInt() : data.length,
                        random.nextInt(60) == 0 ? random.nextInt() : 1,
                        op,
                        random.nextInt(4),
                        random.nextInt(4) == 0 ? random.nextInt() : 1 << 16,
                        random.nextInt(4) == 0 ? random.nextInt() : 0,
                        data)
                .bytes();
    }

    private void hostDoesSomething(Random random) {
        supervise();
        int what = random.nextInt(60);
        VsockConnectServer server = Objects.requireNonNull(supervisor);
        if (what == 0 && clients.size() < 12 && !server.full()) {
            UnixSocket.Pair pair = UnixSocket.streamPair();
            server.client(pair.left().fd());
            UnixSocket client = pair.right();
            clients.add(client);
            say(client, "CONNECT " + (1000 + random.nextInt(GUEST_PORTS)) + "\n");
        } else if (what < 8 && !clients.isEmpty()) {
            UnixSocket client = clients.removeFirst();
            switch (random.nextInt(5)) {
                case 0 -> client.close();
                case 1 -> SocketIo.shutdown(client.fd().number(), random.nextInt(2));
                case 2 -> io.receive(client.fd().number(), bytes, 0, 4096);
                default -> say(client, "x".repeat(random.nextInt(3000)));
            }
            if (client.fd().isOpen()) {
                clients.add(client);
            }
        }
    }

    private void say(UnixSocket client, String text) {
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        bytes.copyFrom(MemorySegment.ofArray(ascii));
        io.send(client.fd().number(), bytes, 0, ascii.length);
    }

    @Test
    void chainsAndRegisters() {
        fuzz(5, false, 20_000);
        fuzz(System.nanoTime(), false, ChainFuzz.cases(20_000));
    }

    @Test
    void memoryThatChanges() {
        fuzz(System.nanoTime(), true, ChainFuzz.cases(5_000));
    }

    void fuzz(long seed, boolean meddled, int cases) {
        Map<String, Fd> descriptors = descriptors();
        ChainFuzz fuzz = new ChainFuzz(new VsockFactory(), Map.of(), descriptors, seed).with((queue, random) -> {
            hostDoesSomething(random);
            return packet(random);
        });
        System.out.println((meddled ? fuzz.meddled() : fuzz).run(cases));
        clients.forEach(UnixSocket::close);
        clients.clear();
        descriptors.values().forEach(Fd::close);
        Objects.requireNonNull(supervisor).close();
    }

    @Test
    void forgedStates() {
        Map<String, Fd> descriptors = descriptors();
        int refused = ChainFuzz.states(new VsockFactory(), Map.of(), descriptors, System.nanoTime(), 200);
        assertTrue(refused > 0);
        descriptors.values().forEach(Fd::close);
    }
}
