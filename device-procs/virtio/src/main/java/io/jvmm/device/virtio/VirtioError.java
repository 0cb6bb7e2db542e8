package io.jvmm.device.virtio;

/**
 * What a driver can do wrong to the transport or to a ring: the code of {@link VirtioHost#guestError}. Codes of devices are below
 * {@link #FIRST_CODE}. The detail's upper half is the queue or the register, its lower half what was found there.
 */
public enum VirtioError {
    /** A register accessed with a wrong width or across its border (§4.1.3.1). */
    ACCESS_WIDTH(0),
    /** A write to a register that is read-only, or read-only now. */
    READ_ONLY(1),
    /** Bits of the device status taken back or set out of order (§3.1.1). */
    STATUS(2),
    /** Features that were not offered, or a subset the device refuses, or VERSION_1 left out (§2.2). */
    FEATURES(3),
    /** A queue size that is no size (§2.7, §2.8). */
    QUEUE_SIZE(4),
    /** A ring that is not aligned or not inside one region of memory (§2.7, §2.8.10). */
    RING_ADDRESS(5),
    /** Kicked although it is not enabled. */
    KICK_DISABLED(6),
    /** The available index is more than the queue size ahead (§2.7.6). */
    AVAILABLE_INDEX(7),
    /** A head that is no descriptor, or that the device has already (§2.7.13). */
    HEAD(8),
    /** A chain with more descriptors than the queue: a loop (§2.7.5.2, §2.8.6). */
    CHAIN_LOOP(9),
    /** A next field that is no descriptor (§2.7.5). */
    NEXT(10),
    /** An indirect table within another, without the feature, or of no whole number of descriptors (§2.7.5.3). */
    INDIRECT(11),
    /** A readable descriptor behind a writable one (§2.7.4.2). */
    ORDER(12),
    /** A buffer that is not inside one region of memory. */
    BUFFER_ADDRESS(13),
    /** A chain longer than 2^32 bytes, or a descriptor of 2 GiB or more (§2.7.5.1). */
    LENGTH(14),
    /** More segments than the device takes. */
    TOO_MANY_SEGMENTS(15),
    /** A buffer without room for its status, or for a notice, of a device that can answer nothing else any more. */
    NO_STATUS(16);

    /** The lowest code. */
    public static final int FIRST_CODE = 0x1000;

    private final int number;

    VirtioError(int number) {
        this.number = number;
    }

    /** The number on the wire. */
    public int code() {
        return FIRST_CODE + number;
    }
}
