package io.jvmm.ipc.counters;

import java.util.Locale;

/** One thing that is counted: an element of an enum. It only grows. */
public interface Counter {
    /** What one step of a counter is. */
    enum Unit {
        /** Things. */
        ONE,
        BYTES
    }

    /** Its place in a block; never changes its meaning. */
    int number();

    /** The constant's name. */
    String name();

    Unit unit();

    /** What it counts, in words: a clause without a full stop. */
    String help();

    /** The name in lower case, as {@code jvmmctl} and metrics have it. */
    default String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** No host does more of it in a second; who says so is not believed. */
    default long mostPerSecond() {
        return unit() == Unit.BYTES ? 400_000_000_000L : 200_000_000L;
    }
}
