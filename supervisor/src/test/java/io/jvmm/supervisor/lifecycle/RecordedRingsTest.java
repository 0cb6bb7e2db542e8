package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.trace.TraceRing;
import io.jvmm.supervisor.journal.RecorderWords;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Recording;
import io.jvmm.supervisor.launch.StartedProcess;
import io.jvmm.supervisor.launch.Trace;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rings of processes that come and go while nobody reads them. */
class RecordedRingsTest {
    private static final ProcessInstance DEVICE = ProcessInstance.SERIAL;

    private Optional<Trace> trace = Optional.empty();
    private final List<Trace> all = new ArrayList<>();
    private final RecordedRings rings = new RecordedRings(() -> List.of(DEVICE), new Traces(), _ -> {
        throw new AssertionError("nobody has ended");
    });

    private final class Traces implements Recording {
        @Override
        public boolean isPossible() {
            return true;
        }

        @Override
        public boolean isRecorded(ProcessInstance device) {
            return true;
        }

        @Override
        public void record(ProcessInstance device, boolean on) {
            throw new AssertionError();
        }

        @Override
        public Optional<Trace> trace(ProcessInstance device) {
            return trace;
        }

        @Override
        public StartedProcess startRecorder() {
            throw new AssertionError();
        }

        @Override
        public BootRecord recorderRecord(StartedProcess recorder) {
            throw new AssertionError();
        }

        @Override
        public List<String> recorderFaults(StartedProcess recorder, String filterHash) {
            throw new AssertionError();
        }

        @Override
        public void forget(StartedProcess recorder) {
            throw new AssertionError();
        }
    }

    private void anotherProcess() {
        Trace next = new Trace("ring-" + all.size(), TraceRing.create("test"), EventFd.create());
        all.add(next);
        trace = Optional.of(next);
        rings.reconcile();
    }

    private long open() {
        return all.stream().filter(t -> t.fd().isOpen()).count();
    }

    /** A device that dies all the time, and a recorder that cannot be had: nothing piles up. */
    @Test
    void whoHasEndedIsLetGoWhileNobodyReads() {
        for (int n = 0; n < 20; n++) {
            anotherProcess();
        }
        assertEquals(20, open());
        assertEquals(14, rings.letGo(5), "nineteen have ended");
        assertEquals(6, open());
        assertEquals(5, rings.letGo(0));
        assertEquals(1, open());
        assertTrue(all.getLast().fd().isOpen(), "the one that lives is kept for a recorder that may come");
        assertEquals(0, rings.letGo(0));
        assertFalse(rings.isEmpty());
        List<BootRecord> told = new ArrayList<>();
        rings.tell(r -> told.add(r.build()));
        assertEquals(1, told.size());
        all.forEach(Trace::close);
    }

    /** What the ring says of itself is its process's to choose. */
    @Test
    void anotherRecorderHearsWhichLifeOneBeforeHasBegun() {
        anotherProcess();
        List<BootRecord> told = new ArrayList<>();
        rings.tell(r -> told.add(r.build()));
        rings.forgotten();
        rings.tell(r -> told.add(r.build()));
        rings.find("ring-0").orElseThrow().life(7);
        rings.forgotten();
        rings.tell(r -> told.add(r.build()));
        assertEquals(
                List.of("", "", "7"),
                told.stream()
                        .map(r -> r.findText(RecorderWords.LIFE).orElse(""))
                        .toList());
        all.forEach(Trace::close);
    }
}
