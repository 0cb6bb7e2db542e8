package io.jvmm.ipc.counters;

/** Everything that a device process counts. {@link #number()} is its place in the counters page and never changes its meaning. */
public enum DeviceCounter implements Counter {
    READS(0, Unit.ONE, "register reads answered"),
    WRITES(1, Unit.ONE, "register writes handled"),
    KICKS(2, Unit.ONE, "notifications of virtqueues handled"),
    RESETS(3, Unit.ONE, "resets of the machine handled"),
    COMMITS(4, Unit.ONE, "commits of the state"),
    INTERRUPTS(5, Unit.ONE, "interrupts raised"),
    GUEST_ERRORS(6, Unit.ONE, "times the guest broke a rule of the device's specification"),
    PEER_VIOLATIONS(7, Unit.ONE, "times the vCPU process broke the protocol"),
    BACKENDS_LOST(8, Unit.ONE, "times a back end of the host went away"),
    INPUT_BYTES(9, Unit.BYTES, "bytes that came from the back ends"),
    OUTPUT_BYTES(10, Unit.BYTES, "bytes that went to the back ends"),
    OUTPUT_BYTES_DROPPED(11, Unit.BYTES, "bytes of output that were too old to keep while nobody took them"),
    LOG_RECORDS_DROPPED(12, Unit.ONE, "log records for which the supervisor's ring had no room"),
    ALLOCATED_BYTES(
            13, Unit.BYTES, "bytes allocated on the heap, in whole thread buffers; without those of collected cycles"),
    COLLECTIONS(14, Unit.ONE, "garbage collections noticed"),
    SLEEPS(15, Unit.ONE, "times it went to sleep");

    private final int number;
    private final Unit unit;
    private final String help;

    DeviceCounter(int number, Unit unit, String help) {
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
