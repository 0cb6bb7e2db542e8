package io.jvmm.supervisor.ctl;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.jvmm.supervisor.bus.BusObserver;
import io.jvmm.supervisor.control.ControlVerb;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.telemetry.TelemetryCodec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The stream of a machine, joined anew whenever it has let go of us, as after we were stopped; and how much of it we have missed. Events of the machine's
 * life that were missed come from the machine's memory, as far as that goes. One thread.
 */
final class CtlStream implements AutoCloseable {
    private static final long JOIN_NS = TimeUnit.SECONDS.toNanos(10);
    private static final long ALONE_NS = TimeUnit.SECONDS.toNanos(2);
    private static final long NAP_NS = TimeUnit.MILLISECONDS.toNanos(5);

    private final MachineSocket machine;
    private @Nullable BusObserver observer;
    private long connectedNs;
    private long last;
    private long lastEvent;
    private long lost;
    private boolean otherVersion;
    /** Events that came from the machine's memory and are behind the last that came by the stream. */
    private final List<Long> remembered = new ArrayList<>();

    CtlStream(MachineSocket machine) {
        this.machine = machine;
    }

    /** How many records were missed since the first. */
    long lost() {
        return lost;
    }

    /**
     * Gives what has come.
     *
     * @return how much that was
     * @throws CtlException when the machine is not there any more, or is of another version
     */
    int poll(Consumer<Telemetry.Envelope> consumer) throws CtlException {
        BusObserver now = observer;
        if (now == null || !isThere(now)) {
            close();
            now = join();
            observer = now;
            connectedNs = System.nanoTime();
            for (Telemetry.Envelope e : history(machine)) {
                if (e.sequence() > lastEvent) {
                    lastEvent = e.sequence();
                    remembered.add(e.sequence());
                    consumer.accept(e);
                }
            }
        }
        int count = now.poll(e -> take(e, consumer), this::count);
        otherVersion = now.otherVersion().isPresent();
        if (otherVersion) {
            throw new CtlException(
                    CtlExit.NO_ANSWER,
                    "the machine's telemetry is of version "
                            + now.otherVersion().getAsInt() + ", and this jvmmctl knows " + TelemetryCodec.VERSION
                            + ": try that of the machine's version.");
        }
        return count;
    }

    /** Whether the machine tells things that this program cannot read. */
    boolean isOfOtherVersion() {
        return otherVersion;
    }

    /** A record of which nothing but its number is known. */
    private void count(long sequence) {
        if (last != 0 && sequence > last + 1) {
            long known =
                    remembered.stream().filter(s -> s > last && s < sequence).count();
            lost += sequence - last - 1 - known;
        }
        last = sequence;
        remembered.removeIf(s -> s <= last);
    }

    private void take(Telemetry.Envelope e, Consumer<Telemetry.Envelope> consumer) {
        count(e.sequence());
        if (e.body() instanceof Telemetry.Event) {
            if (e.sequence() <= lastEvent) {
                return;
            }
            lastEvent = e.sequence();
        }
        consumer.accept(e);
    }

    /** A stream that nobody feeds for a while has ended. */
    private boolean isThere(BusObserver now) {
        long nowNs = System.nanoTime();
        if (now.isConnected()) {
            connectedNs = nowNs;
        }
        return now.isAlive() && nowNs - connectedNs < ALONE_NS;
    }

    private BusObserver join() throws CtlException {
        JsonObject request = new JsonObject();
        request.addProperty(ControlVerb.DO, ControlVerb.OBSERVE.word());
        JsonObject reply = ask(machine, request);
        try {
            BusObserver joined = new BusObserver(Path.of(reply.get("directory").getAsString()));
            long endNs = System.nanoTime() + JOIN_NS;
            while (!joined.isConnected() && System.nanoTime() - endNs < 0) {
                LockSupport.parkNanos(NAP_NS);
            }
            return joined;
        } catch (IllegalStateException e) {
            throw new CtlException(CtlExit.NO_ANSWER, String.valueOf(e.getMessage()), e);
        }
    }

    /** The last events that the machine knows. */
    static List<Telemetry.Envelope> history(MachineSocket machine) throws CtlException {
        JsonObject request = new JsonObject();
        request.addProperty(ControlVerb.DO, ControlVerb.EVENTS.word());
        List<Telemetry.Envelope> events = new ArrayList<>();
        try {
            for (JsonElement e : ask(machine, request).getAsJsonArray("events")) {
                events.add(EventLine.of(e.getAsJsonObject()));
            }
        } catch (IllegalArgumentException | IllegalStateException | NullPointerException | ClassCastException e) {
            throw unknown(e);
        }
        return events;
    }

    /** The names of the device processes. */
    static List<String> devices(MachineSocket machine) throws CtlException {
        JsonObject request = new JsonObject();
        request.addProperty(ControlVerb.DO, ControlVerb.DEVICES.word());
        List<String> names = new ArrayList<>();
        try {
            for (JsonElement e : ask(machine, request).getAsJsonArray("devices")) {
                names.add(e.getAsJsonObject().get("name").getAsString());
            }
        } catch (IllegalStateException | NullPointerException | ClassCastException | UnsupportedOperationException e) {
            throw unknown(e);
        }
        return names;
    }

    private static CtlException unknown(RuntimeException e) {
        return new CtlException(
                CtlExit.NO_ANSWER,
                "the reply is not one that this jvmmctl knows: try that of the machine's version.",
                e);
    }

    private static JsonObject ask(MachineSocket machine, JsonObject request) throws CtlException {
        JsonObject reply = MachineSocket.parse(machine.ask(request.toString()));
        if (!reply.get("ok").getAsBoolean()) {
            throw new CtlException(CtlExit.REFUSED, CtlText.refusal(reply));
        }
        return reply;
    }

    @Override
    public void close() {
        BusObserver now = observer;
        observer = null;
        if (now != null) {
            now.close();
        }
    }
}
