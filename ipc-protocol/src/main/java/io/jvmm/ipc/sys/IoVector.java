package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Buffers for one vectored read or write: a preallocated array of {@code struct iovec}. Every buffer is checked against its
 * segment when it is added; the segments must live as long as the vector is used. One thread at a time. Allocates nothing after
 * construction.
 *
 * <pre>
 *   struct iovec   0              8              16
 *                  | void* base   | u64 length   |
 * </pre>
 */
public final class IoVector {
    /** The kernel takes no more at once (UIO_MAXIOV). */
    public static final int MOST_BUFFERS = 1024;

    private static final int IOVEC_LENGTH_BYTES = 16;
    private static final int LENGTH_OFFSET = 8;

    private final MemorySegment entries;
    private final int capacity;
    private int count;
    private long lengthBytes;

    /** An empty vector for at most {@code capacity} buffers, 1..{@link #MOST_BUFFERS}. */
    public IoVector(int capacity) {
        if (capacity < 1 || capacity > MOST_BUFFERS) {
            throw new IllegalArgumentException("buffers: " + capacity);
        }
        this.capacity = capacity;
        this.entries = Arena.ofAuto().allocate((long) capacity * IOVEC_LENGTH_BYTES, Long.BYTES);
    }

    /** Takes all buffers out. */
    public void clear() {
        count = 0;
        lengthBytes = 0;
    }

    /**
     * Adds a part of a segment. An empty part is left out.
     *
     * @return false when the vector is full
     */
    public boolean add(MemorySegment segment, long offset, long partBytes) {
        if (partBytes == 0) {
            return true;
        }
        if (count == capacity) {
            return false;
        }
        long base = FileIo.address(segment, offset, partBytes);
        entries.set(ValueLayout.JAVA_LONG, (long) count * IOVEC_LENGTH_BYTES, base);
        entries.set(ValueLayout.JAVA_LONG, (long) count * IOVEC_LENGTH_BYTES + LENGTH_OFFSET, partBytes);
        count++;
        lengthBytes += partBytes;
        return true;
    }

    /** How many buffers it holds. */
    public int count() {
        return count;
    }

    /** Bytes in all buffers. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /**
     * Takes bytes off the front, after a read or write that moved only some.
     *
     * @param doneBytes 0..{@link #lengthBytes}
     */
    public void advance(long doneBytes) {
        if (doneBytes < 0 || doneBytes > lengthBytes) {
            throw new IndexOutOfBoundsException(doneBytes);
        }
        long left = doneBytes;
        int kept = 0;
        for (int i = 0; i < count; i++) {
            long at = (long) i * IOVEC_LENGTH_BYTES;
            long base = entries.get(ValueLayout.JAVA_LONG, at);
            long length = entries.get(ValueLayout.JAVA_LONG, at + LENGTH_OFFSET);
            long gone = Math.min(left, length);
            left -= gone;
            if (gone < length) {
                long to = (long) kept * IOVEC_LENGTH_BYTES;
                entries.set(ValueLayout.JAVA_LONG, to, base + gone);
                entries.set(ValueLayout.JAVA_LONG, to + LENGTH_OFFSET, length - gone);
                kept++;
            }
        }
        count = kept;
        lengthBytes -= doneBytes;
    }

    long address() {
        return entries.address();
    }
}
