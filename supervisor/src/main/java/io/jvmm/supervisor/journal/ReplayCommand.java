package io.jvmm.supervisor.journal;

import io.jvmm.ipc.message.Visible;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.supervisor.terminal.StandardOutput;
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
 * {@code jvmm-replay}: takes lives out of a journal and lets the device's own program live them again: one, told at length, or many as a table. Its exit
 * status is that program's, 0 the same life, 1 a difference, or 3 where something could not be read. A signal that ends it ends that program too.
 */
public final class ReplayCommand {
    static final int USAGE = 2;
    /** Damaged, or not to be read. */
    static final int UNREADABLE = 3;

    private static final String HELP = """
            jvmm-replay: lets devices live recorded lives again, alone: no guest, no host, time and answers from the journal.

              jvmm-replay --journal DIR [--times N]               every life of every device, N times each: a table
              jvmm-replay --journal DIR --device D --times N      those of one device, or with --life that one
              jvmm-replay --journal DIR --device D [--life N]     one life, at length; without --life the last
              jvmm-replay --journal FILE.jtrace [--times N]       one that jvmm-journal cut, or jvmm-fuzz found

              --times N         each N times, 1 to 100; without it once. Each time a new core, and all must end alike
              --jail            behind the narrow filter of the device's policy
              --until N         stop behind transaction N                                      (needs one device)
              --break-on FIELD  stop behind the first transaction that changes this field of the state: 'port[0].LCR'
                                                                                               (needs one device)
              --state PREFIX    at the end, print the fields of the state that begin so; '' prints all      (one life)
              --debug PORT      wait for a Java debugger on 127.0.0.1:PORT (jdb -attach 127.0.0.1:PORT); needs a JDK 25,
                                which JAVA_HOME names                                                       (one life)
              --keep FILE       keep the life as this flat file                                             (one life)

            The device's effects, what it writes to guest memory, and its state at each check point and at the end of a life
            that ended in good order are compared with the journal; the first difference ends it, and is told with the number
            of its record, which is that of jvmm-journal dump. In the table: CHECKED, states compared; STATE, SHA-256 of the
            state behind the last transaction, shortened; OUTPUTS, how many, and their CRC-32C.

              jvmm-replay --journal journal --times 10
              jvmm-replay --journal journal --device serial --life 1 --break-on 'port[0].LCR'

            Exit status: 0 the same lives; 1 a difference; 2 wrong command line, or nothing recorded; 3 the journal, or something
            of it, is damaged or cannot be read, and what can be was lived again; else that of the device's program, which is 128
            and the signal's number when one killed it: in the table that is a row, and the lives behind it are lived again.
            """;

    private static final int MOST_TIMES = 100;
    private static final int MOST_PORT = 65_535;

    private final Path home;
    private final Path scratch;
    private final Optional<String> jdk;
    private final PrintStream out;
    private final PrintStream err;
    private final ReplayChild child = new ReplayChild();
    private Optional<Path> journal = Optional.empty();
    private Optional<String> device = Optional.empty();
    private OptionalInt life = OptionalInt.empty();
    private Optional<Path> keep = Optional.empty();
    private Optional<String> debugPort = Optional.empty();
    /** How often each; 0: not said. */
    private int times;

    private boolean jailed;
    private boolean help;
    /** Options that need one device, and those that need one life. */
    private final List<String> ofOneDevice = new ArrayList<>();

    private final List<String> ofOneLife = new ArrayList<>();
    /** For the device's program. */
    private final List<String> passed = new ArrayList<>();

    /** {@code home} of the distribution; {@code scratch}: where lives are while they are read; {@code jdk}: what JAVA_HOME says. */
    ReplayCommand(Path home, Path scratch, Optional<String> jdk, PrintStream out, PrintStream err) {
        this.home = home;
        this.scratch = scratch;
        this.jdk = jdk;
        this.out = out;
        this.err = err;
    }

    public static void main(String... args) {
        Path home = Path.of(System.getProperty("jvmm.home", ""));
        Path scratch = Path.of(System.getProperty("java.io.tmpdir", "/tmp"));
        StandardOutput standard = new StandardOutput();
        Optional<String> jdk = Optional.ofNullable(System.getenv("JAVA_HOME"));
        int status = new ReplayCommand(home, scratch, jdk, standard.stream(), System.err).run(args);
        Runtime.getRuntime().halt(standard.end("jvmm-replay", status, UNREADABLE));
    }

    /** The exit status. */
    int run(String... args) {
        try {
            parse(args);
            if (help) {
                out.print(HELP);
                return 0;
            }
            if (debugPort.isPresent()) {
                ReplayProgram.requireDebugger(jdk);
            }
            Path place = journal.orElseThrow(() -> new JournalArguments.Wrong("--journal DIR is missing."));
            List<LifeSource> sources = sources(place);
            boolean table = times > 0 || (device.isEmpty() && !Files.isRegularFile(place));
            return table ? table(place, sources) : replay(place);
        } catch (JournalArguments.Wrong e) {
            err.println("jvmm-replay: " + e.getMessage() + " See: jvmm-replay --help");
            return USAGE;
        } catch (JournalException | IOException e) {
            err.println("jvmm-replay: " + Visible.of(JournalException.reason(e)));
            return UNREADABLE;
        } catch (OutOfMemoryError e) {
            err.println("jvmm-replay: this is more than it can hold at once; name one with --device and --life.");
            return UNREADABLE;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return UNREADABLE;
        }
    }

    private void parse(String... args) throws JournalArguments.Wrong {
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
                case "--journal" ->
                    journal = Optional.of(path(value(arg, "a journal directory or a .jtrace file", left)));
                case "--device" -> device = Optional.of(value(arg, "a device process, e.g. block", left));
                case "--life" -> life = OptionalInt.of(upTo(Integer.MAX_VALUE, arg, left));
                case "--times" -> times = upTo(MOST_TIMES, arg, left);
                case "--keep" -> {
                    keep = Optional.of(path(value(arg, "the file to write", left)));
                    ofOneLife.add(arg);
                }
                case "--until" -> {
                    passed.addAll(List.of(arg, Long.toString(number(arg, left))));
                    ofOneDevice.add(arg);
                }
                case "--break-on" -> {
                    passed.addAll(List.of(arg, value(arg, "a field of the state", left)));
                    ofOneDevice.add(arg);
                }
                case "--state" -> {
                    if (left.isEmpty()) {
                        throw new JournalArguments.Wrong("--state needs the beginning of names; '' for all.");
                    }
                    passed.addAll(List.of(arg, left.remove()));
                    ofOneLife.add(arg);
                }
                case "--jail" -> {
                    passed.add("--jail=enforce");
                    jailed = true;
                }
                case "--debug" -> {
                    debugPort = Optional.of(Integer.toString(upTo(MOST_PORT, arg, left)));
                    ofOneLife.add(arg);
                }
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

    private static int upTo(int most, String option, Deque<String> left) throws JournalArguments.Wrong {
        long number = number(option, left);
        if (number < 1 || number > most) {
            throw new JournalArguments.Wrong(option + ": 1 to " + most + ".");
        }
        return (int) number;
    }

    private static Path path(String text) throws JournalArguments.Wrong {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new JournalArguments.Wrong("\"" + text + "\" is not a path: " + e.getReason() + ".");
        }
    }

    /** Those that are meant; a flat file says itself which device it is of, and must be of the one that was asked for. */
    private List<LifeSource> sources(Path place) throws JournalException, JournalArguments.Wrong {
        List<LifeSource> sources = LifeSource.of(place, device, life);
        LifeSource first = sources.getFirst();
        if (first.life().isEmpty()) {
            if (life.isPresent() || keep.isPresent()) {
                throw new JournalArguments.Wrong(
                        (life.isPresent() ? "--life" : "--keep") + " is for a journal, and " + place + " is one life.");
            }
            String its = device.isPresent() ? deviceClass(first) : "";
            if (device.isPresent() && !classOf(device.get()).equals(its)) {
                throw new JournalArguments.Wrong(
                        place + " is a life of " + its + ", not of " + Visible.of(device.get()) + ".");
            }
        }
        return sources;
    }

    private int table(Path place, List<LifeSource> sources)
            throws JournalException, JournalArguments.Wrong, IOException, InterruptedException {
        if (!ofOneLife.isEmpty()) {
            throw new JournalArguments.Wrong(ofOneLife.getFirst() + " is for one life: give --device, and no --times.");
        }
        if (!ofOneDevice.isEmpty() && device.isEmpty() && !Files.isRegularFile(place)) {
            throw new JournalArguments.Wrong(ofOneDevice.getFirst() + " is for one device: give --device.");
        }
        int often = Math.max(1, times);
        passed.addAll(List.of("--times", Integer.toString(often)));
        return new ReplayTable(program(), child, often, jailed, scratch, out, err).show(sources);
    }

    private ReplayProgram program() {
        return new ReplayProgram(home, debugPort, jdk, List.copyOf(passed));
    }

    private int replay(Path place) throws JournalException, JournalArguments.Wrong, IOException, InterruptedException {
        LifeSource source = LifeSource.one(place, device, life);
        try (PlayedLife played = played(source)) {
            LifeCut cut = played.cut();
            String fault = played.fault();
            if (cut.records() == 0) {
                err.println("jvmm-replay: " + source.title() + ": "
                        + (fault.isEmpty() ? "nothing was recorded" : "nothing of it can be read: " + fault));
                return fault.isEmpty() ? USAGE : UNREADABLE;
            }
            if (source.life().isPresent()) {
                out.println(source.title() + ": " + cut.batches() + " batches, " + cut.records() + " records"
                        + (fault.isEmpty() ? "" : "; DAMAGED: " + fault));
                out.flush();
            }
            ProcessBuilder program =
                    new ProcessBuilder(program().command(deviceClass(source), List.of(played))).inheritIO();
            int status = child.await(child.start(program));
            if (status > ReplayChild.SIGNALLED) {
                err.println("jvmm-replay: " + source.title() + ": its program " + ReplayChild.how(status));
            }
            return status == 0 && !fault.isEmpty() ? UNREADABLE : status;
        }
    }

    private PlayedLife played(LifeSource source) throws JournalException, IOException {
        return source.life().isEmpty()
                ? PlayedLife.flat(source)
                : keep.isPresent() ? PlayedLife.kept(source, keep.get()) : PlayedLife.cut(source, scratch);
    }

    /** Of which class the device of a life is: by its name in a journal, or by what the life says of itself. */
    static String deviceClass(LifeSource source) throws JournalException {
        if (source.device().isPresent()) {
            return classOf(source.device().get());
        }
        LifeScan scan = new LifeScan();
        try (LifeSource.Open life = source.open()) {
            scan.run(life, (record, _, number) -> number < 64);
        } catch (IOException e) {
            throw new JournalException(source.title() + ": " + e.getMessage(), e);
        }
        return scan.about()
                .flatMap(a -> a.find(LifeText.DEVICE))
                .filter(JournalDirectory::isDevice)
                .orElseThrow(() -> new JournalException(source.title() + " does not say which device it is of"
                        + (scan.fault().isEmpty() ? "" : ": " + scan.fault())));
    }

    /** {@code serial-2} is a serial. */
    private static String classOf(String device) {
        return device.replaceFirst("-.*", "");
    }
}
