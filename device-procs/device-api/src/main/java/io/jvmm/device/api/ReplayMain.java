package io.jvmm.device.api;

import io.jvmm.device.api.trace.CoreReplay;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.message.Visible;
import io.jvmm.ipc.state.StatePrinter;
import io.jvmm.ipc.sys.ParentDeath;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.ReplayStop;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceFileReader;
import io.jvmm.ipc.trace.TraceFormatException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.MemoryLayout;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The command line of a device that lives a recorded life again. */
final class ReplayMain {
    private static final String USAGE = """
            usage: java -jar NAME.jar --replay FILE.jtrace [--until N] [--break-on FIELD] [--state PREFIX] [--jail=MODE]
                   java -jar NAME.jar --replay FILE.jtrace [--replay FILE.jtrace ...] --times N [...]

              --replay FILE     live the life in FILE again: no guest, no host; what the device does is compared with
                                what it did, and its state with the check points
              --times N         live each N times, 1 to 100, with a new core each time, and see that they end alike; a line
                                for each life, its words parted by tabs: records, last transaction, check points compared,
                                SHA-256 of the last state, outputs, their CRC-32C, how often the same, of how often, whether
                                it is whole, different, damaged, or has a gap (where it ends), and how it ended
              --as NAME         what messages call the FILE before it
              --left STATE      what its process is known to have left, 'crc32c:0012abcd behind 4711': if that is the last
                                transaction, the last state must have this CRC-32C
              --ended TEXT      how its process is known to have ended, said of a life that has no END
              --severed TEXT    as --ended, and said of a life that has an END, too: of its process nothing counts any more
              --until N         stop behind transaction N
              --break-on FIELD  stop behind the first transaction that changes this field of the state: 'port[0].LCR'
              --state PREFIX    at the end, print the fields of the state that begin so; '' prints all
              --jail=MODE       off (default); enforce: under the narrow filter of NAME.policy; log: the same, but what it
                                forbids is only logged by the kernel

            Exit codes: 0 the same life, 1 a difference, told with the number of the record, 2 a wrong command or no file,
            3 damage: it is no trace, or not to its end. With --times the lives behind a damaged one are lived all the same.
            """;

    private static final int MOST_TIMES = 100;
    private static final Pattern LEFT = Pattern.compile("crc32c:([0-9a-f]{8}) behind ([0-9]{1,18})");

    private final DeviceFactory factory;
    private final PrintStream out;
    private final List<Played> lives = new ArrayList<>();
    /** How often; 0: once, told at length. */
    private int times;

    private long until = Long.MAX_VALUE;
    private @Nullable String breakOn;
    private @Nullable String shown;
    private String jail = "off";
    /** What is looked at, for messages. */
    private String current = "";

    /**
     * A life on the command line.
     *
     * @param name for messages
     * @param left of its process, as somebody else has seen it; or null
     * @param ended how its process ended, as somebody else knows; empty if nobody does
     * @param severed whether that is so whatever its END says, which is the recorder's, or a liar's
     */
    private record Played(Path file, String name, ReplayRun.@Nullable Left left, String ended, boolean severed) {}

    /** What becomes of a life, as its row says. */
    private enum Standing {
        WHOLE(ProcessExit.STOPPED),
        /** As whole as the recorder had it, up to where it lost something. */
        GAP(ProcessExit.STOPPED),
        /** What there is of it is no trace, or ends too early. */
        DAMAGED(ProcessExit.HOST_ERROR),
        DIFFERENT(ProcessExit.EXPECTATION_FAILED);

        private final ProcessExit exit;

        Standing(ProcessExit exit) {
            this.exit = exit;
        }

        static Standing of(ReplayRun run, CoreReplay.Result result, boolean torn) {
            ReplayStop stop = result.stop();
            boolean unread = stop != null && stop.why() == ReplayStop.Why.DAMAGED;
            if (!unread && !run.difference().isEmpty()) {
                return DIFFERENT;
            }
            return unread || torn || run.cutShort() ? DAMAGED : result.ending() == CoreReplay.Ending.GAP ? GAP : WHOLE;
        }

        /** For a row. */
        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private ReplayMain(DeviceFactory factory, PrintStream out) {
        this.factory = factory;
        this.out = out;
    }

    static ProcessExit run(String[] args, DeviceFactory factory, PrintStream out) throws IOException {
        ReplayMain main = new ReplayMain(factory, out);
        if (List.of(args).contains("--help")) {
            out.print(USAGE.replace("NAME", factory.name()));
            return ProcessExit.STOPPED;
        }
        main.options(args);
        ParentDeath.follow();
        try {
            return main.replay();
        } catch (TraceFormatException e) {
            throw new StageException(Standing.DAMAGED.exit, main.current + ": " + e.getMessage());
        } catch (FileNotFoundException e) {
            throw wrong(String.valueOf(e.getMessage())); // names the file that was given, and why not
        }
    }

    private void options(String[] args) {
        for (int i = 0; i < args.length; i++) {
            String arg = args[i];
            boolean last = i + 1 == args.length;
            if (arg.startsWith("--jail=")) {
                jail = arg.substring("--jail=".length());
            } else if (arg.equals("--replay") && !last) {
                lives.add(new Played(Path.of(args[++i]), args[i], null, "", false));
            } else if (arg.equals("--as") && !last && !lives.isEmpty()) {
                Played life = lives.removeLast();
                lives.add(new Played(life.file(), Visible.of(args[++i]), life.left(), life.ended(), life.severed()));
            } else if (arg.equals("--left") && !last && !lives.isEmpty()) {
                Played life = lives.removeLast();
                lives.add(new Played(life.file(), life.name(), left(args[++i]), life.ended(), life.severed()));
            } else if ((arg.equals("--ended") || arg.equals("--severed")) && !last && !lives.isEmpty()) {
                Played life = lives.removeLast();
                String ended = Visible.of(args[++i]);
                lives.add(new Played(life.file(), life.name(), life.left(), ended, arg.equals("--severed")));
            } else if (arg.equals("--times") && !last) {
                times = times(args[++i]);
            } else if (arg.equals("--until") && !last) {
                until = number(args[++i]);
            } else if (arg.equals("--break-on") && !last) {
                breakOn = args[++i];
            } else if (arg.equals("--state") && !last) {
                shown = args[++i];
            } else {
                throw wrong("'" + arg + "' is not an option, or lacks its value; see --replay --help");
            }
        }
        if (lives.isEmpty()) {
            throw wrong("--replay FILE is missing; see --replay --help");
        }
        if (times > 0 ? shown != null : lives.size() > 1) {
            throw wrong(
                    times > 0 ? "--state goes without --times" : "several lives go with --times; see --replay --help");
        }
        AloneJail.check(jail);
    }

    private static int times(String text) {
        if (!text.matches("[0-9]{1,3}") || Integer.parseInt(text) < 1 || Integer.parseInt(text) > MOST_TIMES) {
            throw wrong("--times " + text + ": 1 to " + MOST_TIMES);
        }
        return Integer.parseInt(text);
    }

    private static ReplayRun.Left left(String text) {
        Matcher m = LEFT.matcher(text);
        if (!m.matches()) {
            throw wrong("--left " + text + ": such as 'crc32c:0012abcd behind 4711' is needed");
        }
        return new ReplayRun.Left(Long.parseLong(m.group(2)), Integer.parseUnsignedInt(m.group(1), 16));
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw wrong("--until " + text + ": a number of a transaction is needed");
        }
    }

    private static StageException wrong(String message) {
        return new StageException(ProcessExit.BAD_CONFIGURATION, message);
    }

    private ProcessExit replay() throws IOException, TraceFormatException {
        if (!jail.equals("off")) {
            rehearse();
        }
        return times == 0 ? once(lives.getFirst()) : often();
    }

    private ProcessExit once(Played life) throws IOException, TraceFormatException {
        // Neither is closed: behind the filter there is no such call, and the process ends.
        TraceFileReader source = source(life);
        ReplayRun run = make(life, source);
        tellLife(run.life());
        requireFields(run);
        run.prepare();
        AloneJail.close(factory, jail);
        CoreReplay.Result result = run.run();
        tell(run, result, end(run, result, source.torn(), life));
        return Standing.of(run, result, source.torn()).exit;
    }

    /** Each life {@link #times} times; the first difference is the end, damage is not. */
    private ProcessExit often() throws IOException, TraceFormatException {
        boolean jailed = !jail.equals("off");
        Deque<List<Opened>> ready = new ArrayDeque<>();
        for (Played life : jailed ? lives : List.<Played>of()) {
            List<Opened> each = new ArrayList<>();
            for (int n = 0; n < times; n++) {
                each.add(open(life)); // behind the filter nothing is opened
            }
            ready.add(each);
        }
        AloneJail.close(factory, jail);
        ProcessExit worst = ProcessExit.STOPPED;
        for (Played life : lives) {
            ProcessExit exit = often(life, jailed ? ready.remove() : List.of());
            if (exit == ProcessExit.EXPECTATION_FAILED) {
                return exit;
            }
            worst = exit == ProcessExit.STOPPED ? worst : exit;
        }
        return worst;
    }

    /** {@code ready}: one for each time, or none where each is opened when its turn comes. */
    private ProcessExit often(Played life, List<Opened> ready) throws IOException, TraceFormatException {
        String first = "";
        for (int n = 1; ; n++) {
            Opened opened = ready.isEmpty() ? open(life) : ready.get(n - 1);
            ReplayRun run = opened.run();
            TraceFileReader source = opened.source();
            if (run == null || source == null) {
                tellRow("0\t-\t0\t-\t0\t-", "-", Standing.DAMAGED, "did not begin: " + opened.fault());
                return Standing.DAMAGED.exit;
            }
            CoreReplay.Result result = run.run();
            String row = row(run, result);
            first = n == 1 ? row : first;
            Standing standing = Standing.of(run, result, source.torn());
            String difference = run.difference();
            if (difference.isEmpty() && !row.equals(first)) {
                difference = "the first time it was " + first.replace('\t', ' ');
                standing = Standing.DIFFERENT;
            }
            if (!difference.isEmpty()) {
                tellRow(row, standing == Standing.DAMAGED ? "-" : Integer.toString(n - 1), standing, difference);
            } else if (n == times) {
                String end = run.broke().isEmpty() ? end(run, result, source.torn(), life) : run.broke();
                tellRow(row, Integer.toString(n), standing, end);
            }
            if (ready.isEmpty()) {
                run.close(); // there may be thousands of lives to come
                source.close();
            }
            if (n == times || !difference.isEmpty()) {
                return standing.exit;
            }
        }
    }

    /**
     * A life that is about to be lived.
     *
     * @param fault why it cannot be; then there is neither of the others
     */
    private record Opened(
            @Nullable TraceFileReader source, @Nullable ReplayRun run, String fault) {}

    private Opened open(Played life) throws IOException {
        try {
            TraceFileReader source = source(life);
            ReplayRun run = make(life, source);
            try {
                run.prepare();
            } catch (TraceFormatException e) {
                run.close();
                source.close();
                throw e;
            }
            return new Opened(source, run, "");
        } catch (TraceFormatException e) {
            return new Opened(null, null, String.valueOf(e.getMessage()));
        }
    }

    private TraceFileReader source(Played life) throws IOException, TraceFormatException {
        current = life.name();
        return new TraceFileReader(life.file());
    }

    private ReplayRun make(Played life, TraceFileReader source) throws IOException, TraceFormatException {
        try {
            return new ReplayRun(factory, source, until, breakOn, life.left());
        } catch (TraceFormatException e) {
            source.close();
            throw e;
        }
    }

    /** What must be the same each time. */
    private static String row(ReplayRun run, CoreReplay.Result result) {
        return result.records() + "\t" + result.transaction() + "\t" + run.statesCompared() + "\t" + run.stateHash()
                + "\t" + result.outputs() + "\t" + hex(result.outputHash());
    }

    private static String end(ReplayRun run, CoreReplay.Result result, boolean torn, Played life) {
        boolean known = switch (result.ending()) {
            case END -> life.severed();
            case NO_END -> !life.ended().isEmpty();
            case STOPPED, GAP -> false;
        };
        return (torn ? "has a torn tail" : known ? life.ended() : result.end()) + run.further();
    }

    private void tellRow(String row, String same, Standing standing, String end) {
        out.println(row + "\t" + same + "\t" + times + "\t" + standing.word() + "\t" + end);
        out.flush();
    }

    /** All digits: as jvmm-journal writes it. */
    static String hex(int hash) {
        return "%08x".formatted(hash);
    }

    private void tellLife(LifeText life) {
        StringBuilder text =
                new StringBuilder("life of ").append(factory.name()).append(':');
        for (String key : List.of(LifeText.PROGRAM, LifeText.FRESH, LifeText.STATE_BYTES, LifeText.MEMORY_BYTES)) {
            life.find(key)
                    .ifPresent(value -> text.append(' ').append(key).append('=').append(Visible.of(value)));
        }
        out.println(text);
        out.flush();
    }

    private void tell(ReplayRun run, CoreReplay.Result result, String end) {
        out.println("records " + result.records() + ", last transaction " + result.transaction());
        out.println("state   crc32c:" + hex(result.stateHash()) + " behind it");
        out.println("        sha256:" + run.stateHash() + "; " + run.statesCompared() + " states were compared");
        out.println("outputs crc32c:" + hex(result.outputHash()) + " of " + result.outputs());
        if (!run.broke().isEmpty()) {
            out.println(run.broke());
        } else if (breakOn != null && run.difference().isEmpty()) {
            out.println(breakOn + " never changes");
        }
        if (shown != null) {
            show(run, shown);
        }
        String difference = run.difference();
        if (difference.isEmpty() && run.broke().isEmpty() && until != Long.MAX_VALUE && result.transaction() < until) {
            out.println("there is no transaction " + until + ": the life ends before");
        }
        out.println(!difference.isEmpty() ? difference : "same; the recorded life " + end);
        out.flush();
    }

    private void show(ReplayRun run, String prefix) {
        print(run, prefix, out::println);
    }

    private static void print(ReplayRun run, String prefix, Consumer<String> lines) {
        MemoryLayout layout = run.replay().identity().stateLayout();
        StatePrinter.print(layout, run.replay().state(), StateField.prefix(layout, prefix), lines);
    }

    /** Fields that are to be shown must be there: a wrong command is told before the life is lived. */
    private void requireFields(ReplayRun run) {
        boolean[] any = new boolean[1];
        String prefix = shown;
        if (prefix != null) {
            print(run, prefix, _ -> any[0] = true);
            if (!any[0]) {
                throw wrong("no field of the state begins with '" + prefix + "'; --state '' prints all");
            }
        }
    }

    /** Everything is loaded and done once: a life is recorded and lived again, as it was and with a difference. */
    private void rehearse() throws IOException, TraceFormatException {
        for (Class<?> anchor : List.of(factory.getClass(), ReplayMain.class, SysException.class)) {
            ClassPreloader.loadAllBeside(anchor);
        }
        TraceBuffer trace = new TraceBuffer();
        WarmUp.record(factory, trace);
        ReplayMain quiet = new ReplayMain(factory, new PrintStream(PrintStream.nullOutputStream()));
        quiet.until = Long.MAX_VALUE - 1;
        for (int cut : new int[] {0, 1}) {
            quiet.shown = cut == 0 ? "" : "no such field";
            if (cut == 1) {
                trace.batches().get(trace.batches().size() / 2)[8] ^= 1;
            }
            try (ReplayRun run =
                    new ReplayRun(factory, trace.source(), Long.MAX_VALUE, null, new ReplayRun.Left(cut, 0))) {
                quiet.tellLife(run.life());
                CoreReplay.Result result = run.run();
                Played life = new Played(Path.of(""), "", null, "", false);
                quiet.tell(run, result, end(run, result, false, life));
                quiet.tellRow(
                        row(run, result), Integer.toString(cut), Standing.of(run, result, false), run.difference());
            }
        }
    }
}
