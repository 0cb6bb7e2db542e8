package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.launch.ProcessKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class SparesTest {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1000 * MS;

    private final List<String> done = new ArrayList<>();
    private final Spares spares = new Spares(
            EnumSet.of(ProcessKind.SERIAL, ProcessKind.BLOCK),
            new LifecycleConfig(Duration.ofSeconds(20), Duration.ofSeconds(30)),
            new Spares.Actions() {
                @Override
                public void startSpare(ProcessKind kind) {
                    done.add("start " + kind);
                }

                @Override
                public void killSpare(ProcessKind kind) {
                    done.add("kill " + kind);
                }

                @Override
                public void pingSpare(ProcessKind kind) {
                    done.add("ping " + kind);
                }
            },
            0);

    private List<String> tick(long nowNs) {
        spares.tick(nowNs);
        List<String> taken = List.copyOf(done);
        done.clear();
        return taken;
    }

    @Test
    void theGuestHasTheProcessorsFirstAndThenOneStartsAfterTheOther() {
        assertEquals(2 * SECOND, spares.nextDeadlineNs());
        assertEquals(List.of(), tick(SECOND));
        assertEquals(List.of("start SERIAL"), tick(2 * SECOND));
        assertEquals(List.of(), tick(3 * SECOND));
        assertFalse(spares.take(ProcessKind.SERIAL, 3 * SECOND), "not ready");
        spares.ready(ProcessKind.SERIAL, 3 * SECOND);
        assertTrue(spares.nextDeadlineNs() <= 3 * SECOND);
        assertEquals(List.of("start BLOCK"), tick(3 * SECOND));
        spares.ready(ProcessKind.BLOCK, 3 * SECOND);
        assertEquals(4 * SECOND, spares.nextDeadlineNs());
    }

    @Test
    void aUsedOneIsReplaced() {
        tick(2 * SECOND);
        spares.ready(ProcessKind.SERIAL, 5 * SECOND);
        assertTrue(spares.take(ProcessKind.SERIAL, 5 * SECOND));
        assertFalse(spares.take(ProcessKind.SERIAL, 5 * SECOND));
        tick(5 * SECOND); // block's
        spares.ready(ProcessKind.BLOCK, 5 * SECOND);
        assertEquals(5 * SECOND + 100 * MS, spares.nextDeadlineNs());
        assertEquals(List.of("start SERIAL"), tick(5 * SECOND + 100 * MS));
    }

    @Test
    void oneThatDiesComesAgainLaterAndLater() {
        long now = 2 * SECOND;
        for (long delayMs : new long[] {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
            assertEquals(List.of("start SERIAL"), tick(now));
            spares.lost(ProcessKind.SERIAL, now);
            if (now == 2 * SECOND) {
                tick(now);
                spares.ready(ProcessKind.BLOCK, 1000 * SECOND);
            }
            assertEquals(now + delayMs * MS, spares.nextDeadlineNs());
            now = spares.nextDeadlineNs();
        }
    }

    @Test
    void oneThatIsNeverReadyIsKilled() {
        tick(2 * SECOND);
        assertEquals(22 * SECOND, spares.nextDeadlineNs());
        List<String> did = tick(22 * SECOND);
        assertEquals(List.of("kill SERIAL", "start BLOCK"), did);
        spares.lost(ProcessKind.SERIAL, 22 * SECOND); // its end counts once
        spares.ready(ProcessKind.SERIAL, 22 * SECOND);
        assertEquals(Spares.State.ABSENT, spares.state(ProcessKind.SERIAL));
    }

    /** A stopped one would be found out only when it is wanted. */
    @Test
    void oneThatDoesNotAnswerIsKilled() {
        tick(2 * SECOND);
        spares.ready(ProcessKind.SERIAL, 2 * SECOND);
        assertEquals(List.of("start BLOCK"), tick(2 * SECOND));
        assertEquals(3 * SECOND, spares.nextDeadlineNs());
        assertEquals(List.of("ping SERIAL"), tick(3 * SECOND));
        spares.pingAcknowledged(ProcessKind.SERIAL, 3 * SECOND);
        assertEquals(4 * SECOND, spares.nextDeadlineNs());
        assertEquals(List.of("ping SERIAL"), tick(4 * SECOND));
        assertEquals(6 * SECOND, spares.nextDeadlineNs());
        assertEquals(List.of("kill SERIAL"), tick(6 * SECOND));
        assertFalse(spares.take(ProcessKind.SERIAL, 6 * SECOND));
    }

    @Test
    void aClassWhoseDevicesAreBrokenHasNoneAnyMore() {
        tick(2 * SECOND);
        assertTrue(spares.drop(ProcessKind.SERIAL), "one is on its way");
        spares.ready(ProcessKind.SERIAL, 3 * SECOND);
        spares.lost(ProcessKind.SERIAL, 3 * SECOND);
        assertFalse(spares.take(ProcessKind.SERIAL, 3 * SECOND));
        assertFalse(spares.drop(ProcessKind.SERIAL));
        assertEquals(List.of("start BLOCK"), tick(4 * SECOND));
        spares.ready(ProcessKind.BLOCK, 4 * SECOND);
        assertTrue(spares.take(ProcessKind.BLOCK, 4 * SECOND));
        assertFalse(spares.drop(ProcessKind.BLOCK), "it serves");
        assertEquals(List.of(), tick(60 * SECOND));
    }

    @Test
    void aClassWithoutSparesHasNone() {
        assertFalse(spares.take(ProcessKind.NET, SECOND));
        spares.ready(ProcessKind.NET, SECOND);
        spares.lost(ProcessKind.NET, SECOND);
        assertEquals(Spares.State.ABSENT, spares.state(ProcessKind.NET));
    }

    /** What the training run goes through. */
    @Test
    void theRehearsalComesToItsEnd() {
        assertEquals(4, Rehearsal.run());
    }
}
