package io.jvmm.vcpu.board;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * One thread's counters. Only that thread adds; any thread may read a value that is at most a moment old.
 */
public final class Counters {
    private static final VarHandle ELEMENT = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] values = new long[BoardCounter.LARGEST_NUMBER + 1];

    /** Adds. */
    public void add(BoardCounter counter, long n) {
        final int i = counter.number();
        ELEMENT.setOpaque(values, i, values[i] + n);
    }

    /** Adds one. */
    public void increment(BoardCounter counter) {
        add(counter, 1);
    }

    /** The count so far. */
    public long get(BoardCounter counter) {
        return (long) ELEMENT.getOpaque(values, counter.number());
    }
}
