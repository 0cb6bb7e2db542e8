package io.jvmm.supervisor.ctl;

import com.google.gson.JsonObject;
import com.google.gson.stream.JsonWriter;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.supervisor.control.ControlEvents;
import io.jvmm.supervisor.telemetry.Telemetry;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Locale;

/** An event as a line, and out of the machine's JSON. Pure. */
final class EventLine {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("HH:mm:ss.SSS", Locale.ROOT).withZone(ZoneId.systemDefault());
    private static final String[] MESSAGES = {"", "read", "write", "kick", "reset"};

    private EventLine() {}

    /** Which of the supervisor's events a JSON object is. */
    static Telemetry.Envelope of(JsonObject o) {
        String word = o.get("kind").getAsString();
        Telemetry.Kind kind = Arrays.stream(Telemetry.Kind.values())
                .filter(k -> k.word().equals(word))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("an event of kind " + word));
        return new Telemetry.Envelope(
                o.get("sequence").getAsLong(),
                o.get("timeMs").getAsLong(),
                new Telemetry.Event(
                        kind,
                        LogLevel.valueOf(o.get("level").getAsString().toUpperCase(Locale.ROOT)),
                        o.has("process") ? o.get("process").getAsString() : "",
                        o.has("pid") ? o.get("pid").getAsInt() : 0,
                        o.has("durationNs") ? o.get("durationNs").getAsLong() : Telemetry.UNKNOWN,
                        o.get("text").getAsString()));
    }

    /** How much it matters. */
    static LogLevel level(Telemetry body) {
        return switch (body) {
            case Telemetry.Event b -> b.level();
            case Telemetry.Log b -> b.level();
            case Telemetry.Trace _, Telemetry.Machine _, Telemetry.Row _ -> LogLevel.INFO;
        };
    }

    /** Whose it is; empty for the machine's. */
    static String process(Telemetry body) {
        return switch (body) {
            case Telemetry.Event b -> b.process();
            case Telemetry.Log b -> b.process();
            case Telemetry.Trace b -> b.process();
            case Telemetry.Row b -> b.name();
            case Telemetry.Machine _ -> "";
        };
    }

    static String text(Telemetry.Envelope e) {
        String kind = switch (e.body()) {
            case Telemetry.Event b -> b.kind().word();
            case Telemetry.Log _ -> "log";
            default -> "trace";
        };
        String said = switch (e.body()) {
            case Telemetry.Event b ->
                (b.durationNs() >= 0 ? duration(b.durationNs()) + ", " : "")
                        + b.text()
                        + (b.pid() == 0 ? "" : " [" + b.pid() + "]");
            case Telemetry.Log b -> b.text();
            case Telemetry.Trace b -> traced(b);
            default -> "";
        };
        String process = process(e.body());
        return String.format(
                Locale.ROOT,
                "%s  %-5s  %-16s  %-13s  %s",
                TIME.format(Instant.ofEpochMilli(e.timeMs())),
                level(e.body()),
                process.isEmpty() ? "-" : CtlText.clean(process),
                kind,
                CtlText.clean(said));
    }

    private static String traced(Telemetry.Trace t) {
        String message = t.type() > 0 && t.type() < MESSAGES.length ? MESSAGES[t.type()] : "message " + t.type();
        String what = t.type() == 3 || t.type() == 4
                ? (t.type() == 3 ? " " + t.region() : "")
                : String.format(
                        Locale.ROOT, " region %d offset %x width %d", t.region(), t.detail() >>> 8, t.detail() & 0xFF);
        return message + what + ", " + duration(t.durationNs())
                + (t.lost() > 0 ? "; " + t.lost() + " before it were not read in time" : "");
    }

    /** Three places, and the unit that fits. */
    static String duration(long ns) {
        if (ns < 0) {
            return "-";
        }
        return ns < 1_000
                ? ns + "ns"
                : ns < 1_000_000
                        ? number(ns / 1e3) + "us"
                        : ns < 1_000_000_000 ? number(ns / 1e6) + "ms" : number(ns / 1e9) + "s";
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
    }

    static String json(Telemetry.Envelope e) {
        StringWriter line = new StringWriter();
        try (JsonWriter out = new JsonWriter(line)) {
            ControlEvents.write(out, e);
        } catch (IOException x) {
            throw new UncheckedIOException("a string takes what is written to it", x);
        }
        return line.toString();
    }
}
