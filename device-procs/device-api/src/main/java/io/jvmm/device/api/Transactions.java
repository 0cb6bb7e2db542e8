package io.jvmm.device.api;

import io.jvmm.device.api.trace.LifeRecorder;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.state.StateSegment;
import org.jspecify.annotations.Nullable;

/** Where transactions end: on the tape first, if the device is recorded, then in the state segment. Device thread; allocates nothing. */
final class Transactions {
    private final StateSegment state;
    private final @Nullable LifeRecorder recorder;

    Transactions(StateSegment state) {
        this(state, null);
    }

    Transactions(StateSegment state, @Nullable LifeRecorder recorder) {
        this.state = state;
        this.recorder = recorder;
    }

    /** The position last committed. */
    long ringPosition() {
        return state.ringPosition();
    }

    /** Killed between the two, a successor finds the state of the transaction before the last one on the tape. */
    void commit(long ringPosition, long nowNs) {
        if (recorder != null) {
            recorder.commit(ringPosition, nowNs);
        }
        state.commit(ringPosition);
    }

    /** The device thread looks elsewhere, or sleeps. */
    void rest() {
        if (recorder != null) {
            recorder.rest();
        }
    }

    /** The process ends in good order. */
    void end(ProcessExit exit) {
        if (recorder != null) {
            recorder.end(exit.code());
        }
    }
}
