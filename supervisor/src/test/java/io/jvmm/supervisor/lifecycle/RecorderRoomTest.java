package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecorderRoomTest {
    private static final long S = 1_000_000_000L;

    private final List<String> told = new ArrayList<>();
    private final RecorderRoom room = new RecorderRoom((level, pid, event, line) -> told.add(level + " " + event));

    @Test
    void eachChangeIsTold() {
        assertEquals("", room.lack());
        room.full(1, "no room", 0);
        assertTrue(room.isFull());
        assertEquals("no room", room.lack());
        room.room(1);
        assertFalse(room.isFull());
        assertEquals("", room.lack());
        assertEquals(
                List.of("ERROR nothing is recorded for now: no room", "INFO there is room again: recording goes on"),
                told);
    }

    /** As fast as the loop listens; each line is written to the user's terminal by the loop itself. */
    @Test
    void oneThatChangesItsMindAllTheTimeFillsNobodysTerminal() {
        for (long ms = 0; ms < 30_000; ms++) {
            room.full(1, "no room", ms * S / 1000);
            room.room(1);
        }
        assertEquals(2 * 3, told.size(), told::toString);
    }

    /** Whoever was told that there is room must hear that there is none, though it is too soon at first. */
    @Test
    void theLastWordIsTrue() {
        room.full(1, "no room", 0);
        room.room(1);
        room.full(1, "none again", S);
        assertEquals(2, told.size(), told::toString);
        assertEquals(10 * S, room.nextDeadlineNs());
        room.tick(10 * S - 1);
        assertEquals(2, told.size(), told::toString);
        room.tick(10 * S);
        room.tick(11 * S);
        assertEquals("ERROR nothing is recorded for now: none again", told.getLast());
        assertEquals(3, told.size(), told::toString);
        assertEquals(MachineLifecycle.NEVER, room.nextDeadlineNs());
    }

    @Test
    void whatCannotBeIsAViolation() {
        assertThrows(IllegalArgumentException.class, () -> room.room(1));
        room.full(1, "no room", 0);
        assertThrows(IllegalArgumentException.class, () -> room.full(1, "no room", 0));
        room.forget(); // the next one has said nothing yet
        room.full(2, "no room", 0);
    }
}
