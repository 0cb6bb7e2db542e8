package io.jvmm.ipc.counters;

import java.lang.ref.WeakReference;

/**
 * How much a process allocates and how often its heap is collected, as far as that shows without the management module, whose classes
 * alone are more than such a process has: from the heap that is in use, looked at now and then, and from a sentinel that nobody but a weak
 * reference holds.
 *
 * <p>What it tells is a lower bound. Threads take memory from the heap in buffers of some kilobytes, which count when they are taken. What
 * is allocated and collected between two looks is not seen; after a collection what is in use counts. Two collections between two looks are
 * one. Looks a few times a second at most; allocates two small objects after each collection.
 */
public final class HeapMeter {
    private final CounterBlock counters;
    private final Counter allocated;
    private final Counter collections;
    private final long periodNs;
    private long nextNs;
    private long usedBefore;
    private WeakReference<Object> sentinel = new WeakReference<>(new Object());

    /** Looks at most so often. */
    public HeapMeter(CounterBlock counters, Counter allocated, Counter collections, long periodNs, long nowNs) {
        this.counters = counters;
        this.allocated = allocated;
        this.collections = collections;
        this.periodNs = periodNs;
        this.nextNs = nowNs + periodNs;
        this.usedBefore = used();
    }

    /** Whether it is time; looks then. */
    public boolean look(long nowNs) {
        if (nowNs - nextNs < 0) {
            return false;
        }
        nextNs = nowNs + periodNs;
        boolean collected = sentinel.refersTo(null);
        long used = used();
        if (collected) {
            counters.increment(collections);
            sentinel = new WeakReference<>(new Object());
        }
        counters.add(allocated, Math.max(0, collected ? used : used - usedBefore));
        usedBefore = used;
        return true;
    }

    private static long used() {
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
