package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.supervisor.journal.JournalDirectory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The directory of {@code [journal]}, looked at before anything is done with it. Any thread. */
public final class JournalPlace {
    /** What a recorder needs to begin with. */
    private static final long LEAST_BYTES = 32L << 20;

    private JournalPlace() {}

    /**
     * Why nothing can be recorded there, in one sentence without an end; empty when something can. It is made when it is needed, and under root
     * it is given to a uid of the recorder's with all that is in it: only what is a journal, or empty, may be.
     */
    public static Optional<String> obstacle(Path directory) {
        String name = "the journal directory " + directory;
        if (!Files.exists(directory)) {
            Path above = nearest(directory);
            return Files.isDirectory(above) && Files.isWritable(above)
                    ? tooSmall(name, above)
                    : Optional.of(name + " cannot be made: " + above + " " + why(above));
        }
        if (!Files.isDirectory(directory)) {
            return Optional.of(name + " is no directory");
        }
        if (!Files.isWritable(directory)) {
            return Optional.of(name + " " + why(directory));
        }
        Optional<String> foreign = foreign(directory);
        return foreign.isPresent()
                ? foreign.map(
                        f -> name + " holds " + f + ", which is no part of a journal; give it a directory of its own")
                : tooSmall(name, directory);
    }

    private static Optional<String> tooSmall(String name, Path there) {
        long usable = usableBytes(there);
        return usable >= LEAST_BYTES
                ? Optional.empty()
                : Optional.of("the disk of " + name + " has " + (usable >> 20) + " MB left, and the recorder needs "
                        + (LEAST_BYTES >> 20));
    }

    /** How much room there is for a user like this one. */
    public static long usableBytes(Path directory) {
        return nearest(directory).toFile().getUsableSpace();
    }

    private static Path nearest(Path directory) {
        Path there = directory.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        return there;
    }

    private static String why(Path directory) {
        if (!Files.isDirectory(directory)) {
            return "is no directory";
        }
        try {
            if (Files.getFileStore(directory).isReadOnly()) {
                return "is on a file system that is read-only";
            }
            return "belongs to uid " + Files.getAttribute(directory, "unix:uid") + " and cannot be written to by uid "
                    + SystemInfo.effectiveUid();
        } catch (IOException e) {
            return "cannot be written to";
        }
    }

    /** Something in it that no journal has. */
    private static Optional<String> foreign(Path directory) {
        try (Stream<Path> all = Files.list(directory)) {
            List<Path> others = all.filter(p -> !JournalDirectory.isOurs(p))
                    .filter(p -> !p.endsWith(MachineRecording.LOCK))
                    .toList();
            return others.stream().findFirst().map(p -> String.valueOf(p.getFileName()));
        } catch (IOException | UncheckedIOException e) {
            return Optional.empty(); // it cannot be read: what is wrong shows when it is used
        }
    }
}
