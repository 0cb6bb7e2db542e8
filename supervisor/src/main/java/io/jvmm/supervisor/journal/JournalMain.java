package io.jvmm.supervisor.journal;

import io.jvmm.ipc.message.Visible;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordText;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.supervisor.terminal.StandardOutput;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/** {@code jvmm-journal}: looks at what the recorder has kept. */
public final class JournalMain {
    private static final int DONE = 0;
    private static final int DAMAGED = 1;
    private static final int USAGE = 2;
    private static final int UNREADABLE = 3;
    private static final double NS_PER_S = 1e9;

    private final PrintStream out;
    private final PrintStream err;

    JournalMain(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    public static void main(String... args) {
        StandardOutput standard = new StandardOutput();
        int status = new JournalMain(standard.stream(), System.err).run(args);
        Runtime.getRuntime().halt(standard.end("jvmm-journal", status, UNREADABLE));
    }

    /** The exit status. */
    int run(String... args) {
        try {
            JournalArguments arguments = JournalArguments.parse(args);
            if (arguments.command().isEmpty()) {
                out.print(JournalArguments.HELP);
                return DONE;
            }
            return switch (arguments.command().get()) {
                case LIST -> list(arguments);
                case STATS -> stats(arguments);
                case DUMP -> dump(arguments);
                case CUT -> cut(arguments);
                case VERIFY -> verify(arguments);
            };
        } catch (JournalArguments.Wrong e) {
            err.println("jvmm-journal: " + e.getMessage() + " See: jvmm-journal --help");
            return USAGE;
        } catch (JournalException | IOException e) {
            err.println("jvmm-journal: " + Visible.of(JournalException.reason(e)));
            return UNREADABLE;
        } catch (OutOfMemoryError e) {
            err.println("jvmm-journal: this is more than it can hold at once; name one with --device and --life.");
            return UNREADABLE;
        }
    }

    private int list(JournalArguments arguments) throws JournalException, IOException {
        int status = DONE;
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("DEVICE", "LIFE", "BEGAN", "BYTES", "END"));
        for (LifeSource source : LifeSource.of(arguments.place(), arguments.device(), arguments.life())) {
            if (source.life().isEmpty()) {
                source.open().close(); // or it is no trace, which is told first
                throw new JournalException(
                        arguments.place() + " is one life. See it with: jvmm-journal stats " + arguments.place());
            }
            Life life = source.life().get();
            rows.add(List.of(
                    life.device(),
                    Integer.toString(life.number()),
                    life.began().equals(Instant.EPOCH) ? "-" : life.began().toString(),
                    Long.toString(life.bytes()),
                    life.fault().isEmpty() ? life.end() : "DAMAGED: " + life.fault()));
            status = life.fault().isEmpty() ? status : DAMAGED;
        }
        out.print(TextTable.of(rows));
        return status;
    }

    private int stats(JournalArguments arguments) throws JournalException, IOException {
        int status = DONE;
        for (LifeSource source : LifeSource.of(arguments.place(), arguments.device(), arguments.life())) {
            LifeScan scan = new LifeScan();
            String fault;
            try (LifeSource.Open life = source.open()) {
                scan.run(life, (_, _, _) -> true);
                fault = damage(source, scan, life);
            }
            if (!fault.isEmpty()) {
                status = DAMAGED;
                tellDamage(source, fault);
            }
            double seconds = scan.durationNs() / NS_PER_S;
            out.println(source.title() + ": " + scan.records() + " records in " + scan.batches() + " batches, "
                    + scan.bytes() + " bytes, " + String.format(Locale.ROOT, "%.3f s", seconds));
            List<List<String>> rows = new ArrayList<>();
            rows.add(List.of("  TYPE", "RECORDS", "BYTES", "PER_S"));
            for (Map.Entry<RecordType, LifeScan.Count> e : scan.counts().entrySet()) {
                LifeScan.Count c = e.getValue();
                rows.add(List.of(
                        "  " + e.getKey(),
                        Long.toString(c.records),
                        Long.toString(c.bytes),
                        seconds > 0 ? String.format(Locale.ROOT, "%.0f", c.records / seconds) : "-"));
            }
            out.print(TextTable.of(rows));
        }
        return status;
    }

    private int dump(JournalArguments arguments) throws JournalException, JournalArguments.Wrong, IOException {
        LifeSource source = LifeSource.one(arguments.place(), arguments.device(), arguments.life());
        long from = arguments.from().orElse(0);
        long until = arguments.until().orElse(Long.MAX_VALUE);
        MethodNames names = MethodNames.load();
        LifeScan scan = new LifeScan();
        boolean[] any = {false};
        boolean[] enough = {false};
        try (LifeSource.Open life = source.open()) {
            scan.run(life, (record, batch, number) -> {
                if (number >= until) {
                    enough[0] = true;
                    return false;
                }
                if (number >= from) {
                    any[0] = true;
                    out.println(number + " " + text(record, batch, names.of(deviceClass(source, scan))));
                }
                return true;
            });
            String fault = enough[0] ? "" : damage(source, scan, life);
            if (!fault.isEmpty()) {
                tellDamage(source, fault);
                return DAMAGED;
            }
        }
        if (!any[0] && until > 0) {
            err.println("jvmm-journal: " + source.title() + " has "
                    + (scan.records() == 0
                            ? "no records"
                            : "only " + scan.records() + " records, 0 to " + (scan.records() - 1)));
        }
        return DONE;
    }

    private static String deviceClass(LifeSource source, LifeScan scan) {
        return source.device()
                .map(d -> d.replaceFirst("-.*", ""))
                .or(() -> scan.about().flatMap(a -> a.find(LifeText.DEVICE)))
                .orElse("");
    }

    private static String text(BatchReader record, long batch, IntFunction<String> methods) {
        return "[" + batch + "] " + RecordText.of(record, methods);
    }

    private int cut(JournalArguments arguments) throws JournalException, JournalArguments.Wrong, IOException {
        LifeSource source = LifeSource.one(arguments.place(), arguments.device(), arguments.life());
        Path file = arguments.output().orElseThrow();
        long until = arguments.until().orElse(Long.MAX_VALUE);
        LifeCut cut = LifeCut.of(source, file, until);
        String fault = cut.fault().isEmpty() && cut.records() < until ? damage(source) : cut.fault();
        out.println(source.title() + ": " + cut.batches() + " batches, " + cut.records() + " records in " + file);
        if (!fault.isEmpty()) {
            tellDamage(source, fault);
        }
        return fault.isEmpty() ? DONE : DAMAGED;
    }

    private void tellDamage(LifeSource source, String fault) {
        err.println("jvmm-journal: " + source.title() + ": DAMAGED, and there is no more of it: " + fault);
    }

    private int verify(JournalArguments arguments) throws JournalException, IOException {
        int status = DONE;
        for (LifeSource source : LifeSource.of(arguments.place(), arguments.device(), arguments.life())) {
            LifeScan scan = new LifeScan();
            String fault;
            int torn;
            try (LifeSource.Open life = source.open()) {
                scan.run(life, (_, _, _) -> true);
                fault = damage(source, scan, life);
                torn = life.tornParts();
            } catch (JournalException e) {
                fault = String.valueOf(e.getMessage());
                torn = 0;
            }
            String whole = scan.batches() + " batches, " + scan.records() + " records";
            if (!fault.isEmpty()) {
                status = DAMAGED;
                out.println(source.title() + ": DAMAGED: " + fault + "; before that " + whole);
                continue;
            }
            out.println(source.title() + ": whole: " + whole
                    + (torn > 0 ? ", " + torn + " torn tails of recorders that died" : "")
                    + (scan.gaps() > 0 ? ", a gap of " + scan.gaps() + " batches" : "")
                    + ", " + end(source, scan)
                    + source.life()
                            .flatMap(Life::state)
                            .map(s -> ", final state " + s)
                            .orElse(""));
        }
        return status;
    }

    /** How it ended: as its END says, if it has one of its process's own; where the supervisor saw it end with another status, that is said first, as list does. */
    private static String end(LifeSource source, LifeScan scan) {
        boolean severed = source.life().map(l -> !l.severed().isEmpty()).orElse(false);
        Optional<String> seen = source.life().map(Life::end);
        if (!scan.ended() || severed) {
            return seen.orElse("no END: open, or killed");
        }
        String own = "ended with " + scan.end();
        return seen.filter(s -> !s.equals(own) && (s.startsWith("ended with ") || s.startsWith("was killed")))
                .map(s -> s + ", and its END says " + scan.end())
                .orElse(own);
    }

    private static String damage(LifeSource source) throws JournalException, IOException {
        LifeScan scan = new LifeScan();
        try (LifeSource.Open life = source.open()) {
            scan.run(life, (_, _, _) -> true);
            return damage(source, scan, life);
        }
    }

    /** What is wrong with a life that has been read to its end, or of the text about it; empty when all is well. */
    private static String damage(LifeSource source, LifeScan scan, LifeSource.Open life) {
        return Stream.of(
                        scan.fault(),
                        life.fault(),
                        missing(source, scan),
                        source.life().map(Life::fault).orElse(""))
                .filter(fault -> !fault.isEmpty())
                .findFirst()
                .orElse("");
    }

    /** Whether it ends before what its process had committed, as the supervisor saw, although what there is of it is whole. */
    private static String missing(LifeSource source, LifeScan scan) {
        Optional<FinalState> state = source.life().flatMap(Life::state);
        return state.isPresent() && state.get().transaction() != scan.transaction()
                ? "its process came to transaction " + state.get().transaction() + ", and it "
                        + (scan.transaction() < 0 ? "has none" : "ends behind " + scan.transaction())
                : "";
    }
}
