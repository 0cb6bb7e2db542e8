package io.jvmm.supervisor.config;

import java.time.Duration;

/**
 * The supervisor's patience, and what it does when a device process dies.
 *
 * @param readyTimeout from a process's start to its READY
 * @param powerButtonTimeout from the power button to the guest's power-off; then the machine is killed. Zero kills at once
 * @param restarts how often a device process is replaced
 * @param standby which classes have a spare
 * @param hangTimeout a device process that does not answer the supervisor for so long is killed and replaced; zero: it is not asked
 * @param replaceTimeout the guest's access to a device that is being replaced waits so long at most, and then reads all ones
 */
public record LifecycleConfig(
        Duration readyTimeout,
        Duration powerButtonTimeout,
        RestartBudget restarts,
        Standby standby,
        Duration hangTimeout,
        Duration replaceTimeout) {
    public static final Duration LONGEST_READY = Duration.ofMinutes(10);
    public static final Duration LONGEST_POWER_BUTTON = Duration.ofHours(1);
    public static final Duration LONGEST_HANG = Duration.ofMinutes(1);
    public static final Duration LONGEST_REPLACE = Duration.ofMinutes(1);

    static final Duration STANDARD_HANG = Duration.ofSeconds(2);
    static final Duration STANDARD_REPLACE = Duration.ofSeconds(5);

    public LifecycleConfig {
        if (readyTimeout.toSeconds() < 1 || readyTimeout.compareTo(LONGEST_READY) > 0) {
            throw new IllegalArgumentException("readyTimeout is out of range: " + readyTimeout);
        }
        if (powerButtonTimeout.isNegative() || powerButtonTimeout.compareTo(LONGEST_POWER_BUTTON) > 0) {
            throw new IllegalArgumentException("powerButtonTimeout is out of range: " + powerButtonTimeout);
        }
        if (hangTimeout.isNegative() || hangTimeout.compareTo(LONGEST_HANG) > 0) {
            throw new IllegalArgumentException("hangTimeout is out of range: " + hangTimeout);
        }
        if (replaceTimeout.toMillis() < 1 || replaceTimeout.compareTo(LONGEST_REPLACE) > 0) {
            throw new IllegalArgumentException("replaceTimeout is out of range: " + replaceTimeout);
        }
    }

    /** The standard, but for these two. */
    public LifecycleConfig(Duration readyTimeout, Duration powerButtonTimeout) {
        this(readyTimeout, powerButtonTimeout, RestartBudget.STANDARD, Standby.ALL, STANDARD_HANG, STANDARD_REPLACE);
    }
}
