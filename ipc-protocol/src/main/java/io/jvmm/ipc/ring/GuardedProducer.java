package io.jvmm.ipc.ring;

import io.jvmm.ipc.ring.Violation.Kind;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Agrona's many-to-one producer in front of a hostile consumer, who can scribble on the positions in the trailer. All
 * that can come of it is a claim at a wrong place inside the ring (it loses its own messages) or an exception of
 * Agrona's bounds checks, which severs here and reaches no caller. Any thread; nothing is allocated.
 *
 * <p>A write is {@link #claim}, fields into {@link #buffer()}, {@link #commit}. A caller that finds its claim or commit
 * severed simply stops.
 */
public final class GuardedProducer {
    /** {@link #claim}: no room now. */
    public static final int FULL = RingBuffer.INSUFFICIENT_CAPACITY;
    /** {@link #claim}: the link is severed. */
    public static final int SEVERED = -3;

    private final AtomicBuffer buffer;
    private final RingBuffer ring;
    private volatile @Nullable Violation violation;

    /** A producer of the ring in {@code buffer}, records and trailer. */
    public GuardedProducer(AtomicBuffer buffer) {
        this.buffer = buffer;
        this.ring = new ManyToOneRingBuffer(buffer);
    }

    /**
     * Claims room for a message.
     *
     * @return where in {@link #buffer()} to write it, {@link #FULL} or {@link #SEVERED}
     */
    public int claim(int type, int lengthBytes) {
        if (violation != null) {
            return SEVERED;
        }
        try {
            return ring.tryClaim(type, lengthBytes);
        } catch (RuntimeException hostileTrailer) {
            return sever();
        }
    }

    /** Hands the finished message to the consumer. False when the link is severed. */
    public boolean commit(int index) {
        try {
            ring.commit(index);
            return true;
        } catch (RuntimeException hostileRecord) {
            sever();
            return false;
        }
    }

    /** The ring, for writing the fields of a claimed message. */
    public AtomicBuffer buffer() {
        return buffer;
    }

    /** Longest message the ring takes. */
    public int maxMessageLength() {
        return ring.maxMsgLength();
    }

    /** Which rule the consumer broke; null while it broke none. */
    public @Nullable Violation violation() {
        return violation;
    }

    private synchronized int sever() {
        if (violation == null) {
            long tail = buffer.getLongVolatile(ring.capacity() + IpcRingLayout.TAIL_OFFSET);
            UnsafeBuffer evidence = new UnsafeBuffer(new byte[2 * Long.BYTES]);
            evidence.putLong(0, tail);
            evidence.putLong(8, buffer.getLongVolatile(ring.capacity() + IpcRingLayout.HEAD_OFFSET));
            violation = new Violation(Kind.PRODUCER_RING, tail, evidence.byteArray());
        }
        return SEVERED;
    }
}
