package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.supervisor.journal.RecorderWords;
import io.jvmm.supervisor.launch.FakeMachine;
import io.jvmm.supervisor.launch.FakeRecording;
import io.jvmm.supervisor.launch.FakeRecording.FakeRecorder;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A machine one device of which is recorded; the test speaks for the recorders. */
class JournalWatchTest extends LoopFixture {
    private static BootRecord.Builder says(String what) {
        return BootRecord.builder().put(RecorderWords.DO, what);
    }

    private static BootRecord.Builder ready() {
        return says(RecorderWords.READY).put(RecorderWords.FILTER, "00");
    }

    /** On a host that is busy, the loop finds its messages and its end at once. */
    @Test
    void whatARecorderSaidBeforeItDiedCounts() throws Exception {
        FakeMachine m = machine(SLEEP);
        FakeRecording recording = m.record(ProcessInstance.SERIAL);
        CompletableFuture<Outcome> run = run(m, "");
        FakeMachine.PROCESSES.forEach(m::ready);
        FakeRecorder first = recording.next();
        recording.whenLookedAt(() -> {
            first.says(says(RecorderWords.ALIVE));
            first.says(recording.about(RecorderWords.BEGUN).put(RecorderWords.LIFE, 7));
            first.dies();
        });
        first.says(ready());

        FakeRecorder second = recording.next();
        recording.whenLookedAt(() -> {});
        assertEquals("off", second.hears().text(RecorderWords.JAIL));
        second.says(ready());
        BootRecord begin = second.hears();
        assertEquals(RecorderWords.BEGIN, begin.text(RecorderWords.DO));
        assertEquals("7", begin.findText(RecorderWords.LIFE).orElse("not said"), "the life that the first one began");
        second.says(recording.about(RecorderWords.BEGUN).put(RecorderWords.LIFE, 7));
        for (ProcessInstance kind : FakeMachine.PROCESSES) {
            assertEquals(SupervisorRequestType.START, next(m.end(kind)), kind::process);
        }

        m.end(ProcessInstance.VCPU).guestStopped(StopCause.POWERED_OFF, 0, 0, 0);
        assertEquals(RecorderWords.END, second.hears().text(RecorderWords.DO));
        second.says(says(RecorderWords.ALIVE));
        second.says(recording.about(RecorderWords.ENDED));
        second.dies();
        assertEquals(new Outcome.PoweredOff(""), outcome(run));
        String told = err.toString(StandardCharsets.UTF_8);
        assertTrue(
                told.startsWith("jvmm: vm \"vm\": the recorder was killed by SIGKILL. Another one is started.\n"),
                told);
        assertTrue(told.endsWith("jvmm: vm \"vm\": the recorder is there again: recording goes on.\n"), told);
    }
}
