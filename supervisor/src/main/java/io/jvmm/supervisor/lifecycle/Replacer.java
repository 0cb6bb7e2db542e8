package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.Handover;
import io.jvmm.supervisor.launch.HostLackException;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import io.jvmm.supervisor.launch.StartedProcess;
import io.jvmm.supervisor.launch.Successors;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds a successor for a device: its class's spare, or a program started for it. Event-loop thread only; nothing here waits for the
 * kernel to start anything.
 */
final class Replacer implements Spares.Actions, AutoCloseable {
    private final MachineLoop loop;
    private final Successors successors;
    private final Starts starts;
    private final Map<ProcessInstance, Cold> cold = new HashMap<>();
    private Optional<Spares> spares = Optional.empty();
    /** The classes whose spare was killed and has not ended yet, and why nobody wants it; empty for one that was no good. */
    private final Map<ProcessKind, String> ended = new EnumMap<>(ProcessKind.class);

    /** A program that is being started for a device. */
    private static final class Cold {
        @Nullable
        StartedProcess started;

        /** Whether the device waits for it; else it waits for the device. */
        boolean wanted;

        Handover how = new Handover(false, false);
    }

    Replacer(MachineLoop loop, Successors successors) {
        this.loop = loop;
        this.successors = successors;
        this.starts = new Starts(successors);
    }

    Starts starts() {
        return starts;
    }

    void keepSpares(Spares all) {
        spares = Optional.of(all);
    }

    boolean hasSpare(ProcessKind kind) {
        return spares.map(s -> s.state(kind) == Spares.State.READY).orElse(false);
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return spares.map(Spares::nextDeadlineNs).orElse(MachineLifecycle.NEVER);
    }

    /** Time has passed. */
    void tick(long nowNs) {
        spares.ifPresent(s -> s.tick(nowNs));
    }

    /** Acts on what happens to a spare; false for anything else. */
    boolean handle(MachineEvent event, long nowNs) {
        return switch (event) {
            case MachineEvent.Ready e
            when e.process().isSpare() -> {
                ready(e.process(), nowNs);
                yield true;
            }
            case MachineEvent.Ended e
            when e.process().isSpare() -> {
                if (ended.remove(e.process().kind()) == null) {
                    loop.detail(e.process().process() + " " + Why.told(e.how()));
                }
                spares.ifPresent(s -> s.lost(e.process().kind(), nowNs));
                yield true;
            }
            case MachineEvent.Violation e
            when e.offender().isSpare() -> {
                loop.say(e.offender().process() + " broke the protocol: " + e.what() + "; it is killed.");
                loop.kill(e.offender());
                yield true;
            }
            default -> false;
        };
    }

    private void ready(ProcessInstance spare, long nowNs) {
        Optional<String> fault = loop.audit(spare);
        if (fault.isEmpty()) {
            waits(spare, nowNs);
        } else if (!loop.hasEnded(spare)) {
            loop.say(spare.process() + " is not jailed as it must be: " + fault.get() + " It is killed.");
            loop.kill(spare);
        }
    }

    private void waits(ProcessInstance spare, long nowNs) {
        try {
            successors.waits(loop.watch(spare).child());
            spares.ifPresent(s -> s.ready(spare.kind(), nowNs));
        } catch (HostLackException e) {
            loop.say(spare.process() + ": " + e.getMessage() + "; it is killed.");
            loop.kill(spare);
        }
    }

    /** The class has another program: the spare, made from the one before, gives way to one of that. */
    void renewSpare(ProcessKind kind) {
        if (hasSpare(kind)) {
            loop.detail("the spare of class " + kind.process() + " is renewed");
            end(kind, "gives way to one of the program that serves now");
        }
    }

    /** Why the end of a spare is wanted; empty where it is not, or the process is none. */
    Optional<String> wantedEnd(ProcessInstance process) {
        return Optional.ofNullable(process.isSpare() ? ended.get(process.kind()) : null)
                .filter(why -> !why.isEmpty());
    }

    /** No device of the class will want one again. */
    void dropSpare(ProcessKind kind) {
        spares.filter(s -> s.drop(kind)).ifPresent(_ -> end(kind, "is not needed any more"));
    }

    /** See {@link DeviceActions#prepare}. */
    void prepare(ProcessInstance device) {
        if (!hasSpare(device.kind())) {
            begin(device);
        }
    }

    private Cold begin(ProcessInstance device) {
        return cold.computeIfAbsent(device, d -> {
            starts.begin(d);
            return new Cold();
        });
    }

    /** See {@link DeviceActions#replace}. */
    DeviceActions.Source replace(ProcessInstance device, Handover how, boolean mayBeSpare, long nowNs) {
        successors.scrub(device, how.renewed());
        if (mayBeSpare && assign(device, how, nowNs)) {
            return DeviceActions.Source.SPARE;
        }
        Cold c = begin(device);
        c.wanted = true;
        c.how = how;
        succeed(device, c);
        return DeviceActions.Source.COLD;
    }

    private boolean assign(ProcessInstance device, Handover how, long nowNs) {
        if (!spares.map(s -> s.take(device.kind(), nowNs)).orElse(false)) {
            return false;
        }
        ProcessInstance spare = ProcessInstance.spare(device.kind());
        ChildWatch watch = loop.watch(spare);
        try {
            loop.becomes(watch, successors.assign(watch.child(), device, how));
            abandon(device);
            return true;
        } catch (HostLackException e) {
            loop.say(spare.process() + ": " + e.getMessage());
            loop.kill(spare);
            return false;
        }
    }

    private void succeed(ProcessInstance device, Cold c) {
        StartedProcess started = c.started;
        if (started == null || !c.wanted) {
            return;
        }
        cold.remove(device);
        try {
            loop.adopt(device, successors.succeed(started, c.how));
        } catch (HostLackException e) {
            starts.discard(started);
            starts.fail(device, String.valueOf(e.getMessage()));
        }
    }

    /** Nobody wants a program for this device any more. */
    void abandon(ProcessInstance device) {
        starts.cancel(device);
        Cold c = cold.remove(device);
        if (c != null && c.started != null) {
            starts.discard(c.started);
        }
    }

    /** Takes what has been started meanwhile. */
    void serve(boolean running, long nowNs) {
        starts.bell().drain();
        starts.complaint().ifPresent(loop::say);
        for (Optional<Starts.Done> d = starts.next(); d.isPresent(); d = starts.next()) {
            Starts.Done done = d.get();
            StartedProcess started = done.started();
            if (done.wanted().equals(ProcessInstance.RECORDER)) {
                loop.journal().started(done, nowNs);
            } else if (!running) {
                if (started != null) {
                    starts.discard(started);
                }
            } else if (done.wanted().isForUpgrade()) {
                loop.upgrades().started(done, nowNs);
            } else if (done.wanted().isSpare()) {
                spareStarted(done, nowNs);
            } else {
                coldStarted(done);
            }
        }
    }

    private void coldStarted(Starts.Done done) {
        Cold c = cold.get(done.wanted());
        StartedProcess started = done.started();
        if (started == null) {
            cold.remove(done.wanted());
            loop.startFailed(done.wanted(), done.failure());
        } else if (c == null) {
            starts.discard(started);
        } else {
            c.started = started;
            succeed(done.wanted(), c);
        }
    }

    private void spareStarted(Starts.Done done, long nowNs) {
        ProcessKind kind = done.wanted().kind();
        StartedProcess started = done.started();
        String failure = done.failure();
        if (loop.isThere(done.wanted())) {
            // A killed one may take its time to end; two under one name, and one of them would never be collected.
            failure = "the one before has not ended yet";
        } else if (started != null
                && spares.map(s -> s.state(kind) == Spares.State.STARTING).orElse(false)) {
            try {
                ChildProcess child = successors.standBy(started);
                loop.adopt(done.wanted(), child);
                return;
            } catch (HostLackException e) {
                failure = String.valueOf(e.getMessage());
            }
        }
        if (started != null) {
            starts.discard(started);
        }
        if (!failure.isEmpty()) {
            loop.say("there is no spare of class " + kind.process() + ": " + failure);
        }
        spares.ifPresent(s -> s.lost(kind, nowNs));
    }

    @Override
    public void startSpare(ProcessKind kind) {
        starts.begin(ProcessInstance.spare(kind));
    }

    @Override
    public void killSpare(ProcessKind kind) {
        loop.detail(ProcessInstance.spare(kind).process() + " is not ready in time, or does not answer, and is killed");
        end(kind, "");
    }

    /** It goes because we want it to: its end is no news. */
    private void end(ProcessKind kind, String why) {
        ProcessInstance spare = ProcessInstance.spare(kind);
        starts.cancel(spare);
        if (loop.isThere(spare)) {
            ended.put(kind, why);
            loop.kill(spare);
        }
    }

    @Override
    public void pingSpare(ProcessKind kind) {
        ProcessInstance spare = ProcessInstance.spare(kind);
        var _ = loop.send(spare, SupervisorRequestType.PING, 0);
    }

    /** A spare lives. */
    void pingAcknowledged(ProcessInstance spare, long nowNs) {
        spares.ifPresent(s -> s.pingAcknowledged(spare.kind(), nowNs));
    }

    /** Nothing that was being started stays. */
    @Override
    public void close() {
        cold.keySet().stream().toList().forEach(this::abandon);
        starts.close();
    }
}
