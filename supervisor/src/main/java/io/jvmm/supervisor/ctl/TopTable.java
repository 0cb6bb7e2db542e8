package io.jvmm.supervisor.ctl;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.supervisor.telemetry.Telemetry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The processes as a table: gathers the rows of a moment, and shows them with what has come since the moment before. One thread.
 */
final class TopTable {
    /** What matters most comes first: a narrow terminal shows no more. */
    private static final List<String> HEAD = List.of(
            "PROCESS",
            "STATE",
            "PID",
            "CPU%",
            "PSS",
            "MSG/S",
            "P50",
            "P99",
            "RESTARTS",
            "IRQ/S",
            "IN/S",
            "OUT/S",
            "THR",
            "GC");
    /** From here on columns are numbers, which stand to the right. */
    private static final int FIRST_NUMBER = 2;

    private static final double MIB = 1 << 20;

    private Optional<Telemetry.Machine> machine = Optional.empty();
    private long timeMs;
    private List<Telemetry.Row> gathering = new ArrayList<>();
    private Map<String, Telemetry.Row> before = new HashMap<>();
    private long beforeMs;
    private List<Telemetry.Row> rows = List.of();
    private long rowsMs;
    private int samples;

    /** Takes a record; true when it was the last of a moment. */
    boolean take(Telemetry.Envelope e) {
        if (e.body() instanceof Telemetry.Machine m) {
            machine = Optional.of(m);
            timeMs = e.timeMs();
            gathering = new ArrayList<>();
        } else if (e.body() instanceof Telemetry.Row p && machine.isPresent()) {
            gathering.add(p);
            if (gathering.size() == machine.get().rows()) {
                before = new HashMap<>();
                rows.forEach(r -> before.put(r.name(), r));
                beforeMs = rowsMs;
                rows = gathering;
                rowsMs = timeMs;
                gathering = new ArrayList<>();
                samples++;
                return true;
            }
        }
        return false;
    }

    /** How many moments there have been; one alone has no rates. */
    int samples() {
        return samples;
    }

    String title(long lost) {
        return machine.map(m -> String.format(
                        Locale.ROOT,
                        "%s  %s  up %ds  engine %s  %d vcpu%s  %dM%s",
                        CtlText.clean(m.name()),
                        CtlText.clean(m.phase()),
                        m.uptimeMs() / 1000,
                        CtlText.clean(m.engine()),
                        m.vcpus(),
                        m.vcpus() == 1 ? "" : "s",
                        m.memoryBytes() >> 20,
                        lost == 0 ? "" : "  (" + lost + " records missed)"))
                .orElse("");
    }

    /** The head, then a line for each process. */
    List<String> lines() {
        List<List<String>> table = new ArrayList<>();
        table.add(HEAD);
        rows.forEach(r -> table.add(row(r)));
        int[] width = new int[HEAD.size()];
        table.forEach(r -> {
            for (int i = 0; i < width.length; i++) {
                width[i] = Math.max(width[i], r.get(i).length());
            }
        });
        return table.stream().map(r -> line(r, width)).toList();
    }

    /** As many lines as there is room for; the last of them says how many processes are left out. */
    static List<String> fitting(List<String> lines, int room) {
        if (lines.size() <= room || room < 1) {
            return lines.subList(0, Math.min(lines.size(), Math.max(0, room)));
        }
        List<String> some = new ArrayList<>(lines.subList(0, room - 1));
        some.add("... " + (lines.size() - some.size()) + " more: make the terminal higher, or jvmmctl top --once");
        return some;
    }

    private static String line(List<String> cells, int[] width) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < width.length; i++) {
            String pad = " ".repeat(width[i] - cells.get(i).length());
            s.append(i == 0 ? "" : "  ").append(i < FIRST_NUMBER ? cells.get(i) + pad : pad + cells.get(i));
        }
        return s.toString().stripTrailing();
    }

    private List<String> row(Telemetry.Row p) {
        Telemetry.Row b = before.get(p.name());
        Telemetry.Latency latency = p.requests().count() > 0 ? p.requests() : p.reads();
        double cpu = b != null && b.pid() == p.pid()
                ? rate(b.usage().cpuNs(), p.usage().cpuNs()) / 1e7
                : -1;
        boolean device = p.kind() == Telemetry.Counters.DEVICE;
        int collections = device ? DeviceCounter.COLLECTIONS.number() : BoardCounter.COLLECTIONS.number();
        return List.of(
                CtlText.clean(p.name()),
                CtlText.clean(p.state()),
                p.pid() == 0 ? "-" : Integer.toString(p.pid()),
                cpu < 0 ? "-" : String.format(Locale.ROOT, "%.1f", cpu),
                p.usage().pssBytes() < 0
                        ? "-"
                        : String.format(Locale.ROOT, "%.1fM", p.usage().pssBytes() / MIB),
                p.kind() == Telemetry.Counters.NONE ? "-" : perSecond(b == null ? -1 : b.messages(), p.messages()),
                EventLine.duration(latency.p50Ns()),
                EventLine.duration(latency.p99Ns()),
                device ? Long.toString(p.restarts()) : "-",
                device ? count(b, p, DeviceCounter.INTERRUPTS) : "-",
                device ? count(b, p, DeviceCounter.INPUT_BYTES) : "-",
                device ? count(b, p, DeviceCounter.OUTPUT_BYTES) : "-",
                p.usage().threads() < 0 ? "-" : Long.toString(p.usage().threads()),
                p.kind() == Telemetry.Counters.NONE ? "-" : known(p.count(collections)));
    }

    private static String known(long value) {
        return value < 0 ? "?" : Long.toString(value);
    }

    private String count(Telemetry.@org.jspecify.annotations.Nullable Row b, Telemetry.Row p, DeviceCounter c) {
        return perSecond(b == null ? -1 : b.count(c.number()), p.count(c.number()));
    }

    private String perSecond(long from, long to) {
        if (to < 0) {
            return "?";
        }
        double rate = rate(from, to);
        return rate < 0
                ? "-"
                : rate < 10_000
                        ? String.format(Locale.ROOT, "%.0f", rate)
                        : rate < 10_000_000
                                ? String.format(Locale.ROOT, "%.1fk", rate / 1e3)
                                : String.format(Locale.ROOT, "%.1fM", rate / 1e6);
    }

    private double rate(long from, long to) {
        long ms = rowsMs - beforeMs;
        return from < 0 || to < from || beforeMs == 0 || ms <= 0 ? -1 : (to - from) * 1000.0 / ms;
    }

    /** The rows of this moment, as they are. */
    String json() {
        JsonObject all = new JsonObject();
        all.addProperty("timeMs", rowsMs);
        machine.ifPresent(m -> {
            all.addProperty("vm", m.name());
            all.addProperty("phase", m.phase());
            all.addProperty("uptimeMs", m.uptimeMs());
        });
        JsonArray list = new JsonArray();
        rows.forEach(p -> list.add(json(p)));
        all.add("processes", list);
        return all.toString();
    }

    private static JsonObject json(Telemetry.Row p) {
        JsonObject o = new JsonObject();
        o.addProperty("name", p.name());
        o.addProperty("class", p.deviceClass());
        o.addProperty("state", p.state());
        o.addProperty("pid", p.pid());
        o.addProperty("restarts", p.restarts());
        add(o, "cpuNs", p.usage().cpuNs());
        add(o, "pssBytes", p.usage().pssBytes());
        add(o, "threads", p.usage().threads());
        add(o, "messages", p.messages());
        add(o, "requestP50Ns", p.requests().p50Ns());
        add(o, "requestP99Ns", p.requests().p99Ns());
        add(o, "readP50Ns", p.reads().p50Ns());
        add(o, "readP99Ns", p.reads().p99Ns());
        o.addProperty("implausible", p.implausible());
        JsonObject counters = new JsonObject();
        switch (p.kind()) {
            case DEVICE -> {
                for (DeviceCounter c : DeviceCounter.values()) {
                    add(counters, c.word(), p.count(c.number()));
                }
            }
            case BOARD -> {
                for (BoardCounter c : BoardCounter.values()) {
                    add(counters, c.word(), p.count(c.number()));
                }
            }
            case NONE -> {
                // it counts nothing
            }
        }
        o.add("counters", counters);
        return o;
    }

    private static void add(JsonObject o, String name, long value) {
        if (value >= 0) {
            o.addProperty(name, value);
        }
    }
}
