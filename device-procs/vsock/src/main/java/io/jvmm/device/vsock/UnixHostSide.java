package io.jvmm.device.vsock;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.vsock.Connection.State;
import io.jvmm.ipc.sys.Epoll;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.vsock.VsockConnectLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The sockets of one function: the channel over which the supervisor brings clients of the host and connects for the guest, and one
 * stream for each connection, all in one epoll. See {@link HostSide} and {@link Backend}.
 *
 * <p>Streams are watched for changes (edge-triggered), so a guest without buffers or credit costs nothing, and a connection takes
 * one {@code epoll_ctl} when it begins and one when it ends. A process that begins to serve asks the supervisor for the sockets of its
 * predecessor, once it has committed; see {@link Succession}.
 */
final class UnixHostSide implements HostSide, Backend {

    /** So many that all they can cause finds room in the journal. */
    static final int MOST_EVENTS = 48;

    private static final int MOST_ANSWERS = 64;
    private static final long CONNECTOR = -2;

    /** How soon something is told again that the channel had no room for. */
    private static final long RETRY_NS = 100_000_000;

    /** So long the supervisor may take to bring a predecessor's sockets. */
    private static final long JOIN_NS = 5_000_000_000L;

    /** How far the taking over has come; at first the supervisor is still to be asked. */
    private enum Joining {
        TO_ASK,
        ASKED,
        DONE
    }

    private final int function;
    private final Switchboard switchboard;
    private final Succession succession;
    private final HostEvents events;
    private final Sockets sockets;
    /** Whether there is a connect channel; without one nobody comes, and the guest reaches nobody. */
    private final boolean channel;

    private final MemorySegment line = Arena.ofAuto().allocate(ConnectLine.MAX_BYTES, Long.BYTES);
    private final IoVector lineVector = new IoVector(1);
    private final Connection[] closing;
    private int closingCount;
    private final int nonce;
    private Joining joining;
    private long joinByNs;
    private long retryAtNs = DeviceCore.NO_DEADLINE;
    private int index;
    private int unanswered;
    private @Nullable Connection firstToAsk;
    private @Nullable Connection lastToAsk;

    /** Takes the place of the host that a device without back ends has. */
    UnixHostSide(int function, Switchboard switchboard, Succession succession, HostEvents events, Sockets sockets) {
        this.function = function;
        this.switchboard = switchboard;
        this.succession = succession;
        this.events = events;
        this.sockets = sockets;
        this.closing = new Connection[switchboard.table().capacity()];
        long time = sockets.nowNs();
        this.nonce = (int) (time ^ time >>> Integer.SIZE); // that of no predecessor
        this.channel = sockets.openChannel(CONNECTOR);
        this.joining = channel ? Joining.TO_ASK : Joining.DONE;
        switchboard.book().journal().over(sockets);
        switchboard.host(this);
        if (!channel) {
            joined();
        }
    }

    // ---- Backend

    @Override
    public int port() {
        return function;
    }

    private Fd fd() {
        return Objects.requireNonNull(sockets.fd(), "only a host is served");
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        index = poller.add(fd(), 0);
        poller.ignore(index);
        return false;
    }

    @Override
    public void watch(Poller poller) {
        poller.watch(index, fd(), Poller.READABLE);
    }

    @Override
    public void unwatch(Poller poller) {
        poller.ignore(index);
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        return poller.isReady(index, Poller.READABLE) && service(nowNs);
    }

    @Override
    public int maxDescriptors() {
        return 1;
    }

    @Override
    public long nextDeadlineNs() {
        return joining == Joining.ASKED ? Math.min(retryAtNs, joinByNs) : retryAtNs;
    }

    @Override
    public boolean flush(long nowNs) {
        return false;
    }

    /** The part that is due by time; the process commits at its first turn, for nothing else can be done before. */
    @Override
    public boolean deliver(long nowNs) {
        if (!isDue(nowNs)) {
            return false;
        }
        sockets.delivering(nowNs);
        if (retryAtNs <= nowNs) {
            retryAtNs = DeviceCore.NO_DEADLINE;
            closeEnded();
            ask();
        }
        if (joining == Joining.TO_ASK && retryAtNs == DeviceCore.NO_DEADLINE) {
            askForSockets(nowNs);
        } else if (joining == Joining.ASKED && joinByNs <= nowNs) {
            events.warn("function " + function + ": the supervisor does not bring the connections of before");
            joined();
        }
        switchboard.seal();
        return true;
    }

    private boolean isDue(long nowNs) {
        return retryAtNs <= nowNs
                || (joining == Joining.TO_ASK && retryAtNs == DeviceCore.NO_DEADLINE)
                || (joining == Joining.ASKED && joinByNs <= nowNs);
    }

    private void askForSockets(long nowNs) {
        if (!switchboard.book().everCommitted()) {
            return;
        }
        if (sockets.resume(nonce)) {
            joining = Joining.ASKED;
            joinByNs = nowNs + JOIN_NS;
        } else if (sockets.closed()) {
            lost();
        } else {
            retryAtNs = nowNs + RETRY_NS;
        }
    }

    private void joined() {
        joining = Joining.DONE;
        succession.complete();
        switchboard.joined();
    }

    /** Takes a bounded number of events; whether there were any. */
    boolean service(long nowNs) {
        sockets.serving(nowNs);
        int count = sockets.poll();
        for (int i = 0; i < count; i++) {
            long data = sockets.data(i);
            if (data == CONNECTOR) {
                takeMessages(nowNs);
            } else {
                // A slot of ours, whatever a trace that is replayed may say.
                Connection connection = switchboard.table().slot(Math.floorMod((int) data, closing.length));
                if (connection.generation == (int) (data >>> Integer.SIZE) && connection.open()) {
                    happened(switchboard.table().touch(connection), sockets.events(i), nowNs);
                }
            }
        }
        switchboard.seal();
        return count > 0;
    }

    private void happened(Connection connection, int what, long nowNs) {
        if (connection.state == State.HANDSHAKE) {
            readLine(connection, (what & (Epoll.PEER_CLOSED | Epoll.HANG_UP)) != 0, nowNs);
            return;
        }
        if ((what & Epoll.WRITABLE) != 0) {
            switchboard.writable(connection, nowNs);
        }
        if (!connection.open()) {
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
        return sockets.watch(connection.socket, Epoll.READABLE | Epoll.PEER_CLOSED | Epoll.EDGE, data(connection));
    }

    // ---- clients

    /** A client of the host has come. */
    void client(int id, int socket, long nowNs) {
        Connection connection = switchboard.accepted(socket, id, nowNs);
        if (connection == null) {
            nobodys(id, socket); // as Firecracker does
        } else if (Syscall.isError(add(connection))) {
            switchboard.free(connection);
        }
    }

    /** Looks for the client's line, and takes it when it is all there, and not a byte behind it: what follows is for the guest. */
    private void readLine(Connection connection, boolean all, long nowNs) {
        long result = sockets.peek(connection.socket, line, ConnectLine.MAX_BYTES);
        int length = result > 0 ? ConnectLine.length(line, (int) result) : 0;
        boolean more = Errno.EAGAIN.is(result) || (result > 0 && result < ConnectLine.MAX_BYTES);
        if (length == 0 && more && !all) {
            return; // the rest is still to come
        }
        long port = length > 0 ? ConnectLine.parse(line, 0, length) : ConnectLine.INVALID;
        if (port == ConnectLine.INVALID) {
            switchboard.free(connection);
            return;
        }
        lineVector.clear();
        lineVector.add(line, 0, length);
        if (switchboard.book().journal().line(connection, lineVector, (int) port) == length) {
            switchboard.open(connection, (int) port, nowNs);
        } else {
            switchboard.free(connection);
        }
    }

    // ---- the connect channel

    @Override
    public boolean connect(Connection connection) {
        if (!channel || sockets.closed()) {
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
        while (connection != null
                && unanswered < VsockConnectLayout.MAX_OUTSTANDING
                && sockets.ask(connection.requestId(), connection.hostPort)) {
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

    private void takeMessages(long nowNs) {
        for (int i = 0; i < MOST_ANSWERS && sockets.next(); i++) {
            switch (sockets.what()) {
                case VsockConnectLayout.CONNECTED -> {
                    unanswered = Math.max(0, unanswered - 1);
                    answer(sockets.id(), sockets.takeDescriptor());
                }
                case VsockConnectLayout.CLIENT -> held(sockets.id(), sockets.takeDescriptor(), true, nowNs);
                case VsockConnectLayout.HELD ->
                    held(sockets.id(), sockets.takeDescriptor(), succession.adopted(), nowNs);
                case VsockConnectLayout.END -> {
                    if (joining == Joining.ASKED && sockets.id() == nonce) {
                        joined();
                    }
                }
                default -> nobodys(0, sockets.takeDescriptor());
            }
            if (sockets.lostDescriptor()) {
                nobodys(sockets.id(), SocketIo.NO_DESCRIPTOR);
            }
        }
        if (sockets.closed()) {
            lost();
        } else {
            ask();
        }
    }

    private @Nullable Connection requestOf(int id) {
        int slot = id & 0xFFFF;
        Connection connection = (id & VsockConnectLayout.CLIENT_ID) == 0 && slot < closing.length
                ? switchboard.table().slot(slot)
                : null;
        return connection != null && connection.requestId() == id
                ? switchboard.table().touch(connection)
                : null;
    }

    private void answer(int id, int socket) {
        Connection connection = requestOf(id);
        if (connection != null && connection.id == id) {
            duplicate(socket); // a predecessor had it already
        } else if (connection == null || connection.state != State.CONNECTING || !connection.asked) {
            nobodys(id, socket);
        } else if (socket == SocketIo.NO_DESCRIPTOR) {
            switchboard.refused(connection);
        } else {
            switchboard.connected(connection, socket);
            if (Syscall.isError(add(connection))) {
                switchboard.kill(connection);
            }
        }
    }

    /** A client, or a connection of before: it is known by its id, or it is a client that a predecessor did not get to know. */
    private void held(int id, int socket, boolean mayBeNew, long nowNs) {
        Connection connection = requestOf(id);
        if (connection == null || (connection.id != id && connection.state != State.CONNECTING)) {
            connection = findById(id);
        }
        if (connection == null) {
            if (mayBeNew && (id & VsockConnectLayout.CLIENT_ID) != 0 && socket != SocketIo.NO_DESCRIPTOR) {
                client(id, socket, nowNs);
            } else {
                nobodys(id, socket);
            }
        } else if (connection.id == 0) {
            connection.asked = true; // or would, had its predecessor come to commit
            answer(id, socket);
        } else if (connection.socket != Connection.NO_SOCKET || socket == SocketIo.NO_DESCRIPTOR) {
            duplicate(socket);
        } else if (connection.ended) {
            connection.socket = socket;
            toClose(connection);
        } else {
            connection.socket = socket;
            if (Syscall.isError(add(connection))) {
                switchboard.lost(connection);
            } else {
                succession.found(connection, socket, nowNs);
            }
        }
    }

    private @Nullable Connection findById(int id) {
        ConnectionTable table = switchboard.table();
        for (int i = 0; i < table.capacity() && id != 0; i++) {
            if (table.slot(i).id == id) {
                return table.touch(table.slot(i));
            }
        }
        return null;
    }

    private void duplicate(int socket) {
        if (socket != SocketIo.NO_DESCRIPTOR) {
            sockets.close(socket);
        }
    }

    /** Of no connection: neither this process nor the supervisor needs to keep it. */
    private void nobodys(int id, int socket) {
        duplicate(socket);
        if (channel && id != 0) {
            // Without room for it the supervisor keeps a socket more than it needs until the next successor.
            sockets.tellClosed(id);
        }
    }

    /** Without the supervisor the guest reaches nobody. */
    private void lost() {
        sockets.leaveChannel();
        events.backendLost(function, Errno.EPIPE.number());
        joined(); // what has no socket now gets none: connections of a predecessor, and those that the guest waits for
    }

    // ---- streams

    @Override
    public long read(Connection connection, GuestData into) {
        return switchboard.book().journal().read(connection, into);
    }

    @Override
    public long write(Connection connection, IoVector from, int kind) {
        return switchboard.book().journal().send(connection, from, kind);
    }

    @Override
    public void watchWritable(Connection connection, boolean watched) {
        int always = Epoll.READABLE | Epoll.PEER_CLOSED | Epoll.EDGE;
        sockets.change(connection.socket, watched ? always | Epoll.WRITABLE : always, data(connection));
    }

    @Override
    public void shutdown(Connection connection, int guestShutdown) {
        sockets.shutdown(
                connection.socket,
                guestShutdown == VsockHeader.SHUTDOWN_SEND ? SocketIo.SHUT_SENDING : SocketIo.SHUT_RECEIVING);
    }

    @Override
    public void close(Connection connection) {
        if (connection.socket != Connection.NO_SOCKET) {
            sockets.unwatch(connection.socket);
            toClose(connection);
        }
    }

    private void toClose(Connection connection) {
        closing[closingCount++] = connection;
    }

    @Override
    public void committed() {
        closeEnded();
    }

    /** Closes sockets that have ended, here and at the supervisor; no successor will find them in use. */
    private void closeEnded() {
        int kept = 0;
        for (int i = 0; i < closingCount; i++) {
            Connection connection = closing[i];
            if (connection.id == 0
                    || !channel
                    || sockets.closed()
                    || sockets.tellClosed(connection.id)
                    || sockets.closed()) {
                sockets.close(connection.socket);
                switchboard.released(connection);
            } else {
                closing[kept++] = connection;
                retryAtNs = Math.min(retryAtNs, sockets.nowNs() + RETRY_NS);
            }
        }
        closingCount = kept;
    }

    @Override
    public void close() {
        for (int i = 0; i < switchboard.table().capacity(); i++) {
            int socket = switchboard.table().slot(i).socket;
            if (socket != Connection.NO_SOCKET) {
                sockets.abandon(socket);
            }
        }
        sockets.close();
        switchboard.book().streams().close();
    }
}
