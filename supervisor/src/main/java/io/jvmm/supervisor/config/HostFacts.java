package io.jvmm.supervisor.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What a configuration is measured against.
 *
 * @param memoryBytes memory of the host, all of it
 * @param cpus processors this process may run on
 */
public record HostFacts(long memoryBytes, int cpus) {
    /** This host. Where /proc does not say how much memory there is, no size is refused. */
    public static HostFacts read() {
        long memory = Long.MAX_VALUE;
        try {
            List<String> lines = Files.readAllLines(Path.of("/proc/meminfo"));
            memory = Long.parseLong(lines.getFirst().replaceAll("[^0-9]", "")) * 1024;
        } catch (IOException | NumberFormatException e) {
            memory = Long.MAX_VALUE;
        }
        return new HostFacts(memory, Runtime.getRuntime().availableProcessors());
    }
}
