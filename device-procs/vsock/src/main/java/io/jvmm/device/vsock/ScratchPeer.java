package io.jvmm.device.vsock;

import io.jvmm.device.api.Backend;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Supervisor and host of a scratch machine, within the warm-up of the process itself: connects the guest to any port but 0 and
 * sends back what it is sent, on one connection at a time; asked for {@link #CLIENT_PORT} it refuses and comes as a client itself.
 * Never part of a device that serves.
 */
final class ScratchPeer implements Backend {

    static final int REFUSED_PORT = 0;
    static final int CLIENT_PORT = 1;

    private static final int BUFFER_BYTES = 4096;
    private static final int MOST_HELD = 64;
    private static final byte[] LINE = "CONNECT 1024\n".getBytes(StandardCharsets.US_ASCII);

    private final VsockConnectServer server;
    private final SocketIo io = new SocketIo();
    private final MemorySegment bytes = Arena.ofAuto().allocate(BUFFER_BYTES);
    private @Nullable UnixSocket stream;

    ScratchPeer(Fd supervisorEnd) {
        this.server = new VsockConnectServer(UnixSocket.of(supervisorEnd), MOST_HELD);
    }

    @Override
    public int port() {
        return 1;
    }

    @Override
    public int maxDescriptors() {
        return 0;
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        return false;
    }

    @Override
    public void watch(Poller poller) {}

    @Override
    public void unwatch(Poller poller) {}

    @Override
    public boolean service(Poller poller, long nowNs) {
        return false;
    }

    @Override
    public boolean flush(long nowNs) {
        return false;
    }

    @Override
    public boolean deliver(long nowNs) {
        if (server.next() == VsockConnectServer.Next.REQUEST) {
            answer();
        }
        UnixSocket open = stream;
        if (open != null) {
            long count = io.receive(open.fd().number(), bytes, 0, BUFFER_BYTES);
            if (count > 0) {
                io.send(open.fd().number(), bytes, 0, count);
            }
        }
        return false;
    }

    private void answer() {
        close();
        if (server.port() == REFUSED_PORT) {
            server.refuse(server.id(), Errno.ECONNREFUSED);
            return;
        }
        UnixSocket.Pair pair = UnixSocket.streamPair();
        if (server.port() == CLIENT_PORT) {
            server.refuse(server.id(), Errno.ECONNREFUSED);
            server.client(pair.left().fd());
            pair.right().send(LINE);
            stream = pair.right();
            return;
        }
        server.accept(server.id(), pair.left().fd());
        pair.left().close();
        stream = pair.right();
    }

    @Override
    public void close() {
        UnixSocket open = stream;
        if (open != null) {
            open.close();
            stream = null;
        }
    }
}
