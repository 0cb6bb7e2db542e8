package io.jvmm.it.bench;

import io.jvmm.it.DebianMachine;
import io.jvmm.it.Distribution;
import io.jvmm.it.NetworkNamespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What being recorded costs a device, as a stock guest on the software processor sees it: the same work with the journal of that device stopped and started, in turns, on one
 * machine. Each switch gives the device another process, of either kind one that has compiled what it runs before it is measured; a life may grow so large
 * that none has to be given another meanwhile.
 */
final class JournalBench {
    private static final int PAIRS = Integer.getInteger("jvmm.journal.pairs", 7);
    /** Rounds of a new process that do not count, and those that do. */
    private static final int WARM_UP = Integer.getInteger("jvmm.journal.warmup", 12);

    /** Before the first pair: the software processor goes on compiling what the guest runs for long. */
    private static final long SETTLE_SECONDS = Long.getLong("jvmm.journal.settle", 15);

    private static final int ROUNDS = Integer.getInteger("jvmm.journal.rounds", 5);
    /** A device, or boot, or empty for all. */
    private static final String ONLY = System.getProperty("jvmm.journal.device", "");

    private static final Pattern SECONDS = Pattern.compile("T(\\d+\\.\\d+)");

    private static final String BYTES = "\"bytes\":(\\d+),\"lost\"";

    private static final String DEVICES = """
            [[serial]]
            port = 2
            backend = "none"
            [[net]]
            backend = "tap"
            tap = "tap0"
            [rng]
            [control]
            socket = "control"
            [journal]
            directory = "journal"
            max_size_mb = 8192
            life_size_mb = 1024
            """;

    /** What a guest does, and with which device. */
    private enum Work {
        SERIAL("serial", "60 kB to a serial port", "head -c 60000 /dev/zero >/dev/ttyS1"),
        BLOCK("block", "4000 reads of 4 KiB", "dd if=/dev/vda of=/dev/null bs=4k count=4000 iflag=direct"),
        RNG("rng", "100 kB of entropy", "head -c 100000 /dev/hwrng >/dev/null"),
        NET("net", "4000 frames of 1400 bytes sent", "dd if=/dev/zero bs=1400 count=4000 >/dev/udp/224.1.1.1/9");

        private final String device;
        private final String what;
        private final String command;

        Work(String device, String what, String command) {
            this.device = device;
            this.what = what;
            this.command = command;
        }
    }

    /** A round: seconds as the guest has them, milliseconds of processor time of the device's process and of the recorder, bytes recorded. */
    private record Sample(double seconds, double deviceMs, double recorderMs, double bytes) {}

    private final Table table;
    private final Path directory;

    JournalBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    void run() throws IOException, InterruptedException {
        table.heading("A device recorded and not, in turns; a stock guest on the software processor, medians of "
                + PAIRS + " pairs");
        Path own = Files.createDirectory(directory.resolve("journal-bench"));
        try {
            if (ONLY.isEmpty() || ONLY.equals("boot")) {
                new JournalBootBench(table, own).run();
            }
            NetworkNamespace.run(() -> inNamespace(own));
        } catch (AssertionError e) {
            table.row("journal", "-", String.valueOf(e.getMessage()));
        }
    }

    private void inNamespace(Path own) throws IOException, InterruptedException {
        if (ONLY.equals("boot")) {
            return;
        }
        NetGuestBench.tap("tap0", "10.9.8.1");
        try (DebianMachine m = DebianMachine.boot(own, DEVICES)) {
            m.run("stty -F /dev/ttyS1 raw -echo; ip link set eth0 up; ip addr add 10.9.8.2/24 dev eth0");
            m.run("ip route add 224.0.0.0/4 dev eth0; TIMEFORMAT=T%R");
            for (Work work : Work.values()) {
                if (ONLY.isEmpty() || ONLY.equals(work.device)) {
                    measure(m, own.resolve("control"), work);
                }
            }
            m.powerOff();
        }
    }

    private void measure(DebianMachine m, Path control, Work work) throws IOException, InterruptedException {
        Sample[] off = new Sample[PAIRS];
        Sample[] on = new Sample[PAIRS];
        double[] ratios = new double[PAIRS];
        long settledNs = System.nanoTime() + SETTLE_SECONDS * 1_000_000_000;
        do {
            time(m, work);
        } while (System.nanoTime() - settledNs < 0);
        for (int pair = 0; pair < PAIRS; pair++) {
            if (pair % 2 == 0) {
                off[pair] = round(m, work);
            }
            ctl(control, "journal", "start", work.device);
            on[pair] = recordedRound(m, control, work);
            String status = ctl(control, "--json", "journal", "status");
            if (number(status, "\"lost\":(\\d+)") > 0) {
                table.row(work.what, "-", "the recorder did not keep up: " + status);
                return;
            }
            ctl(control, "journal", "stop", work.device);
            if (pair % 2 != 0) {
                off[pair] = round(m, work);
            }
            ratios[pair] = on[pair].seconds / off[pair].seconds;
            System.err.printf(
                    Locale.ROOT,
                    "  %s, pair %d: %.3f s, recorded %.3f s; CPU of the device %.0f ms, recorded %.0f ms%n",
                    work.device,
                    pair + 1,
                    off[pair].seconds,
                    on[pair].seconds,
                    off[pair].deviceMs,
                    on[pair].deviceMs);
        }
        double plain = median(off, 0);
        double recorded = median(on, 0);
        table.row(
                work.device + ", " + work.what,
                Table.number(LinkBench.median(ratios), 2) + " x",
                Table.number(plain, 3) + " s, recorded " + Table.number(recorded, 3) + " s; CPU of the device "
                        + Table.number(median(off, 1), 0) + " ms, recorded " + Table.number(median(on, 1), 0)
                        + " ms, of the recorder " + Table.number(median(on, 2), 0) + " ms; "
                        + Table.number(median(on, 3) / 1e6, 1) + " MB of records");
    }

    private static double median(Sample[] samples, int column) {
        double[] values = new double[samples.length];
        for (int i = 0; i < values.length; i++) {
            Sample s = samples[i];
            values[i] = switch (column) {
                case 0 -> s.seconds;
                case 1 -> s.deviceMs;
                case 2 -> s.recorderMs;
                default -> s.bytes;
            };
        }
        return LinkBench.median(values);
    }

    private static Sample recordedRound(DebianMachine m, Path control, Work work)
            throws IOException, InterruptedException {
        warmUp(m, work);
        String before = ctl(control, "--json", "journal", "status");
        long recorder = number(before, "\"recorder\":(\\d+)");
        long recorderNs = ProcessorTime.ns(recorder);
        Sample s = measured(m, work);
        recorderNs = ProcessorTime.ns(recorder) - recorderNs;
        double bytes = number(ctl(control, "--json", "journal", "status"), BYTES) - number(before, BYTES);
        return new Sample(s.seconds, s.deviceMs, recorderNs / 1e6 / ROUNDS, bytes / ROUNDS);
    }

    private static Sample round(DebianMachine m, Work work) throws IOException {
        warmUp(m, work);
        return measured(m, work);
    }

    private static void warmUp(DebianMachine m, Work work) throws IOException {
        for (int i = 0; i < WARM_UP; i++) {
            time(m, work);
        }
    }

    private static Sample measured(DebianMachine m, Work work) throws IOException {
        Map<Long, Long> before = new HashMap<>();
        for (long pid : m.machine().children(work.device)) {
            before.put(pid, ProcessorTime.ns(pid));
        }
        double[] seconds = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            seconds[i] = time(m, work);
        }
        double ns = 0;
        // What ended meanwhile was the predecessor.
        for (long pid : m.machine().children(work.device)) {
            Long then = before.get(pid);
            if (then == null) {
                throw new AssertionError(work.device + " was given another process while it was measured");
            }
            ns += ProcessorTime.ns(pid) - then;
        }
        return new Sample(LinkBench.median(seconds), ns / 1e6 / ROUNDS, 0, 0);
    }

    private static double time(DebianMachine m, Work work) throws IOException {
        String said = m.run("time { " + work.command + "; } 2>/dev/null");
        Matcher seconds = SECONDS.matcher(said);
        if (!seconds.find()) {
            throw new AssertionError("no time in: " + said);
        }
        return Double.parseDouble(seconds.group(1));
    }

    private static String ctl(Path control, String... words) throws IOException, InterruptedException {
        String[] command = new String[words.length + 3];
        command[0] = Distribution.home().resolve("bin/jvmmctl").toString();
        command[1] = "--socket";
        command[2] = control.toString();
        System.arraycopy(words, 0, command, 3, words.length);
        return DebianMachine.host(command);
    }

    private static long number(String text, String pattern) {
        Matcher m = Pattern.compile(pattern).matcher(text);
        if (!m.find()) {
            throw new AssertionError("no " + pattern + " in " + text);
        }
        return Long.parseLong(m.group(1));
    }
}
