package io.jvmm.device.net;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.Virtqueue;

/**
 * One transmit virtqueue (virtio 1.2 §5.1.6.1, §5.1.6.2). The header of a frame is copied, checked and cleaned before the
 * port sees it; a frame the driver must not send is dropped and counted. While the port takes no more, the queue stalls: kicks are
 * off, and the port says when to go on.
 */
final class Transmitter {
    private final VirtioHost host;
    private final Virtqueue queue;
    private final NetState state;
    private final Chain chain;
    private final int mtu;
    private final FrameHeader header = new FrameHeader();
    private boolean stalled;

    /** @param scratch shared among queues: holds nothing between calls */
    Transmitter(VirtioHost host, Virtqueue queue, NetState state, Chain scratch, int mtu) {
        this.host = host;
        this.queue = queue;
        this.state = state;
        this.chain = scratch;
        this.mtu = mtu;
    }

    void reset() {
        stalled = false;
    }

    /** Whether frames wait for the port. */
    boolean stalled() {
        return stalled;
    }

    /**
     * Moves frames from the guest to a port.
     *
     * @param mostFrames a bound on the work of this call
     * @return {@link FramePort#SENT}: the queue is empty; {@link FramePort#FULL}: the port is full, or the bound was reached
     *     ({@link #stalled} tells which); {@link FramePort#LOST}
     */
    int transmit(FramePort port, int mostFrames) {
        stalled = false;
        queue.wantKicks(false);
        int result = FramePort.FULL;
        int frames = 0;
        while (frames < mostFrames) {
            if (!queue.pop(chain)) {
                if (queue.wantKicks(true)) {
                    queue.wantKicks(false);
                    frames++; // or a driver that makes its ring look full and empty in turn would keep us here
                    continue;
                }
                result = FramePort.SENT;
                break;
            }
            int sent = send(port);
            if (sent == FramePort.FULL) {
                queue.unpop(chain);
                stalled = true;
                break;
            }
            queue.complete(chain.head(), 0);
            frames++;
            if (sent == FramePort.LOST) {
                result = FramePort.LOST;
                break;
            }
        }
        if (port.flush() == FramePort.LOST) {
            result = FramePort.LOST;
        }
        if (frames > 0) {
            queue.publish();
        }
        return result;
    }

    private int send(FramePort port) {
        long bytes = chain.readableBytes() - FrameHeader.LENGTH_BYTES;
        int wrong = FrameHeader.BAD_LENGTH;
        if (bytes >= FrameHeader.ETHERNET_BYTES && bytes <= FrameHeader.LONGEST_FRAME) {
            chain.read(0, header.bytes(), 0, FrameHeader.LENGTH_BYTES);
            wrong = header.check(host.features(), (int) bytes);
            wrong = wrong == FrameHeader.FINE && tooLong(bytes) ? FrameHeader.BAD_LENGTH : wrong;
        }
        int result = wrong == FrameHeader.FINE ? port.send(header, chain, (int) bytes) : FramePort.MALFORMED;
        switch (result) {
            case FramePort.SENT -> {
                state.count(NetCounter.TX_FRAMES, 1);
                state.count(NetCounter.TX_BYTES, bytes);
            }
            case FramePort.MALFORMED -> {
                state.count(NetCounter.TX_MALFORMED, 1);
                host.guestError(NetCore.BAD_FRAME, (long) wrong << 32 | (bytes & 0xFFFF_FFFFL));
            }
            case FramePort.FULL -> {}
            default -> state.count(NetCounter.TX_DROPPED, 1);
        }
        return result;
    }

    /** §5.1.4.2: a driver that was told the MTU sends no longer packets but to be segmented. */
    private boolean tooLong(long bytes) {
        boolean told = (host.features() & NetFeatures.MTU) != 0;
        return told
                && header.gsoType() == FrameHeader.GSO_NONE
                && bytes > mtu + FrameHeader.ETHERNET_BYTES + FrameHeader.VLAN_TAGS_BYTES;
    }
}
