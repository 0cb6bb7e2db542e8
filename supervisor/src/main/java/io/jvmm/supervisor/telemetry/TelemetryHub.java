package io.jvmm.supervisor.telemetry;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.sys.EventFd;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where everything goes that observers may want to know, for as long as the supervisor lives: it gives each thing its place in the order of all,
 * keeps the last events of the machine's life for those who come late, and passes everything to whoever carries it while somebody watches.
 * Any thread; nothing here waits for an observer.
 */
public final class TelemetryHub implements AutoCloseable {
    /** So many events are kept. */
    public static final int KEPT_EVENTS = 256;

    /** So much may be asked of an event loop that does not come round: observers ask again. */
    static final int MOST_REQUESTS = 64;

    private final Deque<Telemetry.Envelope> events = new ArrayDeque<>();
    private final EventFd bell = EventFd.create();
    private final ArrayBlockingQueue<Request> requests = new ArrayBlockingQueue<>(MOST_REQUESTS);
    private long sequence;
    private @Nullable Carrier carrier;
    private boolean served;
    private boolean closed;

    /** Who brings telemetry to observers. Never waits. */
    public interface Carrier {
        /** False when it is lost. */
        boolean carry(Telemetry.Envelope envelope);
    }

    /** Something that the event loop is to find out. */
    public sealed interface Request {
        /**
         * How machine and processes are, without what the kernel says; called on the event loop's thread.
         *
         * @param ofStream whether it is for the stream: the latencies of its rows are of the time since the last one that was, and whoever
         *     else asks takes nothing from them
         */
        record Sample(Consumer<Telemetry.Sample> answer, boolean ofStream) implements Request {}

        /** What is traced is to be read. */
        record Traces() implements Request {}
    }

    /** An event of the machine's life. */
    public void event(Telemetry.Kind kind, LogLevel level, String process, int pid, long durationNs, String text) {
        tell(new Telemetry.Event(kind, level, process, pid, durationNs, text));
    }

    /** Anything. */
    public synchronized void tell(Telemetry body) {
        boolean kept = body instanceof Telemetry.Event;
        Carrier to = carrier;
        if (!kept && to == null) {
            return; // nobody watches, and nobody who comes will ask for it
        }
        Telemetry.Envelope envelope = new Telemetry.Envelope(++sequence, System.currentTimeMillis(), body);
        if (kept) {
            if (events.size() == KEPT_EVENTS) {
                events.remove();
            }
            events.add(envelope);
        }
        if (to != null) {
            to.carry(envelope);
        }
    }

    /** The last events, the oldest first. */
    public synchronized List<Telemetry.Envelope> history() {
        return List.copyOf(events);
    }

    /** Everything goes there from now on. */
    public synchronized void carryBy(Carrier newCarrier) {
        carrier = newCarrier;
    }

    /** This one carries no more. */
    @SuppressWarnings("ReferenceEquality") // the very one: another may have come meanwhile
    public synchronized void carriedNoMoreBy(Carrier old) {
        if (carrier == old) {
            carrier = null;
        }
    }

    /** Whether anything but events is wanted. */
    public synchronized boolean isWatched() {
        return carrier != null;
    }

    /** Readable when the event loop has been asked for something. */
    public EventFd bell() {
        return bell;
    }

    /** Whether an event loop answers {@link #ask}. */
    public synchronized void served(boolean on) {
        served = on;
        if (!on) {
            requests.clear();
        }
    }

    /** Asks the event loop; false when there is none just now, or it has been asked enough. */
    public synchronized boolean ask(Request request) {
        if (!served || closed || !requests.offer(request)) {
            return false;
        }
        bell.signal();
        return true;
    }

    /** What has been asked. The event loop. */
    public List<Request> asked() {
        List<Request> all = new ArrayList<>();
        for (Request r = requests.poll(); r != null; r = requests.poll()) {
            all.add(r);
        }
        return all;
    }

    @Override
    public synchronized void close() {
        closed = true;
        carrier = null;
        bell.close();
    }
}
