package io.jvmm.device.block.image;

import io.jvmm.ipc.sys.IoVector;

/**
 * A disk image: an array of bytes that a guest reads and writes in blocks. Data moves between the image's files and the
 * buffers of an {@link IoVector}, which are guest memory, without a copy in between wherever the format allows it.
 *
 * <p><b>Threads:</b> several at once. Each has a <em>lane</em>, 0..{@code lanes}-1 as told at opening, and passes it with every
 * call; what an image needs while it works (buffers, vectors) it allocates once a lane and so shares with nobody. Calls of one lane never
 * overlap in time. Lane 0 is the device thread, the others are workers.
 *
 * <p><b>Ranges:</b> while a call runs, the device holds the call's range of the <em>image</em> ({@link RangeLocks}): shared for
 * {@link #read}, exclusive for {@link #write}, {@link #discard} and {@link #writeZeroes}. So no two calls that touch the same
 * guest bytes ever overlap, unless both read. A format whose unit is larger than a block (a qcow2 cluster) sees calls on different
 * parts of one unit at once and must see to that itself; so it must to what its tables share. {@link #flush} runs beside anything.
 *
 * <p><b>What has returned stays:</b> when a write, discard or write of zeros has returned 0, its effect survives the sudden death
 * of this process (data and metadata are with the kernel, not in our memory); after {@link #flush}, or where {@link #DURABLE} was
 * asked for, that of the host. A call may be made a second time after such a death, and must then do the same again.
 *
 * <p><b>Results:</b> 0, or a negated errno, never an exception and no allocation: a full disk is {@code -ENOSPC}, a damaged
 * table {@code -EIO} (and from then on every call that changes something, where the format has a mark of corruption). Positions and
 * lengths are bytes, multiples of {@link #blockBytes}, inside the image and not empty: the device has checked that. The sum of a
 * vector is the length of the call.
 *
 * <p><b>Hostile:</b> the bytes of guest memory, which change at any time, and the content of the files.
 */
public interface BlockImage extends AutoCloseable {

    /**
     * Flag: {@code -EAGAIN} rather than waiting for a medium or for another thread. What was read or written by then is undefined; the
     * device makes the whole call again without this flag, on another lane. An image that cannot tell says EAGAIN.
     */
    int NO_WAIT = 1;
    /** Flag of {@link #write}, {@link #discard}, {@link #writeZeroes}: on the medium when it returns, with all metadata. */
    int DURABLE = 2;
    /** Flag of {@link #writeZeroes}: the range may lose its allocation (virtio's unmap), as long as it reads as zeros. */
    int MAY_UNMAP = 4;

    /** Length in bytes; a multiple of {@link #blockBytes}. Constant. */
    long lengthBytes();

    /** The unit of positions and lengths: 512 or 4096. */
    int blockBytes();

    /** What a guest should align to for speed: a power of two, at least {@link #blockBytes}. */
    int physicalBlockBytes();

    /** In what units a discard frees anything: a multiple of {@link #blockBytes}; 0 where discards do nothing. */
    int discardBytes();

    /** No call that changes anything succeeds; the device does not make one. */
    boolean readOnly();

    /**
     * Reads into {@code into}, which is used up: what it holds afterwards is undefined.
     *
     * @param flags {@link #NO_WAIT} or 0
     */
    long read(int lane, long position, IoVector into, int flags);

    /**
     * Writes from {@code from}, which is used up: what it holds afterwards is undefined.
     *
     * @param flags {@link #NO_WAIT}, {@link #DURABLE}
     */
    long write(int lane, long position, IoVector from, int flags);

    /** Everything that has returned before this call is on the medium when it returns. Waits. */
    long flush(int lane);

    /**
     * The guest needs the range no more: it may read as anything afterwards, and what was there from before the image
     * existed (a backing file) must not show through. Waits.
     *
     * @param flags {@link #DURABLE} or 0
     */
    long discard(int lane, long position, long lengthBytes, int flags);

    /**
     * The range reads as zeros. Waits.
     *
     * @param flags {@link #MAY_UNMAP}, {@link #DURABLE}
     */
    long writeZeroes(int lane, long position, long lengthBytes, int flags);

    /**
     * Whether synchronizing has failed for good, because the kernel has dropped what it could not write: from then on {@link #flush} and
     * {@link #DURABLE} calls fail. Any thread. A later process that is given the same files learns of it where it has
     * the {@link ImageSource#witness witness}.
     */
    default boolean hasLostWrites() {
        return false;
    }

    /**
     * The machine stops, and most often for good: as {@link #flush}, and the image is left as one that was closed in order, where
     * the format knows such a state. No call is running. Should another change follow after all, it is for the format to leave that state again.
     */
    default long finish(int lane) {
        return flush(lane);
    }

    /** No call is running and none follows: closes the files, nothing else. A device process ends without it. */
    @Override
    void close();
}
