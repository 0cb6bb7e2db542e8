package io.jvmm.ipc.counters;

/** What a vCPU counts of its link to one device. {@link #number()} is its place in the counters page and never changes its meaning. */
public enum LinkCounter implements Counter {
    READS(0, "register reads asked of the device"),
    WRITES(1, "register writes posted to the device"),
    KICKS(2, "notifications of virtqueues posted to the device");

    private final int number;
    private final String help;

    LinkCounter(int number, String help) {
        this.number = number;
        this.help = help;
    }

    @Override
    public int number() {
        return number;
    }

    @Override
    public Unit unit() {
        return Unit.ONE;
    }

    @Override
    public String help() {
        return help;
    }
}
