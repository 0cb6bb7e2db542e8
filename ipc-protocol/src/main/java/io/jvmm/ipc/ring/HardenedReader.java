package io.jvmm.ipc.ring;

import static io.jvmm.ipc.ring.IpcRingLayout.HEAD_OFFSET;
import static io.jvmm.ipc.ring.IpcRingLayout.PADDING_TYPE;
import static io.jvmm.ipc.ring.IpcRingLayout.RECORD_HEADER_BYTES;
import static io.jvmm.ipc.ring.IpcRingLayout.TAIL_OFFSET;

import io.jvmm.ipc.ring.Violation.Kind;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The single consumer of an IPC ring whose producer is hostile. One thread.
 *
 * <p>Each record is copied once into private memory and only the copy is looked at; its length, type and place are
 * checked before they are used; no loop runs longer than a constant; the reader's position is private, what the shared
 * trailer says is never believed. The first broken rule severs: {@link #violation()} tells it and {@link #next()} is
 * false from then on. Nothing is thrown and, until then, nothing is allocated.
 *
 * <p>Use: {@link #next()}, handle {@link #message()}, commit {@link #positionAfter()} where the work is transactional,
 * {@link #release()}, or {@link #done()} and, for several at once, {@link #giveBack()}. Only that gives space back to the producer,
 * so a process that dies before it leaves the record where the next process finds it. Padding is skipped privately and given
 * back together with the record behind it, so that a committed position always names a record border that is still intact.
 *
 * <p>A record that is claimed but never finished looks like an empty ring.
 */
public final class HardenedReader {
    /** A well-behaved producer writes one padding record before a record; twice that in a row is not plausible. */
    private static final int MAX_PADDINGS_IN_A_ROW = 8;

    /** Up to here copying word by word beats the call of the bulk routine. */
    private static final int SMALL_BYTES = 64;

    private final AtomicBuffer ring;
    private final int capacity;
    private final int mask;
    private final int maxMessageLength;
    private final UnsafeBuffer copy;

    /** Everything before this has been given back to the producer. */
    private long released;
    /** Everything before this is done with. */
    private long done;
    /** Where the next record header is expected. */
    private long expected;

    private long recordPosition;
    private int recordLength;
    private int type;
    private boolean holding;
    private @Nullable Violation violation;

    /**
     * @param ring records and trailer
     * @param maxMessageLengthBytes longest message accepted; anything longer severs
     * @param resumePosition where to go on: 0 on a new ring, or what the previous consumer committed
     */
    public HardenedReader(AtomicBuffer ring, int maxMessageLengthBytes, long resumePosition) {
        this.ring = ring;
        this.capacity = ring.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
        if (capacity < RECORD_HEADER_BYTES || Integer.bitCount(capacity) != 1) {
            throw new IllegalArgumentException("capacity of a ring: " + capacity);
        }
        this.mask = capacity - 1;
        this.maxMessageLength = maxMessageLengthBytes;
        this.copy = new UnsafeBuffer(new byte[IpcRingLayout.align(maxMessageLengthBytes)]);
        this.expected = resumePosition;
        this.released = resumePosition;
        this.done = resumePosition;
        adopt(resumePosition);
    }

    /**
     * Makes the shared head agree with the position we resume at. Our predecessor may have committed a record and died
     * before it gave the space back; the producer does not touch that space before we do.
     */
    private void adopt(long resumePosition) {
        long head = ring.getLongVolatile(capacity + HEAD_OFFSET);
        long tail = ring.getLongVolatile(capacity + TAIL_OFFSET);
        long consumed = resumePosition - head;
        long pending = tail - resumePosition;
        boolean plausible = resumePosition >= 0
                && ((resumePosition | head | tail) & (IpcRingLayout.RECORD_ALIGNMENT_BYTES - 1)) == 0
                && consumed >= 0
                && consumed <= capacity
                && pending >= 0
                && pending <= capacity - consumed;
        if (!plausible) {
            UnsafeBuffer evidence = new UnsafeBuffer(new byte[3 * Long.BYTES]);
            evidence.putLong(0, resumePosition);
            evidence.putLong(8, head);
            evidence.putLong(16, tail);
            violation = new Violation(Kind.RING_POSITION, resumePosition, evidence.byteArray());
        } else if (consumed > 0) {
            giveBack(head, resumePosition);
        }
    }

    /**
     * Makes the next record current. The previous one must have been released.
     *
     * @return false when there is none, or the link is severed
     */
    public boolean next() {
        if (violation != null) {
            return false;
        }
        assert !holding : "release the current record first";
        long at = expected;
        for (int paddings = 0; paddings <= MAX_PADDINGS_IN_A_ROW; paddings++) {
            int index = (int) at & mask;
            int length = ring.getIntVolatile(index);
            if (length <= 0) {
                expected = at;
                return false;
            }
            int found = ring.getInt(index + Integer.BYTES);
            if (length < RECORD_HEADER_BYTES || length > capacity - index) {
                return severAt(at, Kind.RECORD_LENGTH);
            }
            if (found == PADDING_TYPE) {
                at += IpcRingLayout.align(length);
                if (at - released > capacity) {
                    return severAt(at - IpcRingLayout.align(length), Kind.PADDING);
                }
                continue;
            }
            if (found <= 0) {
                return severAt(at, Kind.RECORD_TYPE);
            }
            if (length - RECORD_HEADER_BYTES > maxMessageLength) {
                return severAt(at, Kind.RECORD_LENGTH);
            }
            if (at + IpcRingLayout.align(length) - released > capacity) {
                return severAt(at, Kind.RING_POSITION);
            }
            take(at, index, length, found);
            return true;
        }
        return severAt(at, Kind.PADDING);
    }

    /**
     * Makes current what a producer that is gone for good has left of a growing message ({@link GuardedProducer#claimGrowing}); when {@link #next()} has said false. What is none that could be
     * taken is nothing: it may have died anywhere.
     */
    public boolean nextUnfinished() {
        int index = (int) expected & mask;
        int length = -ring.getIntVolatile(index);
        int found = ring.getInt(index + Integer.BYTES);
        boolean there = violation == null
                && length > RECORD_HEADER_BYTES
                && length <= capacity - index
                && length - RECORD_HEADER_BYTES <= maxMessageLength
                && expected + IpcRingLayout.align(length) - released <= capacity
                && found > 0;
        if (there) {
            take(expected, index, length, found);
        }
        return there;
    }

    private void take(long at, int index, int length, int found) {
        int from = index + RECORD_HEADER_BYTES;
        int messageLength = length - RECORD_HEADER_BYTES;
        if (messageLength <= SMALL_BYTES) {
            for (int i = 0; i < messageLength; i += Long.BYTES) {
                copy.putLong(i, ring.getLong(from + i));
            }
        } else {
            ring.getBytes(from, copy, 0, messageLength);
        }
        recordPosition = at;
        recordLength = messageLength;
        type = found;
        holding = true;
    }

    /** Type of the current record, positive. */
    public int type() {
        return type;
    }

    /** Length of the current message in bytes. */
    public int length() {
        return recordLength;
    }

    /** The private copy of the current message; what lies behind {@link #length()} is left over from others. */
    public DirectBuffer message() {
        return copy;
    }

    /** Where the current record starts. */
    public long position() {
        return recordPosition;
    }

    /** Where the record after the current one starts: what to commit before {@link #release()}. */
    public long positionAfter() {
        return recordPosition + IpcRingLayout.recordBytes(recordLength);
    }

    /** Gives the current record's space (and that of padding before it) back to the producer. */
    public void release() {
        done();
        giveBack();
    }

    /** Done with the current record; its space is given back together with that of later ones, by {@link #giveBack()}. */
    public void done() {
        assert holding : "no current record";
        holding = false;
        if (violation == null) {
            done = positionAfter();
            expected = done;
        }
    }

    /** How many bytes lie between what has been given back and the end of the last record that is done with. */
    public int heldBytes() {
        return (int) (done - released);
    }

    /** Gives back the space of all records that are {@link #done()} with, and of padding before them. */
    public void giveBack() {
        if (violation == null && done != released) {
            giveBack(released, done);
            released = done;
        }
    }

    private void giveBack(long from, long to) {
        int index = (int) from & mask;
        int length = (int) (to - from);
        int toEnd = capacity - index;
        if (length <= toEnd) {
            zero(index, length);
        } else {
            zero(index, toEnd);
            zero(0, length - toEnd);
        }
        ring.putLongRelease(capacity + HEAD_OFFSET, to);
    }

    private void zero(int index, int length) {
        if (length <= SMALL_BYTES) {
            for (int i = 0; i < length; i += Long.BYTES) {
                ring.putLong(index + i, 0);
            }
        } else {
            ring.setMemory(index, length, (byte) 0);
        }
    }

    /** Whether the next call of {@link #next()} would find something to do. For the look before sleeping. */
    public boolean hasNext() {
        return violation == null && ring.getIntVolatile((int) expected & mask) > 0;
    }

    /** Where the next record is expected: after the last released one and any padding skipped since. */
    public long expectedPosition() {
        return expected;
    }

    /**
     * Severs because of what the current record says; for adapters. Keeps the first 64 bytes of the private copy.
     *
     * @return false, for the caller to return
     */
    public boolean sever(Kind kind) {
        if (violation == null) {
            byte[] bytes = new byte[Math.min(recordLength, Violation.MAX_BYTES)];
            copy.getBytes(0, bytes);
            violation = new Violation(kind, recordPosition, bytes);
        }
        return false;
    }

    private boolean severAt(long position, Kind kind) {
        int index = (int) position & mask;
        byte[] bytes = new byte[Math.min(capacity - index, Violation.MAX_BYTES)];
        ring.getBytes(index, bytes);
        violation = new Violation(kind, position, bytes);
        return false;
    }

    /** Which rule the producer broke; null while it broke none. */
    public @Nullable Violation violation() {
        return violation;
    }
}
