package io.jvmm.device.block;

/** What a driver can do wrong: the codes of this device's guest errors; their number is the ordinal. */
enum BlockError {
    /** A request without 16 bytes of header, or without a byte for the status. */
    MALFORMED,
    /** A request of an unknown type, or of one whose feature was not negotiated. */
    UNKNOWN_TYPE,
    /** A length that is no multiple of a block, or data where none belongs. */
    BAD_LENGTH,
    /** Sectors beyond the end of the disk. */
    OUT_OF_RANGE,
    /** A request that changes a read-only disk. */
    READ_ONLY,
    /** Too many ranges, or too long ones. */
    TOO_MANY_RANGES,
    /** Flags the specification does not know, or does not allow there. */
    BAD_FLAGS,
    /** A queue that is no request queue. */
    BAD_QUEUE
}
