package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class ReplacementsTest {
    private static final long MS = 1_000_000L;

    private final List<String> said = new ArrayList<>();
    private final Replacements replacements = new Replacements(said::add, _ -> {}, 0);

    private void replaced(long nowNs) {
        replacements.replaced(
                ProcessInstance.SERIAL,
                new Replacement(new Why.Requested(), DeviceActions.Source.SPARE, nowNs - 20 * MS, 0, 0, 0),
                nowNs);
    }

    private Durations stalls() {
        return Objects.requireNonNull(replacements.accounts().get(ProcessKind.SERIAL))
                .stallSpare();
    }

    /** The board tells how long the guest waited when it waits no more: the longest waits come last, and are the ones that matter. */
    @Test
    void aWaitThatIsLongerThanTheUserIsKeptWaitingCounts() {
        replaced(100 * MS);
        replacements.tick(1100 * MS);
        assertEquals(List.of("device serial was restarted on request; replaced after 20.0 ms (spare)."), said);
        replacements.stalled(ProcessInstance.SERIAL, 1, 3000 * MS, 3100 * MS);
        assertEquals(1, stalls().count());
        assertEquals(3000 * MS, stalls().maxNs());
        assertEquals(1, said.size());
    }

    @Test
    void aReplacementCountsOneWait() {
        replaced(100 * MS);
        replacements.stalled(ProcessInstance.SERIAL, 1, 5 * MS, 110 * MS);
        replacements.stalled(ProcessInstance.SERIAL, 1, 5 * MS, 111 * MS);
        assertEquals(1, stalls().count());
        replaced(200 * MS);
        replacements.stalled(ProcessInstance.SERIAL, 0, 0, 210 * MS);
        assertEquals(1, stalls().count());
        assertEquals(
                List.of(
                        "device serial was restarted on request; replaced after 20.0 ms (spare), the guest waited 5.0 ms.",
                        "device serial was restarted on request; replaced after 20.0 ms (spare), and the guest asked"
                                + " nothing meanwhile."),
                said);
    }
}
