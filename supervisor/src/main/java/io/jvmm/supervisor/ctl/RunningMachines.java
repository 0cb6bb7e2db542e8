package io.jvmm.supervisor.ctl;

import io.jvmm.supervisor.launch.RuntimeDirectory;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The machines of this user, as their supervisors have announced them. Some of them may be dead: nobody listens there then. */
final class RunningMachines {
    private final Path root;
    private final int uid;

    /** Those that {@code root} tells of, if it is this user's alone. */
    RunningMachines(Path root, int uid) {
        this.root = root;
        this.uid = uid;
    }

    /** Those of whoever runs this. */
    static RunningMachines ofThisUser() throws CtlException {
        try {
            int uid = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
            return new RunningMachines(RuntimeDirectory.of(uid, System.getenv("XDG_RUNTIME_DIR")), uid);
        } catch (IOException e) {
            throw new CtlException(CtlExit.NO_MACHINE, "/proc cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * One machine.
     *
     * @param pid of its supervisor
     * @param socket its control socket
     */
    record Machine(String name, long pid, Path socket) {
        boolean isAlive() {
            return Files.exists(socket)
                    && ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
        }
    }

    List<Machine> all() throws CtlException {
        List<Machine> found = new ArrayList<>();
        Path vms = root.resolve("vms");
        if (!isOurs()) {
            return found;
        }
        try (DirectoryStream<Path> directories = Files.newDirectoryStream(vms)) {
            for (Path directory : directories) {
                read(directory).filter(Machine::isAlive).ifPresent(found::add);
            }
        } catch (IOException e) {
            throw new CtlException(CtlExit.NO_MACHINE, vms + " cannot be read: " + e.getMessage(), e);
        }
        found.sort(Comparator.comparing(Machine::name).thenComparingLong(Machine::pid));
        return found;
    }

    /** In /tmp anybody can make a directory of this name: what it says of machines would be believed, and a socket of his be asked. */
    private boolean isOurs() throws CtlException {
        try {
            if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
                return false;
            }
            Optional<String> fault = RuntimeDirectory.fault(root, uid);
            if (fault.isPresent()) {
                throw new CtlException(
                        CtlExit.NO_MACHINE,
                        root + ", where machines are announced, " + fault.get()
                                + ": it is not believed. Have it removed (rm -r " + root
                                + ", as its owner or root), or chmod 0700 it if it is yours.");
            }
            return Files.isDirectory(root.resolve("vms"));
        } catch (IOException e) {
            throw new CtlException(CtlExit.NO_MACHINE, root + " cannot be looked at: " + e.getMessage(), e);
        }
    }

    private static Optional<Machine> read(Path directory) {
        try {
            String text = Files.readString(directory.resolve("vm")).stripTrailing();
            int line = text.indexOf('\n');
            String owner = directory.getFileName().toString().split("-", 2)[0];
            return line < 0
                    ? Optional.empty()
                    : Optional.of(new Machine(
                            text.substring(0, line), Long.parseLong(owner), Path.of(text.substring(line + 1))));
        } catch (IOException | IllegalArgumentException e) {
            // One that starts or ends just now.
            return Optional.empty();
        }
    }

    /** The one of this name, or the only one there is. */
    Machine find(Optional<String> wanted) throws CtlException {
        List<Machine> all = all();
        List<Machine> fitting = all.stream()
                .filter(m -> wanted.isEmpty()
                        || m.name().equals(wanted.get())
                        || (m.name() + "@" + m.pid()).equals(wanted.get()))
                .toList();
        if (fitting.size() == 1) {
            return fitting.getFirst();
        }
        if (all.isEmpty()) {
            throw new CtlException(
                    CtlExit.NO_MACHINE,
                    "no machine of this user runs. One of another user's is asked as that user; one with its socket"
                            + " elsewhere with --socket PATH.");
        }
        String those = (fitting.isEmpty() ? all : fitting)
                .stream().map(m -> m.name() + "@" + m.pid()).collect(Collectors.joining(", "));
        throw new CtlException(
                CtlExit.NO_MACHINE,
                fitting.isEmpty()
                        ? "no machine is called " + wanted.orElse("") + "; there are " + those + "."
                        : "several machines fit: " + those + ". Say which with --vm.");
    }
}
