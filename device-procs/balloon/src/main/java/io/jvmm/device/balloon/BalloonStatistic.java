package io.jvmm.device.balloon;

/**
 * What a driver can tell about its memory (virtio 1.2 §5.5.6.4; tags 10 and up are what Linux added, virtio 1.4).
 */
enum BalloonStatistic {
    /** Bytes swapped in. */
    SWAP_IN(0),
    /** Bytes swapped out. */
    SWAP_OUT(1),
    /** Major page faults. */
    MAJFLT(2),
    /** Minor page faults. */
    MINFLT(3),
    /** Bytes used for nothing. */
    MEMFREE(4),
    /** Bytes in all. */
    MEMTOT(5),
    /** Estimate of the bytes new programs could have without swapping. */
    AVAIL(6),
    /** Bytes of file caches that could be had back. */
    CACHES(7),
    /** Huge pages allocated. */
    HTLB_PGALLOC(8),
    /** Huge pages that could not be allocated. */
    HTLB_PGFAIL(9),
    /** Processes ended for want of memory. */
    OOM_KILL(10),
    /** Allocations that had to wait for memory. */
    ALLOC_STALL(11),
    /** Pages looked at in the background. */
    ASYNC_SCAN(12),
    /** Pages looked at by who needed memory. */
    DIRECT_SCAN(13),
    /** Pages won in the background. */
    ASYNC_RECLAIM(14),
    /** Pages won by who needed memory. */
    DIRECT_RECLAIM(15);

    /** How many there are; tags are 0 to one less. */
    static final int COUNT = values().length;

    private final int tag;

    BalloonStatistic(int tag) {
        this.tag = tag;
    }

    /** Its number in the driver's buffer. */
    int tag() {
        return tag;
    }
}
