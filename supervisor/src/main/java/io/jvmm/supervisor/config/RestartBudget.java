package io.jvmm.supervisor.config;

import java.time.Duration;

/**
 * How often a device process is replaced before the device counts as broken.
 *
 * @param restarts so many, of each device, in any stretch of {@code window}; 0: a device whose process dies is broken
 * @param window how far back is counted
 * @param backoff a process that dies at once after a restart is replaced so much later, and each time after that twice as late, up
 *     to {@link #LONGEST_BACKOFF}; zero: never later
 */
public record RestartBudget(int restarts, Duration window, Duration backoff) {
    public static final int MOST_RESTARTS = 100_000;
    public static final Duration LONGEST_WINDOW = Duration.ofHours(1);
    public static final Duration LONGEST_BACKOFF = Duration.ofSeconds(5);

    public static final RestartBudget STANDARD = new RestartBudget(10, Duration.ofSeconds(60), Duration.ofMillis(100));

    public RestartBudget {
        if (restarts < 0 || restarts > MOST_RESTARTS) {
            throw new IllegalArgumentException("restarts is out of range: " + restarts);
        }
        if (window.toSeconds() < 1 || window.compareTo(LONGEST_WINDOW) > 0) {
            throw new IllegalArgumentException("window is out of range: " + window);
        }
        if (backoff.isNegative() || backoff.compareTo(LONGEST_BACKOFF) > 0) {
            throw new IllegalArgumentException("backoff is out of range: " + backoff);
        }
    }

    /** How long to wait when {@code quick} processes in a row have died at once after their start. */
    public Duration delay(int quick) {
        if (quick == 0) {
            return Duration.ZERO;
        }
        Duration doubled = backoff.multipliedBy(1L << Math.min(quick - 1, 16));
        return doubled.compareTo(LONGEST_BACKOFF) > 0 ? LONGEST_BACKOFF : doubled;
    }
}
