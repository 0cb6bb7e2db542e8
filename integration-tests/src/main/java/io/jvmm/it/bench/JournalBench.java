package io.jvmm.it.bench;

import io.jvmm.it.DebianMachine;
import io.jvmm.it.Distribution;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What being recorded costs a device, as a stock guest on the software processor sees it: the same work with the journal of that device stopped and started, in turns, on one
 * machine. Each switch gives the device another process, which works once before it is measured.
 */
final class JournalBench {
    private static final int PAIRS = Integer.getInteger("jvmm.journal.pairs", 7);
    private static final Pattern SECONDS = Pattern.compile("T(\\d+\\.\\d+)");

    private static final String DEVICES = """
            [[serial]]
            port = 2
            backend = "none"
            [[net]]
            backend = "none"
            [rng]
            [control]
            socket = "control"
            [journal]
            directory = "journal"
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

    /** One run: seconds as the guest has them, milliseconds of processor time of the device's process and of the recorder. */
    private record Sample(double seconds, double deviceMs, double recorderMs) {}

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
        try (DebianMachine m = DebianMachine.boot(own, DEVICES)) {
            m.run("stty -F /dev/ttyS1 raw -echo; ip link set eth0 up; ip addr add 10.9.8.2/24 dev eth0");
            m.run("ip route add 224.0.0.0/4 dev eth0; TIMEFORMAT=T%R");
            for (Work work : Work.values()) {
                measure(m, own.resolve("control"), work);
            }
            m.powerOff();
        } catch (AssertionError e) {
            table.row("journal", "-", String.valueOf(e.getMessage()));
        }
    }

    private void measure(DebianMachine m, Path control, Work work) throws IOException, InterruptedException {
        Sample[] off = new Sample[PAIRS];
        Sample[] on = new Sample[PAIRS];
        double[] ratios = new double[PAIRS];
        long bytes = 0;
        for (int pair = 0; pair < PAIRS; pair++) {
            if (pair % 2 == 0) {
                off[pair] = round(m, work, 0);
            }
            ctl(control, "journal", "start", work.device);
            long recorder = number(ctl(control, "--json", "journal", "status"), "\"recorder\":(\\d+)");
            on[pair] = round(m, work, recorder);
            bytes = number(ctl(control, "--json", "journal", "status"), "\"bytes\":(\\d+),\"lost\"") / 2;
            String lost = ctl(control, "--json", "journal", "status");
            if (number(lost, "\"lost\":(\\d+)") > 0) {
                table.row(work.what, "-", "the recorder did not keep up: " + lost);
                return;
            }
            ctl(control, "journal", "stop", work.device);
            if (pair % 2 != 0) {
                off[pair] = round(m, work, 0);
            }
            ratios[pair] = on[pair].seconds / off[pair].seconds;
        }
        double plain = median(off, 0);
        double recorded = median(on, 0);
        table.row(
                work.device + ", " + work.what,
                Table.number(LinkBench.median(ratios), 2) + " x",
                Table.number(plain, 3) + " s, recorded " + Table.number(recorded, 3) + " s; CPU of the device "
                        + Table.number(median(off, 1), 0) + " ms, recorded " + Table.number(median(on, 1), 0)
                        + " ms, of the recorder " + Table.number(median(on, 2), 0) + " ms; "
                        + Table.number(bytes / 1e6, 1) + " MB of records");
    }

    private static double median(Sample[] samples, int column) {
        double[] values = new double[samples.length];
        for (int i = 0; i < values.length; i++) {
            Sample s = samples[i];
            values[i] = column == 0 ? s.seconds : column == 1 ? s.deviceMs : s.recorderMs;
        }
        return LinkBench.median(values);
    }

    /** Once for a process that is new, and once to be measured. */
    private static Sample round(DebianMachine m, Work work, long recorder) throws IOException {
        time(m, work);
        List<Long> device = m.machine().children(work.device);
        double deviceMs = -milliseconds(device);
        double recorderMs = recorder == 0 ? 0 : -milliseconds(List.of(recorder));
        double seconds = time(m, work);
        deviceMs += milliseconds(device);
        recorderMs += recorder == 0 ? 0 : milliseconds(List.of(recorder));
        return new Sample(seconds, deviceMs, recorderMs);
    }

    private static double time(DebianMachine m, Work work) throws IOException {
        String said = m.run("time { " + work.command + "; } 2>/dev/null");
        Matcher seconds = SECONDS.matcher(said);
        if (!seconds.find()) {
            throw new AssertionError("no time in: " + said);
        }
        return Double.parseDouble(seconds.group(1));
    }

    private static double milliseconds(List<Long> pids) throws IOException {
        double sum = 0;
        for (long pid : pids) {
            sum += ProcessorTime.ns(pid) / 1e6;
        }
        return sum;
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
