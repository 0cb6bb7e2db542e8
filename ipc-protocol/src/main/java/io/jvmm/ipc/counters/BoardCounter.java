package io.jvmm.ipc.counters;

/**
 * Everything that the vCPU process counts, of each thread for itself. {@link #number()} goes over the wire in COUNTER events, is its place in
 * the counters page, and never changes its meaning.
 */
public enum BoardCounter implements Counter {
    PIO_READS(1, "port reads, one for each exit"),
    PIO_WRITES(2, "port writes, one for each exit"),
    MMIO_READS(3, "reads of memory that is no RAM"),
    MMIO_WRITES(4, "writes to memory that is no RAM"),
    STRING_ITEMS(5, "items beyond the first of string port instructions"),
    SPLIT_ACCESSES(6, "accesses that lay across a window's edge and were taken apart"),
    UNCLAIMED_READS(7, "reads or parts of reads that no device claims, answered with all ones"),
    UNCLAIMED_WRITES(8, "writes or parts of writes that no device claims, dropped"),
    KICKS(9, "times a vCPU was called out of guest code"),
    HALTS(10, "HLT exits of an engine that does not wait itself"),
    DEVICE_EVENTS(11, "events that devices sent"),
    IGNORED_EVENTS(12, "events that mean nothing on this board, or that this device may not send"),
    GUEST_ERRORS(13, "guest errors that devices reported"),
    THROTTLED(14, "times the board stopped listening to a device for a while because it said too much"),
    WAKE_UPS(15, "times the board thread woke up"),
    DEVICES_HUNG(16, "devices that did not answer in time"),
    DEVICES_SEVERED(17, "devices cut off because they broke the protocol"),
    CONFIG_ACCESSES(18, "accesses to PCI configuration space"),
    KICKS_DROPPED(19, "doorbells of virtqueues that do not exist, or of functions that may not read memory"),
    DEVICES_AWAY(20, "device processes that went and were to be replaced"),
    MESSAGES_STALLED(21, "messages that waited for a successor"),
    DEVICES_BROKEN(22, "devices given up for good"),
    ALLOCATED_BYTES(
            23, Unit.BYTES, "bytes allocated on the heap, in whole thread buffers; without those of collected cycles"),
    COLLECTIONS(24, "garbage collections noticed");

    /** Of all of them. */
    public static final int LARGEST_NUMBER = COLLECTIONS.number;

    private final int number;
    private final Unit unit;
    private final String help;

    BoardCounter(int number, String help) {
        this(number, Unit.ONE, help);
    }

    BoardCounter(int number, Unit unit, String help) {
        this.number = number;
        this.unit = unit;
        this.help = help;
    }

    @Override
    public int number() {
        return number;
    }

    @Override
    public Unit unit() {
        return unit;
    }

    @Override
    public String help() {
        return help;
    }
}
