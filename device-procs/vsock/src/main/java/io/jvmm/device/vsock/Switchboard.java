package io.jvmm.device.vsock;

import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.vsock.Connection.State;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The connections, and everything that can happen to one: what the guest's packets do ({@link FromGuest} calls), what sockets of
 * the host do ({@link HostSide} calls), and what time does. What the guest is to be told is left in the connection, as flags, so
 * nothing is ever lost for want of a receive buffer; {@link ToGuest} makes packets of it.
 *
 * <p>Device thread only; allocates nothing.
 */
final class Switchboard {

    /** {@code VMADDR_CID_HOST}. */
    static final long HOST_CID = 2;

    /** The virtqueues, §5.10.2. */
    static final int RX = 0;

    static final int TX = 1;
    static final int EVENT = 2;

    private final VirtioHost virtio;
    private final VsockState state;
    private final long guestCid;
    private final int bufferBytes;
    private final ConnectionTable table;
    private final DataToHost data = new DataToHost(this);
    private final IoVector vector = new IoVector(1);
    private final MemorySegment line = Arena.ofAuto().allocate(ConnectLine.MAX_OK_BYTES);
    private HostSide host = HostSide.NOBODY;
    private boolean joined;

    @SuppressWarnings(
            "NullAway.Init") // attach() comes before anything is served: the memory is among the back ends' descriptors
    private ConnectionBook book;

    Switchboard(VsockConfig config, VsockState state, VirtioHost virtio, int seed) {
        this.virtio = virtio;
        this.state = state;
        this.guestCid = config.cid();
        this.table = new ConnectionTable(config.connections(), seed);
        this.bufferBytes = config.bufferBytes();
    }

    /**
     * Goes on with the connections in this memory, or begins with none.
     *
     * @throws io.jvmm.device.api.StateRejectedException when it cannot be
     */
    Succession attach(StreamMemory streams, boolean fresh) {
        book = new ConnectionBook(table, state, streams, virtio.tape());
        Succession succession = new Succession(this, book, virtio.memory());
        if (fresh || streams.blank()) {
            book.beginAnew();
            if (!fresh) {
                state.connectionsLost(table.capacity());
            }
        } else {
            succession.adopt();
        }
        return succession;
    }

    /** At the end of every turn. */
    void seal() {
        book.seal();
    }

    /** What the last turns did was committed. */
    void committed() {
        book.committed();
        host.committed();
    }

    /** All sockets of a predecessor are here, or will never be: the guest is served. */
    void joined() {
        joined = true;
        virtio.wake(RX);
        virtio.wake(TX);
        virtio.wake(EVENT);
    }

    boolean isJoined() {
        return joined;
    }

    ConnectionBook book() {
        return book;
    }

    HostBuffers buffers() {
        return book.buffers();
    }

    DataToHost toHost() {
        return data;
    }

    VirtioHost virtio() {
        return virtio;
    }

    /** The host's sockets, once there are any. */
    void host(HostSide newHost) {
        host = newHost;
    }

    HostSide host() {
        return host;
    }

    ConnectionTable table() {
        return table;
    }

    ResetQueue resets() {
        return book.resets();
    }

    VsockState state() {
        return state;
    }

    long guestCid() {
        return guestCid;
    }

    int bufferBytes() {
        return bufferBytes;
    }

    /** The guest broke a rule. */
    void guestError(GuestError error, long detail) {
        state.count(VsockState.GUEST_ERRORS, 1);
        virtio.guestError(error.code(), detail);
    }

    /** Has the guest told something. */
    void say(Connection connection, int what) {
        connection.pending |= what;
        ready(connection);
    }

    /** There may be something to tell the guest. */
    void ready(Connection connection) {
        if (!connection.ready && connection.hasSomethingToSay()) {
            table.ready(connection);
            virtio.wake(RX);
        }
    }

    /** An answer to a packet of no connection. Only while {@link #resets} is not full. */
    void reset(int hostPort, int guestPort, int type) {
        resets().add(hostPort, guestPort, type);
        virtio.wake(RX);
    }

    // ---- clients of the host

    /** A client has come; null when there are too many connections. */
    @Nullable
    Connection accepted(int socket, int id, long nowNs) {
        Connection connection = table.allocate();
        if (connection == null) {
            state.count(VsockState.REFUSED, 1);
            return null;
        }
        connection.begin(State.HANDSHAKE, socket);
        connection.id = id;
        table.deadline(connection, nowNs + Timeouts.HANDSHAKE_NS);
        return connection;
    }

    /** A client has said where it wants to go. Without a driver in the guest nobody listens there. */
    void open(Connection connection, int guestPort, long nowNs) {
        int hostPort = state.takeHostPort();
        for (int i = 0; table.find(hostPort, guestPort) != null; i++) {
            if (i > table.capacity()) {
                throw new AssertionError("more connections than slots");
            }
            hostPort = state.takeHostPort();
        }
        if (!virtio.active()) {
            state.count(VsockState.REFUSED, 1);
            free(connection);
            return;
        }
        connection.hostPort = hostPort;
        connection.guestPort = guestPort;
        connection.state = State.REQUESTED;
        connection.readable = true; // what the client has sent behind its line was announced already
        table.enter(connection);
        table.deadline(connection, nowNs + Timeouts.REQUEST_NS);
        say(connection, Connection.REQUEST);
    }

    /** The guest has accepted a client of the host. */
    void accept(Connection connection) {
        connection.state = State.ESTABLISHED;
        connection.deadlineNs = Connection.NO_DEADLINE;
        state.count(VsockState.CONNECTIONS, 1);
        int length = ConnectLine.formatOk(line, connection.hostPort);
        long written = connection.greeted;
        if (written == 0) {
            vector.clear();
            vector.add(line, 0, length);
            written = host.write(connection, vector, Journal.GREETING);
        }
        if (written != length) {
            kill(connection); // it has gone: a new socket has room for a line
        } else {
            ready(connection);
        }
    }

    // ---- connections the guest asked for

    /** REQUEST of the guest, for a pair of ports that has no connection. Its credit is not taken yet. */
    @Nullable
    Connection request(int hostPort, int guestPort, long nowNs) {
        Connection connection = table.allocate();
        if (connection == null) {
            state.count(VsockState.REFUSED, 1);
            return null;
        }
        connection.begin(State.CONNECTING, Connection.NO_SOCKET);
        connection.hostPort = hostPort;
        connection.guestPort = guestPort;
        table.enter(connection);
        table.deadline(connection, nowNs + Timeouts.REQUEST_NS);
        if (!host.connect(connection)) {
            refused(connection);
        }
        return connection;
    }

    /** The supervisor has connected it. */
    void connected(Connection connection, int socket) {
        connection.socket = socket;
        connection.id = connection.requestId();
        connection.state = State.ESTABLISHED;
        connection.deadlineNs = Connection.NO_DEADLINE;
        connection.readable = true;
        state.count(VsockState.CONNECTIONS, 1);
        say(connection, Connection.RESPONSE);
    }

    /** Nobody listens at the host's port. */
    void refused(Connection connection) {
        state.count(VsockState.REFUSED, 1);
        kill(connection);
    }

    // ---- what sockets do

    /** There is something to read, or the end. */
    void readable(Connection connection) {
        connection.readable = true;
        ready(connection);
    }

    /** The socket has room again. */
    void writable(Connection connection, long nowNs) {
        if (connection.writeBlocked) {
            connection.writeBlocked = false;
            data.flush(connection, nowNs);
        }
    }

    /** Nobody is at the other end any more; what had been sent can still be read. */
    void hungUp(Connection connection) {
        connection.hungUp = true;
        switch (connection.state) {
            case HANDSHAKE -> free(connection);
            case REQUESTED -> {
                if (connection.requestSent) {
                    kill(connection);
                } else {
                    free(connection);
                }
            }
            case ESTABLISHED -> {
                hostReceivesNoMore(connection);
                readable(connection);
            }
            case LINGERING -> endLingering(connection);
            case FREE, CONNECTING, DEAD, CLOSING -> {
                // has no socket
            }
        }
    }

    /** The host takes no more of what the guest sends. */
    void hostReceivesNoMore(Connection connection) {
        connection.fwdCnt += connection.bufferCount;
        buffers().release(connection);
        connection.writeBlocked = false;
        if ((connection.hostShutdown & VsockHeader.SHUTDOWN_RECEIVE) == 0) {
            connection.hostShutdown |= VsockHeader.SHUTDOWN_RECEIVE;
            say(connection, Connection.SHUTDOWN);
        }
    }

    /** The host has sent everything it will. */
    void hostEnded(Connection connection) {
        connection.hostEnded = true;
        connection.readable = false;
        connection.hostShutdown |= VsockHeader.SHUTDOWN_SEND;
        connection.pending |= Connection.SHUTDOWN;
    }

    // ---- ends

    /** The guest sends or receives no more: flags of {@link VsockHeader}. */
    void guestShutdown(Connection connection, int flags, long nowNs) {
        int more = flags & VsockHeader.SHUTDOWN_BOTH & ~connection.guestShutdown;
        connection.guestShutdown |= more;
        if (connection.guestShutdown == VsockHeader.SHUTDOWN_BOTH) {
            connection.pending = 0;
            say(connection, Connection.RST); // §5.10.6.5: the answer of a clean end
            linger(connection, nowNs);
            return;
        }
        if (more == VsockHeader.SHUTDOWN_RECEIVE) {
            host.shutdown(connection, VsockHeader.SHUTDOWN_RECEIVE);
        } else if (more == VsockHeader.SHUTDOWN_SEND && connection.bufferCount == 0) {
            host.shutdown(connection, VsockHeader.SHUTDOWN_SEND);
        }
    }

    /** RST of the guest: nothing more is to be told. What it had sent before it said that it was done still arrives. */
    void guestReset(Connection connection, long nowNs) {
        connection.pending = 0;
        table.leave(connection);
        if (connection.state == State.LINGERING) {
            return;
        }
        if (connection.state == State.ESTABLISHED && (connection.guestShutdown & VsockHeader.SHUTDOWN_SEND) != 0) {
            linger(connection, nowNs);
        } else {
            free(connection);
        }
    }

    private void linger(Connection connection, long nowNs) {
        connection.state = State.LINGERING;
        if (connection.bufferCount == 0) {
            endLingering(connection);
        } else {
            table.deadline(connection, nowNs + Timeouts.LINGER_NS);
        }
    }

    void endLingering(Connection connection) {
        if ((connection.pending & Connection.RST) != 0) {
            kill(connection);
        } else {
            free(connection);
        }
    }

    /** Ends it at once on this side; the guest is told with RST. */
    void kill(Connection connection) {
        disconnect(connection);
        connection.state = State.DEAD;
        connection.deadlineNs = Connection.NO_DEADLINE;
        connection.pending = 0;
        say(connection, Connection.RST);
    }

    /** RST has been sent. */
    void resetSent(Connection connection) {
        state.count(VsockState.RESETS, 1);
        connection.pending = 0;
        if (connection.state == State.LINGERING) {
            table.leave(connection); // the guest may use its port again
        } else {
            free(connection);
        }
    }

    /** Ends it without a word to the guest. Its slot is free again once its socket is closed. */
    void free(Connection connection) {
        disconnect(connection);
        table.leave(connection);
        connection.pending = 0;
        connection.deadlineNs = Connection.NO_DEADLINE;
        if (connection.ended) {
            connection.state = State.CLOSING;
        } else {
            table.release(connection);
        }
    }

    private void disconnect(Connection connection) {
        if (connection.state == State.CONNECTING) {
            host.forget(connection);
        }
        if (!connection.ended && (connection.socket != Connection.NO_SOCKET || connection.id != 0)) {
            connection.ended = true;
            host.close(connection);
        }
        connection.writeBlocked = false;
        connection.readable = false;
        buffers().release(connection);
    }

    /** Its socket is closed, and nobody holds it any more. */
    void released(Connection connection) {
        table.touch(connection);
        connection.socket = Connection.NO_SOCKET;
        connection.id = 0;
        connection.ended = false;
        buffers().discard(connection);
        if (connection.state == State.CLOSING) {
            table.release(connection);
        }
    }

    /** A predecessor's socket is gone: nobody knows what became of it. */
    void lost(Connection connection) {
        if (connection.state == State.LINGERING) {
            endLingering(connection);
        } else if (connection.state == State.REQUESTED && !connection.requestSent) {
            free(connection);
        } else {
            kill(connection);
        }
    }

    /** The driver is gone, or begins anew: nobody is left to tell anything. Clients that have not said their line stay. */
    void dropAll() {
        resets().clear();
        while (table.takeReady() != null) {
            // nobody has anything to say
        }
        for (int i = 0; i < table.capacity(); i++) {
            Connection connection = table.slot(i);
            switch (connection.state) {
                case FREE, HANDSHAKE, CLOSING -> {
                    // the guest knows nothing of them
                }
                case LINGERING -> guestReset(table.touch(connection), 0);
                case CONNECTING, REQUESTED, ESTABLISHED, DEAD -> free(table.touch(connection));
            }
        }
    }

    // ---- time

    long nextDeadlineNs() {
        return table.nextDeadlineNs();
    }

    /** REQUEST has gone to the guest. */
    void requestSent(Connection connection, long nowNs) {
        connection.requestSent = true;
        table.deadline(connection, nowNs + Timeouts.REQUEST_NS);
    }

    /** SHUTDOWN has gone to the guest. */
    void shutdownSent(Connection connection, long nowNs) {
        if (connection.hostShutdown == VsockHeader.SHUTDOWN_BOTH) {
            table.deadline(connection, nowNs + Timeouts.SHUTDOWN_NS);
        }
    }

    /** The machine was paused: neither the guest nor the host could do anything meanwhile. */
    void resumed(long pausedNs) {
        table.postpone(pausedNs);
    }

    /** Ends what has taken too long, and finds the next deadline. */
    void timer(long nowNs) {
        for (int i = 0; i < table.capacity(); i++) {
            Connection connection = table.slot(i);
            if (connection.deadlineNs <= nowNs) {
                expired(table.touch(connection));
            }
        }
        table.findDeadline();
    }

    private void expired(Connection connection) {
        switch (connection.state) {
            case HANDSHAKE -> free(connection);
            case REQUESTED -> {
                state.count(VsockState.REFUSED, 1);
                if (connection.requestSent) {
                    kill(connection);
                } else {
                    free(connection);
                }
            }
            case CONNECTING -> refused(connection);
            case ESTABLISHED -> kill(connection);
            case LINGERING -> endLingering(connection);
            case FREE, DEAD, CLOSING -> connection.deadlineNs = Connection.NO_DEADLINE;
        }
    }
}
