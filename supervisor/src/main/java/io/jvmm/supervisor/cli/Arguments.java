package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.lifecycle.Console;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/**
 * The command line, parsed. The options are declared through picocli's programming interface and not its annotations: start-up
 * counts here, and reflection over annotations adds to it.
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
        /** The life of the supervisor without a machine, to make its AOT cache: only the build asks for it. */
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
        ParseResult p;
        try {
            p = new CommandLine(spec()).parseArgs(args);
        } catch (CommandLine.ParameterException e) {
            throw new UsageException(oneLine(e));
        }
        if (p.hasMatchedOption("--help")) {
            return plain(Action.HELP);
        }
        if (p.hasMatchedOption("--version")) {
            return plain(Action.VERSION);
        }
        if (p.hasMatchedOption("--train")) {
            return plain(Action.TRAIN);
        }
        boolean demo = p.hasMatchedOption("--demo");
        Optional<Path> config = Optional.ofNullable(p.<Path>matchedOptionValue("--config", null));
        if (demo && config.isPresent()) {
            throw new UsageException("--demo brings its own configuration. Give it or --config, not both.");
        }
        if (!demo && config.isEmpty()) {
            throw new UsageException("no machine is named. Give --config vm.toml, or --demo.");
        }
        if (p.hasMatchedOption("--check") && p.hasMatchedOption("--jail-report")) {
            throw new UsageException("--check starts nothing and --jail-report starts processes. Give one of them.");
        }
        Action action = p.hasMatchedOption("--check")
                ? Action.CHECK
                : p.hasMatchedOption("--jail-report") ? Action.JAIL_REPORT : Action.RUN;
        Console.Detail detail = p.hasMatchedOption("--verbose")
                ? Console.Detail.VERBOSE
                : p.hasMatchedOption("--quiet") ? Console.Detail.QUIET : Console.Detail.NORMAL;
        return new Arguments(action, config, p.hasMatchedOption("--unsafe-jail-log"), detail);
    }

    private static Arguments plain(Action action) {
        return new Arguments(action, Optional.empty(), false, Console.Detail.NORMAL);
    }

    /** picocli's complaint, and its suggestion where it has one, in one line. */
    private static String oneLine(CommandLine.ParameterException e) {
        String said =
                String.valueOf(e.getMessage()).replaceAll("\\s*\\n\\s*", " ").strip();
        if (e instanceof CommandLine.UnmatchedArgumentException unmatched) {
            List<String> guesses = new ArrayList<>(unmatched.getSuggestions());
            if (!guesses.isEmpty() && unmatched.isUnknownOption()) {
                return said + ". Did you mean " + guesses.getFirst() + "?";
            }
        }
        return said + (said.endsWith(".") ? "" : ".") + " See jvmm-supervisor --help.";
    }

    static CommandSpec spec() {
        CommandSpec spec = CommandSpec.create().name("jvmm-supervisor");
        spec.usageMessage().width(120);
        spec.addOption(OptionSpec.builder("-c", "--config")
                .paramLabel("FILE")
                .type(Path.class)
                .converters(s -> Path.of(s))
                .description("Run the machine that FILE describes.")
                .build());
        spec.addOption(flag("--demo", "Run a small guest of jvmm's own; its console is this terminal."));
        spec.addOption(
                flag("--check", "Start nothing: check the configuration, open its files, print what would run."));
        spec.addOption(flag(
                "--jail-report",
                "Start the machine's processes, print how each is jailed, end before the guest runs."));
        spec.addOption(
                flag(
                        "--unsafe-jail-log",
                        "Permit jail.mode = \"log\": forbidden system calls are logged and done. Never with a guest you distrust."));
        spec.addOption(flag("--quiet", "Tell no progress; problems are still told."));
        spec.addOption(flag("--verbose", "Tell also what the processes log, and when they became ready."));
        spec.addOption(flag("--version", "Print the version."));
        spec.addOption(flag("--help", "Print this.", "-h"));
        spec.addOption(
                OptionSpec.builder("--train").type(boolean.class).hidden(true).build());
        return spec;
    }

    private static OptionSpec flag(String name, String meaning, String... more) {
        String[] names = new String[more.length + 1];
        System.arraycopy(more, 0, names, 0, more.length);
        names[more.length] = name;
        return OptionSpec.builder(names)
                .type(boolean.class)
                .description(meaning)
                .build();
    }
}
