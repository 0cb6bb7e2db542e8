package io.jvmm.supervisor.config;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One virtual machine, completely described; immutable. Every part has checked itself, this record checks what concerns
 * several. {@link VmToml} makes one from a file.
 *
 * @param serial the serial ports, each at most once, in the order of their numbers
 * @param devices those on the PCI bus, in the order of the file within each class
 * @param control how it is controlled from outside
 * @param journal what is recorded of its devices
 * @param metrics where what is counted is served
 */
public record VmConfig(
        MachineConfig machine,
        BootConfig boot,
        List<SerialConfig> serial,
        PlatformConfig platform,
        JailConfig jail,
        IpcConfig ipc,
        LifecycleConfig lifecycle,
        List<VirtioConfig> devices,
        ControlConfig control,
        JournalConfig journal,
        MetricsConfig metrics) {
    public VmConfig {
        devices = List.copyOf(devices);
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
        if (terminal && ConsoleConfig.wantsTerminal(devices)) {
            throw new IllegalArgumentException("a serial port and the console cannot share the one terminal.");
        }
        PciSlots.assign(devices);
    }

    /** One that serves no metrics. */
    public VmConfig(
            MachineConfig machine,
            BootConfig boot,
            List<SerialConfig> serial,
            PlatformConfig platform,
            JailConfig jail,
            IpcConfig ipc,
            LifecycleConfig lifecycle,
            List<VirtioConfig> devices,
            ControlConfig control,
            JournalConfig journal) {
        this(machine, boot, serial, platform, jail, ipc, lifecycle, devices, control, journal, MetricsConfig.NONE);
    }

    /** One with the usual control socket, of which nothing is recorded. */
    public VmConfig(
            MachineConfig machine,
            BootConfig boot,
            List<SerialConfig> serial,
            PlatformConfig platform,
            JailConfig jail,
            IpcConfig ipc,
            LifecycleConfig lifecycle,
            List<VirtioConfig> devices) {
        this(
                machine,
                boot,
                serial,
                platform,
                jail,
                ipc,
                lifecycle,
                devices,
                ControlConfig.STANDARD,
                JournalConfig.NONE);
    }

    /** Whether hvc0 is on the supervisor's terminal. */
    public boolean consoleOnTerminal() {
        return devices.stream()
                .anyMatch(d -> d instanceof ConsoleConfig c
                        && c.ports().getFirst().backend() == SerialConfig.Backend.TERMINAL);
    }

    /** Whether a port of the machine is on the supervisor's terminal. */
    public boolean usesTerminal() {
        return serial.stream().anyMatch(s -> s.backend() == SerialConfig.Backend.TERMINAL)
                || ConsoleConfig.wantsTerminal(devices);
    }
}
