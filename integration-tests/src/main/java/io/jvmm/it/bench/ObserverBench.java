package io.jvmm.it.bench;

import io.jvmm.it.DebianMachine;
import io.jvmm.it.Distribution;
import io.jvmm.it.Machine;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whether a guest notices who watches its machine: how many requests a second a stock Linux gets done on its disk without observer, with one that follows everything, and
 * while that one is stopped for a minute. In turns: each figure stands between two without observer. {@code -Djvmm.stopped.seconds=60}, {@code -Djvmm.observer.rounds=3}.
 */
final class ObserverBench {
    private static final int SIGSTOP = 19;
    private static final int SIGCONT = 18;
    private static final int SIGTERM = 15;
    /** So long a figure without observer, and one with a reading one, is taken. */
    private static final int SECONDS = 15;

    private static final Pattern RECORDS = Pattern.compile("(\\d+)\\+\\d+ records in");
    private static final Pattern TIME = Pattern.compile("copied, ([0-9.e+-]+) s");

    private final int stoppedSeconds = Integer.getInteger("jvmm.stopped.seconds", 60);
    private final int rounds = Integer.getInteger("jvmm.observer.rounds", 3);
    private final Table table;
    private final Path directory;

    ObserverBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    void run() throws IOException, InterruptedException {
        table.heading("Observers: 4 KiB reads of a stock guest's disk, one after the other, software processor");
        List<Double> alone = new ArrayList<>();
        List<Double> watched = new ArrayList<>();
        List<Double> stopped = new ArrayList<>();
        Path control = directory.resolve("control");
        try (DebianMachine machine = DebianMachine.boot(directory, "[control]\nsocket = \"" + control + "\"\n")) {
            requestsPerSecond(machine, SECONDS);
            for (int i = 0; i < rounds; i++) {
                double before = requestsPerSecond(machine, SECONDS);
                double reading;
                double still;
                try (Machine observer = observer(control)) {
                    observer.console().await("the guest runs", Duration.ofSeconds(60));
                    reading = requestsPerSecond(machine, SECONDS);
                    Machine.kill(observer.handle().pid(), SIGSTOP);
                    still = requestsPerSecond(machine, stoppedSeconds);
                    Machine.kill(observer.handle().pid(), SIGCONT);
                    observer.signal(SIGTERM);
                    observer.awaitExit();
                }
                double after = requestsPerSecond(machine, SECONDS);
                double between = (before + after) / 2;
                alone.add(between);
                watched.add(reading / between);
                stopped.add(still / between);
                table.row(
                        "round " + (i + 1),
                        Table.number(between, 0) + "/s",
                        "reading " + Table.ratio(reading, between, "that") + ", stopped for " + stoppedSeconds + " s "
                                + Table.ratio(still, between, "that"));
            }
            machine.powerOff();
        }
        String rate = "times the rate without; median of " + rounds;
        table.row("nobody watches", Table.number(median(alone), 0) + "/s", "median of " + rounds);
        table.row("an observer reads everything", Table.number(median(watched), 2), rate);
        table.row("that observer is stopped, " + stoppedSeconds + " s", Table.number(median(stopped), 2), rate);
    }

    private static Machine observer(Path control) throws IOException {
        return Machine.program(
                        Distribution.home().resolve("bin/jvmmctl").toString(),
                        "--socket",
                        control.toString(),
                        "events",
                        "--follow",
                        "--level",
                        "debug")
                .run();
    }

    /** By the guest's own clock. The disk's end, if it comes first, is the beginning again. */
    private static double requestsPerSecond(DebianMachine machine, int seconds) throws IOException {
        String said = machine.run("e=$((SECONDS + " + seconds + ")); while [ $SECONDS -lt $e ]; do timeout -s INT"
                + " $((e - SECONDS)) dd if=/dev/vda of=/dev/null bs=4k iflag=direct; done 2>&1; true");
        double records = sum(RECORDS, said);
        double time = sum(TIME, said);
        if (records == 0 || time == 0) {
            throw new IOException("the guest said: " + said);
        }
        return records / time;
    }

    private static double sum(Pattern number, String said) {
        double sum = 0;
        for (Matcher m = number.matcher(said); m.find(); ) {
            sum += Double.parseDouble(m.group(1));
        }
        return sum;
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }
}
