package io.jvmm.fuzz.parser;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordText;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

/** Batches of a trace, as recorder, replayer and whoever lists them read them; and the text a life begins with. */
public final class TraceTarget implements FuzzTarget {
    /** Three are told of 16 bytes. */
    private static final int LEAST_RECORD = 5;

    private final BatchReader reader = new BatchReader();
    private final UnsafeBuffer bytes = new UnsafeBuffer(0, 0);

    @Override
    public void run(byte[] input) {
        bytes.wrap(input);
        int records = 0;
        try {
            reader.wrap(bytes, 0, input.length);
            while (reader.next()) {
                RecordText.of(reader, Integer::toString);
                if (++records > input.length / LEAST_RECORD) {
                    throw new FindingException(records + " records in " + input.length + " bytes");
                }
            }
        } catch (TraceFormatException e) {
            // what stands before it counts
        }
        try {
            LifeText life = LifeText.parse(new String(input, StandardCharsets.UTF_8));
            if (!LifeText.parse(life.toString()).toString().equals(life.toString())) {
                throw new FindingException("the text of a life is not itself when it is read again");
            }
        } catch (TraceFormatException e) {
            // no life
        }
    }

    @Override
    public List<byte[]> seeds() {
        List<byte[]> batches = new ArrayList<>();
        RecordingTape tape = new RecordingTape(
                (batch, length) -> {
                    byte[] copy = new byte[length];
                    batch.getBytes(0, copy);
                    batches.add(copy);
                },
                0);
        LifeText life = new LifeText()
                .put(LifeText.DEVICE, "serial")
                .put(LifeText.NOW_NS, 1)
                .putConfig("ports", "4");
        batches.add(life.toString().getBytes(StandardCharsets.UTF_8));
        tape.life(life);
        tape.state(0, new UnsafeBuffer(new byte[64]), 64);
        tape.commit();
        tape.call(2, 1 << 16, 3, 0x80, 5);
        tape.callBytes(new UnsafeBuffer(new byte[] {1, 2, 3}), 0, 3);
        tape.answer(64, -11);
        tape.output(32, 4, 0, 0);
        tape.read(0x1000, 4, 0x1234);
        tape.written(0x1000, 2, 0x34);
        tape.commit();
        tape.call(3, 1L << 32 | 1, 0, 'A', 6);
        tape.commit();
        byte[] again = Arrays.copyOf(batches.getLast(), TraceLayout.STEP_LENGTH + TraceLayout.AGAIN_LENGTH);
        again[TraceLayout.STEP_LENGTH] = TraceLayout.AGAIN_LENGTH;
        again[TraceLayout.STEP_LENGTH + TraceLayout.RECORD_TYPE] = TraceLayout.AGAIN_CODE;
        batches.add(again);
        tape.call(2, 1L << 32 | 1, 5, 0, 7);
        tape.output(2, 0x60, 0, 0);
        tape.commit();
        tape.end(0);
        return batches;
    }
}
