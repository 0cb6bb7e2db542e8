package io.jvmm.supervisor.control;

import com.google.gson.stream.JsonWriter;
import io.jvmm.ipc.link.LinkGlance;
import java.io.IOException;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;

/** The replies about states and links as JSON. Pure. */
final class InspectionJson {
    private InspectionJson() {}

    static void write(JsonWriter out, ControlReply.DeviceState s) throws IOException {
        out.name(ControlVerb.DEVICE)
                .value(s.device())
                .name("process")
                .value(s.process())
                .name("class")
                .value(s.deviceClass());
        if (s.part() >= 0) {
            out.name("part").value(s.part());
        }
        out.name("pid")
                .value(s.pid())
                .name("distribution")
                .value(s.distribution())
                .name("stateVersion")
                .value(s.stateVersion())
                .name("sequence")
                .value(s.sequence())
                .name("ringPosition")
                .value(s.ringPosition())
                .name("entries")
                .beginObject();
        for (Map.Entry<String, String> entry : new TreeMap<>(s.entries()).entrySet()) {
            out.name(entry.getKey()).value(entry.getValue());
        }
        out.endObject().name("state").value(Base64.getEncoder().encodeToString(s.state()));
    }

    static void write(JsonWriter out, ControlReply.Links links) throws IOException {
        out.name("links").beginArray();
        for (ControlReply.Link link : links.links()) {
            LinkGlance glance = link.glance();
            out.beginObject()
                    .name("process")
                    .value(link.process())
                    .name("devices")
                    .beginArray();
            for (String device : link.devices()) {
                out.value(device);
            }
            out.endArray().name("with").value(link.with()).name("health").value(link.health());
            if (!link.violation().isEmpty()) {
                out.name("violation").value(link.violation());
            }
            ring(out.name("request"), glance.request());
            ring(out.name("event"), glance.event());
            out.name("requestConsumerAsleep")
                    .value(glance.requestConsumerAsleep())
                    .name("eventConsumerAsleep")
                    .value(glance.eventConsumerAsleep())
                    .name("producersWaiting")
                    .value(glance.producersWaiting())
                    .name("replySlots")
                    .value(glance.replySlots())
                    .name("readersWaiting")
                    .value(glance.readersWaiting())
                    .endObject();
        }
        out.endArray();
    }

    private static void ring(JsonWriter out, LinkGlance.Ring ring) throws IOException {
        out.beginObject()
                .name("produced")
                .value(ring.produced())
                .name("consumed")
                .value(ring.consumed())
                .name("capacityBytes")
                .value(ring.capacityBytes())
                .name("depthBytes")
                .value(ring.depthBytes())
                .name("messages")
                .value(ring.messages());
        if (!ring.fault().isEmpty()) {
            out.name("fault").value(ring.fault());
        }
        out.endObject();
    }
}
