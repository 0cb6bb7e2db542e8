package io.jvmm.vcpu.x86.apic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** SDM 3A 11.5.4; the clock is 1 GHz. */
class ApicTimerTest {
    private static final int DIVIDE_BY_1 = 0xb;
    private static final int DIVIDE_BY_2 = 0;
    private static final int DIVIDE_BY_128 = 0xa;

    private final ApicTimer timer = new ApicTimer();

    @Test
    void oneShot() {
        timer.setDivide(DIVIDE_BY_1, 0);
        timer.setInitialCount(1000, 50);
        assertEquals(1050, timer.nextNs(0));
        assertEquals(600, timer.currentCount(450));
        assertFalse(timer.expire(1049, 0));
        assertTrue(timer.expire(1050, 0));
        assertFalse(timer.expire(5000, 0));
        assertEquals(0, timer.currentCount(5000));
        assertEquals(1000, timer.initialCount());
        assertEquals(ApicTimer.NEVER, timer.nextNs(0));
    }

    @Test
    void divisors() {
        // Figure 11-10: values 0..3 and 8..b of bits 3, 1, 0.
        final int[] registers = {0, 1, 2, 3, 8, 9, 0xa, 0xb};
        final int[] divisors = {2, 4, 8, 16, 32, 64, 128, 1};
        for (int i = 0; i < registers.length; i++) {
            timer.reset();
            timer.setDivide(registers[i] | 4, 0);
            assertEquals(registers[i], timer.divideRegister());
            timer.setInitialCount(10, 0);
            assertEquals(10L * divisors[i], timer.nextNs(0), "register " + registers[i]);
        }
    }

    @Test
    void periodicCatchesUp() {
        timer.setMode(ApicTimer.PERIODIC);
        timer.setDivide(DIVIDE_BY_2, 0);
        timer.setInitialCount(100, 0);
        assertTrue(timer.expire(200, 0));
        assertEquals(400, timer.nextNs(0));
        assertTrue(timer.expire(1250, 0));
        assertFalse(timer.expire(1399, 0));
        assertEquals(1400, timer.nextNs(0));
        assertEquals(75, timer.currentCount(1250));
    }

    @Test
    void zeroStops() {
        timer.setInitialCount(100, 0);
        timer.setInitialCount(0, 10);
        assertEquals(ApicTimer.NEVER, timer.nextNs(0));
        assertEquals(0, timer.currentCount(20));
    }

    @Test
    void aChangedDivisorKeepsWhatIsLeft() {
        timer.setDivide(DIVIDE_BY_1, 0);
        timer.setInitialCount(1000, 0);
        timer.setDivide(DIVIDE_BY_128, 400);
        assertEquals(600, timer.currentCount(400));
        assertEquals(400 + 600 * 128, timer.nextNs(0));
    }

    @Test
    void deadline() {
        // 11.5.4.1
        timer.setDeadlineTsc(5000);
        assertEquals(0, timer.deadlineTsc(), "ignored in another mode");
        timer.setMode(ApicTimer.TSC_DEADLINE);
        timer.setDeadlineTsc(5000);
        assertEquals(4000, timer.nextNs(1000));
        assertEquals(7000, timer.nextNs(-2000));
        assertFalse(timer.expire(3999, 1000));
        assertTrue(timer.expire(4000, 1000));
        assertEquals(0, timer.deadlineTsc());
        timer.setDeadlineTsc(1);
        assertTrue(timer.expire(4001, 1000), "one that has passed is at once");
        timer.setDeadlineTsc(-1);
        assertFalse(timer.expire(Long.MAX_VALUE - 1, 0));
        timer.setInitialCount(100, 0);
        assertEquals(0, timer.currentCount(0));
        timer.setMode(ApicTimer.ONE_SHOT);
        assertEquals(0, timer.deadlineTsc(), "the switch disarms");
        assertEquals(ApicTimer.NEVER, timer.nextNs(0));
    }

    @Test
    void aDeadlineBeyondTimeIsNever() {
        timer.setMode(ApicTimer.TSC_DEADLINE);
        timer.setDeadlineTsc(Long.MAX_VALUE - 10);
        assertEquals(ApicTimer.NEVER, timer.nextNs(-100));
    }
}
