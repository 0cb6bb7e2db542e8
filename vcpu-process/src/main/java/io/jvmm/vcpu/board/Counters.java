package io.jvmm.vcpu.board;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.counters.CounterBlock;

/**
 * One thread's counters. Only that thread adds; any thread may read a value that is at most a moment old. They lie in the page that the
 * supervisor reads, which is trusted: nobody else has it.
 */
public final class Counters {
    private final CounterBlock block;

    /** Those of a board that nobody watches. */
    public Counters() {
        this(new CounterBlock());
    }

    public Counters(CounterBlock block) {
        this.block = block;
    }

    /** Adds. */
    public void add(BoardCounter counter, long n) {
        block.add(counter.number(), n);
    }

    /** Adds one. */
    public void increment(BoardCounter counter) {
        add(counter, 1);
    }

    /** The count so far. */
    public long get(BoardCounter counter) {
        return block.get(counter.number());
    }
}
