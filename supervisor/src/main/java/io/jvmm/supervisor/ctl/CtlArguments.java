package io.jvmm.supervisor.ctl;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The command line of {@code jvmmctl}. Options may stand anywhere.
 *
 * @param command empty when help is wanted
 * @param device of the commands that take one
 * @param prefix of the fields that are wanted
 * @param watch how often to look for what has changed
 * @param dist absolute
 * @param more options of one command only, by their names; the value of one that has none is empty
 */
record CtlArguments(
        Optional<CtlCommand> command,
        Optional<String> vm,
        Optional<Path> socket,
        boolean json,
        int timeoutSeconds,
        Optional<String> device,
        Optional<String> prefix,
        Optional<Duration> watch,
        Optional<Path> dist,
        Map<String, String> more) {
    /** An upgrade of many processes takes some seconds; a machine that is stopped itself never answers. */
    static final int STANDARD_TIMEOUT_S = 120;

    private static final int LONGEST_TIMEOUT_S = 86_400;
    private static final Duration SHORTEST_WATCH = Duration.ofMillis(10);
    private static final Pattern INTERVAL = Pattern.compile("([0-9]{1,6})(ms|s)?");

    /** Those with a value, and what it is. */
    private static final Map<String, String> MORE = Map.of(
            "--device", "the name of a process; jvmmctl device list tells them",
            "--level", "one of " + CtlEvents.LEVELS,
            "--every", "a number of requests");

    static CtlArguments parse(String... args) throws CtlException {
        Optional<String> vm = Optional.empty();
        Optional<Path> socket = Optional.empty();
        Optional<Path> dist = Optional.empty();
        Optional<Duration> watch = Optional.empty();
        Map<String, String> more = new LinkedHashMap<>();
        boolean json = false;
        boolean help = false;
        int timeout = STANDARD_TIMEOUT_S;
        List<String> words = new ArrayList<>();
        Deque<String> left = new ArrayDeque<>(List.of(args));
        while (!left.isEmpty()) {
            String arg = left.remove();
            int equals = arg.startsWith("--") ? arg.indexOf('=') : -1;
            if (equals > 0) {
                left.push(arg.substring(equals + 1));
                arg = arg.substring(0, equals);
            }
            switch (arg) {
                case "--help", "-h" -> help = true;
                case "--json" -> {
                    if (equals > 0) {
                        throw usage("--json takes no value.");
                    }
                    json = true;
                }
                case "--watch" -> watch = Optional.of(interval(equals > 0, left));
                case "--vm" -> vm = Optional.of(value(arg, "the name of a machine; jvmmctl list tells them", left));
                case "--socket" -> socket = Optional.of(path(arg, value(arg, "the path of a control socket", left)));
                case "--dist" -> dist = Optional.of(path(arg, value(arg, "the directory of a distribution", left)));
                case "--timeout" -> timeout = seconds(value(arg, "a number of seconds", left));
                case "--follow", "-f", "--once", "--batch" -> {
                    if (equals > 0) {
                        throw usage(arg + " takes no value.");
                    }
                    more.put(arg.equals("-f") ? "--follow" : arg, "");
                }
                case "--device", "--level", "--every" -> more.put(arg, value(arg, MORE.getOrDefault(arg, ""), left));
                default -> {
                    if (arg.startsWith("-")) {
                        throw usage("there is no option " + arg + ".");
                    }
                    words.add(arg);
                }
            }
        }
        CtlArguments options = new CtlArguments(
                Optional.empty(), vm, socket, json, timeout, Optional.empty(), Optional.empty(), watch, dist, more);
        if (help) {
            return options;
        }
        if (vm.isPresent() && socket.isPresent()) {
            throw usage("--vm and --socket both say which machine. Leave one out.");
        }
        return command(words, options);
    }

    private static CtlArguments command(List<String> words, CtlArguments options) throws CtlException {
        CtlCommand command = CtlCommand.of(words)
                .orElseThrow(() -> usage(
                        words.isEmpty()
                                ? "a command is missing."
                                : CtlCommand.beginning(words.getFirst())
                                        .map(all -> words.getFirst() + " what? It is one of " + all + ".")
                                        .orElse("there is no command \"" + String.join(" ", words) + "\".")));
        List<String> operands = words.subList(command.words().split(" ", -1).length, words.size());
        int wanted = command.takesDevice() ? 1 : 0;
        if (operands.size() < wanted) {
            throw usage("\"" + command.words() + "\" needs the name of a device; jvmmctl device list tells them.");
        }
        int most = command.mostOperands();
        if (operands.size() > most) {
            throw usage("\"" + command.words() + "\" does not take \"" + operands.get(most) + "\".");
        }
        if (options.watch().isPresent() && !command.takesWatch()) {
            throw usage("\"" + command.words() + "\" does not take --watch.");
        }
        if (command.takesDist() != options.dist().isPresent()) {
            throw usage(
                    command.takesDist()
                            ? "\"" + command.words() + "\" needs --dist DIR: the distribution with the other program."
                            : "\"" + command.words() + "\" does not take --dist.");
        }
        for (String option : options.more().keySet()) {
            if (!command.more().contains(option)) {
                throw usage("\"" + command.words() + "\" does not take " + option + ".");
            }
        }
        if (command == CtlCommand.DEVICE_TRACE && !options.more().containsKey("--every")) {
            throw usage("\"device trace\" needs --every N: one request of so many, 0 for none.");
        }
        String every = options.more().get("--every");
        if (every != null && !every.matches("[0-9]{1,9}")) {
            throw usage("--every " + every + ": it is a number of requests, 0 for none.");
        }
        return new CtlArguments(
                Optional.of(command),
                options.vm(),
                options.socket(),
                options.json(),
                options.timeoutSeconds(),
                operands.stream().findFirst(),
                operands.stream().skip(1).findFirst(),
                options.watch(),
                options.dist(),
                options.more());
    }

    private static String value(String option, String what, Deque<String> left) throws CtlException {
        if (left.isEmpty() || left.element().isEmpty()) {
            throw usage(option + " needs " + what + ".");
        }
        return left.remove();
    }

    private static Path path(String option, String text) throws CtlException {
        try {
            return Path.of(text).toAbsolutePath().normalize();
        } catch (InvalidPathException e) {
            throw usage(option + ": \"" + text + "\" is not a path: " + e.getReason() + ".");
        }
    }

    /** How often; without a value every second. What follows as a word of its own is a value if it looks like one. */
    private static Duration interval(boolean given, Deque<String> left) throws CtlException {
        if (!given && (left.isEmpty() || !INTERVAL.matcher(left.element()).matches())) {
            return Duration.ofSeconds(1);
        }
        Matcher text = INTERVAL.matcher(left.remove());
        if (text.matches()) {
            long number = Long.parseLong(text.group(1));
            Duration interval = "ms".equals(text.group(2)) ? Duration.ofMillis(number) : Duration.ofSeconds(number);
            if (interval.compareTo(SHORTEST_WATCH) >= 0 && interval.toSeconds() <= LONGEST_TIMEOUT_S) {
                return interval;
            }
        }
        throw usage("--watch is a time from 10ms to " + LONGEST_TIMEOUT_S + "s: --watch 200ms, --watch 5s.");
    }

    private static int seconds(String text) throws CtlException {
        if (text.matches("[0-9]{1,5}")) {
            int seconds = Integer.parseInt(text);
            if (seconds >= 1 && seconds <= LONGEST_TIMEOUT_S) {
                return seconds;
            }
        }
        throw usage("--timeout is 1 to " + LONGEST_TIMEOUT_S + " seconds.");
    }

    private static CtlException usage(String message) {
        return new CtlException(CtlExit.USAGE, message + " See: jvmmctl --help");
    }
}
