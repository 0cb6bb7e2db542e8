package io.jvmm.vcpu.board;

/**
 * How much a device may say: so many units in each stretch of time. Who has spent it is not listened to until the next
 * stretch begins, so that a flood costs the board thread a bounded share of a processor whatever the device does. Pure:
 * time comes in.
 */
public final class EventBudget {
    private final int unitsPerPeriod;
    private final long periodNs;
    private long periodEndNs;
    private int left;

    /** Whole at first. */
    public EventBudget(int unitsPerPeriod, long periodNs, long nowNs) {
        this.unitsPerPeriod = unitsPerPeriod;
        this.periodNs = periodNs;
        this.left = unitsPerPeriod;
        this.periodEndNs = nowNs + periodNs;
    }

    /** What may still be spent now. */
    public int left(long nowNs) {
        if (nowNs - periodEndNs >= 0) {
            periodEndNs = nowNs + periodNs;
            left = unitsPerPeriod;
        }
        return left;
    }

    /** Never below nothing. */
    public void spend(int units) {
        left = Math.max(0, left - units);
    }

    /** When there will be more; meaningful while {@link #left} is 0. */
    public long nextPeriodNs() {
        return periodEndNs;
    }
}
