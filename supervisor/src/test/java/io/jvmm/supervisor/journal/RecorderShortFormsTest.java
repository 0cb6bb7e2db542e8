package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.RecordText;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.TraceFileReader;
import io.jvmm.ipc.trace.TraceLayout;
import io.jvmm.ipc.trace.TraceSource;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** PROTOCOL.md, "Trace": STEP, ASK and AGAIN on their way through a ring into a life, and cut out of it. */
class RecorderShortFormsTest extends RecorderFixture {
    private static final int TRANSACTIONS = 3000;

    /** Met so far. */
    private int again;

    /** Rows of writes to a register and of reads of another, in messages of several lengths. */
    private static void tell(RecordingTape tape) {
        for (int n = 0; n < TRANSACTIONS; n++) {
            if (n / 5 % 2 == 0) {
                tape.call(3, 1L << 32, 0, n & 0xFF, n + 1);
            } else {
                tape.call(2, 1L << 32, 5, 0, n + 1);
                tape.output(2, n & 0xFF, 0, 0);
            }
            tape.commit();
            if (n % 777 == 0) {
                tape.rest();
            }
        }
        tape.rest();
    }

    private List<String> texts(TraceSource source) throws Exception {
        List<String> all = new ArrayList<>();
        BatchReader records = new BatchReader();
        while (source.nextBatch()) {
            records.wrap(new UnsafeBuffer(source.batch()), 0, source.lengthBytes());
            while (records.next()) {
                all.add(RecordText.of(records, Integer::toString));
                boolean call = records.type() == RecordType.CALL;
                again += call && records.recordLength() == TraceLayout.AGAIN_LENGTH ? 1 : 0;
            }
        }
        return all;
    }

    @Test
    void aLifeHasAndACutKeepsWhatWasTold() throws Exception {
        Device device = new Device("serial", "w1");
        Served recorder = new Served(WIDE);
        recorder.begin(device);
        tell(new RecordingTape(device.sink, -1));
        recorder.end(device, "ended with 0");
        recorder.finish();
        assertEquals(TRANSACTIONS, commits("serial", 1));
        LifeSource life = LifeSource.of(directory, Optional.of("serial"), OptionalInt.of(1))
                .getFirst();
        List<String> whole;
        try (LifeSource.Open open = life.open()) {
            whole = texts(open);
        }
        assertTrue(again > TRANSACTIONS / 2, again + " times AGAIN");
        assertEquals("CALL 3 now=1 a=0x100000000 b=0x0 c=0x0", whole.getFirst());
        Path file = directory.resolveSibling("cut.jtrace");
        for (int until = 1; until < whole.size(); until += until < 100 ? 1 : 501) {
            LifeCut.of(life, file, until);
            try (TraceFileReader cut = new TraceFileReader(file)) {
                List<String> found = texts(cut);
                assertEquals(whole.subList(0, found.size()), found);
                assertTrue(found.size() >= until && found.size() <= until + 2, until + ": " + found.size());
                assertTrue(found.getLast().startsWith("COMMIT"), "never a part of a short form");
            }
        }
    }

    @Test
    void aMessageThatBeginsWithAgainSevers() throws Exception {
        Device device = new Device("serial", "w1");
        Served recorder = new Served(WIDE);
        recorder.begin(device);
        RecordingTape tape = new RecordingTape(device.sink, -1);
        tape.call(3, 1, 0, 5, 1);
        tape.commit();
        tape.rest();
        awaitEmpty(device);
        UnsafeBuffer again = new UnsafeBuffer(new byte[TraceLayout.AGAIN_LENGTH]);
        again.putInt(0, TraceLayout.AGAIN_LENGTH, ByteOrder.LITTLE_ENDIAN);
        again.putByte(TraceLayout.RECORD_TYPE, (byte) TraceLayout.AGAIN_CODE);
        device.sink.publish(again, again.capacity());
        device.sink.rest();
        BootRecord told = recorder.hear(RecorderWords.SEVERED);
        assertTrue(told.text(RecorderWords.HOW).contains("AGAIN behind no STEP"), told::toString);
        recorder.end(device, "killed");
        recorder.finish();
        assertEquals(1, commits("serial", 1), "what was whole is kept");
        assertFalse(RecordType.values().length >= TraceLayout.STEP_CODE, "no type has a short form's number");
    }
}
