package io.jvmm.it.bench;

import io.jvmm.it.DebianMachine;
import io.jvmm.it.Distribution;
import io.jvmm.it.RecordedDevices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Requests a second of all devices while a stock guest boots, with every device recorded and with none, in turns: transactions of the device processes
 * by the guest's own clock, from its kernel's start to the prompt. Two machines of each kind at least; the first pair warms the host's caches and does
 * not count.
 */
final class JournalBootBench {
    private static final int PAIRS = Integer.getInteger("jvmm.journal.boots", 7);

    private static final Pattern COMMITS = Pattern.compile("(?m)^jvmm_device_commits_total\\{.*\\} (\\d+)$");
    private static final Pattern UPTIME = Pattern.compile("(\\d+\\.\\d+) \\d+\\.\\d+");

    private final Table table;
    private final Path directory;

    JournalBootBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    /** A boot. */
    private record Boot(double seconds, double requests) {
        double perSecond() {
            return requests / seconds;
        }
    }

    void run() throws IOException, InterruptedException {
        double[] off = new double[PAIRS];
        double[] on = new double[PAIRS];
        double[] ratios = new double[PAIRS];
        for (int pair = -1; pair < PAIRS; pair++) {
            boolean recordedFirst = pair % 2 != 0;
            Boot one = boot(pair + "a", recordedFirst);
            Boot two = boot(pair + "b", !recordedFirst);
            Boot recorded = recordedFirst ? one : two;
            Boot plain = recordedFirst ? two : one;
            System.err.printf(
                    Locale.ROOT,
                    "  boot, pair %d: %.0f requests in %.2f s, recorded %.0f in %.2f s%n",
                    pair + 1,
                    plain.requests,
                    plain.seconds,
                    recorded.requests,
                    recorded.seconds);
            if (pair >= 0) {
                off[pair] = plain.perSecond();
                on[pair] = recorded.perSecond();
                ratios[pair] = off[pair] / on[pair];
            }
        }
        table.row(
                "a boot, every device",
                Table.number(LinkBench.median(ratios), 2) + " x",
                Table.number(LinkBench.median(off), 0) + " requests a second, recorded "
                        + Table.number(LinkBench.median(on), 0) + "; medians of " + PAIRS + " pairs");
    }

    private Boot boot(String name, boolean recorded) throws IOException, InterruptedException {
        Path own = Files.createDirectory(directory.resolve("boot" + name));
        String devices = recorded ? RecordedDevices.TABLES : RecordedDevices.TABLES.replace("journal = true\n", "");
        try (DebianMachine m = DebianMachine.boot(own, devices)) {
            Matcher uptime = UPTIME.matcher(m.run("cat /proc/uptime"));
            String metrics = DebianMachine.host(
                    Distribution.home().resolve("bin/jvmmctl").toString(),
                    "--socket",
                    own.resolve("control").toString(),
                    "metrics");
            double requests = 0;
            for (Matcher commits = COMMITS.matcher(metrics); commits.find(); ) {
                requests += Double.parseDouble(commits.group(1));
            }
            if (!uptime.find() || requests == 0) {
                throw new AssertionError("no uptime, or no transactions: " + metrics);
            }
            m.powerOff();
            return new Boot(Double.parseDouble(uptime.group(1)), requests);
        }
    }
}
