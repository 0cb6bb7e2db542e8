package io.jvmm.supervisor.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A reader of states that does what the test says: supervisor/CONTROL.md, "Inspection". */
@Timeout(120)
class StateReaderTest {
    private static final String READ = "read line; printf 'field\\ta.B\\t7\\tseven\\nend\\n'; ";
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private static StateReader start(String script) throws IOException, CtlException {
        return StateReader.of(List.of("/bin/sh", "-c", script), Map.of(), PATIENCE);
    }

    /** With --watch: it has answered once, and then it sticks. */
    @Test
    void eachAnswerIsWaitedForInVainOnce() throws Exception {
        try (StateReader reader = start("read empty; printf 'layout\\t1\\n'; " + READ + READ + "exec sleep 1000")) {
            for (int i = 0; i < 2; i++) {
                assertEquals(
                        new StateReader.Field("7", "seven"),
                        reader.read(1, "AA==").get("a.B"));
            }
            CtlException late = assertThrows(CtlException.class, () -> reader.read(1, "AA=="));
            assertEquals(CtlExit.NO_ANSWER, late.exit());
            assertTrue(String.valueOf(late.getMessage()).contains("it has not answered for 5 s"), late::getMessage);
        }
    }

    @Test
    void oneThatNeverBeginsIsNotWaitedForEither() {
        IOException late = assertThrows(IOException.class, () -> start("exec sleep 1000"));
        assertTrue(String.valueOf(late.getMessage()).contains("it has not answered"), late::getMessage);
    }
}
