package io.jvmm.ipc.trace;

import io.jvmm.ipc.link.Doorbell;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SystemInfo;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The memory between one recorded process and the recorder; PROTOCOL.md, "Trace", transport. Each side is hostile to the other: the process produces
 * with {@link RingSink}, the recorder reads with {@link #reader}.
 *
 * <pre>
 *   0                8          12               64                  4096                       total
 *   | u64 "JVMMTRNG" | u32 1    | u32 capacity   | i32 asleep        | ring: capacity + 768     | (0) |
 * </pre>
 */
public final class TraceRing implements AutoCloseable {
    /** What a ring usually has. */
    public static final int USUAL_CAPACITY_BYTES = 4 << 20;
    /** {@link HardenedReader#type} of a batch. */
    public static final int BATCH = 1;

    /** "JVMMTRNG" read as a little-endian number. */
    private static final long MAGIC = 0x474e_5254_4d4d_564aL;

    private static final int VERSION = 1;
    private static final int HEADER_VERSION = 8;
    private static final int HEADER_CAPACITY = 12;
    private static final int HEADER_ASLEEP = 64;
    private static final int HEADER_BYTES = 4096;
    private static final int LEAST_CAPACITY_BYTES = 1 << 20;
    private static final int MOST_CAPACITY_BYTES = 64 << 20;

    private final Fd fd;
    private final Mapping mapping;
    private final UnsafeBuffer header;
    private final UnsafeBuffer ring;

    private TraceRing(Fd fd, Mapping mapping, int capacityBytes) {
        this.fd = fd;
        this.mapping = mapping;
        this.header = mapping.buffer(0, HEADER_BYTES);
        this.ring = mapping.buffer(HEADER_BYTES, IpcRingLayout.lengthBytes(capacityBytes));
    }

    /**
     * Makes one. {@code name} shows in /proc/PID/maps.
     *
     * @param capacityBytes a power of two, 1 MiB to 64 MiB
     */
    public static TraceRing create(String name, int capacityBytes) {
        if (!valid(capacityBytes)) {
            throw new IllegalArgumentException("capacity of a trace ring: " + capacityBytes);
        }
        MemFd memFd = MemFd.createSealed(name, totalBytes(capacityBytes));
        try {
            TraceRing ring = new TraceRing(memFd.fd(), memFd.map(), capacityBytes);
            ring.header.putLong(0, MAGIC);
            ring.header.putInt(HEADER_VERSION, VERSION);
            ring.header.putInt(HEADER_CAPACITY, capacityBytes);
            return ring;
        } catch (RuntimeException e) {
            memFd.close();
            throw e;
        }
    }

    /**
     * Maps one received from elsewhere, and takes ownership of its descriptor.
     *
     * @throws TraceFormatException when it is none
     */
    public static TraceRing attach(Fd memfd) throws TraceFormatException {
        long lengthBytes = FileIo.size(memfd);
        if (lengthBytes < HEADER_BYTES || lengthBytes > totalBytes(MOST_CAPACITY_BYTES)) {
            throw new TraceFormatException("a trace ring of " + lengthBytes + " bytes");
        }
        if (!MemFd.of(memfd).hasSeals(MemFd.SEALS_FIXED_SIZE)) {
            throw new TraceFormatException("the trace ring's memfd is not sealed against changes of its size");
        }
        Mapping mapping = Mapping.shared(memfd, 0, lengthBytes, Mapping.Access.READ_WRITE);
        UnsafeBuffer header = mapping.buffer(0, HEADER_BYTES);
        int capacityBytes = header.getIntVolatile(HEADER_CAPACITY);
        boolean ours = header.getLong(0) == MAGIC && header.getInt(HEADER_VERSION) == VERSION;
        if (!ours || !valid(capacityBytes) || totalBytes(capacityBytes) != lengthBytes) {
            mapping.close();
            throw new TraceFormatException("a trace ring whose header is none");
        }
        return new TraceRing(memfd, mapping, capacityBytes);
    }

    private static boolean valid(int capacityBytes) {
        return capacityBytes >= LEAST_CAPACITY_BYTES
                && capacityBytes <= MOST_CAPACITY_BYTES
                && Integer.bitCount(capacityBytes) == 1;
    }

    private static long totalBytes(int capacityBytes) {
        long used = HEADER_BYTES + (long) IpcRingLayout.lengthBytes(capacityBytes);
        return used + SystemInfo.PAGE_SIZE - 1 & -SystemInfo.PAGE_SIZE;
    }

    /** The process's end. */
    GuardedProducer producer() {
        return new GuardedProducer(ring);
    }

    /**
     * The recorder's end. Messages have the type {@link #BATCH}; anything else is a violation for the caller to sever.
     *
     * @param resumePosition 0, or where a recorder that died had come to
     */
    public HardenedReader reader(long resumePosition) {
        return new HardenedReader(ring, TraceLayout.MAX_BATCH_BYTES, resumePosition);
    }

    /** The recorder's sleep, and what ends it. */
    public Doorbell doorbell(EventFd bell) {
        return new Doorbell(header, HEADER_ASLEEP, bell);
    }

    /** Of all of it. */
    public int capacityBytes() {
        return ring.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
    }

    /** The memfd; this object owns it. */
    public Fd fd() {
        return fd;
    }

    /** Unmaps and closes the descriptor. */
    @Override
    public void close() {
        mapping.close();
        fd.close();
    }
}
