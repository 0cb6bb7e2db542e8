package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.supervisor.config.ConfigProblem;
import io.jvmm.supervisor.config.LoadedConfig;
import io.jvmm.supervisor.config.VirtioConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The opening of one machine's back ends: collects what was opened, what is wrong, and what the user must be told. A failure
 * is a complaint about a key, so that all of them come out at once. One thread.
 */
public final class Opening implements AutoCloseable {
    private final LoadedConfig config;
    private final Footprints footprints;
    private final List<ConfigProblem> problems = new ArrayList<>();
    private final List<String> notices = new ArrayList<>();
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final List<Brokered> brokers = new ArrayList<>();

    /**
     * Somebody who takes clients for a process.
     *
     * @param device whose; empty: the serial device's
     */
    public record Brokered(Optional<VirtioConfig> device, SocketBroker broker) {}

    /** Where a file that is about to be made is noted, so that it is removed however the supervisor ends. */
    public interface Footprints {
        void willMake(Path path) throws IOException;
    }

    public Opening(LoadedConfig config, Footprints footprints) {
        this.config = config;
        this.footprints = footprints;
    }

    public LoadedConfig config() {
        return config;
    }

    /** What was wrong so far. */
    public List<ConfigProblem> problems() {
        return List.copyOf(problems);
    }

    /** What the user must be told: the names of ptys. */
    public List<String> notices() {
        return List.copyOf(notices);
    }

    public void complain(String subject, String message) {
        problems.add(config.problem(subject, message));
    }

    public void notice(String text) {
        notices.add(text);
    }

    void willMake(Path path) throws IOException {
        footprints.willMake(path);
    }

    /** Closed with the back ends. */
    <T extends AutoCloseable> T keep(T resource) {
        opened.add(resource);
        return resource;
    }

    /** Kept as {@link #keep} does, and wanting the event loop's attention. */
    <T extends SocketBroker> T broker(Optional<VirtioConfig> owner, T broker) {
        brokers.add(new Brokered(owner, broker));
        return keep(broker);
    }

    /** Those of all streams on unix sockets. */
    List<Brokered> brokers() {
        return List.copyOf(brokers);
    }

    /** Opens a file and keeps it; null after a complaint. */
    public @Nullable Fd openFile(String subject, Path path, int flags) {
        try {
            // A named pipe or a serial line would make us wait for its other end.
            boolean special = Files.exists(path) && !Files.isRegularFile(path);
            return keep(FileIo.open(path, special ? flags | FileIo.NON_BLOCKING : flags, 0600));
        } catch (SysException e) {
            complain(subject, explain(path, e));
            return null;
        }
    }

    /** Why a path cannot be opened, and the cure. */
    static String explain(Path path, SysException e) {
        if (e.errno() == Errno.ENXIO) {
            return "nobody is at the other end of " + path
                    + ". Start its reader first (a named pipe), or choose a file.";
        }
        return switch (e) {
            case SysException.Missing _ -> {
                Path parent = path.toAbsolutePath().getParent();
                yield parent == null || Files.isDirectory(parent)
                        ? "there is no " + path + ". Correct the path; it is relative to the configuration."
                        : "there is no " + path + ", nor its directory. Correct the path, or make it: mkdir -p "
                                + parent;
            }
            case SysException.Denied _ ->
                path + " may not be opened by this user (" + e.errno() + "). See its permissions: ls -ld " + path;
            default ->
                path + " cannot be opened: " + e.errno() + " (" + e.errno().meaning() + ").";
        };
    }

    static String reason(IOException e) {
        return e.getClass().getSimpleName().replace("Exception", "") + " " + e.getMessage() + ".";
    }

    /** A file that will be made: its directory must be there. */
    public void checkPlace(String subject, Path path) {
        Path parent = path.toAbsolutePath().getParent();
        if (parent != null && !Files.isDirectory(parent)) {
            complain(subject, "there is no directory " + parent + ". Make it: mkdir -p " + parent);
        } else if (parent != null && !Files.exists(path) && !Files.isWritable(parent)) {
            complain(
                    subject,
                    "nothing can be made in " + parent + " by this user. See its permissions: ls -ld " + parent);
        } else if (Files.isDirectory(path)) {
            complain(subject, path + " is a directory. Name a file.");
        }
    }

    @Override
    public void close() {
        for (AutoCloseable c : opened.reversed()) {
            try {
                c.close();
            } catch (Exception e) {
                throw new IllegalStateException("closing a back end does not fail", e);
            }
        }
        opened.clear();
        brokers.clear();
    }
}
