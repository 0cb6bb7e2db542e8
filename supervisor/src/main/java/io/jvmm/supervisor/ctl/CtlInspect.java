package io.jvmm.supervisor.ctl;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.jvmm.ipc.state.StateLines;
import io.jvmm.supervisor.control.ControlVerb;
import io.jvmm.supervisor.terminal.OutputReader;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * {@code jvmmctl device inspect}: asks the machine for what a device has committed, the device's program for what that means, and prints it; with
 * {@code --watch} again and again, and then only what has changed, until nobody reads it any more.
 */
final class CtlInspect {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss.SSS", Locale.ROOT);

    private final MachineSocket machine;
    private final CtlArguments arguments;
    private final PrintStream out;
    private @Nullable StateReader reader;
    /** What the reader was started for. */
    private @Nullable Subject subject;

    /** All that the meaning of a state depends on. */
    private record Subject(Path distribution, String deviceClass, int version, Map<String, String> entries) {
        static Subject of(JsonObject reply) {
            Map<String, String> entries = new TreeMap<>();
            for (Map.Entry<String, JsonElement> entry :
                    reply.getAsJsonObject("entries").entrySet()) {
                entries.put(entry.getKey(), entry.getValue().getAsString());
            }
            return new Subject(
                    Path.of(reply.get("distribution").getAsString()),
                    reply.get("class").getAsString(),
                    reply.get("stateVersion").getAsInt(),
                    entries);
        }
    }

    /** A state that was read, and what the machine said with it. */
    private record Look(JsonObject reply, Map<String, StateReader.Field> fields) {
        String title() {
            String pid = CtlText.text(reply, "pid");
            return CtlText.text(reply, ControlVerb.DEVICE)
                    + ": process " + CtlText.text(reply, "process")
                    + (pid.equals("0") ? ", which has no process just now" : ", pid " + pid)
                    + ", state version " + CtlText.text(reply, "stateVersion")
                    + ", commit " + CtlText.text(reply, "sequence");
        }
    }

    CtlInspect(MachineSocket machine, CtlArguments arguments, PrintStream out) {
        this.machine = machine;
        this.arguments = arguments;
        this.out = out;
    }

    CtlExit run() throws CtlException {
        try {
            Look look = look();
            print(look);
            Optional<Duration> every = arguments.watch();
            OutputReader who = new OutputReader();
            while (every.isPresent() && who.await(every.get().toNanos())) {
                Look next = look();
                printChanges(look, next);
                look = next;
            }
            return CtlExit.DONE;
        } finally {
            if (reader != null) {
                reader.close();
            }
        }
    }

    private Look look() throws CtlException {
        JsonObject request = new JsonObject();
        request.addProperty(ControlVerb.DO, ControlVerb.STATE.word());
        request.addProperty(ControlVerb.DEVICE, arguments.device().orElseThrow());
        JsonObject reply = MachineSocket.parse(machine.ask(request.toString()));
        if (!reply.get("ok").getAsBoolean()) {
            throw new CtlException(CtlExit.REFUSED, CtlText.refusal(reply));
        }
        try {
            return new Look(reply, chosen(reply, read(reply)));
        } catch (NullPointerException
                | ClassCastException
                | IllegalStateException
                | UnsupportedOperationException
                | IllegalArgumentException e) {
            throw new CtlException(
                    CtlExit.NO_ANSWER,
                    "the reply is not one that this jvmmctl knows: try that of the machine's version.",
                    e);
        }
    }

    /** Another program reads from the first state on that is another program's: after an upgrade. */
    private Map<String, StateReader.Field> read(JsonObject reply) throws CtlException {
        Subject wanted = Subject.of(reply);
        StateReader current = reader;
        if (current == null || !wanted.equals(subject)) {
            if (current != null) {
                current.close();
            }
            current = StateReader.start(wanted.distribution(), wanted.deviceClass(), wanted.entries());
            reader = current;
            subject = wanted;
        }
        return current.read(wanted.version(), reply.get("state").getAsString());
    }

    /** The fields of the device among those of its process, without what they all begin with; of these the wanted ones. */
    private Map<String, StateReader.Field> chosen(JsonObject reply, Map<String, StateReader.Field> all) {
        List<String> parts = reader == null ? List.of() : reader.parts();
        int part = reply.has("part") ? reply.get("part").getAsInt() : -1;
        String begin = part >= 0 && part < parts.size() ? parts.get(part) + "." : "";
        String wanted = arguments.prefix().orElse("").toLowerCase(Locale.ROOT);
        Map<String, StateReader.Field> chosen = new LinkedHashMap<>();
        all.forEach((path, field) -> {
            String own = path.startsWith(begin) ? path.substring(begin.length()) : "";
            if (!own.isEmpty() && own.toLowerCase(Locale.ROOT).startsWith(wanted)) {
                chosen.put(own, field);
            }
        });
        return chosen;
    }

    private void print(Look look) throws CtlException {
        if (look.fields().isEmpty()) {
            throw new CtlException(
                    CtlExit.REFUSED,
                    "no field begins with \"" + arguments.prefix().orElse("") + "\"; without it all are told."
                            + (arguments.watch().isPresent() ? " A time is written as 200ms or 5s." : ""));
        }
        if (arguments.json()) {
            out.println(json(look, look.fields(), Optional.empty()));
        } else {
            out.println("# " + look.title());
            try (StateLines lines = new StateLines((path, text) -> out.println(CtlText.clean(path + " = " + text)))) {
                look.fields().forEach((path, field) -> lines.field(path, field.raw(), field.text()));
            }
        }
        out.flush();
    }

    private void printChanges(Look before, Look now) {
        Map<String, StateReader.Field> changed = new LinkedHashMap<>();
        now.fields().forEach((path, field) -> {
            if (!field.equals(before.fields().get(path))) {
                changed.put(path, field);
            }
        });
        String time = LocalTime.now(ZoneId.systemDefault()).format(TIME);
        boolean other = !before.reply().get("pid").equals(now.reply().get("pid"))
                || !before.reply().get("stateVersion").equals(now.reply().get("stateVersion"));
        if (arguments.json()) {
            if (other || !changed.isEmpty()) {
                out.println(json(now, changed, Optional.of(time)));
            }
        } else {
            if (other) {
                out.println(time + " # " + now.title());
            }
            changed.forEach((path, field) -> {
                StateReader.Field was = before.fields().get(path);
                out.println(CtlText.clean(
                        time + " " + path + " = " + field.text() + (was == null ? "" : " (was " + was.text() + ")")));
            });
        }
        out.flush();
    }

    private static JsonObject json(Look look, Map<String, StateReader.Field> fields, Optional<String> time) {
        JsonObject line = new JsonObject();
        time.ifPresent(t -> line.addProperty("time", t));
        for (String name : List.of(ControlVerb.DEVICE, "process", "pid", "stateVersion", "sequence", "ringPosition")) {
            line.add(name, look.reply().get(name));
        }
        JsonObject all = new JsonObject();
        fields.forEach((path, field) -> {
            JsonObject one = new JsonObject();
            one.addProperty("raw", field.raw());
            one.addProperty("text", field.text());
            all.add(path, one);
        });
        line.add("fields", all);
        return line;
    }
}
