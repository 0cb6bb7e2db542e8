package io.jvmm.vcpu.board;

/**
 * Everything that the vCPU process counts. {@link #number()} goes over the wire in COUNTER events and never changes its
 * meaning.
 */
public enum BoardCounter {
    /** Port reads, one for each exit. */
    PIO_READS(1),
    PIO_WRITES(2),
    MMIO_READS(3),
    MMIO_WRITES(4),
    /** Items beyond the first of string port instructions. */
    STRING_ITEMS(5),
    /** Accesses that lay across a window's edge and were taken apart. */
    SPLIT_ACCESSES(6),
    /** Reads or parts of reads that no device claims; answered with all ones. */
    UNCLAIMED_READS(7),
    /** Writes or parts of writes that no device claims; dropped. */
    UNCLAIMED_WRITES(8),
    /** Times a vCPU was called out of guest code. */
    KICKS(9),
    /** HLT exits of an engine that does not wait itself. */
    HALTS(10),
    /** Events that devices sent. */
    DEVICE_EVENTS(11),
    /** Events that mean nothing on this board, or that this device may not send. */
    IGNORED_EVENTS(12),
    /** Guest errors that devices reported. */
    GUEST_ERRORS(13),
    /** Times the board stopped listening to a device for a while because it said too much. */
    THROTTLED(14),
    /** Times the board thread woke up. */
    WAKE_UPS(15),
    /** Devices that did not answer in time. */
    DEVICES_HUNG(16),
    /** Devices cut off because they broke the protocol. */
    DEVICES_SEVERED(17),
    /** Accesses to PCI configuration space. */
    CONFIG_ACCESSES(18),
    /** Doorbells of virtqueues that do not exist, or of functions that may not read memory. */
    KICKS_DROPPED(19),
    /** Device processes that went and were to be replaced. */
    DEVICES_AWAY(20),
    /** Messages that waited for a successor. */
    MESSAGES_STALLED(21),
    /** Devices given up for good. */
    DEVICES_BROKEN(22);

    static final int LARGEST_NUMBER = DEVICES_BROKEN.number;

    private final int number;

    BoardCounter(int number) {
        this.number = number;
    }

    /** The id in COUNTER events. */
    public int number() {
        return number;
    }
}
