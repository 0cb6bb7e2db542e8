package io.jvmm.device.balloon;

/**
 * What a driver can tell about its memory (virtio 1.2 §5.5.6.4; numbers 10 and up are what Linux added, virtio 1.4). The ordinal is
 * the tag.
 */
enum BalloonStatistic {
    /** Bytes swapped in. */
    SWAP_IN,
    /** Bytes swapped out. */
    SWAP_OUT,
    /** Major page faults. */
    MAJFLT,
    /** Minor page faults. */
    MINFLT,
    /** Bytes used for nothing. */
    MEMFREE,
    /** Bytes in all. */
    MEMTOT,
    /** Estimate of the bytes new programs could have without swapping. */
    AVAIL,
    /** Bytes of file caches that could be had back. */
    CACHES,
    /** Huge pages allocated. */
    HTLB_PGALLOC,
    /** Huge pages that could not be allocated. */
    HTLB_PGFAIL,
    /** Processes ended for want of memory. */
    OOM_KILL,
    /** Allocations that had to wait for memory. */
    ALLOC_STALL,
    /** Pages looked at in the background. */
    ASYNC_SCAN,
    /** Pages looked at by who needed memory. */
    DIRECT_SCAN,
    /** Pages won in the background. */
    ASYNC_RECLAIM,
    /** Pages won by who needed memory. */
    DIRECT_RECLAIM
}
