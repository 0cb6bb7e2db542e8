package io.jvmm.supervisor.journal;

import io.jvmm.ipc.trace.LifeText;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * {@code jvmm-replay}: takes a life out of a journal and lets the device's own program live it again. Its exit status is that program's:
 * 0 the same life, 1 a difference.
 */
public final class ReplayCommand {
    private static final int USAGE = 2;
    private static final int UNREADABLE = 3;

    private static final String HELP = """
            jvmm-replay: lets one device live a recorded life again, alone: no guest, no host, time and answers from the journal.

              jvmm-replay --journal DIR --device D [--life N]     a life in a machine's journal; without --life the last
              jvmm-replay --journal FILE.jtrace                   one that jvmm-journal cut, or jvmm-fuzz found

              --until N         stop behind transaction N
              --break-on FIELD  stop behind the first transaction that changes this field of the state: 'port[0].LCR'
              --state PREFIX    at the end, print the fields of the state that begin so; '' prints all
              --jail            behind the narrow filter of the device's policy
              --debug PORT      wait for a Java debugger on 127.0.0.1:PORT (jdb -attach 127.0.0.1:PORT); needs a JDK 25,
                                which JAVA_HOME names
              --keep FILE       keep the life as this flat file

            The device's effects, what it writes to guest memory, and its state at each check point are compared with the journal; the first
            difference is told with the number of its record, which is that of jvmm-journal dump.

              jvmm-replay --journal journal --device serial --life 1 --break-on 'port[0].LCR'

            Exit status: 0 the same life; 1 a difference; 2 wrong command line, or no trace; 3 the journal cannot be read.
            """;

    private final PrintStream out;
    private final PrintStream err;
    private Optional<Path> journal = Optional.empty();
    private Optional<String> device = Optional.empty();
    private OptionalInt life = OptionalInt.empty();
    private Optional<Path> keep = Optional.empty();
    private Optional<String> debugPort = Optional.empty();
    private boolean help;
    /** For the device's program. */
    private final List<String> passed = new ArrayList<>();

    ReplayCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    public static void main(String... args) {
        int status = new ReplayCommand(System.out, System.err).run(args);
        System.out.flush();
        System.err.flush();
        Runtime.getRuntime().halt(status);
    }

    /** The exit status. */
    int run(String... args) {
        try {
            parse(args);
            if (help) {
                out.print(HELP);
                return 0;
            }
            return replay(journal.orElseThrow(() -> new JournalArguments.Wrong("--journal DIR is missing.")));
        } catch (JournalArguments.Wrong e) {
            err.println("jvmm-replay: " + e.getMessage() + " See: jvmm-replay --help");
            return USAGE;
        } catch (JournalException | IOException e) {
            err.println("jvmm-replay: " + e.getMessage());
            return UNREADABLE;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return UNREADABLE;
        }
    }

    private void parse(String... args) throws JournalArguments.Wrong {
        Deque<String> left = new ArrayDeque<>(List.of(args));
        help = left.isEmpty();
        while (!left.isEmpty()) {
            String arg = left.remove();
            int equals = arg.startsWith("--") ? arg.indexOf('=') : -1;
            if (equals > 0) {
                left.push(arg.substring(equals + 1));
                arg = arg.substring(0, equals);
            }
            switch (arg) {
                case "--help", "-h" -> help = true;
                case "--journal" ->
                    journal = Optional.of(path(value(arg, "a journal directory or a .jtrace file", left)));
                case "--device" -> device = Optional.of(value(arg, "a device process, e.g. block", left));
                case "--life" -> life = OptionalInt.of((int) number(arg, left));
                case "--keep" -> keep = Optional.of(path(value(arg, "the file to write", left)));
                case "--until" -> passed.addAll(List.of(arg, Long.toString(number(arg, left))));
                case "--break-on" -> passed.addAll(List.of(arg, value(arg, "a field of the state", left)));
                case "--state" -> {
                    if (left.isEmpty()) {
                        throw new JournalArguments.Wrong("--state needs the beginning of names; '' for all.");
                    }
                    passed.addAll(List.of(arg, left.remove()));
                }
                case "--jail" -> passed.add("--jail=enforce");
                case "--debug" -> debugPort = Optional.of(Long.toString(number(arg, left)));
                default -> throw new JournalArguments.Wrong("\"" + arg + "\" is no option.");
            }
        }
    }

    private static String value(String option, String what, Deque<String> left) throws JournalArguments.Wrong {
        if (left.isEmpty() || left.element().isEmpty()) {
            throw new JournalArguments.Wrong(option + " needs " + what + ".");
        }
        return left.remove();
    }

    private static long number(String option, Deque<String> left) throws JournalArguments.Wrong {
        String text = value(option, "a number", left);
        if (!text.matches("[0-9]{1,18}")) {
            throw new JournalArguments.Wrong(option + ": \"" + text + "\" is no number.");
        }
        return Long.parseLong(text);
    }

    private static Path path(String text) throws JournalArguments.Wrong {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new JournalArguments.Wrong("\"" + text + "\" is not a path: " + e.getReason() + ".");
        }
    }

    private int replay(Path place) throws JournalException, JournalArguments.Wrong, IOException, InterruptedException {
        LifeSource source = LifeSource.one(place, device, life);
        boolean flat = source.life().isEmpty();
        Path file = flat ? place : keep.isPresent() ? keep.get() : Files.createTempFile("jvmm-replay-", ".jtrace");
        try {
            if (!flat) {
                LifeCut cut = LifeCut.of(source, file, Long.MAX_VALUE);
                out.println(source.title() + ": " + cut.batches() + " batches, " + cut.records() + " records"
                        + (cut.fault().isEmpty() ? "" : "; " + cut.fault()));
                out.flush();
            }
            Process program = new ProcessBuilder(command(deviceClass(source, file), file))
                    .inheritIO()
                    .start();
            return program.waitFor();
        } finally {
            if (!flat && keep.isEmpty()) {
                Files.deleteIfExists(file);
            }
        }
    }

    private static String deviceClass(LifeSource source, Path file) throws JournalException, IOException {
        if (source.device().isPresent()) {
            return source.device().get().replaceFirst("-.*", "");
        }
        LifeScan scan = new LifeScan();
        try (LifeSource.Open life = source.open()) {
            scan.run(life, (record, _, number) -> number < 64);
        }
        return scan.about()
                .flatMap(a -> a.find(LifeText.DEVICE))
                .filter(JournalDirectory::isDevice)
                .orElseThrow(() -> new JournalException(file + " does not say which device it is of: " + scan.fault()));
    }

    /** The program of a class, as a jail has it, with its files where they are. */
    private List<String> command(String deviceClass, Path file) throws JournalException, JournalArguments.Wrong {
        Path home = Path.of(System.getProperty("jvmm.home", ""));
        Path list = home.resolve("lib").resolve(deviceClass).resolve("program");
        List<String> program;
        try {
            program = Files.readAllLines(list);
        } catch (IOException e) {
            throw new JournalException("there is no program for " + deviceClass + ": " + e.getMessage(), e);
        }
        List<String> command = new ArrayList<>();
        command.add(java(home).toString());
        command.add("@" + home.resolve("launch").resolve(deviceClass + ".launch"));
        command.add("-Xmx256m"); // a life is read from a file, which no device does in service
        debugPort.ifPresent(
                port -> command.add("-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=127.0.0.1:" + port));
        command.add("--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED");
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-Djvmm.home=" + home);
        command.add("-cp");
        command.add(String.join(
                ":",
                program.subList(1, program.size()).stream()
                        .map(jar -> home.resolve("lib").resolve(jar).toString())
                        .toList()));
        command.add(program.getFirst());
        command.addAll(List.of("--replay", file.toString()));
        command.addAll(passed);
        return command;
    }

    /** The distribution's runtime has nothing for debuggers. */
    private Path java(Path home) throws JournalArguments.Wrong {
        if (debugPort.isEmpty()) {
            return home.resolve("runtime/bin/java");
        }
        String jdk = System.getenv("JAVA_HOME");
        if (jdk == null || !Files.isReadable(Path.of(jdk, "lib", "libjdwp.so"))) {
            throw new JournalArguments.Wrong("--debug needs a JDK 25. Set JAVA_HOME to one.");
        }
        return Path.of(jdk, "bin", "java");
    }
}
