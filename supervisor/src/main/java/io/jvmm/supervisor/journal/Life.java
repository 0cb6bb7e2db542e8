package io.jvmm.supervisor.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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
 * @param fault what is wrong with the text about it; empty when all is well
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
        boolean drained,
        String fault) {
    private static final Pattern EXITED = Pattern.compile("exited with ([0-9]+).*");

    /** Adds to the text about it; that it cannot be written spoils nothing. */
    void note(Map<String, String> notes) {
        try {
            LifeNotes.add(directory, notes);
        } catch (IOException e) {
            System.err.println("jvmm-recorder: " + title() + ": " + e);
        }
    }

    /** How it ended, for people and in the same words everywhere, as the text about it says: {@code open} when that says nothing. */
    String end() {
        Matcher exited = EXITED.matcher(ended);
        return !severed.isEmpty()
                ? "severed: " + severed
                : drained
                        ? "drained"
                        : exited.matches() ? "ended with " + exited.group(1) : ended.isEmpty() ? OPEN : ended;
    }

    /** Of a life that is written now, or whose recorder heard nothing more. */
    static final String OPEN = "open";

    /** For people: {@code block, life 12}. */
    public String title() {
        return device + ", life " + number;
    }
}
