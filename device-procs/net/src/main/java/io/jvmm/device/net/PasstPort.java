package io.jvmm.device.net;

import io.jvmm.device.virtio.Chain;
import io.jvmm.ipc.passt.PasstStreamsLayout;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A stream socket to passt, or whatever else speaks the protocol of QEMU's stream backend: every frame behind its length, four
 * bytes, big-endian, without a virtio header.
 *
 * <p>There is no header to ask for offloads with, so this port does them itself: it fills in checksums, cuts what is to be
 * segmented, and checks the checksums of what comes in, so that the guest need not. Frames are therefore copied once, and a
 * batch of them goes out in one write and comes in with one read. What the socket does not take stays here; only when there is
 * no room for another frame the guest's queue stalls.
 *
 * <p>Where in a frame the streams are is in memory that outlives the process ({@link StreamPlace}), so that a successor goes on with the same
 * connection: it sends zeros for what is missing of a frame begun, and skips the rest of one that was coming. What lay in the buffers here
 * is lost, as frames may be.
 *
 * <p>Packets for addresses that never leave a host are dropped here: passt 2023-03-09 connects a socket of its own to whatever a
 * packet is for, {@code --no-map-gw} or not, and 127.0.0.1 and 0.0.0.0 are then the host's loopback.
 *
 * <p>A length no frame can have ends the connection: the stream has no other marks to find the next frame by.
 */
final class PasstPort implements FramePort {
    /** Length of the length. */
    static final int PREFIX_BYTES = 4;

    private static final int IN_BYTES = PasstStreamsLayout.IN_BYTES;
    private static final int OUT_BYTES = PasstStreamsLayout.OUT_BYTES;

    private final Fd inFd;
    private final Fd outFd;
    private final StreamPlace sending;
    private final StreamPlace receiving;
    /** The frame being sent, copied from the guest. */
    private final MemorySegment frame = Arena.ofAuto().allocate(FrameHeader.LONGEST_FRAME);

    private final UnsafeBuffer frameView = new UnsafeBuffer(frame.address(), FrameHeader.LONGEST_FRAME);
    private final Segmenter segmenter = new Segmenter(frameView);

    private final MemorySegment out;
    private final UnsafeBuffer outView;
    private int outStart;
    private int outEnd;
    /** Where the frame begins that outStart is in. */
    private int outFrame;

    /** What was read and not yet taken, from inStart to inEnd; the header of a frame has room in front of it. */
    private final MemorySegment in;

    private final UnsafeBuffer inView;
    private final FrameParts parts = new FrameParts();
    private int inStart = FrameHeader.LENGTH_BYTES;
    private int inEnd = FrameHeader.LENGTH_BYTES;
    /** Where the first frame begins that is not all there. */
    private int inTail = FrameHeader.LENGTH_BYTES;
    /** What is still to come of a frame whose beginning a predecessor read. */
    private int skipBytes;

    /** Length of the frame received and not yet taken; its prefix has been overwritten. */
    private int current;

    private boolean checks;
    private boolean gone;
    private int errno;

    /**
     * @param in connected
     * @param out the same; another one in the warm-up, where a pair of sockets stands for passt
     */
    PasstPort(Fd in, Fd out, PasstStreams streams) {
        this.inFd = in;
        this.outFd = out;
        this.sending = streams.sending();
        this.receiving = streams.receiving();
        this.out = streams.outSegment();
        this.outView = streams.out();
        this.in = streams.inSegment();
        this.inView = streams.in();
        endFrame();
        int have = receiving.within();
        if (have >= PREFIX_BYTES) {
            skipBytes = PREFIX_BYTES + receiving.prefix() - have;
        } else {
            inView.putInt(inStart, receiving.prefix(), ByteOrder.BIG_ENDIAN);
            inEnd = inStart + have;
        }
    }

    /** For tests: what happens right behind a system call. */
    void afterCall(Runnable afterCall) {
        sending.afterCall(afterCall);
        receiving.afterCall(afterCall);
    }

    /** What a predecessor had begun to send ends with zeros. */
    private void endFrame() {
        if (sending.within() > 0) {
            outView.setMemory(0, PREFIX_BYTES + sending.prefix(), (byte) 0);
            append(sending.prefix());
            outStart = sending.within();
        }
    }

    /** Whether a frame can have so many bytes. */
    static boolean isFrameLength(int bytes) {
        return bytes >= FrameHeader.ETHERNET_BYTES && bytes <= FrameHeader.LONGEST_FRAME;
    }

    /** Whether a number of bytes is more than nothing and less than all of a frame with its prefix. */
    static boolean isWithin(int frameBytes, int bytes) {
        return bytes > 0 && bytes < PREFIX_BYTES + frameBytes;
    }

    // ---- to the host

    @Override
    public int send(FrameHeader header, Chain chain, int frameBytes) {
        if (gone) {
            return LOST;
        }
        return header.gsoType() == FrameHeader.GSO_NONE
                ? sendOne(header, chain, frameBytes)
                : sendSegments(header, chain, frameBytes);
    }

    private int sendOne(FrameHeader header, Chain chain, int frameBytes) {
        if (!makeRoom(PREFIX_BYTES + frameBytes)) {
            return gone ? LOST : FULL;
        }
        int at = outEnd + PREFIX_BYTES;
        int copied = chain.carryOut(FrameHeader.LENGTH_BYTES, out, at, frameBytes);
        if ((header.flags() & FrameHeader.NEEDS_CSUM) != 0) {
            Segmenter.checksum(outView, at, copied, header);
        }
        // Of the frame as it leaves: the driver says where the checksum goes, and that may be into the address.
        if (FrameParts.isForAHostItself(outView, at, copied)) {
            return DROPPED;
        }
        append(copied);
        return SENT;
    }

    private int sendSegments(FrameHeader header, Chain chain, int frameBytes) {
        int copied = chain.carryOut(FrameHeader.LENGTH_BYTES, frame, 0, frameBytes);
        if (FrameParts.isForAHostItself(frameView, 0, copied)) {
            return DROPPED;
        }
        int count = segmenter.begin(header, copied);
        if (count == 0 || segmenter.totalBytes(PREFIX_BYTES) > OUT_BYTES) {
            return MALFORMED; // or segments of a few bytes, which no stack makes
        }
        if (!makeRoom(segmenter.totalBytes(PREFIX_BYTES))) {
            return gone ? LOST : FULL;
        }
        for (int i = 0; i < count; i++) {
            append(segmenter.put(i, outView, outEnd + PREFIX_BYTES));
        }
        return SENT;
    }

    private void append(int frameBytes) {
        outView.putInt(outEnd, frameBytes, ByteOrder.BIG_ENDIAN);
        outEnd += PREFIX_BYTES + frameBytes;
    }

    private boolean makeRoom(int bytes) {
        if (bytes <= OUT_BYTES - outEnd) {
            return true;
        }
        flush();
        if (outStart > 0 && outStart < outEnd) {
            // From the beginning of the frame that is half out, because its prefix is looked at again.
            int from = outFrame;
            outView.putBytes(0, outView, from, outEnd - from);
            outEnd -= from;
            outStart -= from;
            outFrame = 0;
        }
        return !gone && bytes <= OUT_BYTES - outEnd;
    }

    @Override
    public int flush() {
        int result = write();
        if (result == SENT) {
            outStart = 0;
            outEnd = 0;
            outFrame = 0;
        }
        return result;
    }

    private int frameLength(int at) {
        return outView.getInt(at, ByteOrder.BIG_ENDIAN);
    }

    private int write() {
        while (outStart < outEnd && !gone) {
            long written = sending.send(outFd.number(), outFrame, outStart, outEnd);
            if (Errno.EAGAIN.is(written) || Errno.EINTR.is(written)) {
                return FULL;
            }
            if (written < 0) {
                lose((int) -written);
            } else {
                outStart += (int) written;
                while (outFrame < outStart && outFrame + PREFIX_BYTES + frameLength(outFrame) <= outStart) {
                    outFrame += PREFIX_BYTES + frameLength(outFrame);
                }
            }
        }
        return gone ? LOST : SENT;
    }

    @Override
    public boolean hasOutput() {
        return outStart < outEnd;
    }

    private void lose(int why) {
        gone = true;
        errno = why;
    }

    // ---- from the host

    @Override
    public long receive(IoVector room) {
        int length = nextLength();
        if (length < 0 && !gone) {
            read();
            length = nextLength();
        }
        if (length < 0) {
            return gone ? GONE : NOTHING;
        }
        if (!isFrameLength(length)) {
            lose(Errno.EPROTO.number());
            return GONE;
        }
        current = length;
        int begin = inStart + PREFIX_BYTES;
        boolean valid = checks && parts.find(inView, begin, length) && parts.checksumHolds(inView);
        // The header goes over the length and the end of the frame before, which has been taken.
        int header = begin - FrameHeader.LENGTH_BYTES;
        inView.setMemory(header, FrameHeader.LENGTH_BYTES, (byte) 0);
        inView.putByte(header, (byte) (valid ? FrameHeader.DATA_VALID : 0));
        return (long) FrameHeader.LENGTH_BYTES + length;
    }

    /** Length of the frame at inStart, one no frame has included, or -1 when it is not all there. */
    private int nextLength() {
        if (current > 0) {
            return current;
        }
        int length = prefix(inStart);
        return isFrameLength(length) && inEnd - inStart - PREFIX_BYTES < length ? -1 : length;
    }

    /** The length at a place, -1 when it has not all come; what no frame has is 0. */
    private int prefix(int at) {
        if (inEnd - at < PREFIX_BYTES) {
            return -1;
        }
        int length = inView.getInt(at, ByteOrder.BIG_ENDIAN);
        return isFrameLength(length) ? length : 0;
    }

    private void read() {
        if (inStart == inEnd) {
            move(FrameHeader.LENGTH_BYTES - inStart);
        } else if (IN_BYTES - inStart < PREFIX_BYTES + FrameHeader.LONGEST_FRAME) {
            inView.putBytes(FrameHeader.LENGTH_BYTES, inView, inStart, inEnd - inStart);
            move(FrameHeader.LENGTH_BYTES - inStart);
        }
        long count = receiving.receive(inFd.number(), inTail, inEnd, IN_BYTES, skipBytes);
        if (count > 0) {
            came((int) count);
        } else if (count == 0) {
            lose(0);
        } else if (!Errno.EAGAIN.is(count) && !Errno.EINTR.is(count)) {
            lose((int) -count);
        }
    }

    private void move(int by) {
        inStart += by;
        inEnd += by;
        inTail += by;
    }

    /** Bytes have been read to inEnd. */
    private void came(int count) {
        int skipped = Math.min(count, skipBytes);
        if (skipped > 0) {
            skipBytes -= skipped;
            inView.putBytes(inEnd, inView, inEnd + skipped, count - skipped);
        }
        inEnd += count - skipped;
        int length = prefix(inTail);
        while (length > 0 && inEnd - inTail >= PREFIX_BYTES + length) {
            inTail += PREFIX_BYTES + length;
            length = prefix(inTail);
        }
    }

    @Override
    public void taken() {
        inStart += PREFIX_BYTES + current;
        current = 0;
    }

    @Override
    public boolean hasInput() {
        return nextLength() >= 0;
    }

    @Override
    public boolean straight() {
        return false;
    }

    @Override
    public MemorySegment rest() {
        return in;
    }

    @Override
    public long restOffset() {
        return (long) inStart + PREFIX_BYTES - FrameHeader.LENGTH_BYTES;
    }

    @Override
    public void offloads(long guestOffloads) {
        checks = (guestOffloads & NetFeatures.GUEST_CSUM) != 0;
    }

    @Override
    public boolean isGone() {
        return gone;
    }

    @Override
    public int errno() {
        return errno;
    }
}
