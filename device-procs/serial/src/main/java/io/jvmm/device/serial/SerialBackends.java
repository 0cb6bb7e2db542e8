package io.jvmm.device.serial;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.InputFilter;
import io.jvmm.device.api.StreamBackend;
import io.jvmm.device.api.StreamBackend.OnLoss;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.UnixSocket;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes the back end of each port from the configuration and the descriptors {@code backend.N.in|out|listen}. */
final class SerialBackends {

    /** What a late comer to a pty or socket still sees. */
    private static final int LATE_COMER_BYTES = 64 * 1024;
    /** A terminal is always there; this holds the escape key's help. */
    private static final int TERMINAL_BYTES = 1024;
    /** A terminal that poll calls writable takes one byte without waiting. */
    private static final int TERMINAL_WRITE_BYTES = 1;

    private final Descriptors descriptors;
    private final DeviceCore core;
    private final HostEvents events;

    SerialBackends(Descriptors descriptors, DeviceCore core, HostEvents events) {
        this.descriptors = descriptors;
        this.core = core;
        this.events = events;
    }

    /** One for each configured port; {@link IllegalArgumentException} names a descriptor that is missing. */
    List<Backend> make(SerialConfig config) {
        List<Backend> backends = new ArrayList<>();
        for (int port = 0; port < config.ports().size(); port++) {
            backends.add(make(port, config.ports().get(port)));
        }
        return backends;
    }

    private Backend make(int port, SerialConfig.Port config) {
        String name = "backend." + port + ".";
        InputFilter filter = config.escape() ? new EscapeFilter(port, events) : InputFilter.NONE;
        return switch (config.backend()) {
            case NONE -> stream(port, null, null, OnLoss.END, filter, 1, 0);
            case TERMINAL ->
                stream(
                        port,
                        descriptors.find(name + "in").orElse(null), // either may be closed: jvmm-supervisor <&-
                        descriptors.find(name + "out").orElse(null),
                        OnLoss.END,
                        filter,
                        TERMINAL_WRITE_BYTES,
                        TERMINAL_BYTES);
            case PTY ->
                stream(
                        port,
                        descriptors.need(name + "in"),
                        descriptors.need(name + "out"),
                        OnLoss.RETRY,
                        filter,
                        TERMINAL_WRITE_BYTES,
                        LATE_COMER_BYTES);
            case FILE ->
                stream(port, null, descriptors.need(name + "out"), OnLoss.END, filter, StreamBackend.CHUNK_BYTES, 0);
            case SOCKET ->
                new SocketBackend(
                        port, core, events, UnixSocket.of(descriptors.need(name + "listen")), filter, LATE_COMER_BYTES);
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
        return new StreamBackend(port, core, events, in, out, onLoss, filter, blockingWriteBytes, backlogBytes);
    }
}
