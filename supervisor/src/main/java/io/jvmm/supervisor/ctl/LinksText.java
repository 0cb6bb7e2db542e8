package io.jvmm.supervisor.ctl;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The reply about links in words: a link a line, each ring as what lies in it of what it can hold. Pure. */
final class LinksText {
    private LinksText() {}

    /** The links of a process or device, or all. */
    static String of(JsonArray links, Optional<String> wanted) throws CtlException {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of(
                "PROCESS",
                "WITH",
                "HEALTH",
                "REQUESTS",
                "DEPTH",
                "IN_RING",
                "READER",
                "EVENTS",
                "DEPTH",
                "IN_RING",
                "READER",
                "READS",
                "ROOM_WAITERS"));
        List<String> faults = new ArrayList<>();
        for (JsonElement element : links) {
            JsonObject link = element.getAsJsonObject();
            if (wanted.isEmpty() || concerns(link, wanted.get())) {
                rows.add(row(link));
                faults(link, faults);
            }
        }
        if (rows.size() == 1 && wanted.isPresent()) {
            throw new CtlException(
                    CtlExit.REFUSED,
                    "there is no process and no device " + wanted.get() + "; see: jvmmctl device list");
        }
        return CtlText.table(rows) + String.join("", faults);
    }

    private static boolean concerns(JsonObject link, String wanted) {
        if (link.get("process").getAsString().equals(wanted)) {
            return true;
        }
        for (JsonElement device : link.getAsJsonArray("devices")) {
            if (device.getAsString().equals(wanted)) {
                return true;
            }
        }
        return false;
    }

    private static List<String> row(JsonObject link) {
        JsonObject request = link.getAsJsonObject("request");
        JsonObject event = link.getAsJsonObject("event");
        return List.of(
                CtlText.text(link, "process"),
                CtlText.text(link, "with"),
                CtlText.text(link, "health"),
                CtlText.text(request, "consumed"),
                depth(request),
                CtlText.text(request, "messages"),
                asleep(link, "requestConsumerAsleep"),
                CtlText.text(event, "consumed"),
                depth(event),
                CtlText.text(event, "messages"),
                asleep(link, "eventConsumerAsleep"),
                CtlText.text(link, "readersWaiting") + "/" + CtlText.text(link, "replySlots"),
                CtlText.text(link, "producersWaiting"));
    }

    private static String depth(JsonObject ring) {
        return CtlText.text(ring, "depthBytes") + "/" + CtlText.text(ring, "capacityBytes");
    }

    private static String asleep(JsonObject link, String who) {
        return link.get(who).getAsBoolean() ? "asleep" : "awake";
    }

    private static void faults(JsonObject link, List<String> faults) {
        String name = CtlText.text(link, "process") + " with " + CtlText.text(link, "with");
        for (String ring : List.of("request", "event")) {
            JsonObject positions = link.getAsJsonObject(ring);
            if (positions.has("fault")) {
                faults.add(name + ": " + ring + " ring: " + CtlText.text(positions, "fault") + "\n");
            }
        }
        if (link.has("violation")) {
            faults.add(name + ": severed: " + CtlText.text(link, "violation") + "\n");
        }
    }
}
