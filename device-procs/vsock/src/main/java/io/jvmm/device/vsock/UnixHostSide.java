package io.jvmm.device.vsock;

import io.jvmm.device.api.AcceptPause;
import io.jvmm.device.api.Backend;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.vsock.Connection.State;
import io.jvmm.ipc.sys.Epoll;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.vsock.VsockConnectClient;
import io.jvmm.ipc.vsock.VsockConnectLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The sockets of one function: the one that listens for clients of the host, the channel over which the supervisor connects for
 * the guest, and one stream for each connection, all in one epoll. See {@link HostSide} and {@link Backend}.
 *
 * <p>Streams are watched for changes (edge-triggered), so a guest without buffers or credit costs nothing, and a connection takes
 * one {@code epoll_ctl} when it begins and one when it ends.
 */
final class UnixHostSide implements HostSide, Backend {

    private static final int MOST_EVENTS = 64;
    private static final int MOST_ACCEPTS = 16;
    private static final int MOST_ANSWERS = 64;
    private static final long LISTENER = -1;
    private static final long CONNECTOR = -2;

    private final int function;
    private final Switchboard switchboard;
    private final HostEvents events;
    private final Epoll epoll = new Epoll(MOST_EVENTS);
    private final SocketIo io = new SocketIo();
    private final @Nullable Fd listener;
    private final @Nullable VsockConnectClient connector;
    private final MemorySegment lines;
    private final AcceptPause pause;
    private final IntToLongFunction acceptor;
    private int index;
    private int unanswered;
    private @Nullable Connection firstToAsk;
    private @Nullable Connection lastToAsk;

    /**
     * @param listener listens; becomes non-blocking here; null: no client of the host ever comes
     * @param connect the connect channel; null: the guest reaches nobody
     * @param acceptor {@link SocketIo#accept}
     */
    UnixHostSide(
            int function,
            Switchboard switchboard,
            HostEvents events,
            @Nullable Fd listener,
            @Nullable Fd connect,
            IntToLongFunction acceptor) {
        this.function = function;
        this.switchboard = switchboard;
        this.events = events;
        this.pause = new AcceptPause("function " + function, events);
        this.acceptor = acceptor;
        this.listener = listener;
        this.connector = connect == null ? null : new VsockConnectClient(connect, io);
        this.lines = Arena.ofAuto().allocate((long) switchboard.table().capacity() * ConnectLine.MAX_BYTES, Long.BYTES);
        if (listener != null) {
            listener.setNonBlocking(true);
            Syscall.check("watch listener", epoll.add(listener.number(), Epoll.READABLE, LISTENER));
        }
        if (connect != null) {
            Syscall.check("watch connect channel", epoll.add(connect.number(), Epoll.READABLE, CONNECTOR));
        }
        switchboard.host(this);
    }

    // ---- Backend

    @Override
    public int port() {
        return function;
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        index = poller.add(epoll.fd(), 0);
        poller.ignore(index);
        return false;
    }

    @Override
    public void watch(Poller poller) {
        poller.watch(index, epoll.fd(), Poller.READABLE);
    }

    @Override
    public void unwatch(Poller poller) {
        poller.ignore(index);
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        boolean again = pause.ends(nowNs);
        Fd from = listener;
        if (again && from != null) {
            epoll.change(from.number(), Epoll.READABLE, LISTENER);
        }
        boolean happened = poller.isReady(index, Poller.READABLE) && service(nowNs);
        return happened || again;
    }

    @Override
    public int maxDescriptors() {
        return 1;
    }

    @Override
    public long nextDeadlineNs() {
        return pause.nextDeadlineNs();
    }

    @Override
    public boolean flush(long nowNs) {
        return false;
    }

    @Override
    public boolean deliver(long nowNs) {
        return false;
    }

    /** Takes a bounded number of events; whether there were any. */
    boolean service(long nowNs) {
        int count = epoll.poll();
        for (int i = 0; i < count; i++) {
            long data = epoll.data(i);
            if (data == LISTENER) {
                acceptClients(nowNs);
            } else if (data == CONNECTOR) {
                takeAnswers();
            } else {
                Connection connection = switchboard.table().slot((int) data);
                if (connection.generation == (int) (data >>> Integer.SIZE)) {
                    happened(connection, epoll.events(i), nowNs);
                }
            }
        }
        return count > 0;
    }

    private void happened(Connection connection, int what, long nowNs) {
        if (connection.state == State.HANDSHAKE) {
            readLine(connection, nowNs);
            return;
        }
        if ((what & Epoll.WRITABLE) != 0) {
            switchboard.writable(connection, nowNs);
        }
        if (connection.socket == Connection.NO_SOCKET) {
            return;
        }
        if ((what & Epoll.HANG_UP) != 0) {
            switchboard.hungUp(connection);
        } else if ((what & (Epoll.READABLE | Epoll.PEER_CLOSED | Epoll.ERROR)) != 0) {
            switchboard.readable(connection);
        }
    }

    private static long data(Connection connection) {
        return ((long) connection.generation << Integer.SIZE) | connection.slot;
    }

    private long add(Connection connection) {
        return epoll.add(connection.socket, Epoll.READABLE | Epoll.PEER_CLOSED | Epoll.EDGE, data(connection));
    }

    // ---- clients

    private void acceptClients(long nowNs) {
        Fd from = listener;
        for (int i = 0; i < MOST_ACCEPTS && from != null; i++) {
            long socket = acceptor.applyAsLong(from.number());
            if (socket < 0) {
                if (pause.begins(socket, nowNs)) {
                    epoll.change(from.number(), 0, LISTENER);
                }
                return;
            }
            client((int) socket, nowNs);
        }
    }

    /** A client of the host has come. */
    void client(int socket, long nowNs) {
        Connection connection = switchboard.accepted(socket, nowNs);
        if (connection == null) {
            SocketIo.close(socket); // as Firecracker does
        } else if (Syscall.isError(add(connection))) {
            switchboard.free(connection);
        }
    }

    /** Reads the client's line, and not a byte behind it: what follows is for the guest. */
    private void readLine(Connection connection, long nowNs) {
        long base = (long) connection.slot * ConnectLine.MAX_BYTES;
        while (connection.lineLength < ConnectLine.MAX_BYTES) {
            int at = connection.lineLength;
            int wanted = Math.max(1, ConnectLine.MIN_BYTES - at);
            long result = io.receive(connection.socket, lines, base + at, wanted);
            if (Errno.EAGAIN.is(result)) {
                return;
            }
            if (result <= 0) {
                break;
            }
            connection.lineLength += (int) result;
            if (connection.lineLength >= ConnectLine.MIN_BYTES
                    && lines.get(ValueLayout.JAVA_BYTE, base + connection.lineLength - 1) == '\n') {
                long port = ConnectLine.parse(lines, base, connection.lineLength);
                if (port == ConnectLine.INVALID) {
                    break;
                }
                switchboard.open(connection, (int) port, nowNs);
                return;
            }
        }
        switchboard.free(connection);
    }

    // ---- the connect channel

    @Override
    public boolean connect(Connection connection) {
        VsockConnectClient channel = connector;
        if (channel == null || channel.closed()) {
            return false;
        }
        Connection last = lastToAsk;
        if (last == null) {
            firstToAsk = connection;
        } else {
            last.nextToAsk = connection;
        }
        lastToAsk = connection;
        connection.nextToAsk = null;
        ask();
        return true;
    }

    /** Asks for those who wait, as many as the protocol allows. */
    private void ask() {
        Connection connection = firstToAsk;
        VsockConnectClient channel = connector;
        while (connection != null
                && channel != null
                && unanswered < VsockConnectLayout.MAX_OUTSTANDING
                && channel.ask(id(connection), connection.hostPort)) {
            unanswered++;
            connection.asked = true;
            firstToAsk = connection.nextToAsk;
            if (firstToAsk == null) {
                lastToAsk = null;
            }
            connection.nextToAsk = null;
            connection = firstToAsk;
        }
    }

    @Override
    public void forget(Connection connection) {
        if (connection.asked) {
            return; // the answer is known by its number to be nobody's
        }
        Connection before = null;
        Connection at = firstToAsk;
        while (at != null && at != connection) {
            before = at;
            at = at.nextToAsk;
        }
        if (at == null) {
            return;
        }
        if (before == null) {
            firstToAsk = at.nextToAsk;
        } else {
            before.nextToAsk = at.nextToAsk;
        }
        if (lastToAsk == at) {
            lastToAsk = before;
        }
        at.nextToAsk = null;
    }

    /** A slot, and 16 bits of what makes its use the one that asked. */
    private static int id(Connection connection) {
        return (connection.generation << Short.SIZE) | connection.slot;
    }

    private void takeAnswers() {
        VsockConnectClient channel = connector;
        if (channel == null) {
            return;
        }
        for (int i = 0; i < MOST_ANSWERS && channel.next(); i++) {
            unanswered = Math.max(0, unanswered - 1);
            answer(channel.id(), channel.takeDescriptor());
        }
        if (channel.closed()) {
            lost(channel);
        } else {
            ask();
        }
    }

    private void answer(int id, int socket) {
        int slot = id & 0xFFFF;
        Connection connection =
                slot < switchboard.table().capacity() ? switchboard.table().slot(slot) : null;
        boolean awaited =
                connection != null && connection.state == State.CONNECTING && connection.asked && id(connection) == id;
        if (connection == null || !awaited) {
            if (socket != SocketIo.NO_DESCRIPTOR) {
                SocketIo.close(socket);
            }
        } else if (socket == SocketIo.NO_DESCRIPTOR) {
            switchboard.refused(connection);
        } else {
            switchboard.connected(connection, socket);
            if (Syscall.isError(add(connection))) {
                switchboard.kill(connection);
            }
        }
    }

    /** Without the supervisor the guest reaches nobody. */
    private void lost(VsockConnectClient channel) {
        epoll.remove(channel.fd().number());
        events.backendLost(function, Errno.EPIPE.number());
        for (int i = 0; i < switchboard.table().capacity(); i++) {
            Connection connection = switchboard.table().slot(i);
            if (connection.state == State.CONNECTING) {
                switchboard.refused(connection);
            }
        }
    }

    // ---- streams

    @Override
    public long read(Connection connection, IoVector into) {
        return io.receive(connection.socket, into);
    }

    @Override
    public long write(Connection connection, IoVector from) {
        return io.send(connection.socket, from);
    }

    @Override
    public void watchWritable(Connection connection, boolean watched) {
        int always = Epoll.READABLE | Epoll.PEER_CLOSED | Epoll.EDGE;
        epoll.change(connection.socket, watched ? always | Epoll.WRITABLE : always, data(connection));
    }

    @Override
    public void shutdown(Connection connection, int guestShutdown) {
        SocketIo.shutdown(
                connection.socket,
                guestShutdown == VsockHeader.SHUTDOWN_SEND ? SocketIo.SHUT_SENDING : SocketIo.SHUT_RECEIVING);
    }

    @Override
    public void close(Connection connection) {
        epoll.remove(connection.socket);
        SocketIo.close(connection.socket);
    }

    /** As the end of the process would. */
    @Override
    public void close() {
        for (int i = 0; i < switchboard.table().capacity(); i++) {
            int socket = switchboard.table().slot(i).socket;
            if (socket != Connection.NO_SOCKET) {
                SocketIo.close(socket);
            }
        }
        epoll.close();
    }
}
