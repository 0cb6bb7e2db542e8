package io.jvmm.ipc.trace;

import java.io.IOException;
import org.agrona.DirectBuffer;

/** Batches of one trace in their order. One thread. */
public interface TraceSource {

    /**
     * Makes the next batch current.
     *
     * @return false at the end, also at a tail that was torn
     * @throws TraceFormatException when what comes next is no batch
     */
    boolean nextBatch() throws TraceFormatException, IOException;

    /** The current batch, private memory; valid until the next call of {@link #nextBatch}. */
    DirectBuffer batch();

    /** Length of the current batch. */
    int lengthBytes();

    /** Number of the current batch in its life. */
    long sequence();

    /** Whether the trace ended with a batch that was not written to its end. Known when {@link #nextBatch} has said false. */
    default boolean torn() {
        return false;
    }
}
