package io.jvmm.supervisor.config;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A configuration and where each of its keys stands, so that what shows only later (a file that cannot be opened) is still
 * reported at its line.
 *
 * @param source the file as the user named it, or {@code --demo}
 * @param where dotted key ({@code boot.kernel}, {@code serial[2].path}) to {@code vm.toml:5:1}
 * @param serialTables number of a port to the number of the {@code [[serial]]} that describes it, both from 1
 */
public record LoadedConfig(
        VmConfig config, String source, Map<String, String> where, Map<Integer, Integer> serialTables) {
    public LoadedConfig {
        where = Map.copyOf(where);
        serialTables = Map.copyOf(serialTables);
    }

    /** A configuration that no file describes. */
    public static LoadedConfig of(VmConfig config, String source) {
        return new LoadedConfig(config, source, Map.of(), Map.of());
    }

    /** A key of a port as messages call it: {@code serial[2].path}. */
    public String serialSubject(int port, String key) {
        Integer table = serialTables.get(port);
        return (table == null ? "serial (port " + port + ")" : "serial[" + table + "]") + "." + key;
    }

    /** A key of a device as messages call it: {@code block[2].path}. */
    public String deviceSubject(VirtioConfig device, String key) {
        List<VirtioConfig> alike = config.devices().stream()
                .filter(d -> d.deviceClass().equals(device.deviceClass()))
                .toList();
        boolean repeated = Arrays.stream(ConfigKey.Section.values())
                .anyMatch(s -> s.table().equals(device.deviceClass()) && s.repeated());
        return device.deviceClass() + (repeated ? "[" + (alike.indexOf(device) + 1) + "]" : "") + "." + key;
    }

    /** The same of the console's port with this number, from 0: {@code console.port[2].path}. */
    public static String consoleSubject(int port, String key) {
        return (port == 0 ? "console." : "console.port[" + port + "].") + key;
    }

    /** A complaint about the key, located as well as may be. */
    public ConfigProblem problem(String subject, String message) {
        return new ConfigProblem(where.getOrDefault(subject, source), subject, message);
    }
}
