package io.jvmm.supervisor.journal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Optional;

/**
 * One life in a journal directory.
 *
 * @param device the process that it was
 * @param number from 1, rising with each device
 * @param directory where it is
 * @param ring of which ring it was read: a word of the supervisor's, so that a recorder finds the life again that it was in
 * @param began when its process was started
 * @param bytes that its files take on the disk
 * @param touched when something was last written
 * @param severed why its process was not listened to any more; empty for one that kept to the protocol
 * @param ended how its process ended; empty while it lives, or when the recorder did not hear of it
 * @param state what its process left in the state segment; empty while it lives, and where the life does not end with the last commit
 * @param drained whether its process had done all it was to do, and another went on where it was
 */
public record Life(
        String device,
        int number,
        Path directory,
        String ring,
        Instant began,
        long bytes,
        Instant touched,
        String severed,
        String ended,
        Optional<FinalState> state,
        boolean drained) {
    /** Adds to the text about it; that it cannot be written spoils nothing. */
    void note(String key, String value) {
        String line = key + " = " + value.lines().findFirst().orElse("") + "\n";
        try {
            Files.writeString(directory.resolve(JournalDirectory.ABOUT), line, StandardOpenOption.APPEND);
        } catch (IOException e) {
            System.err.println("jvmm-recorder: " + title() + ": " + e);
        }
    }

    /** For people: {@code block, life 12}. */
    public String title() {
        return device + ", life " + number;
    }
}
