package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The life of one device while the machine runs, as a pure state machine: processes die, the device lives on. Events and the time
 * come in, {@link DeviceActions} go out. Event-loop thread only. {@link State} draws it.
 */
final class DeviceLifecycle {
    /**
     * Where a device stands.
     *
     * <pre>
     *   SERVING ──we kill it──▶ ENDING ──it has ended──▶ AWAY ◀──it ended by itself── SERVING
     *      ▲                       ▲                      │ board: ACK
     *      │ board: ACK            │                      ▼
     *   RETURNING ◀──READY, jail as it must be── REPLACING ◀──back-off over── WAITING
     *                              │ failed: once more, or
     *                              ▼
     *                            BROKEN: no restart left, or nobody can go on with the state
     * </pre>
     */
    enum State {
        SERVING,
        /** Its process has been killed, and has not ended yet. */
        ENDING,
        /** The board has been asked to wait for a successor. */
        AWAY,
        /** Its processes die so fast that the next one is not started yet. */
        WAITING,
        /** A successor is on its way to READY. */
        REPLACING,
        /** The successor serves; the board has been told. */
        RETURNING,
        /** Another version takes its place; {@link Upgrades} has it, and gives it back in the end. */
        UPGRADING,
        /** For good. */
        BROKEN
    }

    /** A process that dies sooner after it began to serve has died at once. */
    static final Duration QUICK = Duration.ofSeconds(1);

    /** A spare that has a device may take so long to be READY; it has only to map and adopt. */
    static final Duration ASSIGNED = Duration.ofSeconds(2);

    /** Each serving process is asked so often whether it lives, all of them at the same moment. */
    static final Duration PING_PERIOD = Duration.ofSeconds(1);

    private final ProcessInstance device;
    private final LifecycleConfig config;
    private final DeviceActions actions;
    private final Deque<Long> restarts = new ArrayDeque<>();
    private State state = State.SERVING;
    private long deadlineNs = MachineLifecycle.NEVER;
    private long servingSinceNs;
    private long pingedNs;
    private int quick;
    private int replacements;

    /** From the end of a process until its successor serves. */
    private boolean absent;

    /** Why it is absent, and what became of the last successor. */
    private @Nullable Why why;

    private @Nullable Why failure;

    /** Why the successor that is on its way will have to go, too, once it serves: it has been given what is of no use any more. */
    private @Nullable Why later;

    private long goneNs;
    /** Since when the one that is killed had not answered. */
    private long silentSinceNs;

    private long awayNs;
    private long givenNs;
    private long notBeforeNs;
    private boolean renewed;
    private boolean boardRenews;
    private DeviceActions.Source source = DeviceActions.Source.COLD;

    /** A device whose first process begins to serve now. */
    DeviceLifecycle(ProcessInstance device, LifecycleConfig config, DeviceActions actions, long nowNs) {
        this.device = device;
        this.config = config;
        this.actions = actions;
        serving(nowNs);
    }

    ProcessInstance device() {
        return device;
    }

    State state() {
        return state;
    }

    /** How often its process has been replaced. */
    int replacements() {
        return replacements;
    }

    /** Whether a request to its process reaches one that serves. */
    boolean isServed() {
        return state == State.SERVING || state == State.RETURNING;
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return deadlineNs;
    }

    private void serving(long nowNs) {
        state = State.SERVING;
        servingSinceNs = nowNs;
        pingedNs = 0;
        deadlineNs = nextPingNs(config, nowNs);
    }

    /** When a process is asked next whether it lives: all are at the same moment, so that an idle host wakes once. */
    static long nextPingNs(LifecycleConfig config, long nowNs) {
        long period = PING_PERIOD.toNanos();
        return config.hangTimeout().isZero() ? MachineLifecycle.NEVER : (nowNs / period + 1) * period;
    }

    /** Time has passed. */
    void tick(long nowNs) {
        if (nowNs < deadlineNs) {
            return;
        }
        switch (state) {
            case SERVING -> {
                if (pingedNs == 0) {
                    pingedNs = nowNs;
                    deadlineNs = nowNs + config.hangTimeout().toNanos();
                    actions.ping(device);
                } else {
                    lost(new Why.Silent(nowNs - pingedNs), nowNs);
                }
            }
            case ENDING ->
                broken("still has its process " + JailedProcess.DYING_NS / 1_000_000_000L
                        + " s after SIGKILL, for the kernel does not let go of it");
            case WAITING -> replace(nowNs, true);
            case REPLACING -> {
                failure = new Why.Silent(nowNs - deadlineNs + patience().toNanos());
                kill(nowNs);
            }
            case AWAY, RETURNING, UPGRADING, BROKEN -> deadlineNs = MachineLifecycle.NEVER;
        }
    }

    private Duration patience() {
        return source == DeviceActions.Source.SPARE ? ASSIGNED : config.readyTimeout();
    }

    /** Its process is to go: it hangs, it lies, or the user wants another one. Of one that is not there nothing is to be said. */
    void lost(Why reason, long nowNs) {
        renewed |= reason.renewsLink();
        switch (state) {
            case SERVING, RETURNING -> {
                why = reason;
                silentSinceNs = nowNs - reason.silentNs();
                kill(nowNs);
            }
            case REPLACING -> {
                if (reason.counts()) {
                    failure = reason;
                    kill(nowNs);
                } else {
                    keepsInMind(reason);
                }
            }
            case UPGRADING -> keepsInMind(reason);
            case ENDING, AWAY, WAITING, BROKEN -> {}
        }
    }

    /** What the board complains of: believed only while the process it means is certainly the one that serves now. */
    void blamed(Why reason, long nowNs) {
        switch (state) {
            case SERVING -> lost(reason, nowNs);
            // Said of the one that is going, before the board knew: what it has found in the link is there all the
            // same.
            case ENDING, AWAY -> renewed |= reason.renewsLink();
            case WAITING, REPLACING, RETURNING, UPGRADING, BROKEN -> {}
        }
    }

    private void kill(long nowNs) {
        state = State.ENDING;
        deadlineNs = nowNs + JailedProcess.DYING_NS;
        if (!actions.kill(device)) {
            hasGone(nowNs);
        }
    }

    /** What was killed is there no more. */
    private void hasGone(long nowNs) {
        if (absent) {
            again(failure == null ? reason() : failure, nowNs);
        } else {
            gone(nowNs);
        }
    }

    /** Its process has ended and is collected. */
    void ended(Why.Died end, long nowNs) {
        renewed |= end.renewsLink();
        switch (state) {
            case SERVING, RETURNING -> {
                why = end;
                gone(nowNs);
            }
            case REPLACING -> {
                if (end.exited(ProcessExit.STATE_REJECTED)) {
                    broken("has a state that nobody can go on with (its process " + end.text() + ")");
                } else {
                    again(end, nowNs);
                }
            }
            case ENDING -> hasGone(nowNs);
            case AWAY, WAITING, UPGRADING, BROKEN -> {}
        }
    }

    private void gone(long nowNs) {
        Why reason = reason();
        boolean atOnce = replacements > 0 && nowNs - servingSinceNs < QUICK.toNanos();
        absent = true;
        // Of one that hung the guest had nothing any more before it was killed.
        goneNs = reason.silentNs() > 0 ? Math.min(silentSinceNs, nowNs) : nowNs;
        quick = reason.counts() && atOnce ? quick + 1 : 0;
        if (reason.counts() && !spend(reason, nowNs)) {
            return;
        }
        notBeforeNs = nowNs + config.restarts().delay(quick).toNanos();
        away();
        if (notBeforeNs <= nowNs) {
            actions.prepare(device);
        }
    }

    private Why reason() {
        return Objects.requireNonNull(why, "an absence has a reason");
    }

    /** Takes one restart from the budget; false when the device is broken now. */
    private boolean spend(Why reason, long nowNs) {
        long windowNs = config.restarts().window().toNanos();
        while (!restarts.isEmpty() && nowNs - restarts.peekFirst() > windowNs) {
            restarts.removeFirst();
        }
        if (restarts.size() >= config.restarts().restarts()) {
            broken(reason.text()
                    + (restarts.isEmpty()
                            ? ""
                            : ", and has been replaced " + restarts.size() + " times in "
                                    + config.restarts().window().toSeconds() + " s"));
            return false;
        }
        restarts.addLast(nowNs);
        return true;
    }

    private void away() {
        state = State.AWAY;
        deadlineNs = MachineLifecycle.NEVER;
        boardRenews = renewed;
        actions.tellAway(device, renewed, goneNs);
    }

    /** The board waits for the successor and touches no event of the dead one. */
    void awayAcknowledged(long nowNs) {
        if (state != State.AWAY) {
            return;
        }
        if (renewed && !boardRenews) {
            away();
        } else if (nowNs < notBeforeNs) {
            state = State.WAITING;
            deadlineNs = notBeforeNs;
        } else {
            replace(nowNs, true);
        }
    }

    private void replace(long nowNs, boolean mayBeSpare) {
        state = State.REPLACING;
        awayNs = nowNs;
        later = null;
        source = actions.replace(device, renewed, mayBeSpare);
        givenNs = actions.nowNs();
        deadlineNs = nowNs + patience().toNanos();
    }

    /** A successor failed before it served. */
    private void again(Why how, long nowNs) {
        failure = null;
        if (renewed && !boardRenews) {
            notBeforeNs = nowNs;
            away();
            return;
        }
        if (source == DeviceActions.Source.SPARE) {
            // What is wrong may be the spare; the program itself gets its try.
            replace(nowNs, false);
            return;
        }
        actions.say("the successor of device " + device.process() + " " + how.text() + " before it could serve.");
        quick++;
        if (spend(how, nowNs)) {
            notBeforeNs = nowNs + config.restarts().delay(quick).toNanos();
            state = State.WAITING;
            deadlineNs = notBeforeNs;
        }
    }

    /** No process could be started. */
    void startFailed(String reason, long nowNs) {
        if (state == State.REPLACING) {
            source = DeviceActions.Source.COLD;
            again(new Why.NotStarted(reason), nowNs);
        }
    }

    /** Its process has closed its jail. */
    void ready(long nowNs) {
        if (state != State.REPLACING) {
            return;
        }
        Optional<String> fault = actions.audit(device);
        if (fault.isPresent()) {
            if (!actions.hasEnded(device)) {
                lost(new Why.Violated("is not jailed as it must be: " + fault.get(), false), nowNs);
            }
            return;
        }
        actions.tellBack(device);
        actions.start(device);
        replacements++;
        actions.replaced(device, new Replacement(reason(), source, goneNs, awayNs, givenNs, nowNs));
        absent = false;
        renewed = false;
        why = null;
        state = State.RETURNING;
        servingSinceNs = nowNs;
        deadlineNs = MachineLifecycle.NEVER;
    }

    /** The board trusts the link again. */
    void backAcknowledged(long nowNs) {
        if (state == State.RETURNING) {
            long since = servingSinceNs;
            serving(nowNs);
            servingSinceNs = since;
            goesLater(nowNs);
        }
    }

    /** The one that comes may have been told already what it has, and is not to stay with a back end that is gone. */
    private void keepsInMind(Why reason) {
        if (reason instanceof Why.NewBackend) {
            later = reason;
        }
    }

    private void goesLater(long nowNs) {
        Why reason = later;
        later = null;
        if (reason != null) {
            lost(reason, nowNs);
        }
    }

    /** It lives. */
    void pingAcknowledged(long nowNs) {
        if (state == State.SERVING && pingedNs != 0) {
            pingedNs = 0;
            deadlineNs = nextPingNs(config, nowNs);
        }
    }

    /** An upgrade begins: what happens to its processes is the upgrade's until it ends in one of the next three ways. */
    void beginUpgrade() {
        state = State.UPGRADING;
        deadlineNs = MachineLifecycle.NEVER;
    }

    /** One serves, the old or the new. Nothing happens where it has ended in another way. */
    void endUpgrade(long nowNs) {
        if (state == State.UPGRADING) {
            serving(nowNs);
            goesLater(nowNs);
        }
    }

    /** The serving one has died meanwhile; that it was being upgraded matters no more. */
    void diedInUpgrade(Why.Died end, long nowNs) {
        if (state == State.UPGRADING) {
            state = State.SERVING;
            ended(end, nowNs);
        }
    }

    /** A process of it survives SIGKILL. */
    void stuckInUpgrade() {
        broken("still has a process " + JailedProcess.DYING_NS / 1_000_000_000L
                + " s after SIGKILL, for the kernel does not let go of it");
    }

    /** Whoever takes its place gets a link that begins anew: what is in it now was written by a liar, or read by one. */
    void renewLink() {
        renewed = true;
    }

    private void broken(String text) {
        state = State.BROKEN;
        deadlineNs = MachineLifecycle.NEVER;
        actions.kill(device);
        actions.tellBroken(device);
        actions.say("device " + device.process() + " " + text
                + ": it is broken from now on; the machine goes on without it.");
    }
}
