package io.jvmm.device.api;

import io.jvmm.ipc.stream.PortStreamLayout;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A port behind a socket with everybody around it, within the warm-up: a client comes, what it says comes back to it, it goes, and another
 * process takes over. So that a device whose scratch machine has no sockets has used all of it before its jail closes.
 */
public final class SocketExercise {
    private static final int TURNS = 40;
    private static final int BYTES = 100;

    private SocketExercise() {}

    /** Plays it once. */
    public static void run() {
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        Echo core = new Echo();
        try (VsockConnectServer supervisor = new VsockConnectServer(pair.left(), 1);
                MemFd memory = MemFd.createSealed("port-stream", PortStreamLayout.TOTAL_BYTES)) {
            for (int process = 0; process < 2; process++) {
                play(supervisor, pair.right().fd(), PortStream.in(memory.fd().duplicate(), process == 0), core);
            }
        } finally {
            pair.right().close();
        }
    }

    private static void play(VsockConnectServer supervisor, Fd connect, PortStream stream, Echo core) {
        Poller poller = new Poller(Backend.MAX_DESCRIPTORS);
        SocketBackend port = new SocketBackend(0, core, core, connect, stream, InputFilter.NONE);
        port.attach(poller, 0);
        UnixSocket.Pair pair = UnixSocket.streamPair();
        MemorySegment bytes = Arena.ofAuto().allocate(BYTES);
        SocketIo io = new SocketIo();
        supervisor.client(pair.left().fd());
        for (int turn = 0; turn < TURNS; turn++) {
            while (supervisor.next() == VsockConnectServer.Next.DONE) {
                // RESUME, or CLOSED
            }
            if (turn == TURNS - 4) {
                pair.right().close();
            } else if (turn < TURNS - 4) {
                io.send(pair.right().fd().number(), bytes, 0, BYTES);
                io.receive(pair.right().fd().number(), bytes, 0, BYTES);
            }
            port.deliver(turn);
            port.flush(turn);
            port.committed();
            port.watch(poller);
            poller.await(0);
            port.service(poller, turn);
            port.committed();
        }
        port.settle(TURNS, 0);
        port.unwatch(poller);
        port.close();
    }

    /** Gives back what it gets. */
    private static final class Echo implements HostPorts, HostEvents {
        private final byte[] kept = new byte[StreamBackend.CHUNK_BYTES];
        private int count;
        private long in;
        private long out;

        @Override
        public int hostInputRoom(int port) {
            return kept.length - count;
        }

        @Override
        public int hostInput(int port, DirectBuffer bytes, int offset, int lengthBytes, long nowNs) {
            int taken = Math.min(lengthBytes, hostInputRoom(port));
            bytes.getBytes(offset, kept, count, taken);
            count += taken;
            return taken;
        }

        @Override
        public int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
            int shown = Math.min(count, limitBytes);
            into.putBytes(offset, kept, 0, shown);
            return shown;
        }

        @Override
        public void hostOutputDone(int port, int done, long nowNs) {
            System.arraycopy(kept, done, kept, 0, count - done);
            count -= done;
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
}
