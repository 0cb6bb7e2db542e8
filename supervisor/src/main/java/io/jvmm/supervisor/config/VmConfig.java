package io.jvmm.supervisor.config;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One virtual machine, completely described; immutable. Every part has checked itself, this record checks what concerns
 * several. {@link VmToml} makes one from a file.
 *
 * @param serial the serial ports, each at most once, in the order of their numbers
 */
public record VmConfig(
        MachineConfig machine,
        BootConfig boot,
        List<SerialConfig> serial,
        PlatformConfig platform,
        JailConfig jail,
        IpcConfig ipc,
        LifecycleConfig lifecycle) {
    public VmConfig {
        serial = serial.stream()
                .sorted(java.util.Comparator.comparingInt(SerialConfig::port))
                .toList();
        Set<Integer> ports = new HashSet<>();
        boolean terminal = false;
        for (SerialConfig s : serial) {
            if (!ports.add(s.port())) {
                throw new IllegalArgumentException("port " + s.port() + " is configured twice.");
            }
            if (s.backend() == SerialConfig.Backend.TERMINAL) {
                if (terminal) {
                    throw new IllegalArgumentException("two ports cannot share the one terminal.");
                }
                terminal = true;
            }
        }
    }

    /** The port on the terminal, if any. */
    public Optional<SerialConfig> terminalPort() {
        return serial.stream()
                .filter(s -> s.backend() == SerialConfig.Backend.TERMINAL)
                .findFirst();
    }
}
