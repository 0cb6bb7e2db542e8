package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.config.Spelling;
import io.jvmm.supervisor.lifecycle.Console;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.MissingArgumentException;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.apache.commons.cli.UnrecognizedOptionException;

/**
 * The command line, parsed with a library whose class files an AOT cache takes (picocli's are too old for one: 95 ms a start).
 *
 * @param action what is asked for
 * @param config the configuration file; absent for the demo
 * @param exec the command that the demo's guest is to run instead of a shell
 * @param probes what a jail report tries from inside
 * @param unsafeJailLog whether {@code jail.mode = "log"} is permitted
 * @param detail how much is told
 */
record Arguments(
        Action action,
        Optional<Path> config,
        Optional<String> exec,
        Probes probes,
        boolean unsafeJailLog,
        Console.Detail detail) {
    /** What the command can do. */
    enum Action {
        RUN,
        CHECK,
        JAIL_REPORT,
        HELP,
        VERSION,
        /** The life of the supervisor without a machine, to make its AOT cache: only the build asks for it. */
        TRAIN
    }

    /** How much a jail report tries from inside. */
    enum Probes {
        /** Nothing: of the build, which only wants the supervisor's classes loaded. */
        NONE,
        /** What takes seconds. */
        CORE,
        /** The whole catalogue. */
        ALL
    }

    /** The same, but that no jail is tried from inside. */
    Arguments withoutProbes() {
        return new Arguments(action, config, exec, Probes.NONE, unsafeJailLog, detail);
    }

    /** A command line that makes no sense, with a sentence for the user. Exit code 2. */
    static final class UsageException extends Exception {
        private static final long serialVersionUID = 1;

        UsageException(String message) {
            super(message);
        }
    }

    static Arguments parse(String... args) throws UsageException {
        CommandLine line;
        try {
            DefaultParser parser =
                    DefaultParser.builder().setAllowPartialMatching(false).get();
            line = parser.parse(options(), args);
        } catch (ParseException e) {
            throw new UsageException(oneLine(e));
        }
        for (String left : line.getArgList()) {
            throw new UsageException(Quoted.of(left) + " is no option. Did you mean --config " + left + "?");
        }
        for (CliOption option : CliOption.values()) {
            if (count(line, option) > 1) {
                throw new UsageException(option.word() + " is given twice. Remove one.");
            }
        }
        return meaning(line);
    }

    private static Options options() {
        Options options = new Options();
        for (CliOption o : CliOption.values()) {
            options.addOption(Option.builder(o.letter())
                    .longOpt(o.longName())
                    .hasArg(!o.value().isEmpty())
                    .get());
        }
        return options;
    }

    private static long count(CommandLine line, CliOption option) {
        long count = 0;
        for (Option given : line.getOptions()) {
            count += given.getLongOpt().equals(option.longName()) ? 1 : 0;
        }
        return count;
    }

    private static boolean has(CommandLine line, CliOption option) {
        return line.hasOption(option.longName());
    }

    /** The library's complaint in our words, with what to write instead. */
    private static String oneLine(ParseException e) {
        return switch (e) {
            case UnrecognizedOptionException unknown -> unknown(unknown.getOption());
            case MissingArgumentException missing -> {
                String word = "--" + missing.getOption().getLongOpt();
                yield word + " needs a value. Write " + word + " " + valueOf(missing.getOption()) + ".";
            }
            default -> e.getMessage() + ". See jvmm-supervisor --help.";
        };
    }

    private static String valueOf(Option option) {
        return Arrays.stream(CliOption.values())
                .filter(o -> o.longName().equals(option.getLongOpt()))
                .findFirst()
                .map(CliOption::value)
                .orElse("VALUE");
    }

    private static String unknown(String written) {
        int equals = written.indexOf('=');
        String name = equals < 0 ? written : written.substring(0, equals);
        for (CliOption o : CliOption.values()) {
            if (o.word().equals(name)) {
                return name + " takes no value. Remove " + Quoted.of(written.substring(equals)) + ".";
            }
        }
        String cure = Spelling.nearest(
                        name, CliOption.told().stream().map(CliOption::word).toList())
                .map(word -> "Did you mean " + word + "?")
                .orElse("See jvmm-supervisor --help.");
        return "unknown option " + Quoted.of(name) + ". " + cure;
    }

    private static Arguments meaning(CommandLine line) throws UsageException {
        if (has(line, CliOption.HELP)) {
            return plain(Action.HELP);
        }
        if (has(line, CliOption.VERSION)) {
            return plain(Action.VERSION);
        }
        if (has(line, CliOption.TRAIN)) {
            return plain(Action.TRAIN);
        }
        Optional<String> exec = Optional.ofNullable(line.getOptionValue(CliOption.EXEC.longName()));
        if (exec.filter(String::isBlank).isPresent()) {
            throw new UsageException("--exec needs a command. Write e.g. --exec 'uname -a'.");
        }
        if (exec.isPresent() && has(line, CliOption.CONFIG)) {
            throw new UsageException("--exec runs a command in the demo's guest. Give it or --config, not both.");
        }
        boolean demo = has(line, CliOption.DEMO) || exec.isPresent();
        if (demo == has(line, CliOption.CONFIG)) {
            throw new UsageException(
                    demo
                            ? "--demo brings its own configuration. Give it or --config, not both."
                            : "no machine is named. Give --config vm.toml, or --demo.");
        }
        if (has(line, CliOption.CHECK) && has(line, CliOption.JAIL_REPORT)) {
            throw new UsageException("--check starts nothing and --jail-report starts processes. Give one of them.");
        }
        if (has(line, CliOption.ALL_PROBES) && !has(line, CliOption.JAIL_REPORT)) {
            throw new UsageException("--all-probes is for --jail-report. Give both.");
        }
        Action action = has(line, CliOption.CHECK)
                ? Action.CHECK
                : has(line, CliOption.JAIL_REPORT) ? Action.JAIL_REPORT : Action.RUN;
        Console.Detail detail = has(line, CliOption.VERBOSE)
                ? Console.Detail.VERBOSE
                : has(line, CliOption.QUIET) ? Console.Detail.QUIET : Console.Detail.NORMAL;
        return new Arguments(
                action,
                demo ? Optional.empty() : Optional.of(path(line.getOptionValue(CliOption.CONFIG.longName()))),
                exec,
                has(line, CliOption.ALL_PROBES) ? Probes.ALL : Probes.CORE,
                has(line, CliOption.UNSAFE_JAIL_LOG),
                detail);
    }

    private static Path path(String text) throws UsageException {
        if (text.isEmpty()) {
            throw new UsageException("--config needs a value. Write --config FILE.");
        }
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new UsageException(Quoted.of(text) + " is not a path: " + e.getReason() + ".");
        }
    }

    private static Arguments plain(Action action) {
        return new Arguments(action, Optional.empty(), Optional.empty(), Probes.NONE, false, Console.Detail.NORMAL);
    }
}
