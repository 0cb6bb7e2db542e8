package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Clock;
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

    /** Requests answered in each period: 2000 a second. Who asks faster waits, or he would keep the supervisor busy. */
    static final int PER_PERIOD = 200;

    private static final long PERIOD_NS = 100_000_000L;

    /** More than the socket's buffer holds. */
    private static final int MOST_FORGOTTEN = 65_536;

    private final String path;
    private final VsockConnectServer server;
    private int left = PER_PERIOD;
    private long periodEndNs = Clock.monotonicNs() + PERIOD_NS;

    VsockBroker(Path path, UnixSocket socket) {
        this.path = path + "_";
        this.server = new VsockConnectServer(socket);
    }

    /** Readable when the process asks. */
    public Fd fd() {
        return server.fd();
    }

    /** For how long nothing is answered any more, because too much was asked; 0 when that is not so. */
    public long deafForNs(long nowNs) {
        return left > 0 ? 0 : Math.max(0, periodEndNs - nowNs);
    }

    /**
     * Answers what was asked, unless it is deaf.
     *
     * @return false when the process has broken the protocol, or is gone
     */
    public boolean serve() {
        for (int n = 0; n < AT_ONCE && mayAnswer(); n++) {
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

    /** Takes away what a process has asked for that is dead now. */
    public void forget() {
        for (int n = 0; n < MOST_FORGOTTEN; n++) {
            switch (server.next()) {
                case REQUEST, VIOLATION -> {} // Nobody waits for an answer.
                case NONE, CLOSED -> {
                    return;
                }
            }
        }
    }

    private void answer(int id, Path place) {
        left--;
        try (UnixSocket stream = UnixSocket.connectNow(place)) {
            server.accept(id, stream.fd());
        } catch (SysException e) {
            server.refuse(id, e.errno());
        }
    }

    private boolean mayAnswer() {
        long now = Clock.monotonicNs();
        if (now - periodEndNs >= 0) {
            periodEndNs = now + PERIOD_NS;
            left = PER_PERIOD;
        }
        return left > 0;
    }

    @Override
    public void close() {
        server.close();
    }
}
