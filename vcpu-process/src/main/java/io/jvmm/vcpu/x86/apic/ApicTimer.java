package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.state.StateCursor;

/**
 * The timer of a local APIC (SDM 3A 11.5.4): one-shot and periodic counting of a 1 GHz clock through a divider, or a
 * deadline of the time-stamp counter. Pure: time comes in, in nanoseconds that never go back. The vCPU's thread only.
 */
final class ApicTimer {
    static final int ONE_SHOT = 0;
    static final int PERIODIC = 1;
    static final int TSC_DEADLINE = 2;

    /** Never. */
    static final long NEVER = Long.MAX_VALUE;

    private int mode;
    private int divideRegister;
    private long initialCount;
    /** When the present count began; meaningful while {@link #running}. */
    private long startNs;

    private boolean running;
    /** IA32_TSC_DEADLINE, 0 when disarmed. */
    private long deadlineTsc;

    /** The state after reset and INIT. */
    void reset() {
        mode = ONE_SHOT;
        divideRegister = 0;
        initialCount = 0;
        running = false;
        deadlineTsc = 0;
    }

    int mode() {
        return mode;
    }

    /** Bits 18:17 of the LVT entry. A change to or from TSC-deadline mode disarms the timer (11.5.4.1). */
    void setMode(int newMode) {
        if ((mode == TSC_DEADLINE) != (newMode == TSC_DEADLINE)) {
            running = false;
            initialCount = 0;
            deadlineTsc = 0;
        }
        mode = newMode;
    }

    int divideRegister() {
        return divideRegister;
    }

    /** Bits 3, 1 and 0 are the divisor's logarithm less one, 7 is a divisor of one. What is left of a count is kept. */
    void setDivide(int value, long nowNs) {
        final long left = currentCount(nowNs);
        divideRegister = value & 0xb;
        if (running) {
            startNs = nowNs - ((initialCount - left) << shift());
        }
    }

    private int shift() {
        return (((divideRegister >> 1 & 4) | (divideRegister & 3)) + 1) & 7;
    }

    long initialCount() {
        return initialCount;
    }

    /** Starts counting; zero stops. Ignored in TSC-deadline mode. */
    void setInitialCount(long value, long nowNs) {
        if (mode == TSC_DEADLINE) {
            return;
        }
        initialCount = value & 0xffff_ffffL;
        running = initialCount != 0;
        startNs = nowNs;
    }

    /** Counts down from {@link #initialCount()}; 0 in TSC-deadline mode and when stopped. */
    long currentCount(long nowNs) {
        if (!running) {
            return 0;
        }
        final long elapsed = Math.max(0, nowNs - startNs) >> shift();
        if (elapsed < initialCount) {
            return initialCount - elapsed;
        }
        return mode == PERIODIC ? initialCount - elapsed % initialCount : 0;
    }

    long deadlineTsc() {
        return deadlineTsc;
    }

    /** WRMSR of IA32_TSC_DEADLINE: 0 disarms. Ignored in the other modes. */
    void setDeadlineTsc(long value) {
        if (mode == TSC_DEADLINE) {
            deadlineTsc = value;
        }
    }

    /** When {@link #expire} will next be true; {@code tscOffset} is what the TSC is ahead of time. */
    long nextNs(long tscOffset) {
        if (mode == TSC_DEADLINE) {
            if (deadlineTsc <= 0) {
                // 0 is disarmed; a set top bit is centuries away.
                return NEVER;
            }
            final long at = deadlineTsc - tscOffset;
            return tscOffset < 0 && at < 0 ? NEVER : at;
        }
        return running ? startNs + (initialCount << shift()) : NEVER;
    }

    /** Whether the timer has expired since the last call: once, however often the period has passed. */
    boolean expire(long nowNs, long tscOffset) {
        if (nextNs(tscOffset) > nowNs) {
            return false;
        }
        if (mode == TSC_DEADLINE) {
            deadlineTsc = 0;
        } else if (mode == PERIODIC) {
            final long period = initialCount << shift();
            startNs += (nowNs - startNs) / period * period;
        } else {
            running = false;
        }
        return true;
    }

    /**
     * For the state segment.
     *
     * @param newMode bits 18:17 of the LVT entry, where a loaded timer finds its mode
     */
    void transfer(StateCursor state, int newMode, long nowNs) {
        mode = newMode;
        running = state.flag(running);
        state.zero(2);
        divideRegister = state.u32(divideRegister, 0xb, "divide register of a timer");
        initialCount = Integer.toUnsignedLong(state.u32((int) initialCount));
        startNs = state.i64(startNs, -StateCursor.FAR_NS, nowNs, "start of a timer");
        deadlineTsc = state.u64(deadlineTsc);
        state.require(!running || (initialCount != 0 && mode != TSC_DEADLINE), "a timer that counts nothing");
        state.require(deadlineTsc == 0 || mode == TSC_DEADLINE, "a TSC deadline in another mode");
    }
}
