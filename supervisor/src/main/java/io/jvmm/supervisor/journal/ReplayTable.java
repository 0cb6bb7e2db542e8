package io.jvmm.supervisor.journal;

import io.jvmm.ipc.sys.Signals;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
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
 * difference ends it; a program that breaks down is a row, and another goes on behind it. One thread, beside one program at a time.
 */
final class ReplayTable {
    /** What the device's program says of a life, between tabs. */
    private static final int WORDS = 10;

    /** What it says of one in a word of its own; of any other there is something that cannot be replayed. In {@link #END} there are a journal's words. */
    private static final String WHOLE = "whole";

    private static final String GAP = "gap";
    private static final String DIFFERENT = "different";
    /** Where the word is, and how the life ended, for people. */
    private static final int STANDING = 8;

    private static final int END = 9;

    private static final int HASH_DIGITS = 16;
    /** Of lives that are copied before a program lives them again; one life may have more. */
    private static final long MOST_BYTES = 64L << 20;
    /** Ended by whoever sits at the terminal, as this process is. */
    private static final int INTERRUPTED = ReplayChild.SIGNALLED + Signals.SIGINT;

    /** Each is an open file. */
    private static final int MOST_LIVES = 64;

    private static final String ROW = "%-14s %4s %9s %12s %7s  %-" + HASH_DIGITS + "s %9s %8s  %-10s  %s";

    private final ReplayProgram program;
    private final ReplayChild child;
    private final int times;
    private final boolean jailed;
    private final Path scratch;
    private final PrintStream out;
    private final PrintStream err;
    private long shown;
    private long empty;
    private long cutShort;
    private long damaged;
    private long broken;
    /** Of the first program that broke down. */
    private int brokenStatus;
    /** A row has told of a difference. */
    private boolean different;

    /**
     * For one journal.
     *
     * @param child what lives the lives again
     * @param jailed no life can be opened behind a filter, so each has a program of its own
     * @param scratch directory for the lives while they are read
     */
    ReplayTable(
            ReplayProgram program,
            ReplayChild child,
            int times,
            boolean jailed,
            Path scratch,
            PrintStream out,
            PrintStream err) {
        this.program = program;
        this.child = child;
        this.times = times;
        this.jailed = jailed;
        this.scratch = scratch;
        this.out = out;
        this.err = err;
    }

    /**
     * Shows the table.
     *
     * @return 0; 1 when a life differs; else the first exit status of a program that broke down; 3 where none did, and something is damaged
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
        out.println(shown + (shown == 1 ? " life" : " lives") + ", each lived again "
                + (times == 1 ? "once" : times + " times") + ": the same states, the same outputs"
                + (empty > 0 ? "; " + empty + " with nothing in them" : "")
                + (cutShort > 0 ? "; " + cutShort + " only as far as they are whole" : "")
                + (damaged > 0 ? "; " + damaged + " damaged" : "")
                + (broken > 0 ? "; " + broken + " whose program broke down" : ""));
        return broken > 0 ? brokenStatus : damaged > 0 ? ReplayCommand.UNREADABLE : 0;
    }

    private int device(List<LifeSource> sources)
            throws JournalException, JournalArguments.Wrong, IOException, InterruptedException {
        Deque<LifeSource> left = new ArrayDeque<>(sources);
        int status = 0;
        while (status == 0 && !left.isEmpty()) {
            status = together(left);
        }
        return status;
    }

    /** As many as a program gets at once, of which there is at least one. */
    private int together(Deque<LifeSource> left)
            throws JournalException, JournalArguments.Wrong, IOException, InterruptedException {
        Deque<PlayedLife> lives = new ArrayDeque<>();
        List<PlayedLife> opened = new ArrayList<>();
        try {
            long bytes = 0;
            while (!left.isEmpty() && lives.size() < (jailed ? 1 : MOST_LIVES) && bytes < MOST_BYTES) {
                LifeSource source = left.remove();
                bytes += source.life().map(Life::bytes).orElse(0L);
                try {
                    PlayedLife life =
                            source.life().isEmpty() ? PlayedLife.flat(source) : PlayedLife.cut(source, scratch);
                    opened.add(life);
                    if (life.cut().records() > 0) {
                        lives.add(life);
                    } else {
                        nothing(source, life.fault());
                    }
                } catch (JournalException e) {
                    nothing(source, String.valueOf(e.getMessage()));
                }
            }
            int status = 0;
            while (status == 0 && !lives.isEmpty()) {
                status = run(lives);
            }
            return status;
        } finally {
            opened.forEach(PlayedLife::close);
        }
    }

    private void nothing(LifeSource source, String fault) {
        empty += fault.isEmpty() ? 1 : 0;
        damaged += fault.isEmpty() ? 0 : 1;
        String end = fault.isEmpty() ? "nothing was recorded" : "nothing of it can be read: " + fault;
        say(name(source), number(source), "0", "-", "-", "-", "-", "-", "-", end);
    }

    /** One program for these lives, which are of one device; those are left that it does not come to. */
    private int run(Deque<PlayedLife> lives)
            throws JournalException, JournalArguments.Wrong, IOException, InterruptedException {
        long before = damaged;
        String deviceClass = ReplayCommand.deviceClass(lives.getFirst().source());
        Process process = child.start(new ProcessBuilder(program.command(deviceClass, List.copyOf(lives)))
                .redirectError(ProcessBuilder.Redirect.INHERIT));
        process.getOutputStream().close();
        try (BufferedReader said = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = said.readLine(); line != null; line = said.readLine()) {
                String[] words = line.split("\t", WORDS);
                if (words.length != WORDS || lives.isEmpty()) {
                    out.println(line);
                } else {
                    row(lives.remove(), words);
                }
            }
        }
        int status = child.await(process);
        if (status == 0 && !lives.isEmpty()) {
            throw new JournalException("the program of " + deviceClass + " said nothing of "
                    + name(lives.element().source()));
        }
        boolean unread = status == ReplayCommand.UNREADABLE && lives.isEmpty();
        if (unread && damaged == before) {
            damaged++; // no row says what; but that there is something is believed
        }
        if (status == 0 || (status == 1 && different) || unread) {
            return different ? 1 : 0;
        }
        String how = "the program of " + deviceClass + " " + ReplayChild.how(status);
        if (status == ReplayCommand.USAGE || status == INTERRUPTED) {
            err.println("jvmm-replay: " + how); // the others would say the same, or nobody wants to hear it
            return status;
        }
        brokeDown(status, how, lives);
        return different ? 1 : 0;
    }

    /** The life that it was at is done with. */
    private void brokeDown(int status, String how, Deque<PlayedLife> lives) {
        broken++;
        // A virtual machine that cannot start ends with 1, and that is no difference.
        brokenStatus = brokenStatus != 0 ? brokenStatus : status == 1 ? ReplayCommand.UNREADABLE : status;
        PlayedLife life = lives.poll();
        if (life == null) {
            err.println("jvmm-replay: " + how + " behind its last life");
            return;
        }
        LifeSource source = life.source();
        String records =
                source.life().isEmpty() ? "-" : Long.toString(life.cut().records());
        say(name(source), number(source), records, "-", "-", "-", "-", "-", "-", how);
    }

    private void row(PlayedLife life, String... words) {
        shown++;
        boolean unread = words[6].equals("-");
        boolean differs = words[STANDING].equals(DIFFERENT);
        different |= differs;
        boolean gap = words[STANDING].equals(GAP);
        boolean sound = (words[STANDING].equals(WHOLE) || gap || differs)
                && life.fault().isEmpty();
        String end = words[END] + (life.fault().isEmpty() ? "" : "; DAMAGED: " + life.fault());
        damaged += sound ? 0 : 1;
        cutShort += gap ? 1 : 0;
        say(
                name(life.source()),
                number(life.source()),
                words[0],
                words[1],
                words[2],
                words[3].substring(0, Math.min(HASH_DIGITS, words[3].length())),
                words[4],
                words[5],
                unread ? "-" : words[6] + " of " + words[7],
                differs ? "DIFFERENT" : end);
        if (differs) {
            out.println(life.source().title() + ": " + end);
        }
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
