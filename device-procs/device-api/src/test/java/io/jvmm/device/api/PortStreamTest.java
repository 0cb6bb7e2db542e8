package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.stream.PortStreamLayout;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A port's stream memory as a stranger may have left it, and that moving bytes through it allocates nothing. */
@Timeout(60)
class PortStreamTest implements HostEvents, HostPorts {
    private static final int CHUNK = 64;

    private final MemFd memory = MemFd.createSealed("port-stream", PortStreamLayout.TOTAL_BYTES);
    private final Mapping mapping = memory.map();
    private final UnsafeBuffer header = mapping.buffer(0, PortStreamLayout.HEADER_BYTES);
    private final UnixSocket.Pair channel = UnixSocket.seqPacketPair();
    private final VsockConnectServer supervisor = new VsockConnectServer(channel.left(), 1);
    private final MemorySegment bytes = Arena.ofAuto().allocate(CHUNK);
    private final SocketIo io = new SocketIo();
    private long in;
    private long out;
    private int echo;

    @AfterEach
    void close() {
        mapping.close();
        memory.close();
        supervisor.close();
        channel.right().close();
    }

    private PortStream adopt(boolean anew) {
        return PortStream.in(memory.fd().duplicate(), anew);
    }

    @Test
    void whatCannotBeIsRefusedByName() {
        adopt(false).close();
        refused(PortStreamLayout.MAGIC_AT, 5, "magic");
        refused(PortStreamLayout.VERSION_AT, 2, "version");
        refused(PortStreamLayout.TAKEN_AT, 2, "taken");
        refused(PortStreamLayout.TAKEN_AT, -1, "taken");
        refused(PortStreamLayout.GIVEN_AT, 0, "given");
        refused(PortStreamLayout.GIVEN_AT, PortStreamLayout.OUT_BYTES + 2L, "given");
        int call = PortStreamLayout.FIRST_CALL + PortStreamLayout.CALL_BYTES + PortStreamLayout.POSITION;
        refused(PortStreamLayout.IN_CALLS_AT + call, 0, "input's calls");
        refused(PortStreamLayout.OUT_CALLS_AT + call, Long.MAX_VALUE, "output's calls");
        adopt(false).close();
    }

    /** And who begins anew is not kept from it by what was there. */
    private void refused(int at, long value, String what) {
        long before = header.getLong(at);
        header.putLong(at, value);
        StateRejectedException e = assertThrows(StateRejectedException.class, () -> adopt(false));
        assertEquals("port stream: " + what + " cannot be", e.getMessage());
        byte[] all = new byte[PortStreamLayout.HEADER_BYTES];
        header.getBytes(0, all);
        PortStream wiped = adopt(true);
        assertTrue(wiped.blank());
        assertEquals(PortStreamLayout.FIRST_POSITION, wiped.received());
        wiped.close();
        header.putBytes(0, all);
        header.putLong(at, before);
    }

    @Test
    void anotherMemoryIsRefused() {
        try (MemFd small = MemFd.createSealed("port-stream", 4096)) {
            assertThrows(
                    StateRejectedException.class, () -> PortStream.in(small.fd().duplicate(), true));
        }
    }

    /** Whatever is in it, it is refused or does no harm. */
    @Test
    void noMemoryHurts() {
        Random random = new Random(TestSeed.next());
        int adopted = 0;
        for (int life = 0; life < 2_000; life++) {
            for (int i = random.nextInt(4); i > 0; i--) {
                int at = random.nextBoolean() ? random.nextInt(80) : 64 + random.nextInt(900);
                header.putByte(at, (byte) (random.nextBoolean() ? random.nextInt() : random.nextInt(3)));
            }
            in = random.nextInt(4) == 0 ? random.nextInt(100) : in;
            out = random.nextInt(4) == 0 ? random.nextInt(100) : out;
            PortStream stream;
            try {
                stream = adopt(false);
            } catch (StateRejectedException e) {
                adopt(true).close();
                in = 0;
                out = 0;
                continue;
            }
            try {
                SocketBackend port =
                        new SocketBackend(0, this, this, channel.right().fd(), stream, InputFilter.NONE);
                Poller poller = new Poller(Backend.MAX_DESCRIPTORS);
                port.attach(poller, 0);
                UnixSocket client = client(port, poller);
                for (int turn = 0; turn < 10; turn++) {
                    io.send(client.fd().number(), bytes, 0, CHUNK);
                    turn(port, poller);
                    io.receive(client.fd().number(), bytes, 0, CHUNK);
                }
                client.close();
                turn(port, poller);
                turn(port, poller);
                turn(port, poller);
                port.close();
                adopted++;
            } catch (StateRejectedException e) {
                stream.close();
                in = 0;
                out = 0;
            }
        }
        assertTrue(adopted > 100, adopted + " adopted");
    }

    private UnixSocket client(SocketBackend port, Poller poller) {
        turn(port, poller);
        UnixSocket.Pair pair = UnixSocket.streamPair();
        supervisor.client(pair.left().fd());
        turn(port, poller);
        return pair.right();
    }

    private void turn(SocketBackend port, Poller poller) {
        while (supervisor.next() == VsockConnectServer.Next.DONE) {
            // RESUME, CLOSED
        }
        port.flush(0);
        port.deliver(0);
        port.committed();
        port.watch(poller);
        poller.await(0);
        port.service(poller, 0);
        port.committed();
    }

    @Test
    void noAllocation() {
        SocketBackend port = new SocketBackend(0, this, this, channel.right().fd(), adopt(true), InputFilter.NONE);
        Poller poller = new Poller(Backend.MAX_DESCRIPTORS);
        port.attach(poller, 0);
        UnixSocket client = client(port, poller);
        turn(port, poller);
        int socket = client.fd().number();
        echo(port, poller, socket, 20_000);
        Allocations.assertNoneIn("a port's turns", () -> echo(port, poller, socket, 5_000));
        client.close();
        port.close();
    }

    private void echo(SocketBackend port, Poller poller, int socket, int turns) {
        long before = out;
        for (int i = 0; i < turns; i++) {
            io.send(socket, bytes, 0, CHUNK);
            port.flush(0);
            port.deliver(0);
            port.committed();
            port.watch(poller);
            poller.await(0);
            port.service(poller, 0);
            port.committed();
            io.receive(socket, bytes, 0, CHUNK);
        }
        assertTrue(out - before > turns * 8L);
    }

    // ---- a core that gives back what it gets

    @Override
    public int hostInputRoom(int port) {
        return CHUNK - echo;
    }

    @Override
    public int hostInput(int port, DirectBuffer from, int offset, int lengthBytes, long nowNs) {
        int taken = Math.min(lengthBytes, CHUNK - echo);
        echo += taken;
        return taken;
    }

    @Override
    public int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
        return Math.min(echo, limitBytes);
    }

    @Override
    public void hostOutputDone(int port, int count, long nowNs) {
        echo -= count;
    }

    @Override
    public long hostInputPosition(int port) {
        return in;
    }

    @Override
    public long hostOutputPosition(int port) {
        return out;
    }

    @Override
    public void hostPositions(int port, long input, long output) {
        in = input;
        out = output;
    }

    @Override
    public void escape(int port, int what) {}

    @Override
    public void backendLost(int port, int errno) {}
}
