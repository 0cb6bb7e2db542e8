package io.jvmm.device.net;

import io.jvmm.device.virtio.Chain;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;

/**
 * What carries the frames of one or all queue pairs to the host and back. Device thread; never waits, never throws, allocates
 * nothing after construction. <b>Hostile:</b> the bytes in the chain, which may change while one looks; everything that comes
 * in.
 */
interface FramePort {

    /** {@link #send}: the frame is the port's. */
    int SENT = 0;
    /** {@link #send}: there is no room; the same frame again when it has room. */
    int FULL = 1;
    /** {@link #send}: the host refuses this one frame. */
    int DROPPED = 2;
    /** {@link #send}: the frame is not what its header says. */
    int MALFORMED = 3;
    /** The host's side is gone; {@link #errno} says why. */
    int LOST = 4;

    /** {@link #receive}: nothing there now. */
    long NOTHING = 0;
    /** {@link #receive}: as {@link #LOST}. */
    long GONE = -1;

    /**
     * Sends a frame: the bytes of the chain's readable part behind its header.
     *
     * @param header the checked copy of its header
     * @param frameBytes {@code chain.readableBytes()} without the header, 14..{@link FrameHeader#LONGEST_FRAME}
     */
    int send(FrameHeader header, Chain chain, int frameBytes);

    /** The end of a row of frames: what the port has gathered leaves. {@link #SENT}, {@link #FULL} or {@link #LOST}. */
    default int flush() {
        return SENT;
    }

    /**
     * The next frame from the host, with its header. A port that reads {@link #straight} into guest memory puts there as
     * much as there is room for, the rest into {@link #rest}; another one leaves all of it there.
     *
     * @param room buffers in guest memory, may be none; the port may append to it
     * @return length with header, {@link #NOTHING} or {@link #GONE}
     */
    long receive(IoVector room);

    /** Whether {@link #receive} fills {@code room}. */
    boolean straight();

    /** Where the part of the frame received last is that is not in guest memory. */
    MemorySegment rest();

    /** Where in {@link #rest} it begins. */
    default long restOffset() {
        return 0;
    }

    /** Copies the first bytes of {@link #rest} that are the frame's: those which the device looks at. */
    default void look(MemorySegment into, long offset, int lengthBytes) {
        MemorySegment.copy(rest(), restOffset(), into, offset, lengthBytes);
    }

    /** The frame received last is not needed any more. Only then the next one is asked for. */
    default void taken() {}

    /** Whether there are frames that no descriptor tells of. */
    default boolean hasInput() {
        return false;
    }

    /** Whether it holds frames of the guest that the host has not taken yet. */
    default boolean hasOutput() {
        return false;
    }

    /** What the driver can take: GUEST_ feature bits. */
    void offloads(long guestOffloads);

    /** Whether the host's side is gone: nothing comes and nothing goes. */
    default boolean isGone() {
        return false;
    }

    /** Why it is gone; 0: the other end hung up. */
    default int errno() {
        return 0;
    }
}
