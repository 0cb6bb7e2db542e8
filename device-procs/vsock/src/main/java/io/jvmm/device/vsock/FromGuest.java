package io.jvmm.device.vsock;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.Virtqueue;
import io.jvmm.device.vsock.Connection.State;
import org.jspecify.annotations.Nullable;

/**
 * The transmit queue: takes packets of the guest, checks them, and does what they say. <b>Hostile:</b> every byte; the header is
 * copied once and then checked, the data goes unread to the host. Device thread only; allocates nothing.
 */
final class FromGuest {

    private static final int MOST_CHAINS = 64;

    private final Switchboard switchboard;
    private final Virtqueue queue;
    private final Chain chain;
    private final GuestData data;
    private final VsockHeader header = new VsockHeader();

    FromGuest(Switchboard switchboard, VirtioHost virtio, int maxSegments) {
        this.switchboard = switchboard;
        this.queue = virtio.queue(Switchboard.TX);
        this.chain = new Chain(virtio.memory(), maxSegments);
        this.data = new GuestData(virtio.memory().backing(), chain, maxSegments);
    }

    /** A bounded number of packets; whether there may be more. While answers find no room no packets are taken. */
    boolean service(long nowNs) {
        if (!queue.ready()) {
            return false;
        }
        boolean taken = false;
        boolean more = true;
        queue.wantKicks(false);
        for (int i = 0; i < MOST_CHAINS && more; i++) {
            if (switchboard.resets().isFull()) {
                more = false; // ToGuest wakes this queue when there is room
            } else if (queue.pop(chain)) {
                packet(nowNs);
                queue.complete(chain.head(), 0);
                taken = true;
            } else {
                more = queue.wantKicks(true);
            }
        }
        if (taken) {
            queue.publish();
        }
        return more;
    }

    private void packet(long nowNs) {
        if (chain.read(0, header.bytes(), 0, VsockHeader.LENGTH_BYTES) < VsockHeader.LENGTH_BYTES) {
            switchboard.guestError(GuestError.SHORT_PACKET, chain.readableBytes());
            return;
        }
        switchboard.state().count(VsockState.PACKETS_FROM_GUEST, 1);
        if (header.srcCid() != switchboard.guestCid()) {
            switchboard.guestError(GuestError.SOURCE_CID, header.srcCid());
            return;
        }
        if (header.dstCid() != Switchboard.HOST_CID) {
            switchboard.guestError(GuestError.DESTINATION_CID, header.dstCid());
            return;
        }
        if (header.type() != VsockHeader.TYPE_STREAM) {
            switchboard.guestError(GuestError.TYPE, header.type());
            answerWithReset();
            return;
        }
        Connection connection = switchboard.table().find(header.dstPort(), header.srcPort());
        if (connection == null) {
            stranger(nowNs);
        } else {
            known(connection, nowNs);
        }
    }

    private void answerWithReset() {
        if (header.op() != VsockHeader.OP_RST) { // or two sides would answer each other for ever
            switchboard.reset(header.dstPort(), header.srcPort(), header.type());
        }
    }

    private void stranger(long nowNs) {
        Connection begun = null;
        if (header.op() == VsockHeader.OP_REQUEST) {
            begun = switchboard.request(header.dstPort(), header.srcPort(), nowNs);
        }
        if (begun == null) {
            answerWithReset();
        } else {
            credit(begun);
        }
    }

    private void credit(Connection connection) {
        connection.guestBufAlloc = header.bufAlloc();
        connection.guestFwdCnt = header.fwdCnt();
        if (connection.creditAsked && connection.guestCredit() > 0) {
            connection.creditAsked = false;
            switchboard.ready(connection);
        }
    }

    private void known(Connection connection, long nowNs) {
        if (header.op() == VsockHeader.OP_RST) {
            switchboard.guestReset(connection, nowNs);
            return;
        }
        if (connection.state == State.DEAD || connection.state == State.LINGERING) {
            return; // RST is on its way
        }
        credit(connection);
        GuestError error = operation(connection, nowNs);
        if (error != null) {
            switchboard.guestError(error, header.op());
            switchboard.kill(connection);
        }
    }

    private @Nullable GuestError operation(Connection connection, long nowNs) {
        boolean established = connection.state == State.ESTABLISHED;
        return switch (header.op()) {
            case VsockHeader.OP_RW -> established ? data(connection, nowNs) : GuestError.STATE;
            case VsockHeader.OP_CREDIT_UPDATE -> null;
            case VsockHeader.OP_CREDIT_REQUEST -> {
                if (established) {
                    switchboard.say(connection, Connection.CREDIT_UPDATE);
                }
                yield null;
            }
            case VsockHeader.OP_SHUTDOWN -> {
                if (established) {
                    switchboard.guestShutdown(connection, header.flags(), nowNs);
                }
                yield inPlace(established);
            }
            case VsockHeader.OP_RESPONSE -> {
                boolean awaited = connection.state == State.REQUESTED && connection.requestSent;
                if (awaited) {
                    switchboard.accept(connection);
                }
                yield inPlace(awaited);
            }
            case VsockHeader.OP_REQUEST -> GuestError.STATE;
            default -> GuestError.OPERATION;
        };
    }

    private static @Nullable GuestError inPlace(boolean holds) {
        return holds ? null : GuestError.STATE;
    }

    private @Nullable GuestError data(Connection connection, long nowNs) {
        long length = header.len();
        if (length > chain.readableBytes() - VsockHeader.LENGTH_BYTES) {
            return GuestError.LENGTH;
        }
        if ((connection.guestShutdown & VsockHeader.SHUTDOWN_SEND) != 0) {
            return GuestError.STATE;
        }
        if (length > switchboard.bufferBytes() - connection.bufferCount) {
            return GuestError.CREDIT;
        }
        if (length > 0) {
            switchboard.state().count(VsockState.BYTES_FROM_GUEST, length);
            data.readable(VsockHeader.LENGTH_BYTES, (int) length);
            switchboard.toHost().data(connection, data, nowNs);
        }
        return null;
    }
}
