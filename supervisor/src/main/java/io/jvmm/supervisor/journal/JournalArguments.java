package io.jvmm.supervisor.journal;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The command line of {@code jvmm-journal}. Options may stand anywhere.
 *
 * @param command empty when help is wanted
 * @param place a journal directory, or a flat file
 * @param until records; no more are looked at
 */
record JournalArguments(
        Optional<Command> command,
        Path place,
        Optional<String> device,
        OptionalInt life,
        OptionalLong from,
        OptionalLong until,
        Optional<Path> output) {
    /** What can be done. */
    enum Command {
        LIST,
        STATS,
        DUMP,
        CUT,
        VERIFY;

        String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }

        static Optional<Command> of(String word) {
            return Arrays.stream(values()).filter(c -> c.word().equals(word)).findFirst();
        }
    }

    static final String HELP = """
            jvmm-journal: reads what the recorder has kept of a machine's devices.

              jvmm-journal list   DIR                          the lives: which device, when, how much, how it ended
              jvmm-journal stats  DIR|FILE [--device D] [--life N]    records of each type, bytes, how long
              jvmm-journal dump   DIR|FILE --device D [--life N] [--from N] [--until N]    each record, a line
              jvmm-journal cut    DIR --device D [--life N] [--until N] -o FILE.jtrace     a life as a flat file, for jvmm-replay
              jvmm-journal verify DIR|FILE [--device D] [--life N]    checksums, numbers, structure, torn tails

            DIR is the directory of [journal] in the machine's configuration; a running machine may be writing to it. FILE is a flat
            file (*.jtrace). D is a device process as jvmmctl device list names it. Without --life it is the last one for dump and
            cut, and all of them for stats and verify. --from and --until are numbers of records, from 0 in a life.
            Where it has none of these, that is said on standard error, and the status is 0.

            A life that is "open" is being written, or its recorder was killed: what is there is whole. list and verify say how one
            ended in the words that jvmm-replay has for it, too. A short form counts as the two or three records that it stands
            for, its bytes as those of the first.

              jvmm-journal dump journal --device serial --until 50
              jvmm-journal cut journal --device block --life 3 -o bug.jtrace && jvmm-replay --journal bug.jtrace

            Exit status: 0 done; 1 there is damage; 2 wrong command line; 3 it cannot be read or written.
            """;

    /** A wrong command line: a sentence. */
    static final class Wrong extends Exception {
        @java.io.Serial
        private static final long serialVersionUID = 1;

        Wrong(String message) {
            super(message);
        }
    }

    static JournalArguments parse(String... args) throws Wrong {
        Optional<Command> command = Optional.empty();
        Optional<Path> place = Optional.empty();
        Optional<String> device = Optional.empty();
        OptionalInt life = OptionalInt.empty();
        OptionalLong from = OptionalLong.empty();
        OptionalLong until = OptionalLong.empty();
        Optional<Path> output = Optional.empty();
        Deque<String> left = new ArrayDeque<>(List.of(args));
        while (!left.isEmpty()) {
            String arg = left.remove();
            int equals = arg.startsWith("--") ? arg.indexOf('=') : -1;
            if (equals > 0) {
                left.push(arg.substring(equals + 1));
                arg = arg.substring(0, equals);
            }
            switch (arg) {
                case "--help", "-h" -> {
                    return help();
                }
                case "--device" -> device = Optional.of(value(arg, "a device process, e.g. block", left));
                case "--life" -> life = OptionalInt.of((int) number(arg, left));
                case "--from" -> from = OptionalLong.of(number(arg, left));
                case "--until" -> until = OptionalLong.of(number(arg, left));
                case "-o", "--output" -> output = Optional.of(path(value(arg, "the file to write", left)));
                default -> {
                    if (arg.startsWith("-")) {
                        throw new Wrong("there is no option " + arg + ".");
                    }
                    if (command.isEmpty()) {
                        String word = arg;
                        command = Optional.of(
                                Command.of(arg).orElseThrow(() -> new Wrong("there is no command \"" + word + "\".")));
                    } else if (place.isEmpty()) {
                        place = Optional.of(path(arg));
                    } else {
                        throw new Wrong("\"" + arg + "\" is one word too many.");
                    }
                }
            }
        }
        Command wanted = command.orElseThrow(() -> new Wrong("a command is missing."));
        Path where = place.orElseThrow(() -> new Wrong("the journal directory is missing."));
        if ((wanted == Command.CUT) != output.isPresent()) {
            throw new Wrong(
                    wanted == Command.CUT
                            ? "cut needs -o FILE.jtrace."
                            : wanted.word() + " writes to standard output: remove -o.");
        }
        refuse(wanted, "--from", from.isPresent(), wanted == Command.DUMP);
        refuse(wanted, "--until", until.isPresent(), wanted == Command.DUMP || wanted == Command.CUT);
        if (from.isPresent() && until.orElse(Long.MAX_VALUE) <= from.getAsLong()) {
            throw new Wrong("there is no record from " + from.getAsLong() + " on that is before " + until.getAsLong()
                    + ": --until has to be more than --from.");
        }
        boolean flat = Files.isRegularFile(where);
        refuse(wanted, "--device", device.isPresent(), !flat);
        refuse(wanted, "--life", life.isPresent(), !flat);
        return new JournalArguments(Optional.of(wanted), where, device, life, from, until, output);
    }

    private static void refuse(Command command, String option, boolean given, boolean may) throws Wrong {
        if (given && !may) {
            String what = option.equals("--device") || option.equals("--life") ? "a flat file" : command.word();
            throw new Wrong(what + " has no " + option + ": remove it.");
        }
    }

    private static JournalArguments help() {
        return new JournalArguments(
                Optional.empty(),
                Path.of(""),
                Optional.empty(),
                OptionalInt.empty(),
                OptionalLong.empty(),
                OptionalLong.empty(),
                Optional.empty());
    }

    private static String value(String option, String what, Deque<String> left) throws Wrong {
        if (left.isEmpty() || left.element().isEmpty()) {
            throw new Wrong(option + " needs " + what + ".");
        }
        return left.remove();
    }

    private static long number(String option, Deque<String> left) throws Wrong {
        String text = value(option, "a number", left);
        if (!text.matches("[0-9]{1,9}")) {
            throw new Wrong(option + ": \"" + text + "\" is no number.");
        }
        return Long.parseLong(text);
    }

    private static Path path(String text) throws Wrong {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new Wrong("\"" + text + "\" is not a path: " + e.getReason() + ".");
        }
    }
}
