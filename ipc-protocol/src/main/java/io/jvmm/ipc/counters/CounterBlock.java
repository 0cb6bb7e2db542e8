package io.jvmm.ipc.counters;

import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A row of counters, or of a histogram's buckets, that one thread adds to. Others may read a value that is at most a moment old. Where the
 * memory is shared, its other holders are not believed: all that comes of what they write there is a wrong figure. Adding is a
 * load and a store; allocates nothing.
 */
public final class CounterBlock {
    private final AtomicBuffer memory;

    /** A row of this process alone, for whom nobody has given a page. */
    public CounterBlock() {
        this(new UnsafeBuffer(new byte[CountersLayout.HISTOGRAM_BYTES]), 0, CountersLayout.HISTOGRAM_BYTES);
    }

    CounterBlock(AtomicBuffer page, int offset, int lengthBytes) {
        this.memory = new UnsafeBuffer(page, offset, lengthBytes);
    }

    /** Adds. */
    public void add(int number, long n) {
        int at = number << 3;
        memory.putLongRelease(at, memory.getLong(at) + n);
    }

    /** Adds one; what there is then. */
    public long next(Counter counter) {
        int at = counter.number() << 3;
        long value = memory.getLong(at) + 1;
        memory.putLongRelease(at, value);
        return value;
    }

    public void add(Counter counter, long n) {
        add(counter.number(), n);
    }

    public void increment(Counter counter) {
        add(counter.number(), 1);
    }

    /** Counts a duration, where this is a histogram. */
    public void record(long ns) {
        add(Histogram.bucket(ns), 1);
    }

    public long get(int number) {
        return memory.getLongVolatile(number << 3);
    }

    public long get(Counter counter) {
        return get(counter.number());
    }

    /** Copies it. */
    public void copyTo(long[] target) {
        for (int i = 0; i < target.length; i++) {
            target[i] = get(i);
        }
    }
}
