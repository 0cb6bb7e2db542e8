package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a vsock's process has of the host, for one life of the machine: takes clients at the listening socket, connects the guest to the
 * host's unix sockets (port N of the host is whoever listens at {@code PATH_N}; the process, which can reach no path, asks, and can name a
 * port and nothing else), and holds every socket until the process says that its connection has ended, so that connections survive it. One
 * thread, which never waits here.
 */
public final class VsockBroker implements AutoCloseable {
    /** Answered at one go; what is left waits in the socket. */
    static final int AT_ONCE = 32;

    /** Messages answered in each period: 4000 a second. Who asks faster waits, or he would keep the supervisor busy. */
    static final int PER_PERIOD = 400;

    private static final long PERIOD_NS = 100_000_000L;

    /** How long clients wait where the host has no room for another descriptor. */
    private static final long PAUSE_NS = 100_000_000L;

    private final String path;
    private final @Nullable Fd listener;
    private final MemFd streams;
    private final VsockConnectServer server;
    private UnixSocket deviceEnd;
    private int left = PER_PERIOD;
    private long periodEndNs = Clock.monotonicNs() + PERIOD_NS;
    private long pausedUntilNs;

    /**
     * @param listener where clients come; it stays the caller's
     * @param streams what connections have in the device's memory: the device's and its successors'
     */
    VsockBroker(Path path, @Nullable Fd listener, VsockStreamsLayout streams) {
        this.path = path + "_";
        this.listener = listener;
        this.streams = MemFd.createSealed("vsock-streams", streams.totalBytes());
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        this.server = new VsockConnectServer(pair.left(), streams.connections());
        this.deviceEnd = pair.right();
    }

    /** Readable when the process asks; writable when {@link #pending} can go on. Another one after {@link #renew}. */
    public Fd fd() {
        return server.fd();
    }

    /** The process's end. */
    Fd deviceEnd() {
        return deviceEnd.fd();
    }

    /** The connections' memory. */
    Fd streams() {
        return streams.fd();
    }

    /** Readable when a client waits; null when none can come. */
    public @Nullable Fd listener() {
        return listener;
    }

    /** Connections held. */
    public int held() {
        return server.held();
    }

    /** The process has broken the protocol and is replaced: its successor gets a channel of its own. What is held stays. */
    public void renew() {
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        server.renew(pair.left());
        deviceEnd.close();
        deviceEnd = pair.right();
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
                case REQUEST -> {
                    left--;
                    answer(server.id(), Path.of(path + Integer.toUnsignedString(server.port())));
                }
                case DONE -> left--;
                case VIOLATION, CLOSED -> {
                    return false;
                }
            }
        }
        return true;
    }

    private void answer(int id, Path place) {
        if (server.answered(id)) {
            server.acceptAgain(id);
            return;
        }
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

    /** Whether something waits for room in the channel. */
    public boolean pending() {
        return server.pending();
    }

    /** Sends it, as far as there is room. */
    public void flush() {
        server.flush();
    }

    /** For how long clients are left waiting, for want of a descriptor; 0 when they are not. */
    public long pausedForNs(long nowNs) {
        return Math.max(0, pausedUntilNs - nowNs);
    }

    /** Takes clients, a bounded number; one beyond the device's connections is closed. */
    public void takeClients() {
        Fd from = listener;
        for (int n = 0; n < AT_ONCE && from != null; n++) {
            long client = SocketIo.accept(from.number());
            if (Syscall.isError(client)) {
                boolean nobody = Errno.EAGAIN.is(client) || Errno.EINTR.is(client) || Errno.ECONNABORTED.is(client);
                pausedUntilNs = nobody ? 0 : Clock.monotonicNs() + PAUSE_NS;
                return;
            }
            Fd socket = Fd.of((int) client);
            if (server.full()) {
                socket.close();
            } else {
                server.client(socket);
            }
        }
    }

    @Override
    public void close() {
        server.close();
        deviceEnd.close();
        streams.close();
    }
}
