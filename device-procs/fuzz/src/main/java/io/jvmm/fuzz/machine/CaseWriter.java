package io.jvmm.fuzz.machine;

import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.TraceFileWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/** Writes the life of a device in a case to a file, as the recorder does; of several the last one stays. */
final class CaseWriter {
    private final FuzzTape tape;
    private @Nullable Path file;
    private @Nullable TraceFileWriter writer;

    CaseWriter(FuzzTape tape) {
        this.tape = tape;
    }

    /** From now on lives are written there. */
    void to(Path newFile) {
        file = newFile;
    }

    /** Whether they are. */
    boolean writes() {
        return file != null;
    }

    /** A life begins: the tape it is written on, or null. */
    @Nullable
    RecordingTape newLife(
            Subject subject,
            DeviceIdentity identity,
            UnsafeBuffer state,
            boolean fresh,
            @Nullable FuzzMemory memory,
            long nowNs) {
        Path where = file;
        if (where == null) {
            return null;
        }
        try {
            close();
            TraceFileWriter open = new TraceFileWriter(where);
            writer = open;
            RecordingTape recorder = new RecordingTape(open, 0);
            LifeText life = new LifeText()
                    .put(LifeText.DEVICE, subject.factory().name())
                    .put(LifeText.PROGRAM, "jvmm-fuzz")
                    .put(LifeText.STATE_ID, identity.deviceId())
                    .put(LifeText.STATE_VERSION, identity.stateVersion())
                    .put(LifeText.STATE_BYTES, identity.stateLengthBytes())
                    .put(LifeText.FRESH, Boolean.toString(fresh))
                    .put(LifeText.NOW_NS, nowNs)
                    .put(LifeText.WALL_CLOCK_NS, 0);
            if (memory != null) {
                life.put(LifeText.MEMORY_BYTES, memory.memory().lengthBytes());
            }
            subject.entries().forEach(life::putConfig);
            recorder.life(life);
            recorder.state(0, state, state.capacity());
            tape.recordTo(recorder);
            return recorder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void close() throws IOException {
        RecordingTape recorder = tape.recorder();
        TraceFileWriter open = writer;
        if (recorder != null) {
            recorder.flush();
        }
        tape.recordTo(null);
        writer = null;
        if (open != null) {
            open.close();
        }
    }

    /** The last life ends with what there is of it. */
    void stop() throws IOException {
        close();
        file = null;
    }
}
