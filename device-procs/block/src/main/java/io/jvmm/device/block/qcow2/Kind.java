package io.jvmm.device.block.qcow2;

/** What a piece of the guest's disk is made of. */
enum Kind {
    /** Nothing here: the backing file shows through, zeros where it has nothing either. */
    UNALLOCATED,
    /** Zeros, with or without a place in the file. */
    ZERO,
    /** Data that is this disk's alone: may be written in place. */
    DATA,
    /** Data that snapshots share: to be copied before it is changed. */
    SHARED,
    /** A compressed cluster. */
    COMPRESSED
}
