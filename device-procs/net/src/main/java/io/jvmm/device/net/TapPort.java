package io.jvmm.device.net;

import io.jvmm.device.net.sys.TapOffloads;
import io.jvmm.device.virtio.Chain;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * One queue of a tap: frames go between guest memory and the kernel in one readv or writev, without a copy of our own. The
 * header in front is the tap's own (IFF_VNET_HDR, 12 bytes), so offloads are the kernel's work; only what an old kernel does
 * not know, segmentation of UDP, is done here.
 *
 * <p>A frame longer than the room the guest has left is not lost: what does not fit lands in {@link #rest}.
 */
final class TapPort implements FramePort {

    /** More than the longest frame with its header: a read that fills it was cut short. */
    private static final int REST_BYTES = 72 * 1024;
    /** Segments of a frame written straight from guest memory; a chain of more is copied together first. */
    private static final int MOST_SEGMENTS = 256;

    private static final int SEGMENT_BYTES = FrameHeader.LONGEST_FRAME;

    private final Fd in;
    private final Fd out;
    private final GuestMemory memory;
    private final boolean segmentsUdp;
    private final IoVector vector = new IoVector(MOST_SEGMENTS + 1);
    private final MemorySegment rest = Arena.ofAuto().allocate(REST_BYTES);
    private final Linear linear;

    private boolean gone;
    private int errno;

    /** Room for a frame copied together from many pieces or to be segmented, and for a segment; ports may share it. */
    static final class Linear {
        final MemorySegment frame = Arena.ofAuto().allocate(FrameHeader.LONGEST_FRAME);
        final UnsafeBuffer frameView = new UnsafeBuffer(frame.address(), FrameHeader.LONGEST_FRAME);
        final MemorySegment segment = Arena.ofAuto().allocate(SEGMENT_BYTES);
        final UnsafeBuffer segmentView = new UnsafeBuffer(segment.address(), SEGMENT_BYTES);
        final FrameHeader noOffload = new FrameHeader();
        final Segmenter segmenter = new Segmenter(frameView);
    }

    /**
     * @param in a tap queue, with {@code IFF_VNET_HDR} and a header of 12 bytes; becomes non-blocking
     * @param out the same; another one in the warm-up, where a pair of sockets stands for a tap
     * @param segmentsUdp whether this kernel does ({@link #kernelSegmentsUdp})
     */
    TapPort(Fd in, Fd out, GuestMemory memory, Linear linear, boolean segmentsUdp) {
        this.in = in;
        this.out = out;
        this.memory = memory;
        this.linear = linear;
        this.segmentsUdp = segmentsUdp;
        in.setNonBlocking(true);
        out.setNonBlocking(true);
    }

    /** Whether the kernel behind a tap knows segmentation of UDP (Linux 6.2). */
    static boolean kernelSegmentsUdp(Fd tap) {
        int all = TapOffloads.CSUM | TapOffloads.USO4 | TapOffloads.USO6;
        long known = TapOffloads.set(tap, all);
        TapOffloads.set(tap, 0);
        return known < 0 || (known & TapOffloads.USO4) != 0;
    }

    @Override
    public int send(FrameHeader header, Chain chain, int frameBytes) {
        if (!segmentsUdp && (header.gsoType() & ~FrameHeader.GSO_ECN) == FrameHeader.GSO_UDP_L4) {
            return sendSegments(header, chain, frameBytes);
        }
        vector.clear();
        vector.add(header.bytes(), 0, FrameHeader.LENGTH_BYTES);
        if (!gather(chain)) {
            vector.clear();
            vector.add(header.bytes(), 0, FrameHeader.LENGTH_BYTES);
            vector.add(linear.frame, 0, chain.carryOut(FrameHeader.LENGTH_BYTES, linear.frame, 0, frameBytes));
        }
        return write();
    }

    private boolean gather(Chain chain) {
        int skip = FrameHeader.LENGTH_BYTES;
        for (int i = 0; i < chain.readableCount(); i++) {
            int length = chain.length(i);
            if (skip >= length) {
                skip -= length;
            } else if (vector.add(memory.backing(), chain.offset(i) + skip, (long) length - skip)) {
                skip = 0;
            } else {
                return false;
            }
        }
        return true;
    }

    private int sendSegments(FrameHeader header, Chain chain, int frameBytes) {
        int copied = chain.carryOut(FrameHeader.LENGTH_BYTES, linear.frame, 0, frameBytes);
        int count = linear.segmenter.begin(header, copied);
        if (count == 0) {
            return MALFORMED;
        }
        linear.noOffload.clear();
        int result = SENT;
        for (int i = 0; i < count && result == SENT; i++) {
            int length = linear.segmenter.put(i, linear.segmentView, 0);
            vector.clear();
            vector.add(linear.noOffload.bytes(), 0, FrameHeader.LENGTH_BYTES);
            vector.add(linear.segment, 0, length);
            result = write();
            if (result == FULL && i > 0) {
                return DROPPED; // some have gone: datagrams may be lost, but not sent twice
            }
        }
        return result;
    }

    private int write() {
        long result = FileIo.tryWrite(out, vector);
        if (result >= 0) {
            return SENT;
        }
        if (Errno.EAGAIN.is(result) || Errno.EINTR.is(result)) {
            return FULL;
        }
        if (Errno.EBADFD.is(result)) {
            lose(result);
            return LOST;
        }
        return DROPPED; // EIO: the interface is not up; EINVAL: the kernel does not like the frame
    }

    @Override
    public long receive(IoVector room) {
        room.add(rest, 0, REST_BYTES);
        long result = FileIo.tryRead(in, room);
        if (result > 0) {
            return result;
        }
        if (Errno.EAGAIN.is(result) || Errno.EINTR.is(result)) {
            return NOTHING;
        }
        lose(result);
        return GONE;
    }

    private void lose(long result) {
        gone = true;
        errno = (int) -result;
    }

    @Override
    public boolean straight() {
        return true;
    }

    @Override
    public MemorySegment rest() {
        return rest;
    }

    @Override
    public void offloads(long guestOffloads) {
        int wanted = flag(guestOffloads, NetFeatures.GUEST_CSUM, TapOffloads.CSUM)
                | flag(guestOffloads, NetFeatures.GUEST_TSO4, TapOffloads.TSO4)
                | flag(guestOffloads, NetFeatures.GUEST_TSO6, TapOffloads.TSO6)
                | flag(guestOffloads, NetFeatures.GUEST_ECN, TapOffloads.TSO_ECN)
                | flag(guestOffloads, NetFeatures.GUEST_UFO, TapOffloads.UFO)
                | flag(guestOffloads, NetFeatures.GUEST_USO4, TapOffloads.USO4)
                | flag(guestOffloads, NetFeatures.GUEST_USO6, TapOffloads.USO6);
        TapOffloads.set(out, wanted); // a tap that is gone is found out when it is read
    }

    private static int flag(long features, long feature, int flag) {
        return (features & feature) != 0 ? flag : 0;
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
