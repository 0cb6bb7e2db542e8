package io.jvmm.supervisor.control;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.JsonWriter;
import com.google.gson.stream.MalformedJsonException;
import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.control.ControlRequest.Journal.Recording;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Requests and replies as lines of JSON (RFC 8259): one object a line, without nesting in a request. Pure. */
final class ControlJson {
    private static final int LONGEST_ID = 64;
    private static final int LONGEST_NAME = 128;

    private ControlJson() {}

    /** A line as it was read: what it asks, or why it cannot be told; and the id to answer with, as far as one was seen. */
    record Line(Optional<String> id, Optional<ControlRequest> request, Optional<ControlReply.Failed> fault) {}

    static Line read(String line) {
        Map<String, String> fields = new LinkedHashMap<>();
        try {
            readFields(line, fields);
            return new Line(
                    Optional.ofNullable(fields.get(ControlVerb.ID)), Optional.of(request(fields)), Optional.empty());
        } catch (ControlException e) {
            return new Line(Optional.ofNullable(fields.get(ControlVerb.ID)), Optional.empty(), Optional.of(e.reply()));
        }
    }

    private static void readFields(String line, Map<String, String> fields) throws ControlException {
        String lastName = "";
        try (JsonReader in = new JsonReader(new StringReader(line))) {
            in.setStrictness(Strictness.STRICT);
            if (in.peek() != JsonToken.BEGIN_OBJECT) {
                throw new ControlException("", "a request is an object. Write e.g. {\"do\": \"status\"}.");
            }
            in.beginObject();
            while (in.hasNext()) {
                String name = in.nextName();
                lastName = name.length() > LONGEST_NAME ? name.substring(0, LONGEST_NAME) : name;
                JsonToken kind = in.peek();
                boolean number = kind == JsonToken.NUMBER && name.equals(ControlVerb.ID);
                if (kind != JsonToken.STRING && !number) {
                    throw new ControlException(
                            lastName,
                            name.equals(ControlVerb.ID)
                                    ? "must be a string or a number, of at most " + LONGEST_ID + " characters."
                                    : "must be a string. Put quotes around its value.");
                }
                if (fields.putIfAbsent(name, in.nextString()) != null) {
                    throw new ControlException(lastName, "is given twice. Remove one.");
                }
            }
            in.endObject();
            if (in.peek() != JsonToken.END_DOCUMENT) {
                throw new ControlException("", "something follows the object. Write one request a line.");
            }
        } catch (MalformedJsonException | EOFException e) {
            throw new ControlException("", "is not JSON. Write e.g. {\"do\": \"status\"}, one object a line.");
        } catch (IOException | IllegalStateException e) {
            throw new ControlException(lastName, "cannot be read: " + Quoted.of(String.valueOf(e.getMessage())));
        }
    }

    private static ControlRequest request(Map<String, String> fields) throws ControlException {
        String id = fields.getOrDefault(ControlVerb.ID, "");
        if (id.length() > LONGEST_ID) {
            fields.remove(ControlVerb.ID);
            throw new ControlException(ControlVerb.ID, "is longer than " + LONGEST_ID + " characters. Shorten it.");
        }
        String word = required(fields, ControlVerb.DO, "one of " + ControlVerb.words());
        ControlVerb verb = ControlVerb.of(word)
                .orElseThrow(() -> new ControlException(
                        ControlVerb.DO, Quoted.of(word) + " is not known. Use one of " + ControlVerb.words() + "."));
        for (String name : fields.keySet()) {
            if (!name.equals(ControlVerb.DO)
                    && !name.equals(ControlVerb.ID)
                    && !verb.fields().contains(name)) {
                throw new ControlException(
                        name.length() > LONGEST_NAME ? name.substring(0, LONGEST_NAME) : name,
                        "\"" + word + "\" takes "
                                + (verb.fields().isEmpty()
                                        ? "no further field."
                                        : "only " + String.join(", ", verb.fields()) + ".")
                                + " Remove it.");
            }
        }
        return switch (verb) {
            case STATUS -> new ControlRequest.Status();
            case DEVICES -> new ControlRequest.Devices();
            case STATE -> new ControlRequest.State(device(fields));
            case LINKS -> new ControlRequest.Links();
            case STALLS -> new ControlRequest.Stalls();
            case RESTART -> new ControlRequest.Restart(device(fields));
            case KILL -> new ControlRequest.Kill(device(fields));
            case UPGRADE -> new ControlRequest.Upgrade(device(fields), dist(fields));
            case JOURNAL_START -> new ControlRequest.Journal(Recording.START, device(fields));
            case JOURNAL_STOP -> new ControlRequest.Journal(Recording.STOP, device(fields));
            case JOURNAL_ROTATE -> new ControlRequest.Journal(Recording.ROTATE, device(fields));
            case JOURNAL_STATUS -> new ControlRequest.Journal(Recording.STATUS, "");
            case EVENTS -> new ControlRequest.Events();
            case OBSERVE -> new ControlRequest.Observe();
            case METRICS -> new ControlRequest.Metrics();
            case TRACE -> new ControlRequest.Trace(device(fields), every(fields));
            case PAUSE -> new ControlRequest.Pause();
            case RESUME -> new ControlRequest.Resume();
            case POWER_BUTTON -> new ControlRequest.PowerButton();
            case STOP -> new ControlRequest.Stop();
        };
    }

    private static String required(Map<String, String> fields, String name, String what) throws ControlException {
        String value = fields.get(name);
        if (value == null || value.isEmpty()) {
            throw new ControlException(name, "is missing. Give " + what + ".");
        }
        return value;
    }

    private static String device(Map<String, String> fields) throws ControlException {
        String name = required(fields, ControlVerb.DEVICE, "a name that \"device-list\" tells");
        if (name.length() > LONGEST_NAME) {
            throw new ControlException(ControlVerb.DEVICE, "no device has so long a name. See \"device-list\".");
        }
        return name;
    }

    private static int every(Map<String, String> fields) throws ControlException {
        String text = required(fields, ControlVerb.EVERY, "a number; 0 for none");
        if (!text.matches("[0-9]{1,9}")) {
            throw new ControlException(
                    ControlVerb.EVERY,
                    Quoted.of(text) + " is no number of requests. Use 1 for all of them, 0 for none.");
        }
        return Integer.parseInt(text);
    }

    private static Path dist(Map<String, String> fields) throws ControlException {
        String text = required(fields, ControlVerb.DIST, "the directory of a distribution");
        try {
            Path path = Path.of(text);
            if (!path.isAbsolute()) {
                throw new ControlException(
                        ControlVerb.DIST,
                        Quoted.of(text) + " is relative, and the supervisor stands elsewhere. Give a path from / on.");
            }
            return path.normalize();
        } catch (InvalidPathException e) {
            throw new ControlException(
                    ControlVerb.DIST, Quoted.of(text) + " is not a path: " + e.getReason() + ". Correct it.");
        }
    }

    /** A reply as a line, newline and all. */
    static String write(Optional<String> id, ControlReply reply) {
        StringWriter line = new StringWriter();
        try (JsonWriter out = new JsonWriter(line)) {
            out.setStrictness(Strictness.STRICT);
            out.beginObject();
            if (id.isPresent()) {
                out.name(ControlVerb.ID).value(id.get());
            }
            out.name("ok").value(!(reply instanceof ControlReply.Failed));
            write(out, reply);
            out.endObject();
        } catch (IOException e) {
            throw new UncheckedIOException("a string takes what is written to it", e);
        }
        return line.append('\n').toString();
    }

    private static void write(JsonWriter out, ControlReply reply) throws IOException {
        switch (reply) {
            case ControlReply.Done r -> out.name("message").value(r.message());
            case ControlReply.Events r -> ControlEvents.write(out, r.events());
            case ControlReply.Bus r -> out.name("directory").value(r.directory().toString());
            case ControlReply.Metrics r -> out.name("metrics").value(r.text());
            case ControlReply.Failed r -> {
                if (r.field().isPresent()) {
                    out.name("field").value(r.field().get());
                }
                out.name("error").value(r.message());
            }
            case ControlReply.Status r ->
                out.name("vm")
                        .value(r.vm())
                        .name("phase")
                        .value(r.phase())
                        .name("uptimeMs")
                        .value(r.uptimeMs())
                        .name("engine")
                        .value(r.engine())
                        .name("vcpus")
                        .value(r.vcpus())
                        .name("memoryBytes")
                        .value(r.memoryBytes())
                        .name("pid")
                        .value(r.pid());
            case ControlReply.Devices r -> {
                out.name("devices").beginArray();
                for (ControlReply.Device d : r.devices()) {
                    write(out, d);
                }
                out.endArray();
            }
            case ControlReply.DeviceState r -> InspectionJson.write(out, r);
            case ControlReply.Links r -> InspectionJson.write(out, r);
            case ControlReply.Journal r -> writeJournal(out, r);
            case ControlReply.Stalls r -> {
                out.name("stalls").beginArray();
                for (ControlReply.Stall s : r.stalls()) {
                    out.beginObject()
                            .name("class")
                            .value(s.deviceClass())
                            .name("what")
                            .value(s.what())
                            .name("count")
                            .value(s.count())
                            .name("p50Ns")
                            .value(s.p50Ns())
                            .name("p99Ns")
                            .value(s.p99Ns())
                            .name("maxNs")
                            .value(s.maxNs())
                            .endObject();
                }
                out.endArray();
            }
            case ControlReply.Upgraded r -> {
                out.name("upgrades").beginArray();
                for (ControlReply.Upgrade u : r.upgrades()) {
                    out.beginObject()
                            .name(ControlVerb.DEVICE)
                            .value(u.device())
                            .name("fromVersion")
                            .value(u.fromVersion())
                            .name("toVersion")
                            .value(u.toVersion())
                            .name("blackoutNs")
                            .value(u.blackoutNs())
                            .endObject();
                }
                out.endArray();
            }
        }
    }

    private static void writeJournal(JsonWriter out, ControlReply.Journal r) throws IOException {
        out.name("journal").value(r.directory());
        out.name("recorder").value(r.recorder());
        writeKnown(out, "lives", r.lives());
        writeKnown(out, "bytes", r.bytes());
        out.name("trouble").value(r.trouble());
        out.name("recorded").beginArray();
        for (ControlReply.Recorded d : r.devices()) {
            out.beginObject().name(ControlVerb.DEVICE).value(d.device());
            out.name("life").value(d.life());
            writeKnown(out, "batches", d.batches());
            writeKnown(out, "bytes", d.bytes());
            writeKnown(out, "lost", d.lost());
            out.endObject();
        }
        out.endArray();
    }

    private static void writeKnown(JsonWriter out, String name, long value) throws IOException {
        if (value != ControlReply.Journal.UNKNOWN) {
            out.name(name).value(value);
        }
    }

    private static void write(JsonWriter out, ControlReply.Device d) throws IOException {
        out.beginObject()
                .name("name")
                .value(d.name())
                .name("class")
                .value(d.deviceClass())
                .name("devices")
                .beginArray();
        for (String device : d.devices()) {
            out.value(device);
        }
        out.endArray()
                .name("pid")
                .value(d.pid())
                .name("state")
                .value(d.state())
                .name("restarts")
                .value(d.restarts())
                .name("spare")
                .value(d.spare());
        if (d.stateVersion().isPresent()) {
            out.name("stateVersion").value(d.stateVersion().getAsInt());
        }
        if (!d.program().isEmpty()) {
            out.name("program").value(d.program());
        }
        out.name("links")
                .value(d.links())
                .name("distribution")
                .value(d.distribution())
                .endObject();
    }
}
