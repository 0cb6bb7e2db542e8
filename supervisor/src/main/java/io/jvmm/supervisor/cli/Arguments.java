package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.config.Spelling;
import io.jvmm.supervisor.lifecycle.Console;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * The command line, parsed. By hand: measured, a command-line library cost 100 ms of CPU before the first line of ours ran, a
 * sixth of what a machine may take to its first instruction.
 *
 * @param action what is asked for
 * @param config the configuration file; absent for the demo
 * @param unsafeJailLog whether {@code jail.mode = "log"} is permitted
 * @param detail how much is told
 */
record Arguments(Action action, Optional<Path> config, boolean unsafeJailLog, Console.Detail detail) {
    /** What the command can do. */
    enum Action {
        RUN,
        CHECK,
        JAIL_REPORT,
        HELP,
        VERSION,
        TRAIN
    }

    /** A command line that makes no sense, with a sentence for the user. Exit code 2. */
    static final class UsageException extends Exception {
        private static final long serialVersionUID = 1;

        UsageException(String message) {
            super(message);
        }
    }

    static Arguments parse(String... args) throws UsageException {
        Map<Option, String> given = new EnumMap<>(Option.class);
        for (int i = 0; i < args.length; i++) {
            int equals = args[i].startsWith("--") ? args[i].indexOf('=') : -1;
            String name = equals < 0 ? args[i] : args[i].substring(0, equals);
            Option option = Option.named(name).orElse(null);
            if (option == null) {
                throw new UsageException(unknown(name));
            }
            String value = "";
            if (equals >= 0) {
                value = args[i].substring(equals + 1);
            } else if (!option.value().isEmpty() && i + 1 < args.length) {
                value = args[++i];
            }
            if (value.isEmpty() != option.value().isEmpty()) {
                throw new UsageException(
                        option.value().isEmpty()
                                ? option.word() + " takes no value. Remove " + Quoted.of("=" + value) + "."
                                : option.word() + " needs a value. Write " + option.word() + " " + option.value()
                                        + ".");
            }
            if (given.put(option, value) != null) {
                throw new UsageException(option.word() + " is given twice. Remove one.");
            }
        }
        return meaning(given);
    }

    private static String unknown(String name) {
        if (!name.startsWith("-")) {
            return Quoted.of(name) + " is no option. Did you mean --config " + name + "?";
        }
        String known = Spelling.nearest(
                        name, Option.told().stream().map(Option::word).toList())
                .map(w -> "Did you mean " + w + "?")
                .orElse("See jvmm-supervisor --help.");
        return "unknown option " + Quoted.of(name) + ". " + known;
    }

    private static Arguments meaning(Map<Option, String> given) throws UsageException {
        if (given.containsKey(Option.HELP)) {
            return plain(Action.HELP);
        }
        if (given.containsKey(Option.VERSION)) {
            return plain(Action.VERSION);
        }
        if (given.containsKey(Option.TRAIN)) {
            return plain(Action.TRAIN);
        }
        boolean demo = given.containsKey(Option.DEMO);
        if (demo == given.containsKey(Option.CONFIG)) {
            throw new UsageException(
                    demo
                            ? "--demo brings its own configuration. Give it or --config, not both."
                            : "no machine is named. Give --config vm.toml, or --demo.");
        }
        if (given.containsKey(Option.CHECK) && given.containsKey(Option.JAIL_REPORT)) {
            throw new UsageException("--check starts nothing and --jail-report starts processes. Give one of them.");
        }
        Action action = given.containsKey(Option.CHECK)
                ? Action.CHECK
                : given.containsKey(Option.JAIL_REPORT) ? Action.JAIL_REPORT : Action.RUN;
        Console.Detail detail = given.containsKey(Option.VERBOSE)
                ? Console.Detail.VERBOSE
                : given.containsKey(Option.QUIET) ? Console.Detail.QUIET : Console.Detail.NORMAL;
        return new Arguments(
                action,
                demo ? Optional.empty() : Optional.of(path(given.getOrDefault(Option.CONFIG, ""))),
                given.containsKey(Option.UNSAFE_JAIL_LOG),
                detail);
    }

    private static Path path(String text) throws UsageException {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new UsageException(Quoted.of(text) + " is not a path: " + e.getReason() + ".");
        }
    }

    private static Arguments plain(Action action) {
        return new Arguments(action, Optional.empty(), false, Console.Detail.NORMAL);
    }
}
