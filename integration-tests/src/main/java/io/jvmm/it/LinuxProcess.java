package io.jvmm.it;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What /proc tells about a process. A process that is gone has empty everything. */
public final class LinuxProcess {
    private LinuxProcess() {}

    /** Arguments, joined with blanks. */
    public static String commandLine(long pid) {
        return text(pid, "cmdline").replace('\0', ' ').strip();
    }

    /** The lines {@code key: value} of a file like {@code status} or {@code smaps_rollup}. */
    public static Map<String, String> fields(long pid, String file) {
        Map<String, String> result = new HashMap<>();
        text(pid, file).lines().forEach(line -> {
            int colon = line.indexOf(':');
            if (colon > 0) {
                result.put(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 1).strip());
            }
        });
        return result;
    }

    /** The line of {@code stat}, proc(5). */
    public static String stat(long pid) {
        return text(pid, "stat");
    }

    /** Whether it runs, and is not just a zombie waiting for its parent. */
    public static boolean alive(long pid) {
        String state = fields(pid, "status").getOrDefault("State", "");
        return !state.isEmpty() && !state.startsWith("Z") && !state.startsWith("X");
    }

    /** The process and everything below it, depth first. */
    public static List<Long> children(long pid) throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid + "/task"))) {
            return tasks.flatMap(
                            task -> Stream.of(text(task.resolve("children")).split(" ")))
                    .map(String::strip)
                    .filter(s -> !s.isEmpty())
                    .map(Long::valueOf)
                    .toList();
        }
    }

    /** Name of a namespace, for comparison. */
    public static String namespace(long pid, String kind) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/" + kind))
                    .toString();
        } catch (IOException e) {
            return "";
        }
    }

    /** A file of its directory, whole. */
    public static String text(long pid, String file) {
        return text(Path.of("/proc/" + pid + "/" + file));
    }

    private static String text(Path path) {
        try {
            return Files.readString(path, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }
}
