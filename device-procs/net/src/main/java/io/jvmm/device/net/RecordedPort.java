package io.jvmm.device.net;

import io.jvmm.device.virtio.Chain;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.trace.Tape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A port as a card on a tape sees it; in a replay there is none behind it. Frames themselves are not on the tape but for the bytes that the card
 * looks at: in a replay it passes on zeros.
 */
final class RecordedPort implements FramePort {
    /** As much as a frame has, with its header. */
    private static final int MOST_BYTES = FrameHeader.LENGTH_BYTES + FrameHeader.LONGEST_FRAME;

    private final Tape tape;
    private final int number;
    private final @Nullable FramePort port;
    private final boolean straight;
    private final MemorySegment looked = Arena.ofAuto().allocate(FrameHeader.CAPACITY_BYTES, Long.BYTES);
    private final UnsafeBuffer view = new UnsafeBuffer(looked.address(), FrameHeader.CAPACITY_BYTES);
    /** In a replay: what is passed on. */
    private final MemorySegment nothing;

    /**
     * @param number which of the card's ports
     * @param port null in a replay
     */
    RecordedPort(Tape tape, int number, @Nullable FramePort port) {
        this.tape = tape;
        this.number = number;
        this.port = port;
        this.straight = tape.answer(NetCall.STRAIGHT.code(), port != null && port.straight() ? 1 : 0) != 0;
        this.nothing = port == null ? Arena.ofAuto().allocate(MOST_BYTES) : MemorySegment.NULL;
    }

    @Override
    public int send(FrameHeader header, Chain chain, int frameBytes) {
        tape.output(NetCall.SEND.code(), number, frameBytes, 0);
        tape.outputBytes(NetCall.SEND.code(), header.view(), 0, FrameHeader.LENGTH_BYTES);
        return (int) tape.answer(NetCall.SEND.code(), port == null ? 0 : port.send(header, chain, frameBytes));
    }

    @Override
    public int flush() {
        return (int) tape.answer(NetCall.FLUSH.code(), port == null ? 0 : port.flush());
    }

    @Override
    public long receive(IoVector room) {
        tape.output(NetCall.RECEIVE.code(), number, room.lengthBytes(), 0);
        return tape.answer(NetCall.RECEIVE.code(), port == null ? 0 : port.receive(room));
    }

    @Override
    public boolean straight() {
        return straight;
    }

    @Override
    public MemorySegment rest() {
        return port == null ? nothing : port.rest();
    }

    @Override
    public long restOffset() {
        return port == null ? 0 : port.restOffset();
    }

    @Override
    public void look(MemorySegment into, long offset, int lengthBytes) {
        if (port != null) {
            port.look(looked, 0, lengthBytes);
        }
        tape.answerBytes(NetCall.LOOK.code(), view, 0, lengthBytes);
        MemorySegment.copy(looked, 0, into, offset, lengthBytes);
    }

    @Override
    public void taken() {
        tape.output(NetCall.TAKEN.code(), number, 0, 0);
        if (port != null) {
            port.taken();
        }
    }

    @Override
    public void offloads(long guestOffloads) {
        tape.output(NetCall.OFFLOADS.code(), number, guestOffloads, 0);
        if (port != null) {
            port.offloads(guestOffloads);
        }
    }

    @Override
    public boolean isGone() {
        return tape.answer(NetCall.GONE.code(), port != null && port.isGone() ? 1 : 0) != 0;
    }

    @Override
    public int errno() {
        return (int) tape.answer(NetCall.ERRNO.code(), port == null ? 0 : port.errno());
    }
}
