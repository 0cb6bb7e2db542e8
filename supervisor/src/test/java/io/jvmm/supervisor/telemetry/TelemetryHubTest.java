package io.jvmm.supervisor.telemetry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.message.LogLevel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TelemetryHubTest {
    private final TelemetryHub hub = new TelemetryHub();

    @AfterEach
    void close() {
        hub.close();
    }

    private void event(int pid) {
        hub.event(Telemetry.Kind.STARTED, LogLevel.INFO, "rng", pid, Telemetry.UNKNOWN, "started");
    }

    @Test
    void theLastEventsAreKept() {
        for (int i = 1; i <= 300; i++) {
            event(i);
        }
        List<Telemetry.Envelope> kept = hub.history();
        assertEquals(256, kept.size());
        assertEquals(45, kept.getFirst().sequence());
        assertEquals(300, kept.getLast().sequence());
    }

    @Test
    void sequencesHaveNoGapForWhoWatches() {
        event(1);
        List<Long> carried = new ArrayList<>();
        TelemetryHub.Carrier carrier = e -> carried.add(e.sequence());
        hub.carryBy(carrier);
        hub.tell(new Telemetry.Log(LogLevel.INFO, "rng", "a"));
        event(2);
        hub.carriedNoMoreBy(e -> true); // another's end is none of ours
        hub.tell(new Telemetry.Log(LogLevel.INFO, "rng", "b"));
        hub.carriedNoMoreBy(carrier);
        hub.tell(new Telemetry.Log(LogLevel.INFO, "rng", "nobody watches"));
        event(3);
        assertEquals(List.of(2L, 3L, 4L), carried);
        assertEquals(5, hub.history().getLast().sequence());
    }

    @Test
    void whoAsksBetweenTwoLivesGetsNothingAndDoesNotWait() {
        assertFalse(hub.ask(new TelemetryHub.Request.Traces()));
        assertEquals(Optional.empty(), Samples.take(hub));
        hub.served(true);
        assertTrue(hub.ask(new TelemetryHub.Request.Traces()));
        assertEquals(1, hub.asked().size());
        assertEquals(0, hub.asked().size());
    }

    @Test
    void anEventLoopThatDoesNotComeRoundIsAskedNoMore() {
        hub.served(true);
        for (int n = 0; n < TelemetryHub.MOST_REQUESTS; n++) {
            assertTrue(hub.ask(new TelemetryHub.Request.Traces()));
        }
        assertFalse(hub.ask(new TelemetryHub.Request.Traces()), "enough");
        assertEquals(TelemetryHub.MOST_REQUESTS, hub.asked().size());
        assertTrue(hub.ask(new TelemetryHub.Request.Traces()), "it has come round");
    }
}
