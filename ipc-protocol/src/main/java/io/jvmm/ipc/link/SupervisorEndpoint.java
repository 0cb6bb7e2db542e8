package io.jvmm.ipc.link;

import io.jvmm.ipc.message.SupervisorEventAdapter;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorEventLayout;
import io.jvmm.ipc.message.SupervisorRequestProxy;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * The supervisor's end of a supervisor link; the process at the other end is hostile. Any thread may send; one thread
 * polls and sleeps. Nothing is thrown.
 */
public final class SupervisorEndpoint {
    private final LinkState state = new LinkState();
    private final GuardedProducer producer;
    private final SupervisorRequestProxy requests;
    private final HardenedReader events;
    private final SupervisorEventAdapter adapter;
    private final Doorbell requestDoorbell;
    private final Doorbell eventDoorbell;

    public SupervisorEndpoint(LinkMemory memory, EventFd requestDoorbell, EventFd eventDoorbell) {
        this.producer = new GuardedProducer(memory.requestRing());
        this.requests = new SupervisorRequestProxy(producer);
        this.events = new HardenedReader(memory.eventRing(), SupervisorEventLayout.MAX_LENGTH_BYTES, 0);
        this.adapter = new SupervisorEventAdapter(events);
        this.requestDoorbell =
                new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_REQUEST_CONSUMER_ASLEEP, requestDoorbell);
        this.eventDoorbell = new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_EVENT_CONSUMER_ASLEEP, eventDoorbell);
        noteViolations();
    }

    /** Sends a request that has no argument. */
    public boolean send(SupervisorRequestType request) {
        return send(request, 0, 0);
    }

    /** Sends a request that has no detail. */
    public boolean send(SupervisorRequestType request, long argument) {
        return send(request, argument, 0);
    }

    /** Sends a request. False when the ring is full (the process does not listen) or the link is severed. */
    public boolean send(SupervisorRequestType request, long argument, long detail) {
        if (!state.connected()) {
            return false;
        }
        if (!requests.send(request, argument, detail)) {
            noteViolations();
            return false;
        }
        requestDoorbell.ring();
        return true;
    }

    /**
     * Delivers what the process sent.
     *
     * @param limit most events delivered by this call: what keeps a flood from starving the others
     * @return how many were delivered
     */
    public int pollEvents(SupervisorEventHandler handler, int limit) {
        int delivered = adapter.poll(handler, limit);
        noteViolations();
        return delivered;
    }

    private void noteViolations() {
        @Nullable Violation violation = events.violation() != null ? events.violation() : producer.violation();
        if (violation != null && state.violation() == null) {
            state.sever(violation);
        }
    }

    /**
     * The polling thread is about to sleep on {@link #eventDoorbell()}.
     *
     * @return true: sleep, then call {@link #awake()}; false: events are there, poll again
     */
    public boolean prepareToSleep() {
        eventDoorbell.announceSleep();
        if (events.hasNext()) {
            eventDoorbell.cancelSleep();
            return false;
        }
        return true;
    }

    /** After a sleep, before the next {@link #pollEvents}. */
    public void awake() {
        eventDoorbell.awake();
    }

    /** What the polling thread sleeps on. */
    public EventFd eventDoorbell() {
        return eventDoorbell.eventFd();
    }

    /** What this end thinks of the process: connected or severed. */
    public LinkHealth health() {
        return state.health();
    }

    /** Why the link was severed; null while it is not. */
    public @Nullable Violation violation() {
        return state.violation();
    }
}
