package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import java.nio.file.Path;

/**
 * Connects a guest to the host's unix sockets: port N of the host is whoever listens at {@code PATH_N}. The vsock process, which
 * can reach no path, asks; it can name a port and nothing else. One thread, which never waits here.
 */
public final class VsockBroker implements AutoCloseable {
    /** Answered at one go; what is left waits in the socket. */
    static final int AT_ONCE = 32;

    /** Connections a second, in the long run; as many at once. */
    static final int PER_SECOND = 2000;

    private static final long NS_PER_SECOND = 1_000_000_000L;

    private final String path;
    private final VsockConnectServer server;
    private int left = PER_SECOND;
    private long sinceNs = Clock.monotonicNs();

    VsockBroker(Path path, UnixSocket socket) {
        this.path = path + "_";
        this.server = new VsockConnectServer(socket);
    }

    /** Readable when the process asks. */
    public Fd fd() {
        return server.fd();
    }

    /**
     * Answers what was asked.
     *
     * @return false when the process has broken the protocol, or is gone
     */
    public boolean serve() {
        for (int n = 0; n < AT_ONCE; n++) {
            switch (server.next()) {
                case NONE -> {
                    return true;
                }
                case REQUEST -> answer(server.id(), Path.of(path + Integer.toUnsignedString(server.port())));
                case VIOLATION, CLOSED -> {
                    return false;
                }
            }
        }
        return true;
    }

    private void answer(int id, Path place) {
        if (!may()) {
            server.refuse(id, Errno.EAGAIN);
            return;
        }
        try (UnixSocket stream = UnixSocket.connectNow(place)) {
            server.accept(id, stream.fd());
        } catch (SysException e) {
            server.refuse(id, e.errno());
        }
    }

    private boolean may() {
        long now = Clock.monotonicNs();
        if (now - sinceNs >= NS_PER_SECOND) {
            sinceNs = now;
            left = PER_SECOND;
        }
        return left-- > 0;
    }

    @Override
    public void close() {
        server.close();
    }
}
