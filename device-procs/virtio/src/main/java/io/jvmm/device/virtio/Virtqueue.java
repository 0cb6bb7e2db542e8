package io.jvmm.device.virtio;

/**
 * A virtqueue, split (§2.7) or packed (§2.8), the device's side. Device thread only; allocates nothing, throws nothing whatever
 * the guest's memory holds: a queue the driver has broken stops and the function needs a reset.
 *
 * <p>A chain is the device's from {@link #pop} to {@link #complete}; the state segment knows which ones are out, so a
 * successor gets exactly those again. A split queue takes completions in any order; a packed one returns them to the driver in
 * the order of {@code pop} and keeps those that are early.
 */
public interface Virtqueue {

    /** Whether the driver has enabled it and it is neither broken nor reset. */
    boolean ready();

    /** Its size; 0 while it is not enabled. */
    int size();

    /**
     * Takes the next available chain.
     *
     * @return false when there is none (or the queue is broken); {@code into} is empty then
     */
    boolean pop(Chain into);

    /** Puts the chain of the latest {@link #pop} back, so that the next one gives it again. Not after another call in between. */
    void unpop(Chain latest);

    /**
     * Whether {@link #pop} would find something; a look at the ring, may be stale at once. When there is nothing, a kick will tell
     * of the next buffer, as after a {@code pop} in vain.
     */
    boolean hasAvailable();

    /**
     * Returns a chain to the driver; it may see it as soon as {@link #publish} is called, or before.
     *
     * @param head {@link Chain#head}
     * @param writtenBytes bytes written to the writable part, from its beginning
     */
    void complete(int head, long writtenBytes);

    /**
     * Shows the driver what was completed, and interrupts it unless it asked not to be (§2.7.7, §2.7.10, §2.8.9). Once per
     * batch; several completions of one packet (mergeable buffers) become visible together.
     */
    void publish();

    /**
     * Whether the device wants kicks for this queue. Off while it polls or cannot take buffers (§2.7.7.1); switching it on
     * tells whether buffers came in meanwhile, so that none is missed.
     *
     * @return with {@code wanted}, whether there is something available now
     */
    boolean wantKicks(boolean wanted);

    /** How many chains are out: popped and not completed. */
    int outstanding();
}
