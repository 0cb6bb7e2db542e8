package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectClient;
import io.jvmm.ipc.vsock.VsockConnectServer;
import org.jspecify.annotations.Nullable;

/**
 * What a device's process has of the host's unix sockets: takes clients at the listening socket, hands them over, and holds a duplicate of
 * every socket until the process says that it is done with it, so that connections survive it; and the memory in which the process keeps
 * how far it has got. One thread, which never waits here.
 */
public abstract sealed class SocketBroker implements AutoCloseable permits VsockBroker, StreamBroker {
    /** Answered at one go; what is left waits in the socket. */
    static final int AT_ONCE = 32;

    /** Messages answered in each period: 4000 a second. Who asks faster waits, or he would keep the supervisor busy. */
    static final int PER_PERIOD = 400;

    private static final long PERIOD_NS = 100_000_000L;

    /** How long clients wait where the host has no room for another descriptor. */
    private static final long PAUSE_NS = 100_000_000L;

    final VsockConnectServer server;

    private final @Nullable Fd listener;
    private final MemFd streams;
    private UnixSocket deviceEnd;
    private int left = PER_PERIOD;
    private long periodEndNs = Clock.monotonicNs() + PERIOD_NS;
    private long pausedUntilNs;

    /**
     * @param listener where clients come; it stays the caller's
     * @param mostHeld most sockets at a time
     * @param memory what the process calls its memory, and how long that is
     */
    SocketBroker(@Nullable Fd listener, int mostHeld, String memory, long memoryBytes) {
        this.listener = listener;
        this.streams = MemFd.createSealed(memory, memoryBytes);
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        this.server = new VsockConnectServer(pair.left(), mostHeld);
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

    /** The process's memory. */
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
                    if (!answer(server.id(), server.port())) {
                        return false;
                    }
                }
                case DONE -> left--;
                case VIOLATION, CLOSED -> {
                    return false;
                }
            }
        }
        return true;
    }

    /** Answers a request for a connection; false when this process must not ask for one. */
    abstract boolean answer(int id, int port);

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

    /** Whether a client who comes now is to be taken; otherwise he waits in the kernel's queue. */
    public abstract boolean wantsClients();

    /** Takes clients, a bounded number. */
    public void takeClients() {
        clients(false);
    }

    /** The device is broken for good: whoever is connected, or on his way to it in a message that nobody has read, learns that it is over. */
    public void letGoOfAll() {
        server.letGoOfAll();
        VsockConnectClient unread = new VsockConnectClient(deviceEnd(), new SocketIo());
        while (unread.next()) {
            int descriptor = unread.takeDescriptor();
            if (descriptor != SocketIo.NO_DESCRIPTOR) {
                SocketIo.close(descriptor);
            }
        }
    }

    /** Closes the connections of clients who come, a bounded number: there is no device for them any more. */
    public void turnAwayClients() {
        clients(true);
    }

    private void clients(boolean turnAway) {
        Fd from = listener;
        for (int n = 0; n < AT_ONCE && from != null && (turnAway || wantsClients()); n++) {
            long client = SocketIo.accept(from.number());
            if (Syscall.isError(client)) {
                boolean nobody = Errno.EAGAIN.is(client) || Errno.EINTR.is(client) || Errno.ECONNABORTED.is(client);
                pausedUntilNs = nobody ? 0 : Clock.monotonicNs() + PAUSE_NS;
                return;
            }
            Fd socket = Fd.of((int) client);
            if (turnAway || server.full()) {
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
