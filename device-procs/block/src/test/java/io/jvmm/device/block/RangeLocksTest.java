package io.jvmm.device.block;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Who may run beside whom. */
class RangeLocksTest {
    private final RangeLocks locks = new RangeLocks(8);
    private final int[] granted = new int[8];

    @Test
    void readersShareAndWritersDoNot() {
        assertTrue(locks.ask(0, 0, 100, false));
        assertTrue(locks.ask(1, 50, 100, false));
        assertFalse(locks.ask(2, 99, 1, true));
        assertTrue(locks.ask(3, 150, 10, true), "a neighbour is no overlap");
        assertEquals(0, locks.release(0, granted), "the other reader still holds it");
        assertEquals(1, locks.release(1, granted));
        assertEquals(2, granted[0]);
    }

    @Test
    void aWaitingWriterIsNotOvertaken() {
        locks.ask(0, 0, 10, false);
        assertFalse(locks.ask(1, 0, 10, true));
        assertFalse(locks.ask(2, 5, 1, false), "or readers in a row would starve it");
        assertTrue(locks.ask(3, 10, 1, false));
        assertEquals(1, locks.release(0, granted));
        assertEquals(1, granted[0]);
        assertEquals(1, locks.release(1, granted));
        assertEquals(2, granted[0]);
    }

    @Test
    void whatGivesUpWaitingMakesWay() {
        locks.ask(0, 0, 10, false);
        locks.ask(1, 0, 10, true);
        locks.ask(2, 0, 10, false);
        assertEquals(1, locks.release(1, granted));
        assertEquals(2, granted[0]);
        locks.release(0, granted);
        locks.release(2, granted);
        assertTrue(locks.isEmpty());
        assertEquals(0, locks.waiting());
    }

    @Test
    void anEmptyRangeIsInNobodysWay() {
        assertTrue(locks.ask(0, 5, 0, true));
        assertTrue(locks.ask(1, 0, 10, true));
        assertTrue(locks.isFree(3, 0, true));
        assertFalse(locks.isFree(9, 1, false));
        assertTrue(locks.isFree(10, Long.MAX_VALUE - 10, true));
    }

    /** Never two in conflict at once, always in the order of asking where they conflict, and everybody's turn comes. */
    @Test
    void anyOrderOfRequestsKeepsTheRules() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int tickets = 16;
        RangeLocks many = new RangeLocks(tickets);
        int[] now = new int[tickets];
        long[] start = new long[tickets];
        long[] length = new long[tickets];
        boolean[] writes = new boolean[tickets];
        List<Integer> asked = new ArrayList<>();
        List<Integer> running = new ArrayList<>();
        for (int step = 0; step < 200_000; step++) {
            int ticket = random.nextInt(tickets);
            if (!asked.contains(ticket)) {
                start[ticket] = random.nextInt(20);
                length[ticket] = random.nextInt(8);
                writes[ticket] = random.nextBoolean();
                asked.add(ticket);
                if (many.ask(ticket, start[ticket], length[ticket], writes[ticket])) {
                    running.add(ticket);
                }
            } else if (running.contains(ticket)) {
                running.removeIf(one -> one == ticket);
                asked.removeIf(one -> one == ticket);
                int count = many.release(ticket, now);
                for (int i = 0; i < count; i++) {
                    running.add(now[i]);
                }
            }
            for (int i = 0; i < asked.size(); i++) {
                int one = asked.get(i);
                boolean blocked = false;
                for (int other : asked.subList(0, i)) {
                    blocked |= (writes[one] || writes[other])
                            && length[one] > 0
                            && length[other] > 0
                            && start[one] < start[other] + length[other]
                            && start[other] < start[one] + length[one];
                }
                assertEquals(!blocked, running.contains(one), "seed " + seed + " step " + step);
            }
            assertEquals(asked.size() - running.size(), many.waiting());
        }
    }

    @Test
    void nothingIsAllocated() {
        Allocations.assertNone("range locks", () -> {
            locks.ask(0, 0, 10, true);
            locks.ask(1, 0, 10, false);
            locks.ask(2, 5, 10, true);
            locks.release(0, granted);
            locks.release(1, granted);
            locks.release(2, granted);
        });
    }
}
