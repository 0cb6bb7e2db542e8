package io.jvmm.fuzz.sandbox;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What a process has in memory that is its own (proc(5), RssAnon), against what it had at the beginning. One thread. */
final class Scales {
    /** More than the beginning and so much is a finding. */
    static final int MOST_GROWTH_KB = 48 << 10;

    private final long pid;
    private final int fromKb;

    /** @param pid of the process; its memory is looked at now for the first time */
    Scales(long pid) {
        this.pid = pid;
        this.fromKb = anonymousKb();
    }

    /** What there is to say against its memory; empty when that is nothing, or the process is gone, and how will be told. */
    String weigh() {
        return anonymousKb() - fromKb > MOST_GROWTH_KB
                ? "its memory has grown by more than " + (MOST_GROWTH_KB >> 10) + " MB"
                : "";
    }

    private int anonymousKb() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/status"))) {
            return lines.filter(line -> line.startsWith("RssAnon:"))
                    .mapToInt(line -> Integer.parseInt(line.replaceAll("[^0-9]", "")))
                    .findFirst()
                    .orElse(0);
        } catch (IOException | UncheckedIOException e) {
            return 0;
        }
    }
}
