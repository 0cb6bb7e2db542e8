package io.jvmm.supervisor.journal;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Lets many lives be lived again, each several times, a device after the other, and shows one line for each life as soon as it is known. The first
 * difference ends it. One thread, beside one program at a time.
 */
final class ReplayTable {
    /** What the device's program says of a life, between tabs. */
    private static final int WORDS = 9;

    private static final int HASH_DIGITS = 16;
    private static final String ROW = "%-14s %4s %9s %12s %7s  %-" + HASH_DIGITS + "s %9s %8s  %-10s  %s";

    private final ReplayProgram program;
    private final int times;
    private final boolean jailed;
    private final PrintStream out;
    private final PrintStream err;
    private long lives;
    private long empty;
    private long cutShort;

    /** {@code jailed}: no life can be opened behind a filter, so each has a program of its own. */
    ReplayTable(ReplayProgram program, int times, boolean jailed, PrintStream out, PrintStream err) {
        this.program = program;
        this.times = times;
        this.jailed = jailed;
        this.out = out;
        this.err = err;
    }

    /** A life as a flat file. */
    private record Cut(LifeSource source, Path file, LifeCut cut) {}

    /**
     * Shows the table.
     *
     * @return 0, or the first exit status of a device's program that is another
     */
    int show(List<LifeSource> sources)
            throws JournalException, JournalArguments.Wrong, IOException, InterruptedException {
        say(
                "DEVICE",
                "LIFE",
                "RECORDS",
                "TRANSACTIONS",
                "CHECKED",
                "STATE (SHA-256)",
                "OUTPUTS",
                "CRC-32C",
                "SAME",
                "END");
        Map<String, List<LifeSource>> devices = new LinkedHashMap<>();
        for (LifeSource source : sources) {
            devices.computeIfAbsent(source.device().orElse(""), _ -> new ArrayList<>())
                    .add(source);
        }
        for (List<LifeSource> ofOne : devices.values()) {
            int status = device(ofOne);
            if (status != 0) {
                return status;
            }
        }
        out.println(lives + (lives == 1 ? " life" : " lives") + ", each lived again "
                + (times == 1 ? "once" : times + " times") + ": the same states, the same outputs"
                + (empty > 0 ? "; " + empty + " with nothing in them" : "")
                + (cutShort > 0 ? "; " + cutShort + " only as far as they are whole" : ""));
        return 0;
    }

    private int device(List<LifeSource> sources)
            throws JournalException, JournalArguments.Wrong, IOException, InterruptedException {
        Path directory = Files.createTempDirectory("jvmm-replay-");
        try {
            Deque<Cut> cuts = new ArrayDeque<>();
            for (LifeSource source : sources) {
                if (source.life().isEmpty()) {
                    cuts.add(new Cut(source, source.place(), new LifeCut(0, 1, "")));
                    continue;
                }
                Path file = directory.resolve(cuts.size() + ".jtrace");
                LifeCut cut = LifeCut.of(source, file, Long.MAX_VALUE);
                if (cut.records() == 0) {
                    empty++;
                    say(
                            name(source),
                            number(source),
                            "0",
                            "-",
                            "-",
                            "-",
                            "-",
                            "-",
                            "-",
                            "nothing was recorded" + fault(cut));
                } else {
                    cuts.add(new Cut(source, file, cut));
                }
            }
            int status = 0;
            while (status == 0 && !cuts.isEmpty()) {
                Deque<Cut> together = new ArrayDeque<>(List.of(cuts.remove()));
                while (!jailed && !cuts.isEmpty()) {
                    together.add(cuts.remove());
                }
                status = run(together);
            }
            return status;
        } finally {
            JournalDirectory.removeTree(directory);
        }
    }

    /** One program for these lives, which are of one device. */
    private int run(Deque<Cut> cuts)
            throws JournalException, JournalArguments.Wrong, IOException, InterruptedException {
        Cut first = cuts.getFirst();
        String deviceClass = ReplayCommand.deviceClass(first.source(), first.file());
        List<Path> files = cuts.stream().map(Cut::file).toList();
        Process process = new ProcessBuilder(program.command(deviceClass, files))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        process.getOutputStream().close();
        try (BufferedReader said = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = said.readLine(); line != null; line = said.readLine()) {
                String[] words = line.split("\t", WORDS);
                Cut cut = cuts.poll();
                if (words.length != WORDS || cut == null) {
                    out.println(line);
                    continue;
                }
                row(cut, words);
            }
        }
        int status = process.waitFor();
        if (status == 0 && !cuts.isEmpty()) {
            throw new JournalException("the program of " + deviceClass + " said nothing of "
                    + name(cuts.element().source()));
        }
        if (status > 1) {
            err.println("jvmm-replay: the program of " + deviceClass + " ended with " + status
                    + (cuts.isEmpty()
                            ? ""
                            : ", at life " + number(cuts.element().source())));
        }
        return status;
    }

    private void row(Cut cut, String... words) {
        lives++;
        boolean differs = !words[6].equals(words[7]);
        String end = words[8] + fault(cut.cut());
        cutShort += !cut.cut().fault().isEmpty() || end.contains("behind a gap") ? 1 : 0;
        say(
                name(cut.source()),
                number(cut.source()),
                words[0],
                words[1],
                words[2],
                words[3].substring(0, Math.min(HASH_DIGITS, words[3].length())),
                words[4],
                words[5],
                words[6] + " of " + words[7],
                differs ? "DIFFERENT" : end);
        if (differs) {
            out.println(cut.source().title() + ": " + end);
        }
    }

    private static String fault(LifeCut cut) {
        return cut.fault().isEmpty() ? "" : "; " + cut.fault();
    }

    private static String name(LifeSource source) {
        return source.device().orElseGet(source::title);
    }

    private static String number(LifeSource source) {
        return source.life().map(l -> Integer.toString(l.number())).orElse("-");
    }

    private void say(Object... words) {
        out.println(String.format(Locale.ROOT, ROW, words));
        out.flush();
    }
}
