package io.jvmm.supervisor.ctl;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Replies in words: one thing a line, columns that cut(1) and awk(1) can take apart. Pure. */
final class CtlText {
    private CtlText() {}

    /** What is printed for a reply that tells something. */
    static String of(JsonObject reply) {
        if (reply.has("devices")) {
            return devices(reply.getAsJsonArray("devices"));
        }
        if (reply.has("stalls")) {
            return stalls(reply.getAsJsonArray("stalls"));
        }
        if (reply.has("recorded")) {
            return journal(reply);
        }
        if (reply.has("upgrades")) {
            return upgrades(reply.getAsJsonArray("upgrades"));
        }
        if (reply.has("metrics")) {
            return reply.get("metrics")
                    .getAsString()
                    .lines()
                    .map(line -> clean(line) + "\n")
                    .collect(Collectors.joining());
        }
        if (reply.has("message")) {
            return clean(reply.get("message").getAsString()) + "\n";
        }
        return status(reply);
    }

    /** Why the machine did not do it. */
    static String refusal(JsonObject reply) {
        String field = reply.has("field") ? reply.get("field").getAsString() + ": " : "";
        return field + reply.get("error").getAsString();
    }

    private static String status(JsonObject r) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("vm", text(r, "vm")));
        rows.add(List.of("phase", text(r, "phase")));
        rows.add(List.of("uptime", uptime(r.get("uptimeMs").getAsLong())));
        rows.add(List.of("engine", text(r, "engine")));
        rows.add(List.of("vcpus", text(r, "vcpus")));
        rows.add(List.of("memory", (r.get("memoryBytes").getAsLong() >> 20) + "M"));
        rows.add(List.of("pid", text(r, "pid")));
        return table(rows);
    }

    private static String uptime(long ms) {
        long s = ms / 1000;
        return s < 60
                ? String.format(Locale.ROOT, "%.1fs", ms / 1000.0)
                : s / 86_400 + "d" + s / 3600 % 24 + "h" + s / 60 % 60 + "m" + s % 60 + "s";
    }

    private static String devices(JsonArray devices) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of(
                "NAME",
                "CLASS",
                "PID",
                "STATE",
                "RESTARTS",
                "SPARE",
                "VERSION",
                "PROGRAM",
                "LINKS",
                "DEVICES",
                "DISTRIBUTION"));
        for (JsonElement e : devices) {
            JsonObject d = e.getAsJsonObject();
            rows.add(List.of(
                    text(d, "name"),
                    text(d, "class"),
                    text(d, "pid"),
                    text(d, "state"),
                    text(d, "restarts"),
                    d.get("spare").getAsBoolean() ? "yes" : "no",
                    d.has("stateVersion") ? text(d, "stateVersion") : "-",
                    d.has("program") ? text(d, "program") : "-",
                    d.has("links") ? text(d, "links") : "-",
                    names(d),
                    text(d, "distribution")));
        }
        return table(rows);
    }

    private static String names(JsonObject device) {
        List<String> names = new ArrayList<>();
        if (device.has("devices")) {
            device.getAsJsonArray("devices").forEach(n -> names.add(clean(n.getAsString())));
        }
        return names.isEmpty() ? "-" : String.join(",", names);
    }

    private static String stalls(JsonArray stalls) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("CLASS", "WHAT", "COUNT", "P50_MS", "P99_MS", "MAX_MS"));
        for (JsonElement e : stalls) {
            JsonObject s = e.getAsJsonObject();
            rows.add(List.of(
                    text(s, "class"),
                    text(s, "what"),
                    text(s, "count"),
                    ms(s, "p50Ns"),
                    ms(s, "p99Ns"),
                    ms(s, "maxNs")));
        }
        return table(rows);
    }

    private static String journal(JsonObject reply) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("DEVICE", "LIFE", "BATCHES", "BYTES", "LOST"));
        for (JsonElement e : reply.getAsJsonArray("recorded")) {
            JsonObject d = e.getAsJsonObject();
            rows.add(List.of(
                    text(d, "device"), text(d, "life"), known(d, "batches"), known(d, "bytes"), known(d, "lost")));
        }
        String trouble = text(reply, "trouble");
        return table(rows) + text(reply, "journal") + ": " + known(reply, "lives") + " lives, " + known(reply, "bytes")
                + " bytes" + (reply.has("lives") ? "" : " (?: the recorder has not said)") + "; recorder pid "
                + text(reply, "recorder") + "\n"
                + (trouble.isEmpty() ? "" : "not recorded: " + trouble + "\n");
    }

    private static String upgrades(JsonArray upgrades) {
        StringBuilder text = new StringBuilder();
        for (JsonElement e : upgrades) {
            JsonObject u = e.getAsJsonObject();
            text.append(text(u, "device"))
                    .append(": upgraded, state version ")
                    .append(text(u, "fromVersion"))
                    .append(" to ")
                    .append(text(u, "toVersion"))
                    .append(", blackout ")
                    .append(ms(u, "blackoutNs"))
                    .append(" ms\n");
        }
        return text.toString();
    }

    private static String ms(JsonObject o, String name) {
        return String.format(Locale.ROOT, "%.1f", o.get(name).getAsLong() / 1e6);
    }

    private static String known(JsonObject o, String name) {
        return o.has(name) ? text(o, name) : "?";
    }

    static String text(JsonObject o, String name) {
        return clean(o.get(name).getAsString());
    }

    /** Nothing that a terminal would obey. */
    static String clean(String text) {
        return text.codePoints()
                .map(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '?' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    static String table(List<List<String>> rows) {
        int columns = rows.getFirst().size();
        int[] width = new int[columns];
        for (List<String> row : rows) {
            for (int i = 0; i < columns; i++) {
                width[i] = Math.max(width[i], row.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            for (int i = 0; i < columns; i++) {
                text.append(row.get(i));
                if (i < columns - 1) {
                    text.append(" ".repeat(width[i] - row.get(i).length() + 2));
                }
            }
            text.append('\n');
        }
        return text.toString();
    }
}
