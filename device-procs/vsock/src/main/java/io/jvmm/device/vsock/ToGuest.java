package io.jvmm.device.vsock;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.Virtqueue;
import io.jvmm.ipc.sys.Errno;

/**
 * The receive queue: makes packets of what connections have to say, one of each connection in turn. Data is read from the socket
 * straight into the guest's buffer, as much as buffer and credit hold. A buffer is taken only when somebody has something to say.
 * Device thread only; allocates nothing.
 */
final class ToGuest {

    private static final int MOST_CHAINS = 64;
    /** A packet's largest payload; what Linux takes, too. */
    private static final int MOST_DATA_BYTES = 64 * 1024;

    private final Switchboard switchboard;
    private final VirtioHost virtio;
    private final Virtqueue queue;
    private final Chain chain;
    private final GuestData data;
    private final VsockHeader header = new VsockHeader();

    ToGuest(Switchboard switchboard, VirtioHost virtio, int maxSegments) {
        this.switchboard = switchboard;
        this.virtio = virtio;
        this.queue = virtio.queue(Switchboard.RX);
        this.chain = new Chain(virtio.memory(), maxSegments);
        this.data = new GuestData(virtio.memory().backing(), chain, Journal.MOST_SEGMENTS);
    }

    private boolean anythingToSay() {
        return !switchboard.resets().isEmpty() || switchboard.table().anyReady();
    }

    /** A bounded number of packets; whether there is more to say and a buffer for it. */
    boolean service(long nowNs) {
        if (!queue.ready()) {
            return false;
        }
        boolean given = false;
        boolean buffers = true;
        boolean silent = false;
        queue.wantKicks(false);
        Journal journal = switchboard.book().journal();
        for (int i = 0;
                i < MOST_CHAINS && buffers && !silent && anythingToSay() && journal.mayRead(MOST_DATA_BYTES);
                i++) {
            if (!queue.pop(chain)) {
                buffers = queue.wantKicks(true);
            } else if (chain.writableBytes() <= VsockHeader.LENGTH_BYTES) {
                switchboard.guestError(GuestError.RECEIVE_BUFFER, chain.writableBytes());
                queue.complete(chain.head(), 0);
                given = true;
            } else {
                int written = packet(nowNs);
                if (written == 0) {
                    queue.unpop(chain);
                    silent = true;
                } else {
                    queue.complete(chain.head(), written);
                    given = true;
                }
            }
        }
        if (given) {
            queue.publish();
        }
        return buffers && anythingToSay();
    }

    /** Fills the chain with a packet of whoever comes first; its length, or 0 when nobody has anything to say. */
    private int packet(long nowNs) {
        ResetQueue resets = switchboard.resets();
        if (!resets.isEmpty()) {
            header.set(
                    Switchboard.HOST_CID,
                    resets.hostPort(),
                    switchboard.guestCid(),
                    resets.guestPort(),
                    resets.type(),
                    VsockHeader.OP_RST);
            if (resets.isFull()) {
                virtio.wake(Switchboard.TX);
            }
            resets.remove();
            switchboard.state().count(VsockState.RESETS, 1);
            return finish(0);
        }
        // Everybody at most once: somebody whose unread bytes were given stays in the row until that is committed.
        for (int i = switchboard.table().capacity(); i > 0; i--) {
            Connection connection = switchboard.table().takeReady();
            if (connection == null) {
                return 0;
            }
            int length = packetOf(connection, nowNs);
            switchboard.ready(connection); // behind the others
            if (length > 0) {
                return length;
            }
        }
        return 0;
    }

    private int packetOf(Connection connection, long nowNs) {
        header.set(
                Switchboard.HOST_CID,
                connection.hostPort,
                switchboard.guestCid(),
                connection.guestPort,
                VsockHeader.TYPE_STREAM,
                VsockHeader.OP_CREDIT_UPDATE);
        if ((connection.pending & Connection.RST) != 0) {
            return reset(connection);
        }
        if ((connection.pending & Connection.RESPONSE) != 0) {
            connection.pending &= ~Connection.RESPONSE;
            return control(connection, VsockHeader.OP_RESPONSE);
        }
        if ((connection.pending & Connection.REQUEST) != 0) {
            connection.pending &= ~Connection.REQUEST;
            switchboard.requestSent(connection, nowNs);
            return control(connection, VsockHeader.OP_REQUEST);
        }
        boolean delivers = connection.readable && connection.deliversData();
        // What a host that has gone had sent comes first, where there is credit for it: the end is then told once, as a
        // whole.
        if ((connection.pending & Connection.SHUTDOWN) != 0
                && !(delivers && connection.hungUp && connection.guestCredit() > 0)) {
            return shutdown(connection, nowNs);
        }
        if (delivers) {
            int length = dataOf(connection, nowNs);
            if (length > 0) {
                return length;
            }
        }
        if ((connection.pending & Connection.CREDIT_UPDATE) != 0) {
            return control(connection, VsockHeader.OP_CREDIT_UPDATE);
        }
        return 0;
    }

    private int reset(Connection connection) {
        header.op(VsockHeader.OP_RST);
        switchboard.resetSent(connection);
        return finish(0);
    }

    private int shutdown(Connection connection, long nowNs) {
        connection.pending &= ~Connection.SHUTDOWN;
        header.flags(connection.hostShutdown);
        switchboard.shutdownSent(connection, nowNs);
        return control(connection, VsockHeader.OP_SHUTDOWN);
    }

    /** A packet without data; every packet tells our credit. */
    private int control(Connection connection, int op) {
        header.op(op);
        tellCredit(connection);
        return finish(0);
    }

    private void tellCredit(Connection connection) {
        header.credit(switchboard.bufferBytes(), connection.fwdCnt);
        connection.fwdCntTold = connection.fwdCnt;
        connection.pending &= ~Connection.CREDIT_UPDATE;
    }

    private int dataOf(Connection connection, long nowNs) {
        long credit = connection.guestCredit();
        if (credit == 0) {
            connection.creditAsked = true;
            return control(connection, VsockHeader.OP_CREDIT_REQUEST);
        }
        long room = chain.writableBytes() - VsockHeader.LENGTH_BYTES;
        int most = (int) Math.min(Math.min(room, credit), MOST_DATA_BYTES);
        if (connection.unreadCount > 0) {
            return data(connection, unread(connection, most));
        }
        if (connection.unreadGiven) {
            return 0; // or a successor would find bytes of both
        }
        data.writable(VsockHeader.LENGTH_BYTES, most);
        long result = switchboard.host().read(connection, data);
        if (result > 0) {
            return data(connection, (int) result);
        }
        if (result == 0) {
            switchboard.hostEnded(connection);
            return shutdown(connection, nowNs);
        }
        connection.readable = false;
        if (Errno.EAGAIN.is(result) || Errno.EINTR.is(result)) {
            connection.readable = Errno.EINTR.is(result);
            return 0;
        }
        switchboard.kill(connection);
        return reset(connection);
    }

    private int data(Connection connection, int bytes) {
        connection.sentCnt += bytes;
        switchboard.state().count(VsockState.BYTES_TO_GUEST, bytes);
        header.op(VsockHeader.OP_RW);
        header.len(bytes);
        tellCredit(connection);
        return finish(bytes);
    }

    /** Bytes that a predecessor read before it was killed. */
    private int unread(Connection connection, int most) {
        int bytes = Math.min(most, connection.unreadCount);
        StreamMemory streams = switchboard.book().streams();
        long from = streams.unreadAt(connection.slot);
        chain.carryIn(VsockHeader.LENGTH_BYTES, streams.segment(), from + connection.unreadHead, bytes);
        connection.unreadHead += bytes;
        connection.unreadCount -= bytes;
        connection.unreadGiven = true;
        return bytes;
    }

    private int finish(int dataBytes) {
        chain.write(0, header.bytes(), 0, VsockHeader.LENGTH_BYTES);
        switchboard.state().count(VsockState.PACKETS_TO_GUEST, 1);
        return VsockHeader.LENGTH_BYTES + dataBytes;
    }
}
