package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class EventBudgetTest {
    @Test
    void whatIsSpentComesBackWithTheNextPeriod() {
        final EventBudget b = new EventBudget(10, 100, 1000);
        assertEquals(10, b.left(1000));
        b.spend(7);
        assertEquals(3, b.left(1099));
        b.spend(7);
        assertEquals(0, b.left(1099));
        assertEquals(1100, b.nextPeriodNs());
        assertEquals(10, b.left(1100));
        assertEquals(1200, b.nextPeriodNs());
    }

    @Test
    void theClockMayPassLongMaxValue() {
        final EventBudget b = new EventBudget(1, 100, Long.MAX_VALUE - 50);
        b.spend(1);
        assertEquals(0, b.left(Long.MAX_VALUE));
        assertEquals(1, b.left(Long.MIN_VALUE + 60));
    }
}
