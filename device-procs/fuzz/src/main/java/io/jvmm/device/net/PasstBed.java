package io.jvmm.device.net;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.GivenChain;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.passt.PasstStreamsLayout;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The shipped port of passt's stream and its successors, over one memory of streams and one socket, as the card has them: headers are checked first, frames are those of a
 * chain in guest memory. One thread. Nothing is allocated but for successors.
 */
public final class PasstBed {
    /** Of {@link #send}: the card would not send a frame with this header. */
    public static final int REFUSED = -2;
    /** Of {@link #send}, {@link #flush} and {@link #receive}: the process died in it; its successor is there. */
    public static final int DIED = -3;

    public static final int SENT = FramePort.SENT;
    public static final int FULL = FramePort.FULL;
    public static final int DROPPED = FramePort.DROPPED;
    public static final int MALFORMED = FramePort.MALFORMED;
    public static final int LOST = FramePort.LOST;
    public static final long NOTHING = FramePort.NOTHING;
    public static final long GONE = FramePort.GONE;

    public static final int HEADER_BYTES = FrameHeader.LENGTH_BYTES;
    public static final int LONGEST_FRAME = FrameHeader.LONGEST_FRAME;
    public static final int SHORTEST_FRAME = FrameHeader.ETHERNET_BYTES;

    private static final long FEATURES = NetFeatures.CSUM
            | NetFeatures.HOST_TSO4
            | NetFeatures.HOST_TSO6
            | NetFeatures.HOST_ECN
            | NetFeatures.HOST_USO;

    /** The process is no more. */
    private static final class Death extends RuntimeException {
        private static final long serialVersionUID = 1;

        private Death() {
            super("", null, false, false);
        }
    }

    private final Death death = new Death();
    private final Fd socket;
    private final GuestMemory guest;
    private final MemorySegment memory = Arena.ofAuto().allocate(PasstStreamsLayout.TOTAL_BYTES, 4096);
    private final FrameHeader header = new FrameHeader();
    private final Chain chain;
    private final IoVector room = new IoVector(1);
    private PasstPort port;
    private int callsLeft;

    /**
     * @param socket the device's end of the stream
     * @param guest from 0 on there is room for a frame and its header
     */
    public PasstBed(Fd socket, GuestMemory guest) {
        this.socket = socket;
        this.guest = guest;
        this.chain = new Chain(guest, 4);
        this.port = new PasstPort(socket, socket, new PasstStreams(memory));
        port.afterCall(this::called);
    }

    private void called() {
        if (callsLeft > 0 && --callsLeft == 0) {
            throw death;
        }
    }

    /** Its process dies, and a successor finds the streams as they are. */
    public void die() {
        callsLeft = 0;
        port = new PasstPort(socket, socket, new PasstStreams(memory));
        port.afterCall(this::called);
    }

    /** It will die right behind a system call: the nth from now on. */
    public void dieAfter(int calls) {
        callsLeft = calls;
    }

    /**
     * The guest sends what lies at 0 in its memory, header first, in three buffers.
     *
     * @return as the port says, {@link #REFUSED} or {@link #DIED}
     */
    public int send(int frameBytes) {
        GivenChain.readable(chain, 0, HEADER_BYTES, frameBytes / 2, frameBytes - frameBytes / 2);
        MemorySegment.copy(guest.backing(), 0, header.bytes(), 0, FrameHeader.CAPACITY_BYTES);
        if (header.check(FEATURES, frameBytes) != FrameHeader.FINE) {
            return REFUSED;
        }
        try {
            return port.send(header, chain, frameBytes);
        } catch (Death e) {
            die();
            return DIED;
        }
    }

    public int flush() {
        try {
            return port.flush();
        } catch (Death e) {
            die();
            return DIED;
        }
    }

    /** Length of the next frame with its header, {@link #NOTHING}, {@link #GONE} or {@link #DIED}. */
    public long receive() {
        room.clear();
        try {
            return port.receive(room);
        } catch (Death e) {
            die();
            return DIED;
        }
    }

    /** A copy of the frame that was received last, header first. */
    public byte[] received(int lengthBytes) {
        return port.rest().asSlice(port.restOffset(), lengthBytes).toArray(ValueLayout.JAVA_BYTE);
    }

    public void taken() {
        port.taken();
    }

    /** Whether the driver wants checksums to be looked at. */
    public void checks(boolean wanted) {
        port.offloads(wanted ? NetFeatures.GUEST_CSUM : 0);
    }

    public boolean hasOutput() {
        return port.hasOutput();
    }

    /** Whether the stream has come to its end, and why: a number of an error, or 0. */
    public boolean isGone() {
        return port.isGone();
    }

    public int errno() {
        return port.errno();
    }
}
