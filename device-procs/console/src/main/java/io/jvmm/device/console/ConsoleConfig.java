package io.jvmm.device.console;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostStreams;
import io.jvmm.device.virtio.RingOptions;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The configuration of one console device, validated.
 *
 * <table>
 * <caption>Entries of the configuration record</caption>
 * <tr><td>{@code ports}</td><td>1..16; default 1</td></tr>
 * <tr><td>{@code multiport}</td><td>whether VIRTIO_CONSOLE_F_MULTIPORT is offered; default {@code true} where there is more than
 *     one port or a name, and then nothing else is allowed</td></tr>
 * <tr><td>{@code cols}, {@code rows}</td><td>size of port 0 at the start; default 0, unknown</td></tr>
 * <tr><td>{@code N.backend}</td><td>{@code none|terminal|pty|file|socket}; default {@code none}</td></tr>
 * <tr><td>{@code N.escape}</td><td>{@code ctrl-a} (default for a terminal) or {@code none}</td></tr>
 * <tr><td>{@code N.name}</td><td>what the guest finds the port by; at most 64 bytes of UTF-8</td></tr>
 * <tr><td>{@code N.console}</td><td>whether the guest is to make it an hvc; default {@code true} for port 0 alone</td></tr>
 * <tr><td>{@code packed}, {@code queue-size}</td><td>see {@link RingOptions}; 64</td></tr>
 * </table>
 *
 * @param ports one to sixteen
 * @param ring every virtqueue
 */
record ConsoleConfig(List<Port> ports, boolean multiport, int cols, int rows, RingOptions ring) {

    static final int MOST_NAME_BYTES = 64;

    private static final int QUEUE_SIZE = 64;
    private static final int MOST_SIZE = 0xFFFF;

    ConsoleConfig {
        ports = List.copyOf(ports);
        if (ports.isEmpty() || ports.size() > ConsoleStateLayout.MAX_PORTS) {
            throw new IllegalArgumentException(
                    "ports: " + ports.size() + "; allowed are 1 to " + ConsoleStateLayout.MAX_PORTS);
        }
        if (!multiport && needsMultiport(ports)) {
            throw new IllegalArgumentException("multiport: 'false', but more than one port, or a name, needs it");
        }
        checkSize("cols", cols);
        checkSize("rows", rows);
    }

    /**
     * One port.
     *
     * @param name empty for none
     * @param console whether it is a console rather than a plain channel
     * @param backend what is at its other end
     * @param escape whether Ctrl-A commands are taken out of the input
     */
    record Port(String name, boolean console, HostStreams.Kind backend, boolean escape) {
        Port {
            boolean printable = name.chars().noneMatch(c -> Character.isISOControl(c) || c == '/');
            if (!printable || name.getBytes(StandardCharsets.UTF_8).length > MOST_NAME_BYTES) {
                throw new IllegalArgumentException("name: a port's name has at most " + MOST_NAME_BYTES
                        + " bytes, no control characters and no /");
            }
        }
    }

    /**
     * Reads the entries.
     *
     * @throws IllegalArgumentException naming the key, its value and what is allowed
     */
    static ConsoleConfig from(DeviceConfig entries) {
        int count = entries.integer("ports", 1);
        if (count < 1 || count > ConsoleStateLayout.MAX_PORTS) {
            throw new IllegalArgumentException(
                    "ports: " + count + "; allowed are 1 to " + ConsoleStateLayout.MAX_PORTS);
        }
        List<Port> ports = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String key = i + ".";
            HostStreams.Kind backend = HostStreams.Kind.of(key + "backend", entries.text(key + "backend", "none"));
            ports.add(new Port(
                    entries.text(key + "name", ""),
                    RingOptions.flag(entries, key + "console", i == 0),
                    backend,
                    backend.escape(entries, key + "escape")));
        }
        return new ConsoleConfig(
                ports,
                RingOptions.flag(entries, "multiport", needsMultiport(ports)),
                entries.integer("cols", 0),
                entries.integer("rows", 0),
                RingOptions.from(entries, QUEUE_SIZE));
    }

    private static boolean needsMultiport(List<Port> ports) {
        return ports.size() > 1 || !ports.getFirst().name().isEmpty();
    }

    private static void checkSize(String key, int value) {
        if (value < 0 || value > MOST_SIZE) {
            throw new IllegalArgumentException(key + ": " + value + "; allowed are 0 to " + MOST_SIZE);
        }
    }
}
