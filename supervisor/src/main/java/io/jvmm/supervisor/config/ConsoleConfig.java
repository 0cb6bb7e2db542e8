package io.jvmm.supervisor.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The virtio console (virtio 1.2 §5.3): port 0 is {@code hvc0}, the others are {@code /dev/virtio-ports/NAME}.
 *
 * @param ports at least the first
 */
public record ConsoleConfig(Placement placement, List<Port> ports) implements VirtioConfig {
    public static final int MOST_PORTS = 16;
    public static final int LONGEST_NAME = 63;

    /**
     * One port.
     *
     * @param name what the guest calls it; may be empty for the first
     * @param path as with {@link SerialConfig}
     */
    public record Port(String name, SerialConfig.Backend backend, Optional<Path> path) {
        public Port {
            checkName(name);
            SerialConfig.checkPath(backend, path);
        }
    }

    public ConsoleConfig {
        ports = List.copyOf(ports);
        if (ports.isEmpty() || ports.size() > MOST_PORTS) {
            throw new IllegalArgumentException(ports.size() + " ports: 1 to " + MOST_PORTS + " can be had.");
        }
        Set<String> names = new HashSet<>();
        for (Port port : ports) {
            if (!port.name().isEmpty() && !names.add(port.name())) {
                throw new IllegalArgumentException("two ports are called " + Quoted.of(port.name()) + ".");
            }
        }
    }

    /** Whether one of the devices is to use the supervisor's terminal. */
    static boolean wantsTerminal(List<VirtioConfig> devices) {
        return devices.stream()
                .anyMatch(d -> d instanceof ConsoleConfig c
                        && c.ports().stream().anyMatch(p -> p.backend() == SerialConfig.Backend.TERMINAL));
    }

    @Override
    public String deviceClass() {
        return "console";
    }

    /** A pair for each port, and where there are several the control queues (§5.3.2). */
    @Override
    public int queues() {
        return ports.size() == 1 ? 2 : 2 * ports.size() + 2;
    }

    static String checkName(String name) {
        if (name.getBytes(StandardCharsets.UTF_8).length > LONGEST_NAME
                || name.chars().anyMatch(c -> c <= ' ' || c > '~' || c == '/')) {
            throw new IllegalArgumentException(Quoted.of(name) + " is no name of a port: at most " + LONGEST_NAME
                    + " letters, digits and signs of ASCII without '/'. Use e.g. name = \"org.example.agent\".");
        }
        return name;
    }
}
