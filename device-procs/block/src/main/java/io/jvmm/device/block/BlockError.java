package io.jvmm.device.block;

/** What a driver can do wrong: the codes of this device's guest errors. */
enum BlockError {
    /** A request without 16 bytes of header, or without a byte for the status. */
    MALFORMED(0),
    /** A request of an unknown type, or of one whose feature was not negotiated. */
    UNKNOWN_TYPE(1),
    /** A length that is no multiple of a block, or data where none belongs. */
    BAD_LENGTH(2),
    /** Sectors beyond the end of the disk. */
    OUT_OF_RANGE(3),
    /** A request that changes a read-only disk. */
    READ_ONLY(4),
    /** Too many ranges, or too long ones. */
    TOO_MANY_RANGES(5),
    /** Flags the specification does not know, or does not allow there. */
    BAD_FLAGS(6),
    /** A queue that is no request queue. */
    BAD_QUEUE(7);

    private final int code;

    BlockError(int code) {
        this.code = code;
    }

    /** What the guest error is called on the wire. */
    int code() {
        return code;
    }
}
