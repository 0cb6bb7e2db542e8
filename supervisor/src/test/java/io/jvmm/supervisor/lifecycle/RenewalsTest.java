package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The recorder says once that it wants another life. */
class RenewalsTest {
    private static final ProcessInstance DEVICE = ProcessInstance.SERIAL;
    private static final JournalWatch.Renewal WISH = new JournalWatch.Renewal(DEVICE, "it has 64 bytes");

    private final Renewals renewals = new Renewals();

    @Test
    void oneThatCouldNotBeGivenIsTriedAgainAndToldOnce() {
        assertTrue(renewals.isEmpty());
        renewals.want(WISH);
        assertEquals(Optional.empty(), renewals.next(0, _ -> false), "not now");
        assertEquals(Optional.of(WISH), renewals.next(0, _ -> true));
        assertTrue(renewals.isEmpty());
        assertTrue(renewals.failed(WISH), "the first time");
        assertFalse(renewals.isEmpty());
        assertEquals(Optional.empty(), renewals.next(Renewals.AGAIN_NS - 1, _ -> true));
        assertEquals(Optional.of(WISH), renewals.next(Renewals.AGAIN_NS, _ -> true));
        assertFalse(renewals.failed(WISH), "known");
        assertEquals(Optional.of(WISH), renewals.next(2 * Renewals.AGAIN_NS, _ -> true));
        renewals.done(DEVICE);
        assertTrue(renewals.isEmpty());
        assertTrue(renewals.failed(WISH), "another failure");
    }
}
