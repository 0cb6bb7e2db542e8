package io.jvmm.ipc.ring;

import static io.jvmm.ipc.ring.IpcRingLayout.PADDING_TYPE;
import static io.jvmm.ipc.ring.IpcRingLayout.RECORD_ALIGNMENT_BYTES;
import static io.jvmm.ipc.ring.IpcRingLayout.RECORD_HEADER_BYTES;

import io.jvmm.ipc.ring.Violation.Kind;
import java.lang.invoke.VarHandle;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The producer of an IPC ring whose consumer is hostile: that can scribble on the positions in the trailer and on records
 * at any time. All that can come of it is a claim at a wrong place inside the ring (it loses its own messages), no room, or
 * a severed link. Nothing is thrown, nothing waits: a claim is tried a bounded number of times. Any thread; nothing is
 * allocated.
 *
 * <p>The format is that of Agrona's many-to-one ring. Claiming is our own: Agrona's repeats its
 * compare-and-set until it succeeds, and a consumer that keeps storing to the tail would hold a vCPU there. So is the commit: Agrona's throws
 * at a record that was changed, and ends with a full fence in what C1 compiles.
 *
 * <p>A write is {@link #claim}, fields into {@link #buffer()}, {@link #commit}. A caller that finds its claim or commit
 * severed simply stops.
 */
public final class GuardedProducer {
    /** {@link #claim}: no room now. */
    public static final int FULL = RingBuffer.INSUFFICIENT_CAPACITY;
    /** {@link #claim}: the link is severed. */
    public static final int SEVERED = -3;

    /**
     * How often a claim is tried. Each failure means that another thread of this process has claimed in that moment, or that
     * the consumer lies. Among 256 vCPUs that do nothing but claim, one loses this often in a row with a probability of
     * (255/256)^16384, which is 10^-28; a liar holds a thread for a millisecond or two.
     */
    static final int MAX_TRIES = 16_384;

    private final AtomicBuffer buffer;
    private final RingBuffer ring;
    private final int capacity;
    private final int mask;
    private final int tailOffset;
    private final int headCacheOffset;
    private final int headOffset;
    private volatile @Nullable Violation violation;

    /** A producer of the ring in {@code buffer}, records and trailer. */
    public GuardedProducer(AtomicBuffer buffer) {
        this.buffer = buffer;
        this.ring = new ManyToOneRingBuffer(buffer);
        this.capacity = ring.capacity();
        this.mask = capacity - 1;
        this.tailOffset = capacity + IpcRingLayout.TAIL_OFFSET;
        this.headCacheOffset = capacity + IpcRingLayout.HEAD_CACHE_OFFSET;
        this.headOffset = capacity + IpcRingLayout.HEAD_OFFSET;
    }

    /**
     * Claims room for a message.
     *
     * @param type positive
     * @param lengthBytes at most {@link #maxMessageLength}
     * @return where in {@link #buffer()} to write it, {@link #FULL} or {@link #SEVERED}
     */
    public int claim(int type, int lengthBytes) {
        return claim(type, lengthBytes, lengthBytes);
    }

    /**
     * Claims room for a message that grows: {@link #extend} says how much of it is there, {@link #finish} hands it over and gives back the room that it did not need. For the only
     * producer of a ring. Killed in between, a producer leaves what it had extended to last ({@link HardenedReader#nextUnfinished}).
     *
     * @param mostBytes it can grow to
     * @return as {@link #claim}
     */
    public int claimGrowing(int type, int mostBytes) {
        return claim(type, mostBytes, 0);
    }

    private int claim(int type, int lengthBytes, int writtenBytes) {
        assert type > 0 && lengthBytes >= 0 && lengthBytes <= maxMessageLength() : type + ", " + lengthBytes;
        if (violation != null) {
            return SEVERED;
        }
        int recordBytes = IpcRingLayout.recordBytes(lengthBytes);
        long head = buffer.getLongVolatile(headCacheOffset);
        for (int tries = 0; tries < MAX_TRIES; tries++) {
            long tail = buffer.getLongVolatile(tailOffset);
            if ((tail & (RECORD_ALIGNMENT_BYTES - 1)) != 0) {
                return sever();
            }
            int index = (int) tail & mask;
            int toEnd = capacity - index;
            int padding = recordBytes > toEnd ? toEnd : 0;
            int needed = recordBytes + padding;
            if (!hasRoom(tail - head, needed)) {
                head = buffer.getLongVolatile(headOffset);
                if (tail - head < 0) {
                    continue; // the consumer is past this tail, so others have moved it on since
                }
                if (!hasRoom(tail - head, needed)) {
                    return FULL;
                }
                buffer.putLongRelease(headCacheOffset, head);
            }
            if (buffer.compareAndSetLong(tailOffset, tail, tail + needed)) {
                if (padding > 0) {
                    begin(index, PADDING_TYPE, padding);
                    buffer.putIntRelease(index, padding);
                    index = 0;
                }
                begin(index, type, writtenBytes + RECORD_HEADER_BYTES);
                return index + RECORD_HEADER_BYTES;
            }
        }
        return sever();
    }

    private boolean hasRoom(long used, int needed) {
        return used >= 0 && used <= capacity - needed;
    }

    /** A header that says: claimed, not finished. */
    private void begin(int index, int type, int lengthBytes) {
        // Plain stores: C1 makes a full fence of a release, which would wait for the line that the consumer has.
        VarHandle.releaseFence();
        buffer.putInt(index, -lengthBytes);
        VarHandle.releaseFence();
        buffer.putInt(index + Integer.BYTES, type);
    }

    /** Hands the finished message to the consumer. False when the link is severed. A doorbell that is rung next publishes it at once. */
    public boolean commit(int index) {
        int at = index - RECORD_HEADER_BYTES;
        int claimed = buffer.getInt(at);
        if (claimed >= 0) {
            sever(); // not what we left there
            return false;
        }
        VarHandle.releaseFence();
        buffer.putInt(at, -claimed);
        return true;
    }

    /** So many bytes of a growing message are whole. */
    public void extend(int index, int lengthBytes) {
        VarHandle.releaseFence();
        buffer.putInt(index - RECORD_HEADER_BYTES, -(RECORD_HEADER_BYTES + lengthBytes));
    }

    /**
     * Hands a grown message to the consumer. False when the link is severed.
     *
     * @param claimedBytes as claimed
     * @param lengthBytes as extended to last; not 0
     */
    public boolean finish(int index, int claimedBytes, int lengthBytes) {
        int at = index - RECORD_HEADER_BYTES;
        int claimed = IpcRingLayout.recordBytes(claimedBytes);
        int spare = claimed - IpcRingLayout.recordBytes(lengthBytes);
        long tail = buffer.getLongVolatile(tailOffset);
        boolean ours = ((int) tail & mask) == ((at + claimed) & mask);
        if (violation != null || !ours || (spare > 0 && !buffer.compareAndSetLong(tailOffset, tail, tail - spare))) {
            sever();
            return false;
        }
        VarHandle.releaseFence();
        buffer.putInt(at, RECORD_HEADER_BYTES + lengthBytes);
        return true;
    }

    /** The ring, for writing the fields of a claimed message. */
    public AtomicBuffer buffer() {
        return buffer;
    }

    /** How much of the ring is not free, as it looks now; a hostile consumer says what it likes. */
    public long usedBytes() {
        return buffer.getLongVolatile(tailOffset) - buffer.getLongVolatile(headOffset);
    }

    /** Longest message the ring takes. */
    public int maxMessageLength() {
        return ring.maxMsgLength();
    }

    /** Which rule the consumer broke; null while it broke none. */
    public @Nullable Violation violation() {
        return violation;
    }

    /** Trusts the consumer again: it is another one, and no claim is under way. */
    public synchronized void forgive() {
        violation = null;
    }

    private synchronized int sever() {
        if (violation == null) {
            long tail = buffer.getLongVolatile(tailOffset);
            UnsafeBuffer evidence = new UnsafeBuffer(new byte[2 * Long.BYTES]);
            evidence.putLong(0, tail);
            evidence.putLong(8, buffer.getLongVolatile(headOffset));
            violation = new Violation(Kind.PRODUCER_RING, tail, evidence.byteArray());
        }
        return SEVERED;
    }
}
