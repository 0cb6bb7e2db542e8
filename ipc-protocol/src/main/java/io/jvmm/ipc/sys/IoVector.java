package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.agrona.UnsafeApi;

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

    /** All addresses: what was checked when it was added is reached again through its address. */
    private static final MemorySegment ADDRESSES = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private final MemorySegment entries;
    private final long entriesAddress;
    private final int capacity;
    private int first;
    private int count;
    private long lengthBytes;

    /** An empty vector for at most {@code capacity} buffers, 1..{@link #MOST_BUFFERS}. */
    public IoVector(int capacity) {
        if (capacity < 1 || capacity > MOST_BUFFERS) {
            throw new IllegalArgumentException("buffers: " + capacity);
        }
        this.capacity = capacity;
        this.entries = Arena.ofAuto().allocate((long) capacity * IOVEC_LENGTH_BYTES, Long.BYTES);
        this.entriesAddress = entries.address();
    }

    /** Takes all buffers out. */
    public void clear() {
        first = 0;
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
        return append(FileIo.address(segment, offset, partBytes), partBytes);
    }

    private boolean append(long base, long partBytes) {
        if (first + count == capacity) {
            return false;
        }
        set(first + count, base, partBytes);
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

    /** Whether every buffer's address and length is a multiple of {@code bytes}, a power of two. */
    public boolean isAligned(int bytes) {
        long bits = 0;
        for (int i = first; i < first + count; i++) {
            bits |= base(i) | length(i);
        }
        return (bits & (bytes - 1)) == 0;
    }

    /**
     * Takes bytes off the front, after a read or write that moved only some.
     *
     * @param doneBytes 0..{@link #lengthBytes}
     */
    public void advance(long doneBytes) {
        Objects.checkFromIndexSize(0, doneBytes, lengthBytes);
        long left = doneBytes;
        while (left > 0) {
            long n = Math.min(left, length(first));
            drop(n);
            left -= n;
        }
    }

    /**
     * Moves buffers from the front of another vector to the end of this one: a part of a request that goes its own way.
     *
     * @param wantedBytes 0..the other's {@link #lengthBytes}
     * @return how many bytes; fewer when this vector is full
     */
    public long take(IoVector from, long wantedBytes) {
        Objects.checkFromIndexSize(0, wantedBytes, from.lengthBytes);
        long left = wantedBytes;
        while (left > 0) {
            long n = Math.min(left, from.length(from.first));
            if (!append(from.base(from.first), n)) {
                break;
            }
            from.drop(n);
            left -= n;
        }
        return wantedBytes - left;
    }

    /** Copies bytes of a segment to the front of the buffers and takes those off, at most {@link #lengthBytes}. */
    public void fill(MemorySegment source, long offset, long partBytes) {
        Objects.checkFromIndexSize(0, partBytes, lengthBytes);
        for (long done = 0; done < partBytes; ) {
            long n = Math.min(partBytes - done, length(first));
            MemorySegment.copy(source, offset + done, ADDRESSES, base(first), n);
            drop(n);
            done += n;
        }
    }

    /** Sets bytes at the front of the buffers to zero and takes those off, at most {@link #lengthBytes}. */
    public void zero(long partBytes) {
        Objects.checkFromIndexSize(0, partBytes, lengthBytes);
        for (long left = partBytes; left > 0; ) {
            long n = Math.min(left, length(first));
            UnsafeApi.setMemory(base(first), n, (byte) 0);
            drop(n);
            left -= n;
        }
    }

    /** Copies bytes from the front of the buffers to a segment and takes those off, at most {@link #lengthBytes}. */
    public void drain(MemorySegment target, long offset, long partBytes) {
        Objects.checkFromIndexSize(0, partBytes, lengthBytes);
        for (long done = 0; done < partBytes; ) {
            long n = Math.min(partBytes - done, length(first));
            MemorySegment.copy(ADDRESSES, base(first), target, offset + done, n);
            drop(n);
            done += n;
        }
    }

    /** Takes bytes off the first buffer, all of it at most. */
    private void drop(long bytes) {
        long length = length(first);
        lengthBytes -= bytes;
        if (bytes == length) {
            first++;
            count--;
        } else {
            set(first, base(first) + bytes, length - bytes);
        }
    }

    private long base(int entry) {
        return entries.get(ValueLayout.JAVA_LONG, (long) entry * IOVEC_LENGTH_BYTES);
    }

    private long length(int entry) {
        return entries.get(ValueLayout.JAVA_LONG, (long) entry * IOVEC_LENGTH_BYTES + LENGTH_OFFSET);
    }

    private void set(int entry, long base, long length) {
        entries.set(ValueLayout.JAVA_LONG, (long) entry * IOVEC_LENGTH_BYTES, base);
        entries.set(ValueLayout.JAVA_LONG, (long) entry * IOVEC_LENGTH_BYTES + LENGTH_OFFSET, length);
    }

    long address() {
        return entriesAddress + (long) first * IOVEC_LENGTH_BYTES;
    }
}
