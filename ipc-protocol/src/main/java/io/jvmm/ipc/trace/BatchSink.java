package io.jvmm.ipc.trace;

import org.agrona.DirectBuffer;

/** Where a {@link RecordingTape} publishes its batches. Device thread; never fails, allocates nothing in a device process. */
@FunctionalInterface
public interface BatchSink {

    /** Takes whole records, at most {@link TraceLayout#MAX_BATCH_BYTES} less a GAP; the buffer is the tape's again when this returns. */
    void publish(DirectBuffer batch, int lengthBytes);

    /**
     * Whether so many bytes would come right behind what was published last, where a reader of the one reads the other, too.
     *
     * <p>True only until the next {@link #publish}, which has to be of that length, with no {@link #rest} between.
     *
     * @param lengthBytes of the next batch
     */
    default boolean continues(int lengthBytes) {
        return false;
    }

    /** Nothing more comes for now: who looks from outside should see what was published. */
    default void rest() {}
}
