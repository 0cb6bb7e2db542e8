package io.jvmm.device.api;

import io.jvmm.device.api.StreamBackend.OnLoss;
import io.jvmm.ipc.sys.Fd;
import org.jspecify.annotations.Nullable;

/**
 * Makes the back end of a character stream from its configuration and its descriptors: {@code PREFIXin}, {@code PREFIXout},
 * {@code PREFIXconnect} and {@code PREFIXstream}. Shared by the serial ports and the virtio console.
 */
public final class HostStreams {

    /** What a late comer to a pty still sees. */
    private static final int LATE_COMER_BYTES = 64 * 1024;
    /** A terminal is always there; this holds the escape key's help. */
    private static final int TERMINAL_BYTES = 1024;
    /** A terminal that poll calls writable takes one byte without waiting. */
    private static final int TERMINAL_WRITE_BYTES = 1;

    private final Descriptors descriptors;
    private final HostPorts device;
    private final HostEvents events;

    /** What is at the other end of the line. */
    public enum Kind {
        /** Nobody: output is discarded. */
        NONE,
        /** The user's terminal; always there. */
        TERMINAL,
        /** The master of a pseudo terminal; users come and go. */
        PTY,
        /** A file, for output only. */
        FILE,
        /** A unix socket at which the supervisor listens; one client at a time. */
        SOCKET;

        /**
         * The kind called so in a configuration.
         *
         * @throws IllegalArgumentException naming the key and what is allowed
         */
        public static Kind of(String key, String value) {
            return switch (value) {
                case "none" -> NONE;
                case "terminal" -> TERMINAL;
                case "pty" -> PTY;
                case "file" -> FILE;
                case "socket" -> SOCKET;
                default ->
                    throw new IllegalArgumentException(
                            key + ": '" + value + "'; allowed are none, terminal, pty, file, socket");
            };
        }

        /** The entry {@code KEY}: {@code ctrl-a} (default for a terminal) or {@code none}. */
        public boolean escape(DeviceConfig entries, String key) {
            String value = entries.text(key, this == TERMINAL ? "ctrl-a" : "none");
            return switch (value) {
                case "ctrl-a" -> true;
                case "none" -> false;
                default -> throw new IllegalArgumentException(key + ": '" + value + "'; allowed are ctrl-a, none");
            };
        }
    }

    /** For the ports of {@code device}. */
    public HostStreams(Descriptors descriptors, HostPorts device, HostEvents events) {
        this.descriptors = descriptors;
        this.device = device;
        this.events = events;
    }

    /**
     * The back end of one port.
     *
     * @param escape whether Ctrl-A commands are taken out of the input
     * @param prefix of the names of its descriptors: {@code backend.0.}
     * @throws IllegalArgumentException naming a descriptor that is missing
     */
    public Backend open(int port, Kind kind, boolean escape, String prefix) {
        InputFilter filter = escape ? new EscapeFilter(port, events) : InputFilter.NONE;
        return switch (kind) {
            case NONE -> stream(port, null, null, OnLoss.END, filter, 1, 0);
            case TERMINAL ->
                stream(
                        port,
                        descriptors.find(prefix + "in").orElse(null), // either may be closed: jvmm-supervisor <&-
                        descriptors.find(prefix + "out").orElse(null),
                        OnLoss.END,
                        filter,
                        TERMINAL_WRITE_BYTES,
                        TERMINAL_BYTES);
            case PTY ->
                stream(
                        port,
                        descriptors.need(prefix + "in"),
                        descriptors.need(prefix + "out"),
                        OnLoss.RETRY,
                        filter,
                        TERMINAL_WRITE_BYTES,
                        LATE_COMER_BYTES);
            case FILE ->
                stream(port, null, descriptors.need(prefix + "out"), OnLoss.END, filter, device.hostChunkBytes(), 0);
            case SOCKET ->
                new SocketBackend(
                        port,
                        device,
                        events,
                        descriptors.need(prefix + "connect"),
                        descriptors
                                .find(prefix + "stream")
                                .map(fd -> PortStream.in(fd, device.hostOutputPosition(port) == 0))
                                .orElseGet(PortStream::ofItsOwn),
                        filter);
        };
    }

    private StreamBackend stream(
            int port,
            @Nullable Fd in,
            @Nullable Fd out,
            OnLoss onLoss,
            InputFilter filter,
            int blockingWriteBytes,
            int backlogBytes) {
        return new StreamBackend(port, device, events, in, out, onLoss, filter, blockingWriteBytes, backlogBytes);
    }
}
