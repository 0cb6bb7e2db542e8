package io.jvmm.ipc.link;

import io.jvmm.ipc.message.DeviceEventProxy;
import io.jvmm.ipc.message.DeviceRequestAdapter;
import io.jvmm.ipc.message.DeviceRequestLayout;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * The device process's end of a device link; the vCPU process at the other end is hostile. One thread; nothing is
 * thrown, nothing is allocated.
 *
 * <p>The loop of a device: {@link #next()}, work on the message (it is a private copy, already validated), emit the
 * effects ({@link #reply}, events), commit the state with {@link #positionAfter()}, {@link #release()}. A process that
 * dies before the commit leaves the message to its successor; one that dies after it leaves nothing but space that the
 * successor gives back.
 *
 * <p>When the vCPU process breaks the protocol, {@link #next()} is false for good and {@link #violation()} tells why.
 */
public final class DeviceEndpoint {
    private final LinkState state = new LinkState();
    private final HardenedReader requests;
    private final DeviceRequestAdapter adapter;
    private final ReplySlots replies;
    private final SpaceWaiters space;
    private final GuardedProducer producer;
    private final DeviceEventProxy events;
    private final Doorbell requestDoorbell;
    private final Doorbell eventDoorbell;

    /** The device's end. {@code resumePosition}: what the state segment last committed; 0 on a new link. */
    public DeviceEndpoint(LinkMemory memory, EventFd requestDoorbell, EventFd eventDoorbell, long resumePosition) {
        this.requests = new HardenedReader(memory.requestRing(), DeviceRequestLayout.MAX_LENGTH_BYTES, resumePosition);
        this.adapter = new DeviceRequestAdapter(requests, memory.spec().replySlots());
        this.replies = new ReplySlots(memory.replySlots(), memory.spec().replySlots());
        this.producer = new GuardedProducer(memory.eventRing());
        this.events = new DeviceEventProxy(producer);
        this.space = new SpaceWaiters(memory.doorbells());
        this.requestDoorbell =
                new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_REQUEST_CONSUMER_ASLEEP, requestDoorbell);
        this.eventDoorbell = new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_EVENT_CONSUMER_ASLEEP, eventDoorbell);
        noteViolations();
    }

    /** Makes the next request current. False when there is none, or the link is severed: see {@link #health()}. */
    public boolean next() {
        if (adapter.next()) {
            return true;
        }
        noteViolations();
        return false;
    }

    /** Whether a request is there: a cheap look. One that the next {@link #next()} finds broken counts too. */
    public boolean hasNext() {
        return requests.hasNext();
    }

    /** The current request's type. */
    public DeviceRequestType request() {
        return adapter.type();
    }

    /** The current request's type as its number on the wire. */
    public int type() {
        return adapter.type().number();
    }

    /** The vCPU that asks. */
    public int vcpu() {
        return adapter.vcpu();
    }

    /** READ, WRITE: the device's own number of the window, 0..255. */
    public int region() {
        return adapter.region();
    }

    /** READ, WRITE: byte offset in the window, not negative. */
    public int offset() {
        return adapter.offset();
    }

    /** READ, WRITE: 1, 2, 4 or 8 bytes. */
    public int widthBytes() {
        return adapter.widthBytes();
    }

    /** WRITE: what was written; bytes above the width are whatever the sender left there. */
    public long value() {
        return adapter.value();
    }

    /** READ: the number the reply carries. */
    public long sequence() {
        return adapter.sequence();
    }

    /** KICK: which virtqueue, 0..65535. */
    public int queue() {
        return adapter.queue();
    }

    /** Ring position behind the current request: what the state commit records. */
    public long positionAfter() {
        return requests.positionAfter();
    }

    /** Done with the current request: gives its space back and wakes producers that wait for room. */
    public void release() {
        done();
        giveBack();
    }

    /** Done with the current request, whose space is given back later: see {@link #giveBack()}. */
    public void done() {
        requests.done();
    }

    /** How many bytes of the ring are {@link #done()} with and not given back. */
    public int heldBytes() {
        return requests.heldBytes();
    }

    /**
     * Gives back the space of all requests that are {@link #done()} with and wakes producers that wait for room. Each time takes the cache lines
     * from the vCPU that is about to write there, so for several at once; but before sleeping, and before much is held.
     */
    public void giveBack() {
        if (requests.heldBytes() > 0) {
            requests.giveBack();
            space.headMoved();
        }
    }

    /**
     * Answers the current READ and wakes the vCPU if it sleeps. Bytes above the width are ignored by the reader.
     *
     * @return whether it was awake
     */
    public boolean reply(long value) {
        assert adapter.type() == DeviceRequestType.READ : "only a READ is answered";
        return !replies.publish(adapter.vcpu(), adapter.sequence(), value);
    }

    /**
     * Reports that the configuration of a function changed. False, as for the other events, when the ring is full: nothing was
     * sent.
     */
    public boolean configChanged(int function, int generation) {
        return sent(events.configChanged(function, generation));
    }

    /** Reports that a function cannot go on until its driver resets it. */
    public boolean needsReset(int function, int reason) {
        return sent(events.needsReset(function, reason));
    }

    /** Reports that the guest broke a rule of the device's specification. */
    public boolean guestError(int code, long detail) {
        return sent(events.guestError(code, detail));
    }

    /** Reports that the guest asked for power-off or reset. */
    public boolean power(PowerAction action, PowerOrigin origin) {
        return sent(events.power(action, origin));
    }

    /** Declares a PCI function; before READY. */
    public boolean pciFunction(PciFunction declaration) {
        return sent(events.pciFunction(declaration));
    }

    /** Declares a capability of a function; before READY. */
    public boolean pciCapability(int function, byte[] bytes) {
        return sent(events.pciCapability(function, bytes));
    }

    private boolean sent(boolean published) {
        if (published) {
            eventDoorbell.ring();
        } else {
            noteViolations();
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
     * The device is about to sleep on {@link #requestDoorbell()} and its other descriptors.
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

    /** What the device sleeps on. */
    public EventFd requestDoorbell() {
        return requestDoorbell.eventFd();
    }

    /** What this end thinks of the vCPU process: connected or severed. */
    public LinkHealth health() {
        return state.health();
    }

    /** Why the link was severed; null while it is not. */
    public @Nullable Violation violation() {
        return state.violation();
    }
}
