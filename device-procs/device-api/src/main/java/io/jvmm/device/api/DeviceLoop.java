package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SpinLimit;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import org.jspecify.annotations.Nullable;

/**
 * The duty cycle of a device process: one thread serves the supervisor, the guest, the clock, the host's descriptors and
 * ended interrupts, each for a bounded amount of work a cycle, so that none starves another.
 *
 * <p>Each message is a transaction: read it, change the state, emit the effects, commit the state together with the ring
 * position, release the record. A process killed anywhere leaves the state as of a message boundary.
 *
 * <p>When a cycle finds nothing it looks for requests for as long as {@link SpinLimit} says and then sleeps in ppoll until a
 * doorbell rings, a descriptor is ready or a deadline comes. Allocates nothing.
 */
final class DeviceLoop {

    /** How soon an event that found its ring full is tried again: nobody need wake us when there is room. */
    private static final long RETRY_NS = 10_000_000;

    /** PROTOCOL.md, status of ACK. */
    private static final int STATUS_DONE = 0;

    private static final int STATUS_NOT_NOW = 1;
    private static final int STATUS_NOT_MINE = 2;

    /** While it looks for requests, everything else is looked at this often. */
    private static final long SPIN_ROUND_NS = 4_000;

    private static final int LOOKS_PER_CLOCK_READ = 16;
    /** So much of the request ring is given back at once: eight reads or writes, four cache lines. */
    private static final int MOST_HELD_BYTES = 256;

    private static final int MAX_SUPERVISOR_REQUESTS = 8;
    private static final int MAX_REQUESTS = 64;
    /** Pieces of left-over work in a cycle. */
    private static final int MAX_PIECES = 4;

    /** While the guest keeps us busy, descriptors are still looked at this often. */
    private static final long POLL_INTERVAL_NS = 50_000;

    /** Twice what the largest ring holds. */
    private static final int DRAIN_ROUNDS = 1024;

    private static final long NO_STREAM = -1;
    private static final long NEVER = -1;

    private final DeviceEndpoint link;
    private final ProcessEndpoint supervisor;
    private final Transactions state;
    private final DeviceCore core;
    private final LinkEffects effects;
    private final SupervisorEvents events;
    private final DeviceMeter meter;
    private final BackendSet backends;
    private final Resample[] resamples;
    private final RegisterWindows windows;
    private final SpinLimit spin;

    private final Poller poller;
    private final LastWords lastWords;
    private final int linkIndex;
    private final int supervisorIndex;
    private final int controlIndex;
    private final int firstResampleIndex;

    /** Whether it ever was told to serve. */
    private boolean started;

    private boolean serving;
    /** When it last ceased to serve. */
    private long pausedAtNs = NEVER;

    private @Nullable ProcessExit exit;
    private long positionNow;
    private long lastWrite = NO_STREAM;
    private long lastRequestNs;
    /** Looked for requests since the last one. */
    private boolean spinning;
    /** Whether the vCPU did not have to be woken for the last answer. */
    private boolean peerAwake = true;

    private long lastPollNs;

    /** Everything a device process holds, ready to run. */
    DeviceLoop(
            DeviceIdentity identity,
            DeviceEndpoint link,
            ProcessEndpoint supervisor,
            Transactions state,
            DeviceCore core,
            LinkEffects effects,
            SupervisorEvents events,
            Backend[] backends,
            Resample[] resamples,
            Fd control,
            long spinNs) {
        this.link = link;
        this.supervisor = supervisor;
        this.state = state;
        this.core = core;
        this.effects = effects;
        this.meter = effects.meter();
        this.events = events;
        this.backends = new BackendSet(backends);
        this.resamples = resamples;
        this.spin = new SpinLimit(spinNs);
        this.positionNow = state.ringPosition();
        this.windows = new RegisterWindows(identity.regions());
        this.poller = new Poller(3 + resamples.length + this.backends.maxDescriptors());
        this.linkIndex = poller.add(link.requestDoorbell().fd(), Poller.READABLE);
        this.supervisorIndex = poller.add(supervisor.requestDoorbell().fd(), Poller.READABLE);
        this.controlIndex = poller.add(control, Poller.READABLE);
        this.lastWords = new LastWords(events, control);
        this.firstResampleIndex = poller.count();
        for (Resample resample : resamples) {
            poller.add(resample.eventFd().fd(), Poller.READABLE);
        }
    }

    /** Runs until the process has a reason to end, and says which. */
    ProcessExit run() {
        lastRequestNs = Clock.monotonicNs();
        ProcessExit reason = exit;
        while (reason == null) {
            long nowNs = Clock.monotonicNs();
            if (doWork(nowNs) == 0) {
                long limitNs = spin.limitNs(nowNs, peerAwake);
                if (serving && nowNs - lastRequestNs < limitNs) {
                    spin(nowNs, Math.min(limitNs, SPIN_ROUND_NS));
                } else {
                    if (spinning) {
                        spinning = false;
                        spin.inVain(nowNs);
                    }
                    sleep(nowNs);
                }
            }
            reason = exit;
        }
        state.end(reason);
        lastWords.say(RETRY_NS);
        return reason;
    }

    /** One duty cycle; returns how much it found to do. */
    int doWork(long nowNs) {
        int work = supervisorRequests(nowNs);
        if (serving) {
            work += requests(nowNs);
            work += timer(nowNs);
            work += hostOutputAndInput(nowNs);
            work += leftOver(nowNs);
        }
        effects.retry();
        events.retry();
        if (work > 0 && nowNs - lastPollNs > POLL_INTERVAL_NS) {
            poll(0, nowNs);
        }
        return work;
    }

    /** Why the process should end, or null. */
    @Nullable
    ProcessExit exit() {
        return exit;
    }

    boolean serving() {
        return serving;
    }

    // ---- the supervisor ----

    private int supervisorRequests(long nowNs) {
        int count = 0;
        while (count < MAX_SUPERVISOR_REQUESTS && !events.ackPending() && supervisor.next()) {
            supervisorRequest(nowNs);
            supervisor.release();
            count++;
        }
        if (supervisor.health() == LinkHealth.SEVERED) {
            exit = ProcessExit.SUPERVISOR_VIOLATION;
        }
        return count;
    }

    /** What was lost on the way, for those who want details; nothing where nothing was. */
    void tellCounters() {
        long bytes = backends.droppedBytes();
        if ((effects.guestErrors() | bytes | supervisor.logDropped()) != 0) {
            supervisor.log(
                    LogLevel.DEBUG,
                    "counters: GUEST_ERRORS=" + effects.guestErrors() + " OUTPUT_BYTES_DROPPED=" + bytes
                            + " LOG_RECORDS_DROPPED=" + supervisor.logDropped());
        }
    }

    private void supervisorRequest(long nowNs) {
        int status = STATUS_DONE;
        switch (supervisor.request()) {
            case START, RESUME -> serve(true, nowNs);
            case PAUSE -> serve(false, nowNs);
            case DRAIN -> status = drain(nowNs, BackendSet.DRAIN_NS) ? STATUS_DONE : STATUS_NOT_NOW;
            case STOP -> {
                drain(nowNs, BackendSet.STOP_NS);
                tellCounters();
                exit = ProcessExit.STOPPED;
            }
            case POWER_BUTTON, RESIZE, BALLOON -> status = hostRequest(nowNs);
            case PING -> {
                // the acknowledgement is all it asks for
            }
            case DEVICE_AWAY, DEVICE_BACK, DEVICE_BROKEN -> status = STATUS_NOT_MINE;
        }
        events.ack(supervisor.request(), status);
    }

    /** Before START the state may still be a predecessor's, who could go on with it. */
    private int hostRequest(long nowNs) {
        if (!started) {
            return STATUS_NOT_NOW;
        }
        boolean mine = true;
        if (supervisor.request() == SupervisorRequestType.POWER_BUTTON) {
            core.powerButton(nowNs);
        } else {
            mine = core.hostRequest(supervisor.request(), supervisor.argument(), nowNs);
        }
        commit(nowNs);
        return mine ? STATUS_DONE : STATUS_NOT_MINE;
    }

    private void serve(boolean on, long nowNs) {
        if (on && !started) {
            started = true;
            begin(nowNs);
        }
        if (serving && !on) {
            pausedAtNs = nowNs;
        } else if (on && !serving && pausedAtNs != NEVER) {
            core.resumed(nowNs - pausedAtNs, nowNs);
            commit(nowNs);
        }
        serving = on;
    }

    /**
     * The first START. Only now does anybody see that it took over: until then its predecessor, which was drained and lives, could go on
     * instead.
     */
    private void begin(long nowNs) {
        core.resume(nowNs);
        backends.attach(poller, nowNs);
        commit(nowNs);
    }

    /** Handles what the guest has sent, offers the host what is left, and then serves no more; whether all is done at the host. */
    private boolean drain(long nowNs, long patienceNs) {
        if (serving) {
            int left = DRAIN_ROUNDS;
            while (left-- > 0 && requests(nowNs) + leftOver(nowNs) > 0) {
                // a bounded number of rounds: a guest that keeps writing does not keep us
            }
            if (flush(nowNs)) {
                commit(nowNs); // or a successor would offer the host once more what it has taken
            }
            serve(false, nowNs);
        }
        if (started && backends.settle(nowNs, patienceNs)) {
            commit(nowNs); // what was never started has touched nothing, and leaves it to its predecessor
        }
        return !started || backends.settled();
    }

    // ---- the guest ----

    private int requests(long nowNs) {
        int count = 0;
        while (count < MAX_REQUESTS && exit == null && link.next()) {
            request(nowNs);
            count++;
        }
        if (count > 0) {
            lastRequestNs = nowNs;
            spinning = false;
        }
        if (exit == null && link.health() == LinkHealth.SEVERED) {
            Violation violation = link.violation();
            if (violation != null) {
                events.peerViolation(violation);
            }
            exit = ProcessExit.PEER_VIOLATION;
        }
        return count;
    }

    private void request(long nowNs) {
        meter.taken();
        switch (link.request()) {
            case READ -> {
                leaveStream(nowNs);
                if (inWindow()) {
                    peerAwake = link.reply(core.read(link.region(), link.offset(), link.widthBytes(), nowNs));
                }
            }
            case WRITE -> {
                if (inWindow()) {
                    long register = (long) link.region() << 32 | link.offset();
                    if (register != lastWrite) {
                        leaveStream(nowNs);
                        lastWrite = register;
                    }
                    core.write(link.region(), link.offset(), link.widthBytes(), RegisterWindows.value(link), nowNs);
                    if (core.hostOutputUrgent()) {
                        leaveStream(nowNs);
                    }
                }
            }
            case KICK -> {
                leaveStream(nowNs);
                meter.kicked();
                core.kick(link.queue(), nowNs);
            }
            case RESET -> {
                leaveStream(nowNs);
                core.reset(nowNs);
                // Nothing of before may reach guest memory any more: a new kernel is about to be there.
                backends.settle(nowNs, BackendSet.DRAIN_NS);
                if (!backends.settled()) {
                    exit = ProcessExit.HOST_ERROR; // the kernel ends what is under way, and our successor is reset
                    // instead
                }
            }
        }
        if (exit == null) {
            positionNow = link.positionAfter();
            commit(nowNs);
            meter.handled(link);
            link.done();
            if (link.heldBytes() >= MOST_HELD_BYTES) {
                link.giveBack();
            }
        }
    }

    /**
     * Output is offered to the host once for a row of writes to one register (a driver filling a FIFO), and before the
     * device is looked at or touched in any other way: the guest cannot tell that its bytes left together.
     */
    private void leaveStream(long nowNs) {
        if (lastWrite != NO_STREAM) {
            lastWrite = NO_STREAM;
            backends.flush(nowNs);
        }
    }

    private boolean inWindow() {
        boolean inside = windows.contain(link);
        if (!inside) {
            events.peerViolation(RegisterWindows.violation(link));
            exit = ProcessExit.PEER_VIOLATION;
        }
        return inside;
    }

    // ---- the clock and the host ----

    private int timer(long nowNs) {
        if (core.nextDeadlineNs() > nowNs) {
            return 0;
        }
        core.timer(nowNs);
        commit(nowNs);
        return 1;
    }

    private int leftOver(long nowNs) {
        int pieces = 0;
        while (pieces < MAX_PIECES && core.hasWork()) {
            core.work(nowNs);
            commit(nowNs);
            pieces++;
        }
        return pieces;
    }

    private int hostOutputAndInput(long nowNs) {
        boolean changed = flush(nowNs);
        changed |= backends.deliver(nowNs);
        if (changed) {
            commit(nowNs);
        }
        return changed ? 1 : 0;
    }

    private boolean flush(long nowNs) {
        lastWrite = NO_STREAM;
        return backends.flush(nowNs);
    }

    private void commit(long nowNs) {
        state.commit(positionNow, nowNs);
        meter.count(DeviceCounter.COMMITS);
        core.committed(nowNs);
        backends.committed();
    }

    // ---- waiting ----

    /**
     * Looks for requests, and for nothing else, for so long; answers them at once. The time it tells the device is that of
     * a moment before the request was seen: a look at the clock takes as long as many at the ring.
     */
    private void spin(long beginNs, long lengthNs) {
        if (beginNs - lastPollNs > POLL_INTERVAL_NS) {
            poll(0, beginNs); // the descriptors must not wait until spinning is over
            return;
        }
        spinning = true;
        long nowNs = beginNs;
        do {
            for (int look = 0; look < LOOKS_PER_CLOCK_READ; look++) {
                if (link.hasNext()) {
                    requests(nowNs);
                    break;
                }
                if (core.hasWork() || backends.hasWork()) {
                    return;
                }
                Thread.onSpinWait();
            }
            nowNs = Clock.monotonicNs();
        } while (nowNs - beginNs < lengthNs && exit == null);
    }

    /** Sleeps until there is something to do, or not at all when there is something already. */
    void sleep(long nowNs) {
        meter.count(DeviceCounter.SLEEPS);
        link.giveBack(); // or a vCPU that waits for room would wait for us
        // While paused, requests of the guest wait in the ring; they must not keep us from sleeping.
        boolean listening = serving;
        if (listening && !link.prepareToSleep()) {
            // A peer that makes its ring look full and empty in turn must not keep us from the descriptors.
            poll(0, nowNs);
            return;
        }
        if (events.ackPending()) {
            poll(timeoutNs(nowNs), nowNs); // the supervisor's next request waits, and must not keep us from sleeping
        } else if (supervisor.prepareToSleep()) {
            poll(timeoutNs(nowNs), nowNs);
            supervisor.awakeAndDrained();
        }
        if (listening) {
            link.awakeAndDrained(); // poll() has drained both
        }
    }

    private long timeoutNs(long nowNs) {
        long retryNs = effects.pending() || events.pending() ? RETRY_NS : Poller.FOREVER;
        return Math.min(retryNs, deadlineNs(nowNs));
    }

    private long deadlineNs(long nowNs) {
        if (!serving) {
            return Poller.FOREVER;
        }
        long deadlineNs = Math.min(core.nextDeadlineNs(), backends.nextDeadlineNs());
        return deadlineNs == DeviceCore.NO_DEADLINE ? Poller.FOREVER : Math.max(0, deadlineNs - nowNs);
    }

    /** Looks at all descriptors, waiting at most {@code timeoutNs}, and serves those that are ready. */
    void poll(long timeoutNs, long beforeNs) {
        state.rest();
        if (started) {
            backends.watch(poller, serving);
        }
        // A thread of the device's own may have finished something just before it was told to ring.
        poller.await(serving && timeoutNs != 0 && (core.hasWork() || backends.hasWork()) ? 0 : timeoutNs);
        long nowNs = timeoutNs == 0 ? beforeNs : Clock.monotonicNs();
        lastPollNs = nowNs;
        meter.look(backends, supervisor, nowNs);
        if (poller.ready(linkIndex) != 0) {
            link.requestDoorbell().drain();
        }
        if (poller.ready(supervisorIndex) != 0) {
            supervisor.requestDoorbell().drain();
        }
        if (exit == null && poller.ready(controlIndex) != 0) {
            exit = ProcessExit.SUPERVISOR_LOST;
        }
        for (int i = 0; i < resamples.length; i++) {
            if (poller.ready(firstResampleIndex + i) != 0) {
                resamples[i].eventFd().drain();
                core.resample(resamples[i].line(), nowNs);
                commit(nowNs);
            }
        }
        if (serving) {
            serveBackends(nowNs);
        }
    }

    private void serveBackends(long nowNs) {
        if (backends.service(poller, nowNs)) {
            commit(nowNs);
        }
    }
}
