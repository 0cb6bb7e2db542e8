package io.jvmm.supervisor.control;

import com.google.gson.stream.JsonWriter;
import io.jvmm.supervisor.telemetry.Telemetry;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** Events as JSON, on the control socket and from {@code jvmmctl --json events}. Pure. */
public final class ControlEvents {
    private ControlEvents() {}

    static void write(JsonWriter out, List<Telemetry.Envelope> events) throws IOException {
        out.name("events").beginArray();
        for (Telemetry.Envelope e : events) {
            write(out, e);
        }
        out.endArray();
    }

    /** One object. Only what is not a row of a process or a machine is an event. */
    public static void write(JsonWriter out, Telemetry.Envelope e) throws IOException {
        out.beginObject().name("sequence").value(e.sequence()).name("timeMs").value(e.timeMs());
        switch (e.body()) {
            case Telemetry.Event b -> {
                common(out, b.kind().word(), b.level().name(), b.process());
                if (b.pid() != 0) {
                    out.name("pid").value(b.pid());
                }
                if (b.durationNs() >= 0) {
                    out.name("durationNs").value(b.durationNs());
                }
                out.name("text").value(b.text());
            }
            case Telemetry.Log b -> {
                common(out, "log", b.level().name(), b.process());
                out.name("text").value(b.text());
            }
            case Telemetry.Trace b -> {
                common(out, "trace", "DEBUG", b.process());
                out.name("lost").value(b.lost());
                out.name("type").value(b.type());
                out.name("region").value(b.region());
                out.name("detail").value(b.detail());
                out.name("durationNs").value(b.durationNs());
            }
            case Telemetry.Machine _, Telemetry.Row _ -> {
                // rows have a form of their own
            }
        }
        out.endObject();
    }

    private static void common(JsonWriter out, String kind, String level, String process) throws IOException {
        out.name("kind").value(kind).name("level").value(level.toLowerCase(Locale.ROOT));
        if (!process.isEmpty()) {
            out.name("process").value(process);
        }
    }
}
