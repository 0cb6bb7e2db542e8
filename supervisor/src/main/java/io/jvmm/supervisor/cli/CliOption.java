package io.jvmm.supervisor.cli;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The options of the command line, once: parser and {@code --help} use this list. */
enum CliOption {
    CONFIG("-c", "--config", "FILE", "Run the machine that FILE describes."),
    DEMO("", "--demo", "", "Boot Debian's stock kernel to a shell on this terminal."),
    EXEC("", "--exec", "CMD", "Run one shell command in the demo's guest; end with its exit status."),
    CHECK("", "--check", "", "Start nothing: check the configuration, open its files, print what would run."),
    JAIL_REPORT(
            "", "--jail-report", "", "Print how each process is jailed, and what it can do from inside; run no guest."),
    ALL_PROBES(
            "", "--all-probes", "", "With --jail-report: try everything from inside. Takes a process a try: minutes."),
    UNSAFE_JAIL_LOG(
            "",
            "--unsafe-jail-log",
            "",
            "Permit jail.mode = \"log\": forbidden calls are done. Not with a guest you distrust."),
    QUIET("-q", "--quiet", "", "Tell no progress; problems are still told."),
    VERBOSE("-v", "--verbose", "", "Tell also what the processes log, and when they became ready."),
    VERSION("", "--version", "", "Print the version."),
    HELP("-h", "--help", "", "Print this."),
    /** The life of the supervisor without a user, to make its AOT cache: only the build asks for it. */
    TRAIN("", "--train", "", "");

    private final String letter;
    private final String word;
    private final String value;
    private final String meaning;

    CliOption(String letter, String word, String value, String meaning) {
        this.letter = letter;
        this.word = word;
        this.value = value;
        this.meaning = meaning;
    }

    /** {@code --config} */
    String word() {
        return word;
    }

    /** What its value is called; empty for an option without one. */
    String value() {
        return value;
    }

    String meaning() {
        return meaning;
    }

    /** Those that a user is told of. */
    static List<CliOption> told() {
        return Arrays.stream(values()).filter(o -> !o.meaning.isEmpty()).toList();
    }

    /** {@code c}, or null for an option that has no letter. */
    @Nullable
    String letter() {
        return letter.isEmpty() ? null : letter.substring(1);
    }

    /** {@code config} */
    String longName() {
        return word.substring(2);
    }

    /** {@code -c, --config=FILE} */
    String synopsis() {
        return (letter.isEmpty() ? "    " : letter + ", ") + word + (value.isEmpty() ? "" : "=" + value);
    }
}
