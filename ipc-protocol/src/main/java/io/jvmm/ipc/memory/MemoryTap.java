package io.jvmm.ipc.memory;

import java.lang.foreign.MemorySegment;

/**
 * Sees each access of a {@link GuestMemory#tapped} memory, in the order in which they happen, and has the last word on what was read: a recorder
 * writes it down, a replayer gives what was recorded, a fuzzer what it likes. One value read is one call, so a core that fetches something twice is
 * seen to, and may get two values. The thread is that of the access; whoever taps says which it may be.
 *
 * <p>Answers of {@link GuestMemory#resolve} and its like depend on the layout alone and are not shown; no more are {@link GuestMemory#slice},
 * {@link GuestMemory#backing} and {@link GuestMemory#segment}, which are for payload that the device does not look at.
 */
public interface MemoryTap {

    /** Method of {@link #discarded} in a trace. */
    int METHOD_DISCARD = 63;

    /** False in a replay: pages are not given back. */
    boolean memoryIsLive();

    /**
     * A value was read; also by an atomic operation, what was there before it.
     *
     * @param offset as {@link GuestMemory#resolve} gave it
     * @param value zero-extended
     * @return what the reader gets
     */
    long read(long offset, int widthBytes, long value);

    /** A value was written; {@code value} is whatever the width keeps of it. */
    void written(long offset, int widthBytes, long value);

    /** A range was copied to {@code target}, which may be changed before the reader looks at it. */
    void copiedOut(long offset, MemorySegment target, long targetOffset, long lengthBytes);

    /** A range was copied from {@code source}. */
    void copiedIn(long offset, MemorySegment source, long sourceOffset, long lengthBytes);

    /** Pages were given back to the host, or not ({@link #memoryIsLive}), with this result; gives the one that counts. */
    long discarded(long offset, long lengthBytes, long result);
}
