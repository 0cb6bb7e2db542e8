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
 * come in, {@link DeviceActions} go out. Event-loop thread only. {@link DeviceState} draws it.
 */
final class DeviceLifecycle {
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
    private DeviceState state = DeviceState.SERVING;
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
    /** What broke it, a clause behind its name. */
    private String broke = "";
    /** Since when the one that is killed had not answered. */
    private long silentSinceNs;

    private long awayNs;
    private long givenNs;
    private long notBeforeNs;
    private boolean renewed;
    private boolean boardRenews;
    /** Whether the board has acknowledged that the process is gone. */
    private boolean boardWaits;

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

    DeviceState state() {
        return state;
    }

    /** How often its process has been replaced. */
    int replacements() {
        return replacements;
    }

    /** Whether a request to its process reaches one that serves. */
    boolean isServed() {
        return state == DeviceState.SERVING || state == DeviceState.RETURNING;
    }

    /** Why its process is killed, for nothing that it did; empty where it is not. */
    Optional<Why> wantedEnd() {
        return Optional.ofNullable(why).filter(w -> state == DeviceState.ENDING && !absent && !w.counts());
    }

    /** Whether it is given up for good, answered for or not. */
    boolean isBroken() {
        return switch (state) {
            case LEAVING, ENTRUSTING, ENTRUSTED, CARED_FOR, BROKEN -> true;
            case SERVING, ENDING, AWAY, WAITING, REPLACING, RETURNING, UPGRADING -> false;
        };
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return deadlineNs;
    }

    private void serving(long nowNs) {
        state = DeviceState.SERVING;
        servingSinceNs = nowNs;
        isAlive(nowNs);
    }

    private void isAlive(long nowNs) {
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
            case SERVING, CARED_FOR -> {
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
            case ENTRUSTING -> caretakerIsLate(nowNs);
            case AWAY, RETURNING, UPGRADING, LEAVING, ENTRUSTED, BROKEN -> deadlineNs = MachineLifecycle.NEVER;
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
            case ENTRUSTING, ENTRUSTED, CARED_FOR -> {
                if (reason.counts()) {
                    uncared(reason);
                }
            }
            case ENDING, AWAY, WAITING, LEAVING, BROKEN -> {}
        }
    }

    /** What the board complains of: believed only while the process it means is certainly the one that serves now. */
    void blamed(Why reason, long nowNs) {
        switch (state) {
            case SERVING, CARED_FOR -> lost(reason, nowNs);
            // Said of the one that is going, before the board knew: what it has found in the link is there all the
            // same.
            case ENDING, AWAY, LEAVING -> renewed |= reason.renewsLink();
            case WAITING, REPLACING, RETURNING, UPGRADING, ENTRUSTING, ENTRUSTED, BROKEN -> {}
        }
    }

    private void kill(long nowNs) {
        state = DeviceState.ENDING;
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
                    giveUp("has a state that nobody can go on with (its process " + end.text() + ")", nowNs);
                } else {
                    again(end, nowNs);
                }
            }
            case ENDING -> hasGone(nowNs);
            case ENTRUSTING -> caretakerEnded(end, nowNs);
            case ENTRUSTED, CARED_FOR -> uncared(end);
            case AWAY, WAITING, UPGRADING, LEAVING, BROKEN -> {}
        }
    }

    private void gone(long nowNs) {
        Why reason = reason();
        boolean atOnce = replacements > 0 && nowNs - servingSinceNs < QUICK.toNanos();
        absent = true;
        // Of one that hung the guest had nothing any more before it was killed.
        goneNs = reason.silentNs() > 0 ? Math.min(silentSinceNs, nowNs) : nowNs;
        quick = reason.counts() && atOnce ? quick + 1 : 0;
        boardWaits = false;
        if (reason.counts() && !spend(reason, nowNs)) {
            return;
        }
        notBeforeNs = nowNs + config.restarts().delay(quick).toNanos();
        away(DeviceState.AWAY);
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
            giveUp(
                    reason.text()
                            + (restarts.isEmpty()
                                    ? ""
                                    : ", and has used up its " + restarts.size() + " restarts within "
                                            + config.restarts().window().toSeconds() + " s"),
                    nowNs);
            return false;
        }
        restarts.addLast(nowNs);
        return true;
    }

    private void away(DeviceState waiting) {
        state = waiting;
        deadlineNs = MachineLifecycle.NEVER;
        boardRenews = renewed;
        actions.tellAway(device, renewed, goneNs);
    }

    /** The board waits for the successor and touches no event of the dead one. */
    void awayAcknowledged(long nowNs) {
        if (state != DeviceState.AWAY && state != DeviceState.LEAVING) {
            return;
        }
        boardWaits = true;
        if (renewed && !boardRenews) {
            away(state);
        } else if (state == DeviceState.LEAVING) {
            entrust(nowNs, true);
        } else if (nowNs < notBeforeNs) {
            state = DeviceState.WAITING;
            deadlineNs = notBeforeNs;
        } else {
            replace(nowNs, true);
        }
    }

    private void replace(long nowNs, boolean mayBeSpare) {
        state = DeviceState.REPLACING;
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
            away(DeviceState.AWAY);
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
            state = DeviceState.WAITING;
            deadlineNs = notBeforeNs;
        }
    }

    /** No process could be started. */
    void startFailed(String reason, long nowNs) {
        if (state == DeviceState.REPLACING) {
            source = DeviceActions.Source.COLD;
            again(new Why.NotStarted(reason), nowNs);
        } else if (state == DeviceState.ENTRUSTING) {
            uncared(new Why.NotStarted(reason));
        }
    }

    /** Its process has closed its jail. */
    void ready(long nowNs) {
        boolean comes = state == DeviceState.REPLACING || (state == DeviceState.ENTRUSTING && failure == null);
        if (!comes) {
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
        if (state == DeviceState.ENTRUSTING) {
            state = DeviceState.ENTRUSTED;
            deadlineNs = MachineLifecycle.NEVER;
            actions.say(
                    "device " + device.process() + " " + broke
                            + ": it is broken from now on: its requests are answered with errors; the machine goes on without it.");
            return;
        }
        replacements++;
        actions.replaced(device, new Replacement(reason(), source, goneNs, awayNs, givenNs, nowNs));
        absent = false;
        renewed = false;
        why = null;
        state = DeviceState.RETURNING;
        servingSinceNs = nowNs;
        deadlineNs = MachineLifecycle.NEVER;
    }

    /** The board trusts the link again. */
    void backAcknowledged(long nowNs) {
        if (state == DeviceState.RETURNING) {
            long since = servingSinceNs;
            serving(nowNs);
            servingSinceNs = since;
            goesLater(nowNs);
        } else if (state == DeviceState.ENTRUSTED) {
            state = DeviceState.CARED_FOR;
            isAlive(nowNs);
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
        if ((state == DeviceState.SERVING || state == DeviceState.CARED_FOR) && pingedNs != 0) {
            isAlive(nowNs);
        }
    }

    /** An upgrade begins: what happens to its processes is the upgrade's until it ends in one of the next three ways. */
    void beginUpgrade() {
        state = DeviceState.UPGRADING;
        deadlineNs = MachineLifecycle.NEVER;
    }

    /** One serves, the old or the new. Nothing happens where it has ended in another way. */
    void endUpgrade(long nowNs) {
        if (state == DeviceState.UPGRADING) {
            serving(nowNs);
            goesLater(nowNs);
        }
    }

    /** The serving one has died meanwhile, or was killed because it hung; that it was being upgraded matters no more. */
    void diedInUpgrade(Why end, long nowNs) {
        if (state == DeviceState.UPGRADING) {
            renewed |= end.renewsLink();
            why = end;
            silentSinceNs = nowNs - end.silentNs();
            gone(nowNs);
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

    /**
     * There is no restart left, or nobody can go on with the state. Drivers of virtio devices wait for answers and do not look whether there can be any: what was
     * under way and what comes is answered by one more process of the class, which does nothing else.
     */
    private void giveUp(String text, long nowNs) {
        broke = text;
        if (!device.kind().isVirtio()) {
            broken(text);
        } else if (boardWaits && (boardRenews || !renewed)) {
            entrust(nowNs, true);
        } else {
            away(DeviceState.LEAVING);
            actions.prepare(device);
        }
    }

    private void entrust(long nowNs, boolean mayBeSpare) {
        state = DeviceState.ENTRUSTING;
        failure = null;
        source = actions.entrust(device, renewed, mayBeSpare);
        deadlineNs = nowNs + patience().toNanos();
        actions.givenUp(device);
    }

    /** What is wrong may be the spare: it is killed, and when it has ended the program itself gets its try. */
    private void caretakerIsLate(long nowNs) {
        Why late = new Why.Silent(nowNs - deadlineNs + patience().toNanos());
        if (source != DeviceActions.Source.SPARE || failure != null) {
            uncared(failure == null ? late : failure);
            return;
        }
        failure = late;
        deadlineNs = nowNs + JailedProcess.DYING_NS;
        if (!actions.kill(device)) {
            entrust(nowNs, false);
        }
    }

    /** A caretaker failed before it answered. */
    private void caretakerEnded(Why.Died end, long nowNs) {
        if (renewed && !boardRenews) {
            away(DeviceState.LEAVING);
        } else if (source == DeviceActions.Source.SPARE && !end.exited(ProcessExit.STATE_REJECTED)) {
            entrust(nowNs, false);
        } else {
            uncared(end);
        }
    }

    /** A caretaker is of no use, or no more. */
    private void uncared(Why reason) {
        if (state == DeviceState.ENTRUSTING) {
            broken(broke + ", and what was to answer for it " + reason.text());
            return;
        }
        fallSilent();
        actions.say("device " + device.process()
                + ", which is broken, is not even answered for any more: its caretaker " + reason.text() + ".");
    }

    private void broken(String text) {
        fallSilent();
        actions.say("device " + device.process() + " " + text
                + ": it is broken from now on; the machine goes on without it.");
    }

    private void fallSilent() {
        state = DeviceState.BROKEN;
        deadlineNs = MachineLifecycle.NEVER;
        actions.kill(device);
        actions.tellBroken(device);
        actions.givenUp(device);
    }
}
