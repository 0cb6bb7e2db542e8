package io.jvmm.ipc.link;

import io.jvmm.ipc.counters.CounterBlock;
import io.jvmm.ipc.message.DeviceEventAdapter;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.DeviceEventLayout;
import io.jvmm.ipc.message.DeviceRequestProxy;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The vCPU process's end of a device link; the device at the other end is hostile.
 *
 * <p>{@link #read}, {@link #write}, {@link #kick} and {@link #reset} are for vCPU threads, each with its own index, at
 * most one call a vCPU at a time. They take bounded time whatever the device does, throw nothing and allocate nothing. A
 * read that is not answered in time gives all ones, as a PCI master abort does, and marks the device hung: from then on
 * reads give all ones at once and writes are dropped when the ring is full. A device that breaks the protocol is severed: {@link #violation()}
 * tells how.
 *
 * <p>The rest is for the board thread: {@link #pollEvents} and the sleep methods, and the replacement of a device's process, {@link #away} and
 * {@link #back}. Between those two, and from the moment a link is severed, accesses wait for the successor, at most as long as {@link WaitPolicy} says.
 */
public final class BoardEndpoint {
    private static final int LONGS_PER_CACHE_LINE_PAIR = 16;
    private static final long NOT_POSTED = 0;

    private final LinkState state = new LinkState();
    private final WaitPolicy wait;
    private final LinkMemory memory;
    private final GuardedProducer producer;
    private final DeviceRequestProxy requests;
    private final ReplySlots replies;
    private final SpaceWaiters space;
    private final Doorbell requestDoorbell;
    private final Doorbell eventDoorbell;
    private final boolean spins;
    private final Presence presence;
    private final StallMeter stall;
    private final HangWatch hangWatch;
    /** How long each vCPU looks for an answer. */
    private final SpinLimit[] spinLimits;
    /** How long reads waited that were not answered at once, of each vCPU. */
    private final CounterBlock[] waits;
    /** Number of the last read of each vCPU; no two share a cache line. */
    private final long[] lastSequence;
    /** Board thread; new ones for each process. */
    private HardenedReader events;

    private DeviceEventAdapter eventAdapter;

    public BoardEndpoint(LinkMemory memory, EventFd requestDoorbell, EventFd eventDoorbell, WaitPolicy wait) {
        int vcpus = memory.spec().replySlots();
        this.wait = wait;
        this.memory = memory;
        this.producer = new GuardedProducer(memory.requestRing());
        this.requests = new DeviceRequestProxy(producer);
        this.replies = new ReplySlots(memory.replySlots(), vcpus);
        this.space = new SpaceWaiters(memory.doorbells());
        this.requestDoorbell =
                new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_REQUEST_CONSUMER_ASLEEP, requestDoorbell);
        this.eventDoorbell = new Doorbell(memory.doorbells(), LinkLayout.DOORBELL_EVENT_CONSUMER_ASLEEP, eventDoorbell);
        this.events = new HardenedReader(memory.eventRing(), DeviceEventLayout.MAX_LENGTH_BYTES, 0);
        this.eventAdapter = new DeviceEventAdapter(events);
        this.spins = wait.spinNs() > 0;
        this.presence = new Presence(vcpus);
        this.stall = new StallMeter(memory.requestRing(), wait.replaceTimeoutNs());
        this.hangWatch = new HangWatch(memory.requestRing(), wait.timeoutNs());
        this.spinLimits = new SpinLimit[vcpus];
        for (int vcpu = 0; vcpu < spinLimits.length; vcpu++) {
            spinLimits[vcpu] = SpinLimit.saving(wait.spinNs());
        }
        this.waits = new CounterBlock[vcpus];
        Arrays.fill(waits, new CounterBlock());
        this.lastSequence = new long[vcpus * LONGS_PER_CACHE_LINE_PAIR];
        noteViolations();
    }

    // ---- vCPU threads ----

    /**
     * Reads a register and waits for the answer.
     *
     * @param vcpuIndex the calling vCPU, below the link's number of reply slots
     * @param widthBytes 1, 2, 4 or 8
     * @return the value, zero-extended; all ones of that width when there is no answer
     */
    public long read(int vcpuIndex, int region, int offset, int widthBytes) {
        presence.enter(vcpuIndex);
        long sequence = NOT_POSTED;
        boolean awake = true;
        boolean answered = false;
        if (state.connected()) {
            sequence = nextSequence(vcpuIndex);
            if (offer(DeviceRequestType.READ, vcpuIndex, region, sequence, offset, widthBytes)) {
                awake = requestDoorbell.ring();
                answered = spins && awake && replies.look(vcpuIndex, sequence);
            } else {
                sequence = NOT_POSTED;
            }
        }
        // The clock is not looked at before it is needed: a fast device is faster than the clock.
        if (!answered) {
            long sinceNs = System.nanoTime();
            answered = readPatiently(vcpuIndex, region, offset, widthBytes, sequence, awake, sinceNs);
            waits[vcpuIndex].record(System.nanoTime() - sinceNs);
        }
        long ones = -1L >>> (Long.SIZE - widthBytes * Byte.SIZE);
        long value = answered ? replies.value(vcpuIndex) & ones : ones;
        presence.leave(vcpuIndex);
        return value;
    }

    /** How many vCPUs have a place in the link. */
    public int vcpus() {
        return waits.length;
    }

    /** Where a vCPU counts how long its reads waited. Before its thread begins. */
    public void countWaits(int vcpu, CounterBlock histogram) {
        waits[vcpu] = histogram;
    }

    private long nextSequence(int vcpu) {
        return ++lastSequence[vcpu * LONGS_PER_CACHE_LINE_PAIR];
    }

    /** A read that is not answered at once, or could not be posted so far. Inside the link, here and on return. */
    private boolean readPatiently(
            int vcpu, int region, int offset, int widthBytes, long posted, boolean wasAwake, long startNs) {
        long sequence = posted;
        boolean awake = wasAwake;
        int renewals = state.renewals();
        while (true) {
            if (sequence != NOT_POSTED && renewals != state.renewals()) {
                sequence = NOT_POSTED; // scrubbed away
            }
            if (sequence == NOT_POSTED) {
                sequence = nextSequence(vcpu);
                if (!postPatiently(DeviceRequestType.READ, vcpu, region, sequence, offset, widthBytes, startNs)) {
                    return false;
                }
                awake = true;
                renewals = state.renewals();
            }
            int changes = state.changes();
            LinkHealth seen = state.health();
            long deadlineNs = state.deadlineNs(seen, startNs, wait);
            switch (seen) {
                case CONNECTED, AWAY, HUNG -> {
                    if (seen == LinkHealth.AWAY) {
                        stall.found(startNs);
                    }
                    SpinLimit spin = spinLimits[vcpu];
                    if (replies.await(vcpu, sequence, System.nanoTime(), spin, awake, deadlineNs, state, changes)) {
                        stall.answered();
                        return true;
                    }
                    if (state.changes() == changes && isOver(seen, startNs)) {
                        return false;
                    }
                }
                case SEVERED, RENEWING -> {
                    if (!stepOutside(vcpu, startNs)) {
                        return false;
                    }
                }
                case BROKEN -> {
                    return false;
                }
            }
        }
    }

    /** Whether the time of an access is over; says what follows from that. */
    private boolean isOver(LinkHealth seen, long startNs) {
        long nowNs = System.nanoTime();
        if (nowNs - state.deadlineNs(seen, startNs, wait) < 0) {
            return false;
        }
        if (seen == LinkHealth.CONNECTED) {
            hung(nowNs - startNs);
        } else {
            state.waitedInVain();
        }
        return true;
    }

    /** Leaves the link, waits until it may be entered, and enters it. False when the caller is not to wait any more. */
    private boolean stepOutside(int vcpu, long startNs) {
        stall.found(startNs);
        stall.beginWait();
        presence.leave(vcpu);
        boolean open = state.awaitOpen(startNs, wait);
        presence.enter(vcpu);
        stall.endWait();
        return open;
    }

    /** Writes a register: posted, does not wait for the device unless the ring is full. */
    public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
        post(DeviceRequestType.WRITE, vcpuIndex, region, value, offset, widthBytes);
    }

    /** Notifies a virtqueue: posted. */
    public void kick(int vcpuIndex, int queueIndex) {
        post(DeviceRequestType.KICK, vcpuIndex, queueIndex, 0, 0, 0);
    }

    /** Tells the device that the machine is reset: posted. */
    public void reset(int vcpuIndex) {
        post(DeviceRequestType.RESET, vcpuIndex, 0, 0, 0, 0);
    }

    /** Puts a request on the ring, waiting for room or for a successor if need be, and wakes the device. */
    private void post(DeviceRequestType type, int vcpu, int second, long word, int offset, int widthBytes) {
        presence.enter(vcpu);
        if (state.connected() && offer(type, vcpu, second, word, offset, widthBytes)) {
            requestDoorbell.ring();
        } else {
            postPatiently(type, vcpu, second, word, offset, widthBytes, System.nanoTime());
        }
        presence.leave(vcpu);
    }

    private boolean offer(DeviceRequestType type, int vcpu, int second, long word, int offset, int widthBytes) {
        return switch (type) {
            case READ -> requests.read(vcpu, second, word, offset, widthBytes);
            case WRITE -> requests.write(vcpu, second, word, offset, widthBytes);
            case KICK -> requests.kick(vcpu, second);
            case RESET -> requests.reset(vcpu);
        };
    }

    /** False when the request was given up. Inside the link, here and on return. */
    private boolean postPatiently(
            DeviceRequestType type, int vcpu, int second, long word, int offset, int widthBytes, long startNs) {
        while (true) {
            LinkHealth seen = state.health();
            switch (seen) {
                case CONNECTED, AWAY -> {
                    if (seen == LinkHealth.AWAY) {
                        stall.found(startNs);
                    }
                    if (postWhenRoom(type, vcpu, second, word, offset, widthBytes, startNs, seen)) {
                        requestDoorbell.ring();
                        return true;
                    }
                    if (state.health() == seen && isOver(seen, startNs)) {
                        return false;
                    }
                }
                case SEVERED, RENEWING -> {
                    if (!stepOutside(vcpu, startNs)) {
                        return false;
                    }
                }
                case HUNG -> {
                    // Its successor will find it. A read is answered with all ones now and must not be carried out
                    // later.
                    boolean posted =
                            type != DeviceRequestType.READ && offer(type, vcpu, second, word, offset, widthBytes);
                    if (posted) {
                        requestDoorbell.ring();
                    }
                    return posted;
                }
                case BROKEN -> {
                    return false;
                }
            }
        }
    }

    /** False when the time is over, the health changed or the link was severed. */
    private boolean postWhenRoom(
            DeviceRequestType type,
            int vcpu,
            int second,
            long word,
            int offset,
            int widthBytes,
            long startNs,
            LinkHealth seen) {
        if (offer(type, vcpu, second, word, offset, widthBytes)) {
            return true;
        }
        stall.beginWait();
        space.enter();
        try {
            while (state.health() == seen) {
                int ticket = space.ticket();
                if (offer(type, vcpu, second, word, offset, widthBytes)) {
                    return true;
                }
                @Nullable Violation violation = producer.violation();
                if (violation != null) {
                    sever(violation);
                    return false;
                }
                long deadlineNs = state.deadlineNs(seen, startNs, wait);
                if (System.nanoTime() - deadlineNs >= 0) {
                    return false;
                }
                requestDoorbell.ring();
                space.await(ticket, deadlineNs);
            }
            return false;
        } finally {
            space.leave();
            stall.endWait();
        }
    }

    // ---- any thread ----

    /**
     * Counts the device as hung, as an unanswered read does: for a caller that has waited for several answers, each in time, too
     * long for all of them. Any thread; the first cause stays. A successor is given its own time.
     */
    public void giveUp(long waitedNs) {
        if (!state.cameWithin(wait.timeoutNs(), System.nanoTime())) {
            hung(waitedNs);
        }
    }

    private void hung(long waitedNs) {
        if (state.hung(waitedNs)) {
            replies.wakeAll();
            space.wakeAll();
        }
    }

    /**
     * Cuts the device off for something that only the board can tell is forbidden, such as a POWER event of a device that
     * has no say in it. Any thread; the first cause stays. The board thread is woken: a vCPU thread that has found it is about to wait for the successor.
     */
    public void sever(Violation violation) {
        if (state.sever(violation)) {
            replies.wakeAll();
            space.wakeAll();
            eventDoorbell.eventFd().signal();
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

    /** Why the link was severed; null while it is not. Any thread. */
    public @Nullable Violation violation() {
        return state.violation();
    }

    /**
     * Trusts a hung device again although it has not been replaced: for scratch machines. Late replies to reads that gave up satisfy nobody. A
     * severed link stays severed.
     */
    public void reconnect() {
        state.reconnect();
    }

    // ---- board thread: replacing the device's process ----

    /**
     * The device's process has ended and a successor is awaited. All events must have been polled before; none may be polled until {@link #back}.
     *
     * @param renew the whole link will be scrubbed, which must wait until {@link #isVacant}
     * @param deathNs when it ended, by {@link System#nanoTime()}
     * @return false when there will be no successor
     */
    public boolean away(boolean renew, long deathNs) {
        boolean first = !state.isAway();
        if (!state.away(renew, producer.violation() != null)) {
            return false;
        }
        if (first) {
            stall.away(deathNs);
        }
        if (state.health() == LinkHealth.RENEWING) {
            replies.abandon();
        } else {
            replies.wakeAll();
        }
        space.wakeAll();
        return true;
    }

    /** Whether no vCPU is inside the link. Certain only {@link #settleNs} after {@link #away} with {@code renew}. */
    public boolean isVacant() {
        return presence.nobody();
    }

    /** How long after {@link #away} the answer of {@link #isVacant} is certain. */
    public static long settleNs() {
        return Presence.SETTLE_NS;
    }

    /**
     * The successor is there, and the event ring, or the whole link, as new.
     *
     * @return false when none was awaited
     */
    public boolean back() {
        if (!state.isAway()) {
            return false;
        }
        events = new HardenedReader(memory.eventRing(), DeviceEventLayout.MAX_LENGTH_BYTES, 0);
        eventAdapter = new DeviceEventAdapter(events);
        producer.forgive();
        hangWatch.reset();
        long nowNs = System.nanoTime();
        stall.back(nowNs);
        state.back(nowNs);
        replies.wakeAll();
        space.wakeAll();
        noteViolations();
        return true;
    }

    /** There is no successor and will be none. */
    public void breakDown() {
        state.breakDown();
        replies.abandon();
        space.wakeAll();
    }

    /** The guest is to come to an end: nobody waits for a successor any more. */
    public void release() {
        state.release();
        if (state.health() != LinkHealth.CONNECTED) {
            replies.abandon();
            space.wakeAll();
        }
    }

    /** How long the guest waited for the last successor. */
    public StallMeter stall() {
        return stall;
    }

    /** Gives a device up that leaves its requests alone. To be called every {@link #hangLookNs} while the guest runs. */
    public void lookForHang(long nowNs) {
        if (state.connected()) {
            long waitedNs = hangWatch.look(nowNs);
            if (waitedNs > 0) {
                hung(waitedNs);
            }
        }
    }

    /** The guest has not run, or not been looked after, for a while. */
    public void forgetHang() {
        hangWatch.reset();
    }

    public long hangLookNs() {
        return hangWatch.periodNs();
    }

    // ---- board thread: events ----

    /**
     * Delivers what the device sent.
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

    /** More events than the ring holds. */
    public int eventBound() {
        return memory.spec().eventCapacityBytes() / Long.BYTES;
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
}
