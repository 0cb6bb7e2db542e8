package io.jvmm.device.vsock;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.vsock.VsockStreamsLayout;

/**
 * How a process takes over the connections of its predecessor. First, from memory alone: the connections as of the last commit
 * ({@link ConnectionBook}), and what the calls behind it had done ({@link Journal}). Then the supervisor brings the sockets, one by one,
 * and says when that is all; until then no packet is taken from the guest or given to it. Device thread only.
 *
 * <ul>
 *   <li>Bytes that were read lie in guest memory, in buffers that the guest does not have back: they are copied to the connection's
 *       unread memory and given to the guest first.
 *   <li>Bytes that were sent came out of the connection's buffer, or out of packets that the guest has not got back and that come again:
 *       those are taken and so many bytes of them left out.
 * </ul>
 */
final class Succession implements Journal.Calls {

    private final Switchboard switchboard;
    private final ConnectionTable table;
    private final ConnectionBook book;
    private final GuestMemory memory;
    private boolean adopted;

    Succession(Switchboard switchboard, ConnectionBook book, GuestMemory memory) {
        this.switchboard = switchboard;
        this.table = switchboard.table();
        this.book = book;
        this.memory = memory;
    }

    /** The first half. */
    void adopt() {
        adopted = true;
        book.adopt();
        book.settle(this);
        for (int i = 0; i < table.capacity(); i++) {
            switchboard.ready(table.slot(i));
        }
    }

    /** Whether there is a predecessor whose connections go on. */
    boolean adopted() {
        return adopted;
    }

    private boolean isAlive(int slot, int generation) {
        Connection connection = table.slot(slot);
        return connection.generation == generation && connection.state != Connection.State.FREE;
    }

    @Override
    public void sent(int slot, int generation, int moved) {
        if (!isAlive(slot, generation)) {
            return;
        }
        Connection connection = table.touch(table.slot(slot));
        int ofBuffer = Math.min(moved, connection.bufferCount);
        book.buffers().remove(connection, ofBuffer);
        connection.fwdCnt += ofBuffer;
        connection.sentAhead += moved - ofBuffer;
        StreamMemory.require(connection.sentAhead >= 0 && connection.sentAhead <= Integer.MAX_VALUE / 2, "bytes sent");
    }

    @Override
    public void read(int slot, int generation, int entry, int moved) {
        if (!isAlive(slot, generation)) {
            return;
        }
        Connection connection = table.touch(table.slot(slot));
        if (connection.unreadCount == 0) {
            connection.unreadHead = 0;
        }
        int end = connection.unreadHead + connection.unreadCount;
        StreamMemory.require(moved <= VsockStreamsLayout.UNREAD_BYTES - end, "bytes read of a connection");
        book.journal()
                .fetch(
                        entry,
                        moved,
                        memory,
                        book.streams().segment(),
                        book.streams().unreadAt(slot) + end);
        connection.unreadCount += moved;
    }

    @Override
    public void line(int slot, int generation, int port) {
        if (isAlive(slot, generation)) {
            Connection connection = table.touch(table.slot(slot));
            connection.lineTaken = true;
            connection.guestPort = port;
        }
    }

    @Override
    public void greeted(int slot, int generation, int moved) {
        if (isAlive(slot, generation)) {
            Connection connection = table.touch(table.slot(slot));
            connection.greeted += moved;
            StreamMemory.require(connection.greeted <= ConnectLine.MAX_OK_BYTES, "greeting");
        }
    }

    /** A socket of the predecessor's has come, for a connection that is not to end. */
    void found(Connection connection, int socket, long nowNs) {
        connection.socket = socket;
        connection.readable = true;
        switch (connection.state) {
            case HANDSHAKE -> {
                if (connection.lineTaken) {
                    switchboard.open(connection, connection.guestPort, nowNs);
                }
            }
            case ESTABLISHED, LINGERING -> {
                boolean shutReceiving = (connection.guestShutdown & VsockHeader.SHUTDOWN_RECEIVE) != 0;
                if (shutReceiving) {
                    switchboard.host().shutdown(connection, VsockHeader.SHUTDOWN_RECEIVE);
                }
                // Whatever waits is tried again; with nothing left this tells the host of the end, if that is due.
                connection.writeBlocked = true;
                switchboard.host().watchWritable(connection, true);
            }
            case FREE, CONNECTING, REQUESTED, DEAD, CLOSING -> {
                // nothing to be done with it now
            }
        }
        switchboard.ready(connection);
    }

    /** All sockets have come. */
    void complete() {
        for (int i = 0; i < table.capacity(); i++) {
            Connection connection = table.slot(i);
            if (connection.socket == Connection.NO_SOCKET) {
                table.touch(connection);
                without(connection);
            }
        }
    }

    /** There is no socket for it. */
    private void without(Connection connection) {
        switch (connection.state) {
            case FREE -> {}
            case CLOSING, DEAD -> switchboard.released(connection);
            case CONNECTING -> {
                connection.id = 0;
                connection.asked = false;
                if (!switchboard.host().connect(connection)) {
                    switchboard.refused(connection);
                }
            }
            case HANDSHAKE -> {
                connection.id = 0;
                switchboard.free(connection);
            }
            case REQUESTED, ESTABLISHED, LINGERING -> {
                connection.id = 0;
                switchboard.lost(connection);
            }
        }
    }
}
