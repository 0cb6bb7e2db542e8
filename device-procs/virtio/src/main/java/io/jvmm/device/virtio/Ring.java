package io.jvmm.device.virtio;

/**
 * One format of virtqueue behind {@link Queue}: the work on the ring itself. Device thread; allocates nothing, throws nothing.
 *
 * <p>What the driver is to see of a transaction becomes visible in two steps. {@link #publish} puts it into the state that is about to be
 * committed; {@link #flush}, after the commit, into the ring. So a process killed before the commit has shown the driver
 * nothing, and one killed after it leaves a state from which {@link #adopt} shows it, once.
 */
sealed interface Ring permits SplitRing, PackedRing {

    /**
     * Finds the ring's parts in memory and forgets what was.
     *
     * @return false when one of them is not aligned or not inside one region
     */
    boolean locate(long features);

    /** After {@link #locate} of an adopted state: false when no running device can have left it. */
    boolean adopt();

    boolean pop(Chain into);

    void unpop(Chain latest);

    boolean hasAvailable();

    void complete(int head, long writtenBytes);

    void publish();

    /** Shows the driver what was published before the commit; whether it wants an interrupt. */
    boolean flush();

    boolean wantKicks(boolean wanted);

    int outstanding();

    /** Whether published chains wait for another transaction. */
    boolean hasMore();
}
