package io.jvmm.supervisor.config;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.tomlj.TomlArray;

/** Reads the table {@code [lifecycle]}. */
final class LifecycleTable {
    private static final String ALLOWED = "Use \"all\", \"none\", or a list of classes, e.g. [\"block\", \"net\"].";

    private LifecycleTable() {}

    static LifecycleConfig read(TableReader t) {
        int ready =
                t.integer(ConfigKey.LIFECYCLE_READY_TIMEOUT_S, 1, (int) LifecycleConfig.LONGEST_READY.toSeconds(), 20);
        int button = t.integer(
                ConfigKey.LIFECYCLE_POWER_BUTTON_TIMEOUT_S,
                0,
                (int) LifecycleConfig.LONGEST_POWER_BUTTON.toSeconds(),
                30);
        int hang =
                t.integer(ConfigKey.LIFECYCLE_HANG_TIMEOUT_MS, 0, (int) LifecycleConfig.LONGEST_HANG.toMillis(), (int)
                        LifecycleConfig.STANDARD_HANG.toMillis());
        int replace = t.integer(
                ConfigKey.LIFECYCLE_REPLACE_TIMEOUT_MS, 1, (int) LifecycleConfig.LONGEST_REPLACE.toMillis(), (int)
                        LifecycleConfig.STANDARD_REPLACE.toMillis());
        return new LifecycleConfig(
                Duration.ofSeconds(ready),
                Duration.ofSeconds(button),
                restarts(t),
                standby(t),
                Duration.ofMillis(hang),
                Duration.ofMillis(replace));
    }

    private static RestartBudget restarts(TableReader t) {
        RestartBudget standard = RestartBudget.STANDARD;
        return new RestartBudget(
                t.integer(ConfigKey.LIFECYCLE_RESTART_BUDGET, 0, RestartBudget.MOST_RESTARTS, standard.restarts()),
                Duration.ofSeconds(t.integer(
                        ConfigKey.LIFECYCLE_RESTART_WINDOW_S, 1, (int) RestartBudget.LONGEST_WINDOW.toSeconds(), (int)
                                standard.window().toSeconds())),
                Duration.ofMillis(t.integer(
                        ConfigKey.LIFECYCLE_RESTART_BACKOFF_MS, 0, (int) RestartBudget.LONGEST_BACKOFF.toMillis(), (int)
                                standard.backoff().toMillis())));
    }

    /** A word, or a list of classes. */
    private static Standby standby(TableReader t) {
        ConfigKey key = ConfigKey.LIFECYCLE_STANDBY;
        if (t.value(key) instanceof String) {
            return t.parsed(key, LifecycleTable::word, Standby.ALL);
        }
        if (!t.isPresent(key)) {
            return Standby.ALL;
        }
        if (!(t.value(key) instanceof TomlArray)) {
            t.complain(key, "is " + TableReader.describe(t.value(key)) + ". " + ALLOWED);
            return Standby.ALL;
        }
        Set<String> classes = new HashSet<>();
        for (String each : t.list(key, Standby::checkClass)) {
            if (!classes.add(each)) {
                t.complain(key, Quoted.of(each) + " is named twice. Remove one.");
            }
        }
        return new Standby(false, classes);
    }

    private static Standby word(String word) {
        return switch (word) {
            case "all" -> Standby.ALL;
            case "none" -> Standby.NONE;
            default -> throw new IllegalArgumentException(Quoted.of(word) + " is not known. " + ALLOWED);
        };
    }
}
