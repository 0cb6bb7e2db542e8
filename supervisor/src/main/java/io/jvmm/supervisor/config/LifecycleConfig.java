package io.jvmm.supervisor.config;

import java.time.Duration;

/**
 * The supervisor's patience.
 *
 * @param readyTimeout from a process's start to its READY
 * @param powerButtonTimeout from the power button to the guest's power-off; then the machine is killed. Zero kills at once
 */
public record LifecycleConfig(Duration readyTimeout, Duration powerButtonTimeout) {
    public static final Duration LONGEST_READY = Duration.ofMinutes(10);
    public static final Duration LONGEST_POWER_BUTTON = Duration.ofHours(1);

    public LifecycleConfig {
        if (readyTimeout.toSeconds() < 1 || readyTimeout.compareTo(LONGEST_READY) > 0) {
            throw new IllegalArgumentException("readyTimeout is out of range: " + readyTimeout);
        }
        if (powerButtonTimeout.isNegative() || powerButtonTimeout.compareTo(LONGEST_POWER_BUTTON) > 0) {
            throw new IllegalArgumentException("powerButtonTimeout is out of range: " + powerButtonTimeout);
        }
    }
}
