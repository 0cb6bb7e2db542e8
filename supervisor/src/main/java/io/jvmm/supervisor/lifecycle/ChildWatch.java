package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * One living process under the eyes of the event loop: its supervisor link, its output, its end, and the requests that it has not
 * acknowledged yet. A successor gets a watch of its own; a spare that is given a device keeps its. Event-loop thread only.
 */
final class ChildWatch {
    /** Events taken from one link before the others get their turn. */
    private static final int EVENTS_AT_ONCE = 64;

    /** More turns than a dead process's ring of events can hold. */
    private static final int LAST_TURNS = 1024;

    /** No process has nearly as many unanswered requests; one that has does not listen. */
    private static final int MOST_PENDING = 4096;

    private final MachineLoop loop;
    private final PollSlots slots;
    private final ChildOutput output;
    private final ChildEvents events;
    private final TokenBucket work;
    private final int pidfdSlot;
    private final int outputSlot;
    private final int doorbellSlot;
    private final Deque<Asked> pending = new ArrayDeque<>();
    private ProcessInstance instance;
    private ChildProcess child;
    private boolean outputOpen = true;
    private boolean ended;
    private boolean collected;
    private boolean severed;
    /** Not listened to until then; 0 for one that is listened to. */
    private long deafUntilNs;

    /**
     * A request that has no acknowledgement yet.
     *
     * @param about the device that the vCPU process is told of; else the process itself
     * @param argument so that it can be asked of a successor
     */
    record Asked(SupervisorRequestType request, ProcessInstance about, long argument, long sentNs) {}

    ChildWatch(ProcessInstance instance, ChildProcess child, MachineLoop loop, PollSlots slots, long nowNs) {
        this.instance = instance;
        this.child = child;
        this.loop = loop;
        this.slots = slots;
        this.output = new ChildOutput(instance.process(), nowNs, loop.console()::say, loop.archives()::takes);
        this.work = new TokenBucket(MachineLoop.WORK_BURST, MachineLoop.NS_PER_WORK, nowNs);
        this.events = new ChildEvents(this, output, loop);
        this.pidfdSlot = slots.take(child.pidfd().fd(), Poller.READABLE);
        this.outputSlot = slots.take(child.output(), Poller.READABLE);
        this.doorbellSlot = slots.take(child.eventDoorbell().fd(), Poller.READABLE);
    }

    /** Which process of the machine it is now. */
    ProcessInstance instance() {
        return instance;
    }

    ChildProcess child() {
        return child;
    }

    ChildEvents events() {
        return events;
    }

    ChildOutput output() {
        return output;
    }

    boolean collected() {
        return collected;
    }

    boolean ended() {
        return ended;
    }

    /** A spare has become this. */
    void become(ChildProcess assigned) {
        instance = assigned.instance();
        child = assigned;
        output.rename(instance.process());
        events.becameAnother();
    }

    /** It has another name from now on, and nothing else is changed. */
    void rename(ProcessInstance as) {
        instance = as;
        output.rename(as.process());
    }

    /** Asks something of it; false when it cannot be told. */
    boolean send(SupervisorRequestType request, ProcessInstance about, long argument, long detail) {
        if (collected || pending.size() >= MOST_PENDING || !child.endpoint().send(request, argument, detail)) {
            return false;
        }
        pending.add(new Asked(request, about, argument, Clock.monotonicNs()));
        return true;
    }

    /** It acknowledges; the request, or nothing when it was not asked that. */
    Optional<Asked> acknowledged(SupervisorRequestType request) {
        Asked asked = pending.peek();
        if (asked == null || asked.request() != request) {
            return Optional.empty();
        }
        return Optional.of(pending.remove());
    }

    /** What it has not acknowledged, the oldest first. */
    List<Asked> pending() {
        return List.copyOf(pending);
    }

    /** When the oldest unacknowledged request was sent; {@link MachineLifecycle#NEVER} when there is none. */
    long oldestSentNs() {
        Asked asked = pending.peek();
        return asked == null ? MachineLifecycle.NEVER : asked.sentNs();
    }

    /** Takes some of its events, if it is listened to; true if there may be more. */
    boolean listen() {
        listenAgain();
        return !collected && deafUntilNs == 0 && drain();
    }

    private boolean drain() {
        if (severed) {
            return false;
        }
        int taken = child.endpoint().pollEvents(events, EVENTS_AT_ONCE);
        pay(taken);
        if (events.flooded()) {
            sever();
        } else if (child.endpoint().health() == LinkHealth.SEVERED) {
            sever();
            loop.handle(new MachineEvent.Violation(
                    instance,
                    MachineEvent.Violation.SUPERVISOR,
                    String.valueOf(child.endpoint().violation())));
        }
        return taken > 0 && !severed;
    }

    private void sever() {
        severed = true;
        if (!collected) {
            slots.ignore(doorbellSlot);
        }
    }

    private void pay(int cost) {
        long now = Clock.monotonicNs();
        if (!work.spend(cost, now) && !ended && deafUntilNs == 0) {
            deafUntilNs = now + MachineLoop.DEAF_NS;
            slots.ignore(doorbellSlot);
            slots.ignore(outputSlot);
        }
    }

    private void listenAgain() {
        if (deafUntilNs == 0 || collected || Clock.monotonicNs() < deafUntilNs) {
            return;
        }
        deafUntilNs = 0;
        if (!severed) {
            slots.listen(doorbellSlot);
        }
        if (outputOpen) {
            slots.listen(outputSlot);
        }
    }

    /** Until when it is not listened to; {@link MachineLifecycle#NEVER} for one that is. */
    long deafUntilNs() {
        return deafUntilNs == 0 || collected ? MachineLifecycle.NEVER : deafUntilNs;
    }

    /** The loop is about to sleep; false if there is something to do first. */
    boolean prepareToSleep() {
        return collected || severed || deafUntilNs != 0 || child.endpoint().prepareToSleep();
    }

    /** After the sleep, if {@link #prepareToSleep} was called for it. */
    void awake() {
        if (!collected && !severed && deafUntilNs == 0) {
            child.endpoint().awake();
        }
    }

    /** Does what the last poll found; how it ended, if it has. */
    Optional<ExitStatus> serve() {
        if (collected) {
            return Optional.empty();
        }
        if (slots.ready(doorbellSlot) != 0) {
            child.eventDoorbell().drain();
            pay(1);
        }
        if (outputOpen && slots.ready(outputSlot) != 0) {
            readOutput();
        }
        return slots.ready(pidfdSlot) != 0 ? child.pidfd().poll() : Optional.empty();
    }

    private void readOutput() {
        pay(ChildOutput.CHUNKS_AT_ONCE);
        if (!output.readFrom(child.output(), Clock.monotonicNs())) {
            outputOpen = false;
            slots.ignore(outputSlot);
        }
    }

    /** It is gone. What it said before counts first: its last event may be the reason. */
    void collect() {
        ended = true;
        for (int turn = 0; turn < LAST_TURNS && drain(); turn++) {
            // A ring full: nobody writes to it any more.
        }
        if (outputOpen) {
            readOutput();
        }
        collected = true;
        slots.free(pidfdSlot);
        slots.free(outputSlot);
        slots.free(doorbellSlot);
    }

    /** Told when nothing more comes from it. */
    void tellDropped() {
        output.tellDropped();
        events.tellDropped();
    }
}
