package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.launch.ProcessKind;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/**
 * When which spare is started, as a pure state machine: one for each class, one after the other, not before the guest has run for
 * a while, and again after each use. A spare that dies, or does not answer, is replaced, later and later. Event-loop thread only.
 */
final class Spares {
    /** So long the guest has the processors for itself. */
    static final Duration AFTER_START = Duration.ofSeconds(2);

    /** The successor goes first. */
    static final Duration AFTER_USE = Duration.ofMillis(100);

    /** What a spare is in. */
    enum State {
        ABSENT,
        STARTING,
        READY
    }

    /** What is done about them. */
    interface Actions {
        void startSpare(ProcessKind kind);

        void killSpare(ProcessKind kind);

        /** Asks whether it lives; it acknowledges. */
        void pingSpare(ProcessKind kind);
    }

    private final LifecycleConfig config;
    private final Actions actions;
    private final Map<ProcessKind, Spare> spares = new EnumMap<>(ProcessKind.class);

    private static final class Spare {
        State state = State.ABSENT;
        /** ABSENT: when it may be started; STARTING: when it is given up; READY: when it is asked, or should have answered. */
        long deadlineNs;

        int failures;

        long readyNs;

        /** Since when it is to answer; 0 when it is asked nothing. */
        long pingedNs;

        Spare(long deadlineNs) {
            this.deadlineNs = deadlineNs;
        }
    }

    Spares(Set<ProcessKind> kinds, LifecycleConfig config, Actions actions, long nowNs) {
        this.config = config;
        this.actions = actions;
        kinds.forEach(k -> spares.put(k, new Spare(nowNs + AFTER_START.toNanos())));
    }

    /** Of a class that has none by configuration: ABSENT. */
    State state(ProcessKind kind) {
        Spare spare = spares.get(kind);
        return spare == null ? State.ABSENT : spare.state;
    }

    private boolean oneStarts() {
        return spares.values().stream().anyMatch(s -> s.state == State.STARTING);
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        boolean busy = oneStarts();
        return spares.values().stream()
                .filter(s -> !busy || s.state != State.ABSENT)
                .mapToLong(s -> s.deadlineNs)
                .min()
                .orElse(MachineLifecycle.NEVER);
    }

    /** Time has passed. */
    void tick(long nowNs) {
        spares.forEach((kind, spare) -> {
            if (spare.state == State.STARTING && nowNs >= spare.deadlineNs) {
                actions.killSpare(kind);
                failed(spare, nowNs);
            } else if (spare.state == State.READY && nowNs >= spare.deadlineNs) {
                ask(kind, spare, nowNs);
            } else if (spare.state == State.ABSENT && nowNs >= spare.deadlineNs && !oneStarts()) {
                spare.state = State.STARTING;
                spare.deadlineNs = nowNs + config.readyTimeout().toNanos();
                actions.startSpare(kind);
            }
        });
    }

    /** One that is stopped, or stuck, would be found out only when it is wanted. */
    private void ask(ProcessKind kind, Spare spare, long nowNs) {
        if (spare.pingedNs == 0) {
            spare.pingedNs = nowNs;
            spare.deadlineNs = nowNs + config.hangTimeout().toNanos();
            actions.pingSpare(kind);
        } else {
            actions.killSpare(kind);
            failed(spare, nowNs);
        }
    }

    /** It lives. */
    void pingAcknowledged(ProcessKind kind, long nowNs) {
        Spare spare = spares.get(kind);
        if (spare != null && spare.state == State.READY) {
            waits(spare, nowNs);
        }
    }

    private void waits(Spare spare, long nowNs) {
        spare.pingedNs = 0;
        spare.deadlineNs = DeviceLifecycle.nextPingNs(config, nowNs);
    }

    private void failed(Spare spare, long nowNs) {
        boolean lasted = spare.state == State.READY && nowNs - spare.readyNs >= DeviceLifecycle.QUICK.toNanos();
        spare.state = State.ABSENT;
        spare.failures = lasted ? 1 : spare.failures + 1;
        spare.deadlineNs = nowNs
                + Math.max(
                        AFTER_USE.toNanos(),
                        config.restarts().delay(spare.failures).toNanos());
    }

    /** It waits in its jail. */
    void ready(ProcessKind kind, long nowNs) {
        Spare spare = spares.get(kind);
        if (spare != null && spare.state == State.STARTING) {
            spare.state = State.READY;
            spare.readyNs = nowNs;
            waits(spare, nowNs);
        }
    }

    /** Takes the spare of a class; false when there is none. */
    boolean take(ProcessKind kind, long nowNs) {
        Spare spare = spares.get(kind);
        if (spare == null || spare.state != State.READY) {
            return false;
        }
        spare.state = State.ABSENT;
        spare.failures = 0;
        spare.deadlineNs = nowNs + AFTER_USE.toNanos();
        return true;
    }

    /** There will be none of this class any more; whether there is one, or one on its way, that has to go. */
    boolean drop(ProcessKind kind) {
        Spare spare = spares.remove(kind);
        return spare != null && spare.state != State.ABSENT;
    }

    /** It could not be started, or has ended. */
    void lost(ProcessKind kind, long nowNs) {
        Spare spare = spares.get(kind);
        if (spare != null && spare.state != State.ABSENT) {
            failed(spare, nowNs);
        }
    }
}
