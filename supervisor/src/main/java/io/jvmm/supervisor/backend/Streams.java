package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.config.VirtioConfig;
import io.jvmm.supervisor.sys.PseudoTerminal;
import io.jvmm.supervisor.sys.Termios;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Opens what a stream of characters is wired to: a serial port, a port of the virtio console. */
public final class Streams {
    private static final List<String> STANDARD = List.of("input", "output", "error");

    /** For files that output is appended to. */
    public static final int APPEND = FileIo.WRITE_ONLY | FileIo.APPEND | FileIo.CREATE | FileIo.NO_CONTROLLING_TERMINAL;

    private static final int LISTEN_BACKLOG = 1;
    private static final int FILE_TYPE = 0170000;
    private static final int SOCKET = 0140000;

    private final Opening opening;

    public Streams(Opening opening) {
        this.opening = opening;
    }

    /**
     * What one stream is wired to. What is null is not there.
     *
     * @param socket who takes clients, for a stream on a unix socket
     */
    public record Stream(
            @Nullable Fd in, @Nullable Fd out, @Nullable StreamBroker socket) {
        /** Wired to nothing. */
        public static final Stream NONE = new Stream(null, null, null);
    }

    /**
     * Opens one.
     *
     * @param title what the user is told that a pty is: {@code COM1}
     * @param subject the key of its path
     * @param owner whose stream it is; empty: the serial device's
     */
    public Stream open(
            String title,
            String subject,
            SerialConfig.Backend backend,
            Optional<Path> path,
            Optional<VirtioConfig> owner) {
        return switch (backend) {
            case NONE -> Stream.NONE;
            case TERMINAL -> new Stream(standard(0), standard(1), null);
            case STDOUT -> new Stream(null, standard(1), null);
            case STDERR -> new Stream(null, standard(2), null);
            case FILE -> new Stream(null, opening.openFile(subject, path.orElseThrow(), APPEND), null);
            case PTY -> openPty(title, subject, path);
            case SOCKET -> new Stream(null, null, broker(subject, path.orElseThrow(), owner));
        };
    }

    /** The word for a process, which knows a standard stream as a terminal that nobody types on. */
    public static String word(SerialConfig.Backend backend) {
        return switch (backend) {
            case STDOUT, STDERR -> SerialConfig.Backend.TERMINAL.word();
            case TERMINAL, PTY, FILE, SOCKET, NONE -> backend.word();
        };
    }

    /**
     * Standard input or output for a process. Where it can be opened anew it is: then making it non-blocking does not
     * change it for the user's shell and for other programs on the same terminal.
     */
    private @Nullable Fd standard(int number) {
        Fd original = Fd.of(number);
        boolean anew = Termios.of(original).isPresent() || link(number).startsWith("pipe:");
        if (anew) {
            int mode = number == 0 ? FileIo.READ_ONLY : FileIo.WRITE_ONLY;
            try {
                return opening.keep(FileIo.open(
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
            return opening.keep(original.duplicate(3));
        } catch (SysException e) {
            opening.notice("standard " + STANDARD.get(number) + " is closed; the port goes without");
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

    private Stream openPty(String title, String subject, Optional<Path> path) {
        try {
            PseudoTerminal pty = PseudoTerminal.open();
            opening.keep(pty.master());
            // Raw from the start, and then closed: the settings stay, and by the master's hang-up the device knows that
            // nobody is there. It then keeps the newest output for whoever comes, and the guest does not wait.
            try (Fd slave = pty.openSlave()) {
                Termios.of(slave).ifPresent(t -> t.raw().applyTo(slave));
            }
            pty.master().setNonBlocking(true);
            String linked = "";
            if (path.isPresent()) {
                link(subject, path.get(), pty.slave());
                linked = ", linked as " + path.get();
            }
            opening.notice(title + " is " + pty.slave() + linked);
            return new Stream(pty.master(), pty.master(), null);
        } catch (SysException e) {
            opening.complain(subject, "no pty can be had: " + e.getMessage());
            return Stream.NONE;
        }
    }

    private void link(String subject, Path path, Path target) {
        try {
            if (Files.isSymbolicLink(path) && !Files.exists(path)) {
                Files.delete(path);
            }
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
                opening.complain(subject, path + " exists already. Remove it, or choose another path.");
                return;
            }
            opening.willMake(path);
            Files.createSymbolicLink(path, target);
        } catch (IOException e) {
            opening.complain(subject, path + " cannot be made a link to " + target + ": " + Opening.reason(e));
        }
    }

    private @Nullable StreamBroker broker(String subject, Path path, Optional<VirtioConfig> owner) {
        Fd listener = listen(subject, path, LISTEN_BACKLOG);
        if (listener == null) {
            return null;
        }
        try {
            return opening.broker(owner, new StreamBroker(listener));
        } catch (SysException e) {
            opening.complain(subject, "no channel for its clients can be made: " + e.getMessage());
            return null;
        }
    }

    /**
     * A unix socket that listens, for this user alone, where nobody listens yet.
     *
     * @return null after a complaint
     */
    public @Nullable Fd listen(String subject, Path path, int backlog) {
        try {
            if (!mayListen(subject, path)) {
                return null;
            }
            Files.deleteIfExists(path); // a socket that nobody listens on
            opening.willMake(path);
            UnixSocket socket = UnixSocket.listen(path, backlog);
            socket.fd().setNonBlocking(true);
            return opening.keep(socket.fd());
        } catch (SysException e) {
            opening.complain(subject, Opening.explain(path, e));
        } catch (IOException e) {
            opening.complain(subject, path + " cannot be made a socket: " + Opening.reason(e));
        }
        return null;
    }

    /**
     * The same as a channel of the JDK's, for a server that has a thread of its own.
     *
     * @return null after a complaint
     */
    public @Nullable ServerSocketChannel listenOnChannel(String subject, Path path, int backlog) {
        try {
            if (!mayListen(subject, path)) {
                return null;
            }
            Files.deleteIfExists(path);
            opening.willMake(path);
            ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            channel.bind(UnixDomainSocketAddress.of(path), backlog);
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
            return channel;
        } catch (IOException e) {
            opening.complain(subject, path + " cannot be made a socket: " + Opening.reason(e));
            return null;
        }
    }

    /** Why nobody can be reached there now, without waiting; empty when somebody can. */
    private static Optional<Errno> obstacle(Path path) {
        try (UnixSocket _ = UnixSocket.connectNow(path)) {
            return Optional.empty();
        } catch (SysException e) {
            return Optional.of(e.errno());
        }
    }

    /** What {@link #listen} would complain about, as far as one can tell without making anything. */
    public void checkListen(String subject, Path path) {
        try {
            if (mayListen(subject, path)) {
                opening.checkPlace(subject, path);
            }
        } catch (IOException e) {
            opening.complain(subject, path + " cannot be made a socket: " + Opening.reason(e));
        }
    }

    /** Nothing is there, or a socket that nobody listens on, which was left by somebody who was killed. Complains otherwise. */
    private boolean mayListen(String subject, Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return true;
        }
        int mode = (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
        if ((mode & FILE_TYPE) == SOCKET) {
            Optional<Errno> why = obstacle(path);
            if (why.equals(Optional.of(Errno.ECONNREFUSED))) {
                return true;
            }
            // EAGAIN: somebody listens whose backlog is full.
            if (why.isEmpty() || why.get() == Errno.EAGAIN) {
                opening.complain(
                        subject,
                        path + " is in use: somebody listens on it. Choose another path, or stop that program.");
                return false;
            }
        }
        opening.complain(subject, path + " exists and is no socket of ours. Remove it, or choose another path.");
        return false;
    }
}
