package io.jvmm.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the threads of some processes use of a processor: the most of any stretch of about a second, by thread. */
final class ProcessorShares {
    private static final long STRETCH_NS = 1_000_000_000L;

    private final long[] pids;
    private final Map<String, Long> before = new TreeMap<>();
    private final Map<String, Double> most = new TreeMap<>();
    private long sinceNs;

    ProcessorShares(long... pids) throws IOException {
        this.pids = pids.clone();
        begin();
    }

    private void begin() throws IOException {
        before.clear();
        before.putAll(now());
        sinceNs = System.nanoTime();
    }

    /** Nanoseconds that each thread has run so far, by the scheduler's own count (schedstat). */
    private Map<String, Long> now() throws IOException {
        Map<String, Long> result = new TreeMap<>();
        for (long pid : pids) {
            List<Path> tasks;
            try (Stream<Path> all = Files.list(Path.of("/proc/" + pid + "/task"))) {
                tasks = all.toList();
            }
            for (Path task : tasks) {
                try {
                    String ran = Files.readString(task.resolve("schedstat"));
                    String name = Files.readString(task.resolve("comm")).strip();
                    result.put(
                            pid + "/" + task.getFileName() + " " + name,
                            Long.valueOf(ran.substring(0, ran.indexOf(' '))));
                } catch (IOException e) {
                    result.remove(pid + "/" + task.getFileName()); // a thread that has ended
                }
            }
        }
        return result;
    }

    /** To be called often. */
    void look() throws IOException {
        long wallNs = System.nanoTime() - sinceNs;
        if (wallNs < STRETCH_NS) {
            return;
        }
        now().forEach((thread, ran) -> {
            long used = ran - before.getOrDefault(thread, ran);
            most.merge(thread, used / (double) wallNs, Math::max);
        });
        begin();
    }

    /** The most that one thread of a process has used, but for those whose name begins so. */
    double most(long pid, String but) {
        return most.entrySet().stream()
                .filter(e -> e.getKey().startsWith(pid + "/")
                        && !e.getKey().substring(e.getKey().indexOf(' ') + 1).startsWith(but))
                .mapToDouble(Map.Entry::getValue)
                .max()
                .orElse(0);
    }

    @Override
    public String toString() {
        return most.entrySet().stream()
                .filter(e -> e.getValue() > 0.01)
                .map(e -> String.format(Locale.ROOT, "%s %.2f", e.getKey(), e.getValue()))
                .collect(Collectors.joining(", "));
    }
}
