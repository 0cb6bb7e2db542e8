package io.jvmm.it.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a process has used of the processors. */
final class ProcessorTime {
    private ProcessorTime() {}

    /** What all threads that it has now have run so far, in nanoseconds, by the scheduler's own count (schedstat). */
    static long ns(long pid) throws IOException {
        long sum = 0;
        try (var tasks = Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
            for (Path task : tasks) {
                String text = Files.readString(task.resolve("schedstat"));
                sum += Long.parseLong(text.substring(0, text.indexOf(' ')));
            }
        }
        return sum;
    }
}
