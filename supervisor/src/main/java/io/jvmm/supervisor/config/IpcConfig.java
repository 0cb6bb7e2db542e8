package io.jvmm.supervisor.config;

import java.time.Duration;

/**
 * How processes wait for one another.
 *
 * @param spin so long a waiter looks before it sleeps, at most {@link #LONGEST_SPIN}
 * @param readTimeout a register read not answered in this time gives all ones, and the device counts as hung
 */
public record IpcConfig(Duration spin, Duration readTimeout) {
    public static final Duration LONGEST_SPIN = Duration.ofMillis(10);
    public static final Duration LONGEST_READ_TIMEOUT = Duration.ofMinutes(1);

    public IpcConfig {
        if (spin.isNegative() || spin.compareTo(LONGEST_SPIN) > 0) {
            throw new IllegalArgumentException("spin is out of range: " + spin);
        }
        if (readTimeout.toMillis() < 1 || readTimeout.compareTo(LONGEST_READ_TIMEOUT) > 0) {
            throw new IllegalArgumentException("readTimeout is out of range: " + readTimeout);
        }
    }
}
