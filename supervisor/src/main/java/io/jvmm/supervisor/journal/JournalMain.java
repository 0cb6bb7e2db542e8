package io.jvmm.supervisor.journal;

import io.jvmm.ipc.message.Visible;
import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordText;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.supervisor.terminal.StandardOutput;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;

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
            err.println("jvmm-journal: " + Visible.of(reason(e)));
            return UNREADABLE;
        } catch (OutOfMemoryError e) {
            err.println("jvmm-journal: this is more than it can hold at once; name one with --device and --life.");
            return UNREADABLE;
        }
    }

    /** Of a file that cannot be used Java's exceptions say the name alone, where the reason is their class. */
    static String reason(Exception e) {
        String said = String.valueOf(e.getMessage());
        return switch (e) {
            case NoSuchFileException no -> no.getFile() + ": there is no such file or directory";
            case AccessDeniedException no -> no.getFile() + ": permission denied";
            case FileAlreadyExistsException no -> no.getFile() + " exists already";
            case FileSystemException no when no.getReason() != null -> said;
            case FileSystemException no ->
                no.getFile() + ": " + no.getClass().getSimpleName().replace("Exception", "");
            default -> said;
        };
    }

    private int list(JournalArguments arguments) throws JournalException {
        int status = DONE;
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("DEVICE", "LIFE", "BEGAN", "BYTES", "END"));
        for (LifeSource source : LifeSource.of(arguments.place(), arguments.device(), arguments.life())) {
            Life life = source.life()
                    .orElseThrow(() -> new JournalException(
                            arguments.place() + " is one life. See it with: jvmm-journal stats " + arguments.place()));
            rows.add(List.of(
                    life.device(),
                    Integer.toString(life.number()),
                    life.began().toString(),
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
                fault = scan.fault().isEmpty() ? life.fault() : scan.fault();
            }
            if (!fault.isEmpty()) {
                status = DAMAGED;
                err.println("jvmm-journal: " + source.title() + ": only what stands before the damage: " + fault);
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

    private int dump(JournalArguments arguments) throws JournalException, IOException {
        LifeSource source = LifeSource.one(arguments.place(), arguments.device(), arguments.life());
        long from = arguments.from().orElse(0);
        long until = arguments.until().orElse(Long.MAX_VALUE);
        MethodNames names = MethodNames.load();
        LifeScan scan = new LifeScan();
        boolean[] any = {false};
        try (LifeSource.Open life = source.open()) {
            scan.run(life, (record, batch, number) -> {
                if (number >= until) {
                    return false;
                }
                if (number >= from) {
                    any[0] = true;
                    out.println(number + " " + text(record, batch, names.of(deviceClass(source, scan))));
                }
                return true;
            });
            if (!scan.fault().isEmpty() || !life.fault().isEmpty()) {
                err.println("jvmm-journal: " + (scan.fault().isEmpty() ? life.fault() : scan.fault()));
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

    private int cut(JournalArguments arguments) throws JournalException, IOException {
        LifeSource source = LifeSource.one(arguments.place(), arguments.device(), arguments.life());
        Path file = arguments.output().orElseThrow();
        LifeCut cut = LifeCut.of(source, file, arguments.until().orElse(Long.MAX_VALUE));
        out.println(source.title() + ": " + cut.batches() + " batches, " + cut.records() + " records in " + file
                + (cut.fault().isEmpty() ? "" : "; " + cut.fault()));
        return cut.fault().isEmpty() ? DONE : DAMAGED;
    }

    private int verify(JournalArguments arguments) throws JournalException, IOException {
        int status = DONE;
        for (LifeSource source : LifeSource.of(arguments.place(), arguments.device(), arguments.life())) {
            LifeScan scan = new LifeScan();
            String fault;
            int torn;
            try (LifeSource.Open life = source.open()) {
                scan.run(life, (_, _, _) -> true);
                fault = scan.fault().isEmpty() ? life.fault() : scan.fault();
                torn = life.tornParts();
                fault = fault.isEmpty() ? missing(source, scan) : fault;
                fault = fault.isEmpty() ? source.life().map(Life::fault).orElse("") : fault;
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

    /** Whether it ends before what its process had committed, as the supervisor saw, although what there is of it is whole. */
    private static String missing(LifeSource source, LifeScan scan) {
        Optional<FinalState> state = source.life().flatMap(Life::state);
        return state.isPresent() && state.get().transaction() != scan.transaction()
                ? "its process came to transaction " + state.get().transaction() + ", and it ends behind "
                        + scan.transaction()
                : "";
    }
}
