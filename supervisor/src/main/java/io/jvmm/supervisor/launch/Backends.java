package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.ConfigProblem;
import io.jvmm.supervisor.config.LoadedConfig;
import io.jvmm.supervisor.config.MemorySize;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.sys.PseudoTerminal;
import io.jvmm.supervisor.sys.Termios;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The host's side of a machine: kernel, initrd, and what the serial ports and the debug console are wired to, opened by the
 * supervisor because no other process can open anything. It outlives a reset of the guest: a pty stays the same pty.
 */
public final class Backends implements AutoCloseable {
    private static final List<String> STANDARD = List.of("input", "output", "error");
    private static final int READ = FileIo.READ_ONLY | FileIo.NO_CONTROLLING_TERMINAL;
    private static final int APPEND =
            FileIo.WRITE_ONLY | FileIo.APPEND | FileIo.CREATE | FileIo.NO_CONTROLLING_TERMINAL;
    private static final int LISTEN_BACKLOG = 1;

    private final LoadedConfig config;
    private final RuntimeDirectory runtime;
    private final List<ConfigProblem> problems = new ArrayList<>();
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final List<Port> ports = new ArrayList<>();
    private final List<String> notices = new ArrayList<>();
    private @Nullable Fd kernel;
    private @Nullable Fd initrd;
    private @Nullable Fd debugConsole;

    /**
     * What one port is wired to. Descriptors that are null are not there.
     *
     * @param config null for a port that is only there because a higher one is
     */
    public record Port(
            @Nullable SerialConfig config,
            @Nullable Fd in,
            @Nullable Fd out,
            @Nullable Fd listen) {}

    private Backends(LoadedConfig config, RuntimeDirectory runtime) {
        this.config = config;
        this.runtime = runtime;
    }

    /** Opens everything, or says all that cannot be opened and leaves nothing open. */
    public static Backends open(LoadedConfig config, RuntimeDirectory runtime) throws ConfigException {
        Backends b = new Backends(config, runtime);
        b.openBootFiles();
        b.openPorts();
        config.config()
                .platform()
                .debugConsole()
                .ifPresent(path -> b.debugConsole = b.openFile("platform.debug_console", path, APPEND));
        if (!b.problems.isEmpty()) {
            b.close();
            throw new ConfigException(b.problems);
        }
        return b;
    }

    /** What {@link #open} would complain about, as far as one can tell without making a file. */
    public static List<ConfigProblem> check(LoadedConfig config, RuntimeDirectory runtime) {
        try (Backends b = new Backends(config, runtime)) {
            b.openBootFiles();
            for (SerialConfig port : config.config().serial()) {
                port.path().ifPresent(path -> b.checkPlace(config.serialSubject(port.port(), "path"), path));
            }
            config.config().platform().debugConsole().ifPresent(p -> b.checkPlace("platform.debug_console", p));
            return List.copyOf(b.problems);
        }
    }

    public Fd kernel() {
        return java.util.Objects.requireNonNull(kernel);
    }

    public Optional<Fd> initrd() {
        return Optional.ofNullable(initrd);
    }

    public Optional<Fd> debugConsole() {
        return Optional.ofNullable(debugConsole);
    }

    /** COM1 first, without gaps, up to the highest that is configured. */
    public List<Port> ports() {
        return List.copyOf(ports);
    }

    /** What the user must be told: the names of ptys. */
    public List<String> notices() {
        return List.copyOf(notices);
    }

    private void openBootFiles() {
        kernel = openImage("boot.kernel", config.config().boot().kernel());
        config.config().boot().initrd().ifPresent(path -> initrd = openImage("boot.initrd", path));
    }

    /** A file to read whole: it must be one, not be empty, and fit into the guest. */
    private @Nullable Fd openImage(String subject, Path path) {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            complain(subject, path + " is not a regular file. Name an image.");
            return null;
        }
        Fd fd = openFile(subject, path, READ);
        if (fd == null) {
            return null;
        }
        long size = FileIo.size(fd);
        long memory = config.config().machine().memory().bytes();
        if (size == 0) {
            complain(subject, path + " is empty. Name an image.");
        } else if (size > memory) {
            complain(
                    subject,
                    path + " has " + MemorySize.human(size) + ", which does not fit into the guest's memory ("
                            + MemorySize.human(memory) + "). Raise machine.memory.");
        }
        return fd;
    }

    private @Nullable Fd openFile(String subject, Path path, int flags) {
        try {
            // A named pipe or a serial line would make us wait for its other end.
            boolean special = Files.exists(path) && !Files.isRegularFile(path);
            return keep(FileIo.open(path, special ? flags | FileIo.NON_BLOCKING : flags, 0600));
        } catch (SysException e) {
            complain(subject, explain(path, e));
            return null;
        }
    }

    private static String explain(Path path, SysException e) {
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

    private void openPorts() {
        List<SerialConfig> configured = config.config().serial();
        int last = configured.isEmpty() ? 0 : configured.getLast().port();
        for (int number = 1; number <= last; number++) {
            int wanted = number;
            Port port = configured.stream()
                    .filter(s -> s.port() == wanted)
                    .findFirst()
                    .map(this::openPort)
                    .orElse(new Port(null, null, null, null));
            ports.add(port);
        }
    }

    private Port openPort(SerialConfig s) {
        String subject = config.serialSubject(s.port(), "path");
        return switch (s.backend()) {
            case NONE -> new Port(s, null, null, null);
            case TERMINAL -> new Port(s, standard(0), standard(1), null);
            case STDOUT -> new Port(s, null, standard(1), null);
            case STDERR -> new Port(s, null, standard(2), null);
            case FILE -> new Port(s, null, openFile(subject, s.path().orElseThrow(), APPEND), null);
            case PTY -> openPty(s, subject);
            case SOCKET -> new Port(s, null, null, listen(subject, s.path().orElseThrow()));
        };
    }

    /**
     * Standard input or output for the serial process. Where it can be opened anew it is: then making it non-blocking does not
     * change it for the user's shell and for other programs on the same terminal.
     */
    private @Nullable Fd standard(int number) {
        Fd original = Fd.of(number);
        boolean anew = Termios.of(original).isPresent() || link(number).startsWith("pipe:");
        if (anew) {
            int mode = number == 0 ? FileIo.READ_ONLY : FileIo.WRITE_ONLY;
            try {
                return keep(FileIo.open(
                        Path.of("/proc/self/fd/" + number),
                        mode | FileIo.NO_CONTROLLING_TERMINAL | FileIo.NON_BLOCKING,
                        0));
            } catch (SysException e) {
                // Not ours to open, as after su(1): then the descriptor itself must do.
                return duplicate(original, number);
            }
        }
        return duplicate(original, number);
    }

    private @Nullable Fd duplicate(Fd original, int number) {
        try {
            return keep(original.duplicate(3));
        } catch (SysException e) {
            notices.add("standard " + STANDARD.get(number) + " is closed; the serial port goes without");
            return null;
        }
    }

    private static String link(int number) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + number)).toString();
        } catch (IOException e) {
            return "";
        }
    }

    private Port openPty(SerialConfig s, String subject) {
        try {
            PseudoTerminal pty = PseudoTerminal.open();
            keep(pty.master());
            // Raw from the start, and then closed: the settings stay, and by the master's hang-up the device knows that
            // nobody is there. It then keeps the newest output for whoever comes, and the guest does not wait.
            try (Fd slave = pty.openSlave()) {
                Termios.of(slave).ifPresent(t -> t.raw().applyTo(slave));
            }
            pty.master().setNonBlocking(true);
            String linked = "";
            if (s.path().isPresent()) {
                link(subject, s.path().get(), pty.slave());
                linked = ", linked as " + s.path().get();
            }
            notices.add("COM" + s.port() + " is " + pty.slave() + linked);
            return new Port(s, pty.master(), pty.master(), null);
        } catch (SysException e) {
            complain(subject, "no pty can be had: " + e.getMessage());
            return new Port(s, null, null, null);
        }
    }

    private void link(String subject, Path path, Path target) {
        try {
            if (Files.isSymbolicLink(path) && !Files.exists(path)) {
                Files.delete(path);
            }
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
                complain(subject, path + " exists already. Remove it, or choose another path.");
                return;
            }
            runtime.willMake(path);
            Files.createSymbolicLink(path, target);
        } catch (IOException e) {
            complain(subject, path + " cannot be made a link to " + target + ": " + reason(e));
        }
    }

    private @Nullable Fd listen(String subject, Path path) {
        try {
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && !removeStaleSocket(subject, path)) {
                return null;
            }
            runtime.willMake(path);
            UnixSocket socket = UnixSocket.listen(path, LISTEN_BACKLOG);
            Files.setPosixFilePermissions(path, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
            socket.fd().setNonBlocking(true);
            return keep(socket.fd());
        } catch (SysException e) {
            complain(subject, explain(path, e));
        } catch (IOException e) {
            complain(subject, path + " cannot be made a socket: " + reason(e));
        }
        return null;
    }

    /** A socket that nobody listens on was left by somebody who was killed. */
    private boolean removeStaleSocket(String subject, Path path) throws IOException {
        boolean special = !Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)
                && !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)
                && !Files.isSymbolicLink(path);
        if (special) {
            try (UnixSocket _ = UnixSocket.connect(path)) {
                complain(
                        subject,
                        path + " is in use: somebody listens on it." + " Choose another path, or stop that program.");
                return false;
            } catch (SysException e) {
                if (e instanceof SysException.Disconnected) {
                    Files.delete(path);
                    return true;
                }
            }
        }
        complain(subject, path + " exists and is no socket of ours. Remove it, or choose another path.");
        return false;
    }

    /** A file that will be made: its directory must be there. */
    private void checkPlace(String subject, Path path) {
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

    private static String reason(IOException e) {
        return e.getClass().getSimpleName().replace("Exception", "") + " " + e.getMessage() + ".";
    }

    private void complain(String subject, String message) {
        problems.add(config.problem(subject, message));
    }

    private Fd keep(Fd fd) {
        opened.add(fd);
        return fd;
    }

    @Override
    public void close() {
        for (AutoCloseable c : opened) {
            try {
                c.close();
            } catch (Exception e) {
                throw new IllegalStateException("closing a descriptor does not fail", e);
            }
        }
        opened.clear();
    }
}
