package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.supervisor.config.UidRange;
import io.jvmm.supervisor.sys.OpenFileLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The directory of {@code [journal]}, looked at before anything is done with it. Any thread. */
public final class JournalPlace {
    /** What a recorder needs to begin with. */
    private static final long LEAST_BYTES = 32L << 20;

    private JournalPlace() {}

    /**
     * Why nothing can be recorded there, in one sentence without an end; empty when something can. It is made when it is needed, and under root
     * it is given to a uid of the recorder's with all that is in it: only what is a journal, or empty, may be.
     *
     * @param recorders the uids that a recorder may have when the supervisor is root
     */
    public static Optional<String> obstacle(Path directory, UidRange recorders) {
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
        try (JournalTree tree = JournalTree.open(directory, recorders)) {
            return tree.fault().or(() -> tooSmall(name, directory));
        } catch (IOException e) {
            return Optional.of(name + " cannot be looked at: " + e.getMessage());
        }
    }

    private static Optional<String> tooSmall(String name, Path there) {
        long usable = usableBytes(there);
        if (nearest(there).toFile().getTotalSpace() == 0) {
            return Optional.of(
                    name + " is on a file system that keeps no files; give the journal a directory of a disk");
        }
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
                return "is on a file system that is read-only; give the journal another directory";
            }
            return "belongs to uid " + Files.getAttribute(directory, "unix:uid") + " and cannot be written to by uid "
                    + SystemInfo.effectiveUid();
        } catch (IOException e) {
            return "cannot be written to";
        }
    }

    /** Why not, where another machine is recorded there just now, or may be. Not for whoever records there itself. */
    public static Optional<String> occupied(Path directory) {
        try (Fd lock = FileIo.open(directory.resolve(MachineRecording.LOCK), FileIo.READ_ONLY | FileIo.NO_FOLLOW, 0)) {
            return OpenFileLock.tryLock(lock, false) ? Optional.empty() : Optional.of(occupiedWords(directory));
        } catch (SysException.Missing e) {
            return Optional.empty(); // nobody has been there
        } catch (SysException e) {
            return Files.isWritable(directory)
                    ? Optional.of("whether the journal directory " + directory
                            + " is that of another machine, which runs, cannot be told: " + e.getMessage())
                    : Optional.empty(); // which is an obstacle, with words of its own
        }
    }

    static String occupiedWords(Path directory) {
        return "the journal directory " + directory
                + " is that of another machine, which runs; give each machine one of its own";
    }
}
