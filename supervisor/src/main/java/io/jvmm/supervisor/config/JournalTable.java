package io.jvmm.supervisor.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads {@code [journal]}, and the key {@code journal} of the tables of devices. One file, one thread. */
final class JournalTable {
    private final Set<String> processes = new LinkedHashSet<>();
    /** Where a process is wanted to be recorded; asked again when it is known whether it can be. */
    private final List<Wanted> wanted = new ArrayList<>();

    private record Wanted(TableReader table, ConfigKey key) {}

    /** Reads the key of a device's table. */
    void device(TableReader table, ConfigKey key, String process) {
        if (table.bool(key, false)) {
            processes.add(process);
            wanted.add(new Wanted(table, key));
        }
    }

    /** After all devices: the table itself. */
    JournalConfig read(TableReader t, boolean there) {
        if (there) {
            t.require(ConfigKey.JOURNAL_DIRECTORY, "\"journal\"");
        }
        Optional<Path> directory = t.path(ConfigKey.JOURNAL_DIRECTORY);
        int mostMb = t.integer(
                ConfigKey.JOURNAL_MAX_SIZE_MB,
                JournalConfig.LEAST_MB,
                JournalConfig.MOST_MB,
                JournalConfig.STANDARD_MB);
        int hours = t.integer(
                ConfigKey.JOURNAL_MAX_AGE_HOURS, 1, JournalConfig.LONGEST_HOURS, JournalConfig.STANDARD_HOURS);
        int lifeMb = t.integer(
                ConfigKey.JOURNAL_LIFE_SIZE_MB,
                JournalConfig.LEAST_LIFE_MB,
                JournalConfig.MOST_LIFE_MB,
                Math.min(JournalConfig.STANDARD_LIFE_MB, mostMb / 4));
        if (lifeMb > mostMb / 2) {
            t.complain(
                    t.isPresent(ConfigKey.JOURNAL_LIFE_SIZE_MB)
                            ? ConfigKey.JOURNAL_LIFE_SIZE_MB
                            : ConfigKey.JOURNAL_MAX_SIZE_MB,
                    "a life of " + lifeMb + " MB leaves no room for another within " + mostMb
                            + ". Use at most half, e.g. life_size_mb = " + mostMb / 4 + ".");
        }
        if (directory.isEmpty() && !there) {
            wanted.forEach(w -> w.table()
                    .complain(w.key(), "there is no place for it. Add [journal] with e.g. directory = \"journal\"."));
        }
        if (directory.isEmpty()) {
            return JournalConfig.NONE;
        }
        return new JournalConfig(
                directory, (long) mostMb << 20, Duration.ofHours(hours), (long) lifeMb << 20, processes);
    }
}
