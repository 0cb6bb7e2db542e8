package io.jvmm.ipc.trace;

import io.jvmm.ipc.link.Doorbell;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The memory between one recorded process and the recorder, as {@link TraceRingLayout} draws it; PROTOCOL.md, "Trace", transport. Each side is hostile
 * to the other: the process produces with {@link RingSink}, the recorder reads with {@link #reader}.
 */
public final class TraceRing implements AutoCloseable {
    private final Fd fd;
    private final Mapping mapping;
    private final UnsafeBuffer ring;
    private final UnsafeBuffer all;

    private TraceRing(Fd fd, Mapping mapping) {
        this.fd = fd;
        this.mapping = mapping;
        this.all = mapping.buffer();
        this.ring = mapping.buffer(0, TraceRingLayout.RING_BYTES);
    }

    /** Makes one. {@code name} shows in /proc/PID/maps. */
    public static TraceRing create(String name) {
        MemFd memFd = MemFd.createSealed(name, TraceRingLayout.TOTAL_BYTES);
        try {
            return new TraceRing(memFd.fd(), memFd.map());
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
        if (lengthBytes != TraceRingLayout.TOTAL_BYTES) {
            throw new TraceFormatException("a trace ring of " + lengthBytes + " bytes");
        }
        if (!MemFd.of(memfd).hasSeals(MemFd.SEALS_FIXED_SIZE)) {
            throw new TraceFormatException("the trace ring's memfd is not sealed against changes of its size");
        }
        return new TraceRing(memfd, Mapping.shared(memfd, 0, lengthBytes, Mapping.Access.READ_WRITE));
    }

    /** The process's end. */
    GuardedProducer producer() {
        return new GuardedProducer(ring);
    }

    /**
     * The recorder's end. Messages have the type {@link TraceRingLayout#BATCH}; anything else is a violation for the caller to sever.
     *
     * @param resumePosition 0, or where a recorder that died had come to
     */
    public HardenedReader reader(long resumePosition) {
        return new HardenedReader(ring, TraceLayout.MAX_BATCH_BYTES, resumePosition);
    }

    /** The recorder's sleep, and what ends it. */
    public Doorbell doorbell(EventFd bell) {
        return new Doorbell(all, TraceRingLayout.ASLEEP_OFFSET, bell);
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
