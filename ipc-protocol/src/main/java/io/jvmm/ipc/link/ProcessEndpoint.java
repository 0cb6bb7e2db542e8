package io.jvmm.ipc.link;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventProxy;
import io.jvmm.ipc.message.SupervisorRequestAdapter;
import io.jvmm.ipc.message.SupervisorRequestLayout;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A process's end of its supervisor link. One thread takes requests and sleeps; any thread may send. Sending never waits
 * and, but for {@link #peerViolation}, allocates nothing: every method is false when the ring is full, and nothing was
 * sent then.
 */
public final class ProcessEndpoint {
    private final LinkState state = new LinkState();
    private final HardenedReader requests;
    private final SupervisorRequestAdapter adapter;
    private final GuardedProducer producer;
    private final SupervisorEventProxy events;
    private final Doorbell requestDoorbell;
    private final Doorbell eventDoorbell;
    private final LogText logText = new LogText();
    private final AtomicLong logDropped = new AtomicLong();

    public ProcessEndpoint(LinkMemory memory, EventFd requestDoorbell, EventFd eventDoorbell) {
        this.requests = new HardenedReader(memory.requestRing(), SupervisorRequestLayout.LENGTH_BYTES, 0);
        this.adapter = new SupervisorRequestAdapter(requests);
        this.producer = new GuardedProducer(memory.eventRing());
        this.events = new SupervisorEventProxy(producer);
        this.requestDoorbell =
                new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_REQUEST_CONSUMER_ASLEEP, requestDoorbell);
        this.eventDoorbell = new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_EVENT_CONSUMER_ASLEEP, eventDoorbell);
        noteViolations();
    }

    /** Makes the supervisor's next request current; false when there is none or the link is severed. */
    public boolean next() {
        if (adapter.next()) {
            return true;
        }
        noteViolations();
        return false;
    }

    /** The current request. */
    public SupervisorRequestType request() {
        return adapter.type();
    }

    /** The current request's argument. */
    public long argument() {
        return adapter.argument();
    }

    /** The current request's detail. */
    public long detail() {
        return adapter.detail();
    }

    /** Done with the current request. */
    public void release() {
        requests.release();
    }

    /** Says that the process is warm and filtered. {@code filterHash}: 32 bytes, SHA-256 of the narrow filter. */
    public boolean ready(long monotonicNs, byte[] filterHash, int threads) {
        return sent(events.ready(monotonicNs, filterHash, threads));
    }

    /** Says that a request has been carried out; {@code status} 0 means well. */
    public boolean ack(SupervisorRequestType request, int status) {
        return sent(events.ack(request, status));
    }

    /** Sends a line for the log, cut to 480 bytes of UTF-8. Dropped and counted when there is no room. */
    public void log(LogLevel level, CharSequence text) {
        boolean published;
        synchronized (logText) {
            published = events.log(level, logText.bytes(), logText.encode(text));
        }
        if (!sent(published)) {
            logDropped.incrementAndGet();
        }
    }

    /** Log records dropped so far. */
    public long logDropped() {
        return logDropped.get();
    }

    /** Sends the value of a counter. */
    public boolean counter(int id, long value) {
        return sent(events.counter(id, value));
    }

    /** Says that the guest runs no more. */
    public boolean guestStopped(StopCause cause, int vcpu, long rip, long detail) {
        return sent(events.guestStopped(cause, vcpu, rip, detail));
    }

    /** Says that a device did not answer in time. */
    public boolean deviceHung(int deviceIndex, long waitedNs) {
        return sent(events.deviceHung(deviceIndex, waitedNs));
    }

    /** Says that a device broke the protocol and was cut off. Allocates. */
    public boolean peerViolation(int deviceIndex, Violation violation) {
        return sent(events.peerViolation(deviceIndex, violation));
    }

    /** Says that the user typed the escape sequence. {@code what}: 1 quit. */
    public boolean escape(int port, int what) {
        return sent(events.escape(port, what));
    }

    /** Says that the guest is about to run its first instruction. */
    public boolean firstInstruction(long monotonicNs) {
        return sent(events.firstInstruction(monotonicNs));
    }

    /** Says that the host side of a port went away. */
    public boolean backendLost(int port, int errno) {
        return sent(events.backendLost(port, errno));
    }

    /**
     * Says what it took a device's successor to answer.
     *
     * @param messages how many had waited; 0: nobody waited, and {@code stallNs} is 0
     * @param stallNs how long the first of them did
     */
    public boolean deviceStall(int deviceIndex, int messages, long stallNs) {
        return sent(events.deviceStall(deviceIndex, messages, stallNs));
    }

    /** Says what will run the guest's code; the reason is cut to 480 bytes of UTF-8. */
    public boolean engine(EngineKind engine, CharSequence reason) {
        synchronized (logText) {
            return sent(events.engine(engine, logText.bytes(), logText.encode(reason)));
        }
    }

    private boolean sent(boolean published) {
        if (published) {
            eventDoorbell.ring();
        }
        return published;
    }

    private void noteViolations() {
        @Nullable Violation violation = requests.violation() != null ? requests.violation() : producer.violation();
        if (violation != null && state.violation() == null) {
            state.sever(violation);
        }
    }

    /**
     * The process is about to sleep on {@link #requestDoorbell()} and its other descriptors.
     *
     * @return true: sleep, then call {@link #awake()}; false: a request is there, carry on
     */
    public boolean prepareToSleep() {
        requestDoorbell.announceSleep();
        if (requests.hasNext()) {
            requestDoorbell.cancelSleep();
            return false;
        }
        return true;
    }

    /** After a sleep, before the next {@link #next()}. */
    public void awake() {
        requestDoorbell.awake();
    }

    /** The same for a caller that has drained {@link #requestDoorbell()} if it was signalled: spares a system call. */
    public void awakeAndDrained() {
        requestDoorbell.cancelSleep();
    }

    /** What the process sleeps on. */
    public EventFd requestDoorbell() {
        return requestDoorbell.eventFd();
    }

    /** What this end thinks of the supervisor's memory: connected or severed. */
    public LinkHealth health() {
        return state.health();
    }

    /** Why the link was severed; null while it is not. */
    public @Nullable Violation violation() {
        return state.violation();
    }
}
