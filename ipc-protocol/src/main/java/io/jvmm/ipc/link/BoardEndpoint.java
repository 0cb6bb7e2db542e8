package io.jvmm.ipc.link;

import io.jvmm.ipc.message.DeviceEventAdapter;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.DeviceEventLayout;
import io.jvmm.ipc.message.DeviceRequestProxy;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * The vCPU process's end of a device link; the device at the other end is hostile.
 *
 * <p>{@link #read}, {@link #write}, {@link #kick} and {@link #reset} are for vCPU threads, each with its own index, at
 * most one call a vCPU at a time. They take bounded time whatever the device does, throw nothing and allocate nothing. A
 * read that is not answered in time gives all ones, as a PCI master abort does, and marks the device hung: from then on
 * reads give all ones at once and writes are dropped. {@link #pollEvents} and the sleep methods are for the board
 * thread. A device that breaks the protocol is severed: {@link #violation()} tells how.
 */
public final class BoardEndpoint {
    private static final long NOT_STARTED = Long.MIN_VALUE;
    private static final int LONGS_PER_CACHE_LINE_PAIR = 16;

    private final LinkState state = new LinkState();
    private final WaitPolicy wait;
    private final GuardedProducer producer;
    private final DeviceRequestProxy requests;
    private final ReplySlots replies;
    private final SpaceWaiters space;
    private final Doorbell requestDoorbell;
    private final Doorbell eventDoorbell;
    private final HardenedReader events;
    private final DeviceEventAdapter eventAdapter;
    private final boolean spins;
    /** How long each vCPU looks for an answer. */
    private final SpinLimit[] spinLimits;
    /** Number of the last read of each vCPU, spread so that no two share a cache line. */
    private final long[] lastSequence;

    public BoardEndpoint(LinkMemory memory, EventFd requestDoorbell, EventFd eventDoorbell, WaitPolicy wait) {
        this.wait = wait;
        this.producer = new GuardedProducer(memory.requestRing());
        this.requests = new DeviceRequestProxy(producer);
        this.replies = new ReplySlots(memory.replySlots(), memory.spec().replySlots());
        this.space = new SpaceWaiters(memory.doorbells());
        this.requestDoorbell =
                new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_REQUEST_CONSUMER_ASLEEP, requestDoorbell);
        this.eventDoorbell = new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_EVENT_CONSUMER_ASLEEP, eventDoorbell);
        this.events = new HardenedReader(memory.eventRing(), DeviceEventLayout.MAX_LENGTH_BYTES, 0);
        this.eventAdapter = new DeviceEventAdapter(events);
        this.spins = wait.spinNs() > 0;
        this.spinLimits = new SpinLimit[memory.spec().replySlots()];
        for (int vcpu = 0; vcpu < spinLimits.length; vcpu++) {
            spinLimits[vcpu] = new SpinLimit(wait.spinNs());
        }
        this.lastSequence = new long[memory.spec().replySlots() * LONGS_PER_CACHE_LINE_PAIR];
        noteViolations();
    }

    /**
     * Reads a register and waits for the answer.
     *
     * @param vcpuIndex the calling vCPU, below the link's number of reply slots
     * @param widthBytes 1, 2, 4 or 8
     * @return the value, zero-extended; all ones of that width when there is no answer
     */
    public long read(int vcpuIndex, int region, int offset, int widthBytes) {
        long ones = -1L >>> (Long.SIZE - widthBytes * Byte.SIZE);
        if (!state.connected()) {
            return ones;
        }
        long sequence = ++lastSequence[vcpuIndex * LONGS_PER_CACHE_LINE_PAIR];
        long startNs = NOT_STARTED;
        if (!offer(DeviceRequestType.READ, vcpuIndex, region, sequence, offset, widthBytes)) {
            startNs = System.nanoTime();
            if (!postWhenRoom(DeviceRequestType.READ, vcpuIndex, region, sequence, offset, widthBytes, startNs)) {
                return ones;
            }
        }
        boolean awake = requestDoorbell.ring();
        return (spins && awake && replies.look(vcpuIndex, sequence)) || await(vcpuIndex, sequence, startNs, awake)
                ? replies.value(vcpuIndex) & ones
                : ones;
    }

    /** The clock is not looked at before it is needed: a fast device is faster than the clock. */
    private boolean await(int vcpuIndex, long sequence, long postedNs, boolean awake) {
        long startNs = postedNs == NOT_STARTED ? System.nanoTime() : postedNs;
        SpinLimit spin = spinLimits[vcpuIndex];
        if (replies.await(vcpuIndex, sequence, startNs, spin, awake, startNs + wait.timeoutNs(), state)) {
            return true;
        }
        giveUp(System.nanoTime() - startNs);
        return false;
    }

    /** Writes a register: posted, does not wait for the device unless the ring is full. */
    public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
        if (state.connected()) {
            post(DeviceRequestType.WRITE, vcpuIndex, region, value, offset, widthBytes);
        }
    }

    /** Notifies a virtqueue: posted. */
    public void kick(int vcpuIndex, int queueIndex) {
        if (state.connected()) {
            post(DeviceRequestType.KICK, vcpuIndex, queueIndex, 0, 0, 0);
        }
    }

    /** Tells the device that the machine is reset: posted. */
    public void reset(int vcpuIndex) {
        if (state.connected()) {
            post(DeviceRequestType.RESET, vcpuIndex, 0, 0, 0, 0);
        }
    }

    /** Puts a request on the ring, waiting for room if need be, and wakes the device. False when it gave up. */
    private boolean post(DeviceRequestType type, int vcpu, int second, long word, int offset, int widthBytes) {
        if (!offer(type, vcpu, second, word, offset, widthBytes)
                && !postWhenRoom(type, vcpu, second, word, offset, widthBytes, System.nanoTime())) {
            return false;
        }
        requestDoorbell.ring();
        return true;
    }

    private boolean offer(DeviceRequestType type, int vcpu, int second, long word, int offset, int widthBytes) {
        return switch (type) {
            case READ -> requests.read(vcpu, second, word, offset, widthBytes);
            case WRITE -> requests.write(vcpu, second, word, offset, widthBytes);
            case KICK -> requests.kick(vcpu, second);
            case RESET -> requests.reset(vcpu);
        };
    }

    private boolean postWhenRoom(
            DeviceRequestType type, int vcpu, int second, long word, int offset, int widthBytes, long startNs) {
        long deadlineNs = startNs + wait.timeoutNs();
        space.enter();
        try {
            while (state.connected()) {
                int ticket = space.ticket();
                if (offer(type, vcpu, second, word, offset, widthBytes)) {
                    return true;
                }
                @Nullable Violation violation = producer.violation();
                if (violation != null) {
                    sever(violation);
                    return false;
                }
                if (System.nanoTime() - deadlineNs >= 0) {
                    giveUp(System.nanoTime() - startNs);
                    return false;
                }
                requestDoorbell.ring();
                space.await(ticket, deadlineNs);
            }
            return false;
        } finally {
            space.leave();
        }
    }

    /**
     * Counts the device as hung, as an unanswered read does: for a caller that has waited for several answers, each in time, too
     * long for all of them. Any thread; the first cause stays.
     */
    public void giveUp(long waitedNs) {
        if (state.hung(waitedNs)) {
            replies.abandon();
            space.wakeAll();
        }
    }

    /**
     * Cuts the device off for something that only the board can tell is forbidden, such as a POWER event of a device that
     * has no say in it. Any thread; the first cause stays.
     */
    public void sever(Violation violation) {
        if (state.sever(violation)) {
            replies.abandon();
            space.wakeAll();
        }
    }

    /**
     * Delivers what the device sent; board thread only.
     *
     * @param limit most events delivered by this call
     * @return how many were delivered
     */
    public int pollEvents(DeviceEventHandler handler, int limit) {
        int delivered = eventAdapter.poll(handler, limit);
        noteViolations();
        return delivered;
    }

    private void noteViolations() {
        @Nullable Violation violation = events.violation();
        if (violation != null && state.violation() == null) {
            sever(violation);
        }
    }

    /** What this end thinks of the device. Any thread. */
    public LinkHealth health() {
        return state.health();
    }

    /** How long the read or write that found the device hung had waited, in nanoseconds; 0 when it is not hung. */
    public long hungAfterNs() {
        return state.hungAfterNs();
    }

    /**
     * Trusts a hung device again, for example because the supervisor replaced its process. Late replies to reads that
     * gave up satisfy nobody. A severed link stays severed.
     */
    public void reconnect() {
        state.reconnect();
    }

    /**
     * The board thread is about to sleep on {@link #eventDoorbell()}.
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

    /** What the board thread sleeps on. */
    public EventFd eventDoorbell() {
        return eventDoorbell.eventFd();
    }

    /** Why the link was severed; null while it is not. Any thread. */
    public @Nullable Violation violation() {
        return state.violation();
    }
}
