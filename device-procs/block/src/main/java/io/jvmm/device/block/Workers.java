package io.jvmm.device.block;

import io.jvmm.device.api.WorkerBell;
import org.jspecify.annotations.Nullable;

/**
 * Whoever carries out the requests that may have to wait for a medium: {@link IoPool} in a device process. All methods are the device
 * thread's, allocate nothing and, but for {@link #await} and {@link #close}, wait for nothing.
 */
interface Workers extends AutoCloseable {

    /** Makes them. */
    @FunctionalInterface
    interface Maker {
        /**
         * Makes them.
         *
         * @param workers how many requests they have in hand at once
         * @param capacity most requests under way at once
         * @param maxSegments most buffers of a request
         */
        Workers make(int workers, int capacity, int maxSegments);
    }

    /** How many lanes images need: one for each worker, and lane 0 for the device thread. */
    int lanes();

    /** Rung when there is something to {@link #poll}. */
    WorkerBell bell();

    /** Takes a request; one that is cancelled before it is begun is not carried out. */
    void submit(BlockRequest request);

    /** After one or several {@link #submit}: now they begin. */
    void kick();

    /** A request that is done, or null. */
    @Nullable
    BlockRequest poll();

    /** Whether {@link #poll} would find something. */
    boolean hasCompleted();

    /** Waits until something is completed, for a while at most. Outside the device thread's own poll. */
    void await();

    /** Ends them, once what they are at is done. */
    @Override
    void close();
}
