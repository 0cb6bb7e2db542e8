package io.jvmm.supervisor.telemetry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.counters.Histogram;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** OpenMetrics 1.0.0, "Text format": its ABNF and its rules, line by line. */
class OpenMetricsTest {
    private static final String NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
    private static final Pattern LABEL =
            Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\\\n]|\\\\[\\\\\"n])*)\"");
    private static final Pattern SAMPLE = Pattern.compile(
            "(" + NAME + ")(?:\\{(" + LABEL.pattern() + "(?:," + LABEL.pattern() + ")*)?})? (-?[0-9]+(?:\\.[0-9]+)?)");
    private static final Pattern META =
            Pattern.compile("# (TYPE|UNIT|HELP) (" + NAME + ") ((?:[^\\\\\n]|\\\\[\\\\\"n])*)");
    private static final Map<String, Set<String>> SUFFIXES = Map.of(
            "counter", Set.of("_total", "_created"),
            "gauge", Set.of(""),
            "info", Set.of("_info"),
            "stateset", Set.of(""),
            "histogram", Set.of("_bucket", "_count", "_sum", "_created"));

    /** Checks all of it; each series with its value. */
    static Map<String, Double> check(String text) {
        assertTrue(text.endsWith("# EOF\n"), "it ends with # EOF and a line feed");
        Map<String, String> types = new HashMap<>();
        Set<String> families = new HashSet<>();
        Map<String, Double> series = new HashMap<>();
        String family = "";
        String type = "";
        String unit = "";
        List<String> seenOfFamily = new ArrayList<>();
        String[] lines = text.split("\n", -1);
        for (int i = 0; i < lines.length - 2; i++) {
            String line = lines[i];
            Matcher meta = META.matcher(line);
            if (meta.matches()) {
                if (!meta.group(2).equals(family)) {
                    family = meta.group(2);
                    assertTrue(families.add(family), "families are not interleaved: " + line);
                    type = "";
                    unit = "";
                    seenOfFamily.clear();
                }
                assertFalse(seenOfFamily.contains(meta.group(1)), "at most one of each: " + line);
                assertFalse(seenOfFamily.contains("sample"), "metadata comes first: " + line);
                seenOfFamily.add(meta.group(1));
                switch (meta.group(1)) {
                    case "TYPE" -> {
                        type = meta.group(3);
                        assertTrue(SUFFIXES.containsKey(type), line);
                        types.put(family, type);
                        assertFalse(
                                family.endsWith("_total") || family.endsWith("_info"),
                                "a family has no suffix of its samples: " + line);
                    }
                    case "UNIT" -> {
                        unit = meta.group(3);
                        assertTrue(family.endsWith("_" + unit), "the unit is the name's suffix: " + line);
                    }
                    default -> {}
                }
                continue;
            }
            Matcher m = SAMPLE.matcher(line);
            assertTrue(m.matches(), "no sample: " + line);
            seenOfFamily.add("sample");
            String name = m.group(1);
            assertTrue(name.startsWith(family), "a sample of its family: " + line);
            assertTrue(
                    SUFFIXES.getOrDefault(type, Set.of()).contains(name.substring(family.length())),
                    "suffix of a " + type + ": " + line);
            assertTrue(
                    series.put(line.substring(0, line.lastIndexOf(' ')), Double.valueOf(m.group(m.groupCount())))
                            == null,
                    "twice: " + line);
            labels(m.group(2), line);
        }
        histograms(series, types);
        return series;
    }

    private static void labels(String text, String line) {
        Set<String> names = new HashSet<>();
        Matcher label = LABEL.matcher(text);
        while (label.find()) {
            assertTrue(names.add(label.group(1)), "a label twice: " + line);
        }
    }

    /** Buckets ascend, and the last is +Inf. */
    private static void histograms(Map<String, Double> series, Map<String, String> types) {
        Map<String, TreeMap<Double, Double>> buckets = new HashMap<>();
        series.forEach((name, value) -> {
            Matcher le = Pattern.compile("(.*_bucket\\{.*),le=\"([^\"]*)\"}").matcher(name);
            if (le.matches()) {
                double bound = le.group(2).equals("+Inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(le.group(2));
                buckets.computeIfAbsent(le.group(1), _ -> new TreeMap<>()).put(bound, value);
            }
        });
        buckets.forEach((name, all) -> {
            assertEquals(Double.POSITIVE_INFINITY, all.lastKey(), name);
            double before = 0;
            for (double count : all.values()) {
                assertTrue(count >= before, name);
                before = count;
            }
        });
        assertEquals(4, types.values().stream().filter("histogram"::equals).count());
    }

    static Telemetry.Sample sample() {
        List<Long> buckets = new ArrayList<>();
        for (int i = 0; i < Histogram.BUCKETS; i++) {
            buckets.add(i == 10 ? 5L : 0L);
        }
        List<Telemetry.Row> rows = TelemetryCodecTest.ALL.stream()
                .filter(Telemetry.Row.class::isInstance)
                .map(Telemetry.Row.class::cast)
                .toList();
        return new Telemetry.Sample(
                new Telemetry.Machine("a\"b\\c\nd", "running", "x86", 2, 1L << 29, 61_005, 1),
                rows,
                List.of(new Telemetry.Durations(Telemetry.Timed.REQUEST, "rng", buckets)),
                List.of(new Telemetry.Recorded("rng", 3, 40, 4096, 2)),
                1_600_000_000_250L);
    }

    @Test
    void theTextFollowsTheGrammar() {
        Map<String, Double> series = check(OpenMetrics.of(sample()));
        String vm = "vm=\"a\\\"b\\\\c\\nd\"";
        assertEquals(61.005, series.get("jvmm_machine_uptime_seconds{" + vm + "}"));
        assertEquals(1, series.get("jvmm_machine_phase{" + vm + ",jvmm_machine_phase=\"running\"}"));
        String rng = vm + ",process=\"rng\",class=\"rng\"";
        assertEquals(5, series.get("jvmm_device_reads_total{" + rng + "}"));
        assertFalse(series.containsKey("jvmm_device_resets_total{" + rng + "}"), "what is unknown is left out");
        assertEquals(0.001, series.get("jvmm_process_cpu_seconds_total{" + rng + ",pid=\"77\"}"));
        // A reset of the guest begins all counters anew: whoever scrapes knows it by the time.
        assertEquals(1_600_000_000.25, series.get("jvmm_device_reads_created{" + rng + "}"));
        assertEquals(1_600_000_000.25, series.get("jvmm_device_request_seconds_created{" + vm + ",process=\"rng\"}"));
        assertEquals(3, series.get("jvmm_recording_life{" + vm + ",process=\"rng\"}"));
        assertEquals(2, series.get("jvmm_recording_lost_batches{" + vm + ",process=\"rng\"}"));
        assertEquals(4096, series.get("jvmm_recording_bytes{" + vm + ",process=\"rng\"}"));
        // Bucket 10 is 4096 to 6144 ns.
        assertEquals(
                0, series.get("jvmm_device_request_seconds_bucket{" + vm + ",process=\"rng\",le=\"0.000004096\"}"));
        assertEquals(
                5, series.get("jvmm_device_request_seconds_bucket{" + vm + ",process=\"rng\",le=\"0.000016384\"}"));
        if (series.size() < 20) {
            fail("only " + series.size() + " series");
        }
    }
}
