package io.jvmm.ipc.link;

import static io.jvmm.ipc.link.LinkLayout.REGION_ALIGNMENT_BYTES;

import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import java.nio.ByteOrder;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The mapped memfd of a link. Its header is written once by the supervisor; whoever attaches copies it once, validates
 * the copy and never looks at the shared one again. Every other byte is written by a peer at any time.
 *
 * <p>Not thread-safe itself; the endpoints made of it are, as far as they say so. Close it only when no endpoint is used
 * any more.
 */
public final class LinkMemory implements AutoCloseable {
    static {
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new IllegalStateException("jvmm's wire format is little-endian, and so must the host be");
        }
    }

    private final Fd fd;
    private final LinkSpec spec;
    private final Mapping mapping;
    private final UnsafeBuffer requestRing;
    private final UnsafeBuffer eventRing;
    private final UnsafeBuffer replySlots;
    private final UnsafeBuffer doorbells;

    private LinkMemory(Fd fd, LinkSpec spec, Mapping mapping) {
        LinkLayout layout = new LinkLayout(spec);
        this.fd = fd;
        this.spec = spec;
        this.mapping = mapping;
        this.requestRing = mapping.buffer(layout.requestRingOffset(), layout.requestRingLength());
        this.eventRing = mapping.buffer(layout.eventRingOffset(), layout.eventRingLength());
        this.replySlots = mapping.buffer(layout.replySlotsOffset(), layout.replySlotsLength());
        this.doorbells = mapping.buffer(layout.doorbellsOffset(), LinkLayout.DOORBELL_LENGTH_BYTES);
    }

    /** A new link under the name {@code jvmm-link}. */
    public static LinkMemory create(LinkSpec spec) {
        return create("jvmm-link", spec);
    }

    /** A new link: memory made, header written, size sealed. {@code name} shows in /proc/PID/maps. */
    public static LinkMemory create(String name, LinkSpec spec) {
        LinkLayout layout = new LinkLayout(spec);
        MemFd memFd = MemFd.createSealed(name, layout.totalLength());
        try {
            Mapping mapping = memFd.map();
            writeHeader(mapping.buffer(0, LinkLayout.HEADER_LENGTH_BYTES), spec, layout);
            return new LinkMemory(memFd.fd(), spec, mapping);
        } catch (RuntimeException e) {
            memFd.close();
            throw e;
        }
    }

    /** The header as it was made: whoever maps the link anew must find it, and anybody who has it mapped may have scribbled on it. */
    void restoreHeader() {
        UnsafeBuffer header = mapping.buffer(0, LinkLayout.HEADER_LENGTH_BYTES);
        header.setMemory(0, LinkLayout.HEADER_LENGTH_BYTES, (byte) 0);
        writeHeader(header, spec, new LinkLayout(spec));
    }

    private static void writeHeader(UnsafeBuffer header, LinkSpec spec, LinkLayout layout) {
        header.putLong(LinkLayout.HEADER_MAGIC, LinkLayout.MAGIC);
        header.putShort(LinkLayout.HEADER_MAJOR, (short) LinkLayout.MAJOR);
        header.putShort(LinkLayout.HEADER_MINOR, (short) LinkLayout.MINOR);
        header.putInt(LinkLayout.HEADER_LENGTH, LinkLayout.HEADER_LENGTH_BYTES);
        header.putInt(LinkLayout.HEADER_KIND, spec.kind().number());
        header.putInt(LinkLayout.HEADER_REPLY_SLOTS, spec.replySlots());
        putRange(header, LinkLayout.HEADER_REQUEST_RING, layout.requestRingOffset(), layout.requestRingLength());
        putRange(header, LinkLayout.HEADER_EVENT_RING, layout.eventRingOffset(), layout.eventRingLength());
        putRange(header, LinkLayout.HEADER_REPLY_REGION, layout.replySlotsOffset(), layout.replySlotsLength());
        putRange(header, LinkLayout.HEADER_DOORBELL_REGION, layout.doorbellsOffset(), LinkLayout.DOORBELL_LENGTH_BYTES);
        header.putLong(LinkLayout.HEADER_TOTAL, layout.totalLength());
    }

    private static void putRange(UnsafeBuffer header, int at, long offset, long length) {
        header.putLong(at, offset);
        header.putLong(at + Long.BYTES, length);
    }

    /**
     * Maps a link received from elsewhere and takes ownership of its descriptor.
     *
     * @throws LinkFormatException when it is not a sealed link of the expected kind and of a version we understand
     */
    public static LinkMemory attach(Fd memfd, LinkKind expected) {
        long length = FileIo.size(memfd);
        if (length < LinkLayout.HEADER_LENGTH_BYTES || length > Integer.MAX_VALUE) {
            throw new LinkFormatException("a link of " + length + " bytes");
        }
        if (!MemFd.of(memfd).hasSeals(MemFd.SEALS_FIXED_SIZE)) {
            throw new LinkFormatException("the link's memfd is not sealed against changes of its size");
        }
        Mapping mapping = Mapping.shared(memfd, 0, length, Mapping.Access.READ_WRITE);
        try {
            UnsafeBuffer copy = new UnsafeBuffer(new byte[LinkLayout.HEADER_USED_BYTES]);
            mapping.buffer(0, LinkLayout.HEADER_LENGTH_BYTES).getBytes(0, copy, 0, LinkLayout.HEADER_USED_BYTES);
            return new LinkMemory(memfd, validate(copy, length, expected), mapping);
        } catch (RuntimeException e) {
            mapping.close();
            throw e;
        }
    }

    private static LinkSpec validate(UnsafeBuffer header, long length, LinkKind expected) {
        require(header.getLong(LinkLayout.HEADER_MAGIC) == LinkLayout.MAGIC, "magic", header.getLong(0));
        int major = Short.toUnsignedInt(header.getShort(LinkLayout.HEADER_MAJOR));
        require(major == LinkLayout.MAJOR, "major version", major);
        int headerLength = header.getInt(LinkLayout.HEADER_LENGTH);
        require(headerLength == LinkLayout.HEADER_LENGTH_BYTES, "header length", headerLength);
        int kind = header.getInt(LinkLayout.HEADER_KIND);
        require(kind == expected.number(), "kind", kind);
        int replySlots = header.getInt(LinkLayout.HEADER_REPLY_SLOTS);
        require(replySlots >= 0 && replySlots <= LinkSpec.MAX_REPLY_SLOTS, "number of reply slots", replySlots);
        LinkSpec spec = new LinkSpec(
                expected,
                replySlots,
                capacity(header, LinkLayout.HEADER_REQUEST_RING, "request ring"),
                capacity(header, LinkLayout.HEADER_EVENT_RING, "event ring"));
        LinkLayout layout = new LinkLayout(spec);
        range(header, LinkLayout.HEADER_REQUEST_RING, "request ring", layout.requestRingOffset());
        range(header, LinkLayout.HEADER_EVENT_RING, "event ring", layout.eventRingOffset());
        range(header, LinkLayout.HEADER_REPLY_REGION, "reply slots", layout.replySlotsOffset());
        range(header, LinkLayout.HEADER_DOORBELL_REGION, "doorbell words", layout.doorbellsOffset());
        long slotsLength = header.getLong(LinkLayout.HEADER_REPLY_REGION + Long.BYTES);
        require(slotsLength == layout.replySlotsLength(), "length of the reply slots", slotsLength);
        long doorbellsLength = header.getLong(LinkLayout.HEADER_DOORBELL_REGION + Long.BYTES);
        require(doorbellsLength == LinkLayout.DOORBELL_LENGTH_BYTES, "length of the doorbell words", doorbellsLength);
        long total = header.getLong(LinkLayout.HEADER_TOTAL);
        require(total == layout.totalLength() && total == length, "total length", total);
        return spec;
    }

    private static int capacity(UnsafeBuffer header, int at, String what) {
        long capacity = header.getLong(at + Long.BYTES) - IpcRingLayout.TRAILER_LENGTH_BYTES;
        require(
                capacity >= LinkSpec.MIN_RING_BYTES
                        && capacity <= LinkSpec.MAX_RING_BYTES
                        && Long.bitCount(capacity) == 1,
                "capacity of the " + what,
                capacity);
        return (int) capacity;
    }

    /** In version 1 the regions follow one another without a choice, so there is exactly one right offset. */
    private static void range(UnsafeBuffer header, int at, String what, long right) {
        long offset = header.getLong(at);
        require(offset == right && offset % REGION_ALIGNMENT_BYTES == 0, "offset of the " + what, offset);
    }

    private static void require(boolean holds, String what, long found) {
        if (!holds) {
            throw new LinkFormatException("header of the link: " + what + " is " + found);
        }
    }

    /** The memfd; this object owns it. */
    public Fd fd() {
        return fd;
    }

    public LinkSpec spec() {
        return spec;
    }

    UnsafeBuffer requestRing() {
        return requestRing;
    }

    UnsafeBuffer eventRing() {
        return eventRing;
    }

    UnsafeBuffer replySlots() {
        return replySlots;
    }

    UnsafeBuffer doorbells() {
        return doorbells;
    }

    /** Makes the kernel back every page now, so that no later access faults. */
    public void prefault() {
        mapping.prefault();
    }

    /** Unmaps and closes the descriptor. No endpoint of this link may be used afterwards. */
    @Override
    public void close() {
        mapping.close();
        fd.close();
    }
}
