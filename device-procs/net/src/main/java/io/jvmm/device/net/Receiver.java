package io.jvmm.device.net;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.Virtqueue;
import io.jvmm.ipc.sys.IoVector;
import org.jspecify.annotations.Nullable;

/**
 * One receive virtqueue (virtio 1.2 §5.1.6.3, §5.1.6.4): frames from a port go into the buffers the driver has made available,
 * one chain a frame or, with mergeable buffers, as many as it takes.
 *
 * <p>A port is only read while there is at least one buffer, so it is the host's queue that fills when the guest is slow. A
 * frame for which the buffers at hand are too few is held until there are more; kicks are wanted only then.
 *
 * <p>How much room a read is offered follows the frames: that of the longest of late, so short frames do not pay for the
 * buffers of long ones. A frame that is longer once costs a copy of what did not fit.
 */
final class Receiver {
    /** Segments of guest memory a read fills at most; what is longer comes by way of the port's rest. */
    private static final int MOST_SEGMENTS = 256;

    private static final int LEAST_TARGET_BYTES = 2048;
    private static final int MOST_REJECTED = 64;
    private static final int TARGET_DECAY_SHIFT = 6;
    private static final int LONGEST_BYTES = FrameHeader.LENGTH_BYTES + FrameHeader.LONGEST_FRAME;

    private final VirtioHost host;
    private final Virtqueue queue;
    private final NetState state;
    private final ReceiveFilter filter;
    private final Chain scratch;
    private final int mtu;
    private final ReceiveReserve reserve;
    private final FrameHeader header = new FrameHeader();
    private final IoVector vector = new IoVector(MOST_SEGMENTS + 1);
    private int targetBytes = LEAST_TARGET_BYTES;
    private boolean kicksWanted = true;
    private boolean completed;
    /** There are buffers, and no place to keep more of them in. */
    private boolean full;

    private boolean rejecting;

    private @Nullable FramePort heldBy;
    private int heldBytes;
    private int heldInGuest;

    /** @param scratch shared among queues: holds nothing between calls */
    Receiver(VirtioHost host, Virtqueue queue, NetState state, ReceiveFilter filter, Chain scratch, int mtu) {
        this.host = host;
        this.queue = queue;
        this.state = state;
        this.filter = filter;
        this.scratch = scratch;
        this.mtu = mtu;
        this.reserve = new ReceiveReserve(host.memory());
    }

    /** The driver has taken its buffers back, or never gave any. */
    void reset() {
        reserve.clear();
        kicksWanted = true;
        letGo(); // a part of it may be in buffers that are the driver's again
    }

    /** Whether a frame of this port waits here for buffers. */
    boolean holds(FramePort port) {
        return port.equals(heldBy);
    }

    /** Drops the frame that waits here, if there is one. */
    void letGo() {
        FramePort port = heldBy;
        if (port != null) {
            heldBy = null;
            drop(port, NetCounter.RX_DROPPED);
        }
    }

    boolean ready() {
        return queue.ready();
    }

    /**
     * Whether a frame could be placed now, as far as is known here: whether its port is worth watching. It looks at no guest memory, since it is asked
     * at any time: where there is no room the driver was asked to kick, or the queue's next turn is due.
     */
    boolean hasRoom() {
        return heldBy == null && reserve.chains() > 0;
    }

    /** Whether the last {@link #receive} met so many buffers that are none that it did not get to the end of them. */
    boolean rejecting() {
        return rejecting;
    }

    /**
     * Moves frames from a port to the guest.
     *
     * @param mostFrames a bound on the work of this call
     * @return frames taken from the port
     */
    int receive(FramePort port, int mostFrames) {
        boolean mergeable = (host.features() & NetFeatures.MRG_RXBUF) != 0;
        int frames = 0;
        rejecting = false;
        while (frames < mostFrames) {
            FramePort holder = heldBy;
            if (holder != null) {
                if (!place(holder, heldBytes, heldInGuest, mergeable)) {
                    break;
                }
                heldBy = null;
                frames++;
                continue;
            }
            if (!fill(mergeable ? targetBytes : 1)) {
                break;
            }
            vector.clear();
            long room = 0;
            if (port.straight()) {
                room = reserve.gather(vector, MOST_SEGMENTS, mergeable ? targetBytes : reserve.room(0));
            }
            long count = port.receive(vector);
            if (count <= 0) {
                break;
            }
            frames++;
            if (!take(port, count, (int) Math.min(room, count), mergeable)) {
                break;
            }
        }
        if (completed) {
            completed = false;
            queue.publish();
        }
        return frames;
    }

    /** Takes buffers from the queue until there is room for so much; false when there are none at all. */
    private boolean fill(long wantedBytes) {
        full = false;
        while (reserve.room() < wantedBytes) {
            if (!more()) {
                break;
            }
        }
        return reserve.chains() > 0;
    }

    /** Takes one buffer from the queue. When there is none, the driver is asked to kick. */
    private boolean more() {
        int least = FrameHeader.LENGTH_BYTES;
        for (int i = 0; i < MOST_REJECTED; i++) {
            if (!queue.pop(scratch)) {
                if (kicksWanted || !queue.wantKicks(true)) {
                    kicksWanted = true;
                    return false;
                }
                kicksWanted = true;
            } else if (scratch.writableBytes() < least) {
                host.guestError(NetCore.BAD_RECEIVE_BUFFER, scratch.writableBytes());
                queue.complete(scratch.head(), 0);
                completed = true;
            } else if (reserve.add(scratch)) {
                if (kicksWanted) {
                    kicksWanted = false;
                    queue.wantKicks(false);
                }
                return true;
            } else {
                queue.unpop(scratch);
                full = true;
                return false;
            }
        }
        rejecting = true;
        return false;
    }

    /** A frame has come: false when it must be held. */
    private boolean take(FramePort port, long count, int inGuest, boolean mergeable) {
        boolean straight = inGuest > 0;
        int bytes = (int) Math.min(count, Integer.MAX_VALUE);
        if (bytes < FrameHeader.LENGTH_BYTES + FrameHeader.ETHERNET_BYTES || bytes > LONGEST_BYTES) {
            return drop(port, NetCounter.RX_DROPPED);
        }
        look(port, bytes, inGuest);
        if (!filter.wants(header, host.features())) {
            return drop(port, NetCounter.RX_FILTERED);
        }
        if (!header.fits(state.guestOffloads()) || tooLong(bytes)) {
            return drop(port, NetCounter.RX_DROPPED);
        }
        targetBytes = Math.max(bytes, targetBytes - (targetBytes >> TARGET_DECAY_SHIFT));
        targetBytes = Math.max(targetBytes, LEAST_TARGET_BYTES);
        if (place(port, bytes, straight ? inGuest : 0, mergeable)) {
            return true;
        }
        heldBy = port;
        heldBytes = bytes;
        heldInGuest = inGuest;
        return false;
    }

    /** Copies the header and the beginning of the frame out, once: what is decided is decided on the copy. */
    private void look(FramePort port, int bytes, int inGuest) {
        int wanted = Math.min(bytes, FrameHeader.CAPACITY_BYTES);
        int first = Math.min(wanted, inGuest);
        if (first > 0) {
            reserve.read(0, header.bytes(), 0, first);
        }
        if (first < wanted) {
            port.look(header.bytes(), first, wanted - first);
        }
    }

    /** A driver that was told the MTU gets no longer packets, unless they are to be segmented (§5.1.4.1). */
    private boolean tooLong(int bytes) {
        int packet = bytes - FrameHeader.LENGTH_BYTES - FrameHeader.ETHERNET_BYTES - FrameHeader.VLAN_TAGS_BYTES;
        boolean told = (host.features() & NetFeatures.MTU) != 0;
        return told && packet > mtu && header.gsoType() == FrameHeader.GSO_NONE;
    }

    private boolean drop(FramePort port, NetCounter why) {
        state.count(why, 1);
        port.taken();
        return true;
    }

    /** Gives a frame to the driver; false when there are too few buffers now. */
    private boolean place(FramePort port, int bytes, int inGuest, boolean mergeable) {
        if (!mergeable && reserve.room(0) < bytes) {
            drop(port, NetCounter.RX_DROPPED);
            return true;
        }
        if (mergeable && reserve.room() < bytes) {
            fill(bytes);
            if (reserve.room() < bytes) {
                // When the driver has given all it can, waiting is in vain: its buffers are too small for the frame.
                return (full || reserve.chains() >= queue.size()) && drop(port, NetCounter.RX_DROPPED);
            }
        }
        if (inGuest < bytes) {
            reserve.carry(inGuest, port.rest(), port.restOffset(), bytes - inGuest);
        }
        int buffers = 0;
        for (long left = bytes; left > 0; buffers++) {
            left -= reserve.room(buffers);
        }
        header.numBuffers(buffers);
        reserve.write(0, header.bytes(), 0, FrameHeader.LENGTH_BYTES);
        long left = bytes;
        for (int i = 0; i < buffers; i++) {
            long written = Math.min(left, reserve.room(i));
            queue.complete(reserve.head(i), written);
            left -= written;
        }
        reserve.drop(buffers);
        port.taken();
        completed = true;
        state.count(NetCounter.RX_FRAMES, 1);
        state.count(NetCounter.RX_BYTES, bytes - FrameHeader.LENGTH_BYTES);
        return true;
    }
}
