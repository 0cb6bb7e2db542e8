package io.jvmm.supervisor.upgrade;

import io.jvmm.supervisor.upgrade.UpgradeActions.Role;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A device process is replaced by one of another version while the guest works on. Pure: what happens comes in with its time, what is
 * to be done goes out through {@link UpgradeActions}; every step has a deadline.
 *
 * <pre>
 *   WARMING     the successor becomes ready without a device                             old serves
 *   ASKING      the old one says that it lives
 *   DRAINING    the old one finishes what is in flight
 *   ENDING      the old one does not answer one of the two: it is killed, and gone             nobody serves from here on
 *   LEAVING     the board leaves the link alone
 *   CONVERTING  the converter writes the state in the older layout, is killed and gone   only to an older version
 *   ASSIGNING   the successor takes link and state, is ready, and is looked at
 *   RETIRING    the old one is killed, and gone
 *   RETURNING   the board uses the link again; the successor serves                      new serves
 *   UNDOING     whatever goes wrong before RETIRING: the new ones are killed, and gone
 *   REJOINING   the board uses the link again; the old one serves
 * </pre>
 *
 * Until RETIRING the old process has all it needs: it is drained, its state segment is written by nobody else, and the successor
 * has taken nothing from the request ring before START. After it, its state is still there; a successor that dies before START
 * leaves the device to the ordinary replacement, by the old version.
 *
 * <p>An old process that is stopped, or hangs, does not drain, and waiting for it would only keep the guest waiting. (One that waits for
 * the host says after a time that it could not drain.) It is killed, and
 * the successor goes on with what it has committed, as any successor of a process that died does; there is no RETIRING then.
 * Whatever goes wrong leaves the device to the ordinary replacement.
 */
public final class Upgrade {
    /** Where it is. */
    public enum Step {
        WARMING,
        ASKING,
        DRAINING,
        ENDING,
        LEAVING,
        CONVERTING,
        ASSIGNING,
        RETIRING,
        RETURNING,
        UNDOING,
        REJOINING,
        OVER
    }

    /** What an acknowledgement answers. */
    public enum Asked {
        PING,
        DRAIN,
        AWAY,
        BACK
    }

    /**
     * How long each step may take.
     *
     * @param ready from the start of a program to its being ready
     * @param answer until the old one has said that it lives; zero: it is not asked
     * @param drain until everything in flight is done, or the old one has said that it is not
     * @param board until the board has done what it was told
     * @param assign from its device to being ready again
     * @param dying from SIGKILL to the end
     */
    public record Patience(
            Duration ready, Duration answer, Duration drain, Duration board, Duration assign, Duration dying) {}

    /** No time matters. */
    public static final long NEVER = Long.MAX_VALUE;

    private final Transfer transfer;
    private final Patience patience;
    private final UpgradeActions actions;
    private final Set<Role> alive = EnumSet.of(Role.OLD, Role.SUCCESSOR);
    private Step step = Step.WARMING;
    private long deadlineNs;
    /** Since when the guest may have been waiting; 0 before that. */
    private long askedNs;
    /** The old one has been told to drain, and so to serve no more. */
    private boolean drained;

    private @Nullable String fault;
    /** The board has been told that the device is away, and not yet that it is back. */
    private boolean away;
    /** The converter has done its work, and been killed. */
    private boolean converted;

    /** The new processes have just been started, the converter waits for its record, and the old one serves. */
    public Upgrade(Transfer transfer, Patience patience, UpgradeActions actions, long nowNs) {
        this.transfer = transfer;
        this.patience = patience;
        this.actions = actions;
        if (transfer == Transfer.EXPORT) {
            alive.add(Role.CONVERTER);
        }
        this.deadlineNs = nowNs + patience.ready().toNanos();
    }

    public Step step() {
        return step;
    }

    /** Whether the end of this process is what is waited for now: its work is done, it is killed, and another goes on with what it has left. */
    public boolean isDone(Role role) {
        return switch (role) {
            case OLD -> step == Step.RETIRING && fault == null;
            case CONVERTER -> step == Step.CONVERTING && converted;
            case SUCCESSOR -> false;
        };
    }

    /** When {@link #tick} must be called at the latest; {@link #NEVER} when it is over. */
    public long nextDeadlineNs() {
        return step == Step.OVER ? NEVER : deadlineNs;
    }

    /** A process says that it is ready: the successor without a device first, and then with it; the converter when it has written. */
    public void ready(Role role, long nowNs) {
        boolean expected = switch (step) {
            case WARMING -> role == Role.SUCCESSOR;
            case CONVERTING -> role == Role.CONVERTER && !converted;
            case ASSIGNING -> role == Role.SUCCESSOR;
            case ASKING, DRAINING, ENDING, LEAVING, RETIRING, RETURNING, UNDOING, REJOINING, OVER -> false;
        };
        if (!expected) {
            return; // it says so once too often, or too late: nothing hangs on it
        }
        Optional<String> wrong = actions.audit(role);
        if (wrong.isPresent() && actions.hasEnded(role)) {
            return; // there is no jail to see any more; how it ended says more
        }
        if (wrong.isPresent()) {
            fail(name(role) + " is not jailed as it must be: " + wrong.get(), nowNs);
            return;
        }
        switch (step) {
            case WARMING -> warmed(nowNs);
            case CONVERTING -> {
                // It has written what it was for. Nobody adopts a segment that another process can still write to.
                converted = true;
                deadlineNs = nowNs + patience.dying().toNanos();
                actions.kill(Role.CONVERTER);
            }
            default -> {
                if (alive.contains(Role.OLD)) {
                    enter(Step.RETIRING, patience.dying(), nowNs);
                    actions.kill(Role.OLD);
                } else {
                    comeBack(nowNs);
                }
            }
        }
    }

    private void warmed(long nowNs) {
        askedNs = nowNs;
        if (patience.answer().isZero()) {
            drain(nowNs);
        } else {
            enter(Step.ASKING, patience.answer(), nowNs);
            actions.ping();
        }
    }

    private void drain(long nowNs) {
        askedNs = nowNs;
        drained = true;
        enter(Step.DRAINING, patience.drain(), nowNs);
        actions.drain();
    }

    private void comeBack(long nowNs) {
        enter(Step.RETURNING, patience.board(), nowNs);
        actions.back();
    }

    private void leave(long nowNs) {
        away = true;
        enter(Step.LEAVING, patience.board(), nowNs);
        actions.away();
    }

    /**
     * Something that was asked has been done.
     *
     * @param status 0, or why not
     */
    public void acknowledged(Asked what, int status, long nowNs) {
        if (what == Asked.PING && step == Step.ASKING) {
            drain(nowNs);
        } else if (what == Asked.DRAIN && step == Step.DRAINING) {
            if (status != 0) {
                fail("the old process could not finish what is under way at the host (status " + status + ")", nowNs);
            } else {
                leave(nowNs);
            }
        } else if (what == Asked.AWAY && step == Step.LEAVING) {
            left(status, nowNs);
        } else if (what == Asked.BACK && (step == Step.RETURNING || step == Step.REJOINING)) {
            if (status != 0) {
                giveUp("does not take the device back (status " + status + ")", nowNs);
            } else if (step == Step.RETURNING) {
                serveNew(nowNs);
            } else {
                actions.resume();
                over(nowNs);
            }
        }
    }

    private void left(int status, long nowNs) {
        if (status != 0) {
            giveUp("does not let go of the device (status " + status + ")", nowNs);
            return;
        }
        if (fault != null) {
            undo(nowNs);
            return;
        }
        actions.scrub();
        if (transfer == Transfer.EXPORT) {
            enter(Step.CONVERTING, patience.assign(), nowNs);
            actions.convert().ifPresent(why -> fail(why, nowNs));
        } else {
            assign(nowNs);
        }
    }

    private void assign(long nowNs) {
        enter(Step.ASSIGNING, patience.assign(), nowNs);
        actions.assign().ifPresent(why -> fail(why, nowNs));
    }

    /** From here on the old state is only what was. */
    private void serveNew(long nowNs) {
        away = false;
        actions.adopt();
        actions.start();
        over(nowNs);
    }

    /** A process has ended; {@code how} as one would say it. */
    public void ended(Role role, String how, long nowNs) {
        if (step == Step.OVER || !alive.remove(role)) {
            return;
        }
        switch (role) {
            case OLD -> oldEnded(how, nowNs);
            case SUCCESSOR -> successorEnded(how, nowNs);
            case CONVERTER -> converterEnded(how, nowNs);
        }
    }

    private void oldEnded(String how, long nowNs) {
        switch (step) {
            case RETIRING -> {
                if (fault != null) {
                    lastAct(nowNs);
                } else {
                    comeBack(nowNs);
                }
            }
            case ENDING -> {
                if (fault != null) {
                    undo(nowNs);
                } else {
                    leave(nowNs);
                }
            }
            case UNDOING -> undone(nowNs);
            case REJOINING -> lastAct(nowNs);
            default -> fail("the old process " + how + " meanwhile", nowNs);
        }
    }

    private void successorEnded(String how, long nowNs) {
        switch (step) {
            case UNDOING -> undone(nowNs);
            case REJOINING, OVER -> {}
            case ENDING, RETIRING -> {
                if (fault == null) {
                    fault = "the new process " + how + " before it served";
                }
            }
            case RETURNING -> {
                fault = "the new process " + how + " before it served";
                lastAct(nowNs);
            }
            default -> fail("the new process " + how + (step == Step.WARMING ? " before it was ready" : ""), nowNs);
        }
    }

    private void converterEnded(String how, long nowNs) {
        switch (step) {
            case CONVERTING -> {
                // Killed by us, once it has been audited: the deadline of its dying runs.
                if (converted) {
                    assign(nowNs);
                } else {
                    fail("the process that writes the state for the older version " + how, nowNs);
                }
            }
            case UNDOING -> undone(nowNs);
            case WARMING, ASKING, DRAINING, ENDING, LEAVING ->
                fail("the process that writes the state for the older version " + how, nowNs);
            case ASSIGNING, RETIRING, RETURNING, REJOINING, OVER -> {}
        }
    }

    /** Time has passed. */
    public void tick(long nowNs) {
        if (step == Step.OVER || nowNs < deadlineNs) {
            return;
        }
        switch (step) {
            case WARMING -> fail("the new process did not become ready within " + seconds(patience.ready()), nowNs);
            case ASKING, DRAINING -> {
                enter(Step.ENDING, patience.dying(), nowNs);
                actions.silent(nowNs - askedNs);
                actions.kill(Role.OLD);
            }
            case LEAVING, RETURNING, REJOINING -> {
                fault = "the vCPU process did not answer within " + seconds(patience.board());
                actions.boardIsSilent();
                over(nowNs);
            }
            case CONVERTING -> fail("the state was not written for the older version in time", nowNs);
            case ASSIGNING ->
                fail("the new process did not take the state within " + seconds(patience.assign()), nowNs);
            case ENDING, RETIRING, UNDOING -> {
                fault = "a process still exists after SIGKILL: it hangs in the kernel";
                step = Step.OVER;
                alive.stream().filter(r -> r != Role.OLD).toList().forEach(actions::kill);
                actions.stuck();
                over(nowNs);
            }
            case OVER -> {}
        }
    }

    private static String seconds(Duration d) {
        return d.toMillis() % 1000 == 0 ? d.toSeconds() + " s" : d.toMillis() + " ms";
    }

    /** It cannot be; the old version is to serve on. */
    private void fail(String why, long nowNs) {
        if (step == Step.OVER || step == Step.UNDOING) {
            return; // the first reason counts
        }
        if (fault == null) {
            fault = why;
        }
        if (step == Step.LEAVING || step == Step.ENDING) {
            return; // the board's answer comes first: it may be inside the link; or the old one's end
        }
        undo(nowNs);
    }

    private void undo(long nowNs) {
        enter(Step.UNDOING, patience.dying(), nowNs);
        alive.stream().filter(r -> r != Role.OLD).toList().forEach(actions::kill);
        if (step == Step.UNDOING) {
            undone(nowNs); // unless the last of them was gone at once
        }
    }

    /** Whether only the old one is left, or not even that. */
    private void undone(long nowNs) {
        if (alive.contains(Role.SUCCESSOR) || alive.contains(Role.CONVERTER)) {
            return;
        }
        if (!alive.contains(Role.OLD)) {
            lastAct(nowNs);
        } else if (away) {
            // What the successor has said to the board is nobody's word.
            actions.scrub();
            enter(Step.REJOINING, patience.board(), nowNs);
            actions.back();
        } else {
            if (drained) {
                actions.resume();
            }
            over(nowNs);
        }
    }

    /** Nobody is left: the ordinary replacement takes over. */
    private void lastAct(long nowNs) {
        if (fault == null) {
            fault = "the old process ended meanwhile";
        }
        if (alive.remove(Role.SUCCESSOR)) {
            actions.kill(Role.SUCCESSOR);
        }
        actions.replace();
        over(nowNs);
    }

    private void giveUp(String why, long nowNs) {
        fault = "the vCPU process " + why;
        actions.giveUp(why);
        over(nowNs);
    }

    private void over(long nowNs) {
        step = Step.OVER;
        actions.finished(Optional.ofNullable(fault), askedNs == 0 ? 0 : nowNs - askedNs);
    }

    private void enter(Step next, Duration patienceOfIt, long nowNs) {
        step = next;
        deadlineNs = nowNs + patienceOfIt.toNanos();
    }

    private static String name(Role role) {
        return switch (role) {
            case OLD -> "the old process";
            case SUCCESSOR -> "the new process";
            case CONVERTER -> "the process that writes the state for the older version";
        };
    }
}
