package io.jvmm.supervisor.config;

import java.util.Map;

/**
 * A configuration and where each of its keys stands, so that what shows only later (a file that cannot be opened) is still
 * reported at its line.
 *
 * @param source the file as the user named it, or {@code --demo}
 * @param where dotted key ({@code boot.kernel}, {@code serial[2].path}) to {@code vm.toml:5:1}
 */
public record LoadedConfig(VmConfig config, String source, Map<String, String> where) {
    public LoadedConfig {
        where = Map.copyOf(where);
    }

    /** A complaint about the key, located as well as may be. */
    public ConfigProblem problem(String subject, String message) {
        return new ConfigProblem(where.getOrDefault(subject, source), subject, message);
    }
}
