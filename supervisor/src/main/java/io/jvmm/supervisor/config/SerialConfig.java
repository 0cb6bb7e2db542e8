package io.jvmm.supervisor.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * One serial port.
 *
 * @param port 1 to 4, as in COM1 to COM4
 * @param backend where the bytes go
 * @param path of the backend: required for a file and a socket, optional for a pty (a link to it), none otherwise
 * @param escape the key that ends the machine, on a terminal
 */
public record SerialConfig(int port, Backend backend, Optional<Path> path, Escape escape) {
    public static final int PORTS = 4;

    /** Longest path of a unix socket: sun_path has 108 bytes, one of them the end mark (unix(7)). */
    public static final int LONGEST_SOCKET_PATH = 107;

    /** Where the bytes of a port go. */
    public enum Backend implements Word {
        /** The supervisor's own standard input and output. */
        TERMINAL,
        /** The supervisor's standard output; there is no input. */
        STDOUT,
        /** The supervisor's standard error; there is no input. */
        STDERR,
        /** A new pseudo-terminal, whose name is printed. */
        PTY,
        /** A file that output is appended to; there is no input. */
        FILE,
        /** A unix stream socket that listens. */
        SOCKET,
        /** The port exists, output is dropped, input never comes. */
        NONE;

        boolean needsPath() {
            return this == FILE || this == SOCKET;
        }

        boolean takesPath() {
            return needsPath() || this == PTY;
        }
    }

    /** The key before {@code x} that ends the machine. */
    public enum Escape implements Word {
        CTRL_A,
        NONE
    }

    public SerialConfig {
        if (port < 1 || port > PORTS) {
            throw new IllegalArgumentException(port + " is no port: there are 1 to " + PORTS + " (COM1 to COM4).");
        }
        checkPath(backend, path);
    }

    /** Whether a back end has the path that it needs, and only then one. */
    static void checkPath(Backend backend, Optional<Path> path) {
        if (backend.needsPath() && path.isEmpty()) {
            throw new IllegalArgumentException("backend \"" + backend.word() + "\" needs a path. Add e.g. path = \""
                    + (backend == Backend.FILE ? "console.log" : "console.sock") + "\".");
        }
        if (path.isPresent() && !backend.takesPath()) {
            throw new IllegalArgumentException("backend \"" + backend.word() + "\" has no path. Remove it.");
        }
        if (backend == Backend.SOCKET && path.isPresent()) {
            int length = path.get().toString().getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
            if (length > LONGEST_SOCKET_PATH) {
                throw new IllegalArgumentException("a socket's path may have " + LONGEST_SOCKET_PATH + " bytes, and "
                        + path.get() + " has " + length + ". Choose a shorter one.");
            }
        }
    }
}
