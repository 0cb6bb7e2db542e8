package io.jvmm.supervisor.telemetry;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.counters.Counter;
import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.counters.Histogram;
import java.math.BigDecimal;
import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;

/**
 * A sample as OpenMetrics text (OpenMetrics 1.0.0, the text format): a family after the other, each with TYPE, UNIT where it has one, and HELP.
 * What is unknown is left out. What is counted begins at nought with each life of the machine, which its {@code _created} tells (§5.1.2.1); processor time
 * begins with each process, and has its pid as a label. Pure.
 */
public final class OpenMetrics {
    /** What it is served as. */
    public static final String CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private static final List<String> PHASES = List.of("starting", "running", "paused", "stopping");
    private static final BigDecimal NS = BigDecimal.valueOf(1_000_000_000L);
    /** A bound for every second doubling, the first 256 ns, the last 17 s. */
    private static final int FIRST_BOUND = 1;

    private static final int BOUND_STEP = 4;
    private static final int LAST_BOUND = 53;

    private final StringBuilder out = new StringBuilder(32_768);
    private final Telemetry.Sample sample;
    private final String vm;
    private final String created;

    private OpenMetrics(Telemetry.Sample sample) {
        this.sample = sample;
        this.vm = "vm=\"" + escaped(sample.machine().name()) + "\"";
        this.created = BigDecimal.valueOf(sample.sinceMs(), 3).toPlainString();
    }

    /** The text, with its end. */
    public static String of(Telemetry.Sample sample) {
        OpenMetrics m = new OpenMetrics(sample);
        m.machine();
        m.processes();
        m.counters(Telemetry.Counters.DEVICE, "jvmm_device_", List.of(DeviceCounter.values()));
        m.counters(Telemetry.Counters.BOARD, "jvmm_board_", List.of(BoardCounter.values()));
        m.recorded("life", "number of the life in the journal that the process lives", Telemetry.Recorded::life);
        m.recorded("batches", "batches of that life that are kept", Telemetry.Recorded::batches);
        m.recorded("lost_batches", "batches of that life that are lost", Telemetry.Recorded::lost);
        m.recorded("bytes", "bytes of that life that are kept", Telemetry.Recorded::bytes);
        for (Telemetry.Timed t : Telemetry.Timed.values()) {
            m.durations(t);
        }
        return m.out.append("# EOF\n").toString();
    }

    private void machine() {
        Telemetry.Machine m = sample.machine();
        family("jvmm_machine", "info", "", "what runs");
        out.append("jvmm_machine_info{")
                .append(vm)
                .append(",engine=\"")
                .append(escaped(m.engine()))
                .append("\"} 1\n");
        family("jvmm_machine_phase", "stateset", "", "how the machine is");
        for (String phase : PHASES) {
            out.append("jvmm_machine_phase{")
                    .append(vm)
                    .append(",jvmm_machine_phase=\"")
                    .append(phase)
                    .append("\"} ")
                    .append(phase.equals(m.phase()) ? 1 : 0)
                    .append('\n');
        }
        family("jvmm_machine_vcpus", "gauge", "", "virtual processors");
        line("jvmm_machine_vcpus", "", m.vcpus());
        family("jvmm_machine_memory_bytes", "gauge", "bytes", "memory of the guest");
        line("jvmm_machine_memory_bytes", "", m.memoryBytes());
        family("jvmm_machine_uptime_seconds", "gauge", "seconds", "since this life of the machine began");
        out.append("jvmm_machine_uptime_seconds{")
                .append(vm)
                .append("} ")
                .append(BigDecimal.valueOf(m.uptimeMs(), 3).toPlainString())
                .append('\n');
    }

    private void processes() {
        each("jvmm_process_up", "gauge", "", "whether there is a process", p -> p.pid() == 0 ? 0 : 1);
        each("jvmm_process_restarts", "counter", "", "times the process has been replaced", Telemetry.Row::restarts);
        family("jvmm_process_cpu_seconds", "counter", "seconds", "processor time of the process there is now");
        for (Telemetry.Row p : sample.processes()) {
            if (p.usage().cpuNs() >= 0) {
                out.append("jvmm_process_cpu_seconds_total{")
                        .append(vm)
                        .append(',')
                        .append(ofProcess(p))
                        .append(",pid=\"")
                        .append(p.pid())
                        .append("\"} ")
                        .append(seconds(p.usage().cpuNs()))
                        .append('\n');
            }
        }
        each(
                "jvmm_process_pss_bytes",
                "gauge",
                "bytes",
                "memory, that which is shared divided among those who share it",
                p -> p.usage().pssBytes());
        each("jvmm_process_threads", "gauge", "", "threads", p -> p.usage().threads());
        each(
                "jvmm_process_messages",
                "counter",
                "",
                "what the virtual processors have asked of a device process; of the vCPU process their exits",
                Telemetry.Row::messages);
        each(
                "jvmm_process_implausible_counters",
                "counter",
                "",
                "counters of the process that have said what cannot be",
                Telemetry.Row::implausible);
    }

    private void each(String name, String type, String unit, String help, ToLongFunction<Telemetry.Row> value) {
        family(name, type, unit, help);
        for (Telemetry.Row p : sample.processes()) {
            long v = value.applyAsLong(p);
            if (v >= 0) {
                if (type.equals("counter")) {
                    counted(name, "," + ofProcess(p), v);
                } else {
                    line(name, "," + ofProcess(p), v);
                }
            }
        }
    }

    private void counters(Telemetry.Counters kind, String prefix, List<? extends Counter> counters) {
        for (Counter c : counters) {
            boolean bytes = c.unit() == Counter.Unit.BYTES;
            String word = bytes ? c.word().replace("_bytes", "") + "_bytes" : c.word();
            family(prefix + word, "counter", bytes ? "bytes" : "", c.help());
            for (Telemetry.Row p : sample.processes()) {
                long v = p.kind() == kind ? p.count(c.number()) : Telemetry.UNKNOWN;
                if (v >= 0) {
                    counted(prefix + word, "," + ofProcess(p), v);
                }
            }
        }
    }

    /** Gauges: they begin anew with each life, which no time of the machine's tells. */
    private void recorded(String what, String help, ToLongFunction<Telemetry.Recorded> value) {
        String name = "jvmm_recording_" + what;
        family(name, "gauge", what.equals("bytes") ? "bytes" : "", help);
        for (Telemetry.Recorded r : sample.recorded()) {
            line(name, ",process=\"" + escaped(r.process()) + "\"", value.applyAsLong(r));
        }
    }

    private void durations(Telemetry.Timed what) {
        String name = "jvmm_device_" + what.name().toLowerCase(Locale.ROOT) + "_seconds";
        family(
                name,
                "histogram",
                "seconds",
                switch (what) {
                    case REQUEST -> "from the notification of a virtqueue to the next interrupt";
                    case SERVICE -> "from when the device's process took a message to its commit, of one in 16";
                    case READ -> "how long a read of a register takes, of one in 32";
                    case WAIT -> "how long reads take that are not answered at once";
                });
        for (Telemetry.Durations d : sample.durations()) {
            if (d.what() == what) {
                buckets(name, d);
            }
        }
    }

    private void buckets(String name, Telemetry.Durations d) {
        String process = "," + "process=\"" + escaped(d.process()) + "\"";
        long sum = 0;
        for (int i = 0; i < Histogram.BUCKETS; i++) {
            sum += d.buckets().get(i);
            if (i >= FIRST_BOUND && i <= LAST_BOUND && (i - FIRST_BOUND) % BOUND_STEP == 0) {
                line(name + "_bucket", process + ",le=\"" + seconds(Histogram.upperNs(i)) + "\"", sum);
            }
        }
        line(name + "_bucket", process + ",le=\"+Inf\"", sum);
        line(name + "_created", process, created);
    }

    private void family(String name, String type, String unit, String help) {
        out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
        if (!unit.isEmpty()) {
            out.append("# UNIT ").append(name).append(' ').append(unit).append('\n');
        }
        out.append("# HELP ").append(name).append(' ').append(escaped(help)).append(".\n");
    }

    /** A counter, and since when. */
    private void counted(String name, String moreLabels, long value) {
        line(name + "_total", moreLabels, value);
        line(name + "_created", moreLabels, created);
    }

    private void line(String name, String moreLabels, long value) {
        line(name, moreLabels, Long.toString(value));
    }

    private void line(String name, String moreLabels, String value) {
        out.append(name)
                .append('{')
                .append(vm)
                .append(moreLabels)
                .append("} ")
                .append(value)
                .append('\n');
    }

    private static String ofProcess(Telemetry.Row p) {
        return "process=\"" + escaped(p.name()) + "\",class=\"" + escaped(p.deviceClass()) + "\"";
    }

    private static String seconds(long ns) {
        String text = BigDecimal.valueOf(ns).divide(NS).stripTrailingZeros().toPlainString();
        return text.contains(".") ? text : text + ".0";
    }

    private static String escaped(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    }
}
