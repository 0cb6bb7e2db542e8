package io.jvmm.supervisor.journal;

import java.nio.file.Path;
import java.time.Instant;

/**
 * One life in a journal directory.
 *
 * @param device the process that it was
 * @param number from 1, rising with each device
 * @param directory where it is
 * @param ring of which ring it was read: a word of the supervisor's, so that a recorder finds the life again that it was in
 * @param began when the recorder began it
 * @param bytes length of its files
 * @param touched when something was last written
 */
public record Life(String device, int number, Path directory, String ring, Instant began, long bytes, Instant touched) {
    /** For people: {@code block, life 12}. */
    public String title() {
        return device + ", life " + number;
    }
}
