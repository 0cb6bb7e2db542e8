package io.jvmm.supervisor.journal;

import java.time.Duration;

/**
 * How much a journal keeps.
 *
 * @param mostBytes of the directory; beyond, the oldest whole lives go
 * @param oldest life that stays
 * @param lifeBytes after so many a life is followed by another
 */
public record Bounds(long mostBytes, Duration oldest, long lifeBytes) {
    public Bounds {
        if (mostBytes <= 0 || oldest.isNegative() || lifeBytes <= 0) {
            throw new IllegalArgumentException("bounds of a journal: " + mostBytes + ", " + oldest + ", " + lifeBytes);
        }
    }
}
