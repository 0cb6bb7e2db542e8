package io.jvmm.supervisor.config;

import java.time.Duration;
import java.util.Set;

/** Reads the table {@code [lifecycle]}. */
final class LifecycleTable {
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
        return t.isPresent(key) ? new Standby(false, Set.copyOf(t.list(key, Standby::checkClass))) : Standby.ALL;
    }

    private static Standby word(String word) {
        return switch (word) {
            case "all" -> Standby.ALL;
            case "none" -> Standby.NONE;
            default ->
                throw new IllegalArgumentException(Quoted.of(word)
                        + " is not known. Use \"all\", \"none\", or a list of classes, e.g. [\"block\", \"net\"].");
        };
    }
}
