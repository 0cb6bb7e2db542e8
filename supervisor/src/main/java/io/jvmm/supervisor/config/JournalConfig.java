package io.jvmm.supervisor.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What is recorded of the machine's devices, and where that is kept.
 *
 * @param directory of this machine alone; without one nothing can be recorded
 * @param maxBytes of the directory; beyond, the oldest whole lives go
 * @param maxAge of a life that stays
 * @param lifeBytes after so many a life is followed by another
 * @param processes the device processes that are recorded from the start, by name
 */
public record JournalConfig(
        Optional<Path> directory, long maxBytes, Duration maxAge, long lifeBytes, Set<String> processes) {
    public static final int LEAST_MB = 16;
    public static final int MOST_MB = 1 << 20;
    public static final int STANDARD_MB = 1024;
    public static final int LONGEST_HOURS = 87_600;
    public static final int STANDARD_HOURS = 168;
    public static final int LEAST_LIFE_MB = 1;
    public static final int MOST_LIFE_MB = 4096;
    public static final int STANDARD_LIFE_MB = 64;

    /** Nothing is recorded, and nothing can be. */
    public static final JournalConfig NONE = new JournalConfig(
            Optional.empty(),
            (long) STANDARD_MB << 20,
            Duration.ofHours(STANDARD_HOURS),
            (long) STANDARD_LIFE_MB << 20,
            Set.of());

    public JournalConfig {
        processes = Set.copyOf(processes);
        if (directory.isEmpty() && !processes.isEmpty()) {
            throw new IllegalArgumentException("nothing can be recorded without a directory.");
        }
    }

    /** Whether anything can be recorded. */
    public boolean isPossible() {
        return directory.isPresent();
    }

    /** For messages: the processes in order. */
    public String words() {
        return String.join(", ", new TreeSet<>(processes));
    }
}
