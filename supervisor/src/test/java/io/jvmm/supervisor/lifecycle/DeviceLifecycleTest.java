package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.config.RestartBudget;
import io.jvmm.supervisor.config.Standby;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Every transition of {@link DeviceState}, on a clock of our own. */
class DeviceLifecycleTest {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1000 * MS;
    private static final ProcessInstance SERIAL = ProcessInstance.SERIAL;
    private static final ProcessInstance BLOCK = ProcessInstance.of(ProcessKind.BLOCK);
    private static final Why.Died KILLED = new Why.Died(new ExitStatus.Killed(9, false), "");

    private final RecordedActions did = new RecordedActions();

    private DeviceLifecycle serving(RestartBudget budget) {
        return serving(SERIAL, budget);
    }

    private DeviceLifecycle serving(ProcessInstance device, RestartBudget budget) {
        return new DeviceLifecycle(
                device,
                new LifecycleConfig(
                        Duration.ofSeconds(20),
                        Duration.ofSeconds(30),
                        budget,
                        Standby.ALL,
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(5)),
                did,
                0);
    }

    private DeviceLifecycle serving() {
        return serving(RestartBudget.STANDARD);
    }

    /** A successor comes within ten milliseconds of the process's end at {@code nowNs}. */
    private void replace(DeviceLifecycle d, long nowNs) {
        d.ended(KILLED, nowNs);
        d.awayAcknowledged(nowNs);
        d.ready(nowNs + 10 * MS);
        d.backAcknowledged(nowNs + 10 * MS);
        assertEquals(DeviceState.SERVING, d.state());
        did.take();
    }

    @Test
    void aDeathIsFollowedByAFreshProcess() {
        DeviceLifecycle d = serving();
        d.ended(KILLED, 500 * MS);
        assertEquals(List.of("away at 500", "prepare"), did.take());
        assertEquals(DeviceState.AWAY, d.state());
        assertEquals(false, d.isServed());
        d.awayAcknowledged(501 * MS);
        assertEquals(List.of("replace COLD"), did.take());
        assertEquals(DeviceState.REPLACING, d.state());
        assertEquals(501 * MS + 20 * SECOND, d.nextDeadlineNs());
        d.ready(600 * MS);
        assertEquals(List.of("audit", "back", "start"), did.take());
        assertEquals(DeviceState.RETURNING, d.state());
        assertEquals(true, d.isServed());
        assertEquals(
                List.of(new Replacement(KILLED, DeviceActions.Source.COLD, 500 * MS, 501 * MS, 0, 600 * MS)),
                did.replacements);
        d.backAcknowledged(601 * MS);
        assertEquals(DeviceState.SERVING, d.state());
        assertEquals(1, d.replacements());
    }

    @Test
    void aSpareHasLessTimeAndItsProgramGetsATry() {
        did.spare = true;
        DeviceLifecycle d = serving();
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        assertEquals(List.of("away at 1000", "prepare", "replace SPARE"), did.take());
        assertEquals(SECOND + DeviceLifecycle.ASSIGNED.toNanos(), d.nextDeadlineNs());
        d.tick(d.nextDeadlineNs());
        assertEquals(List.of("kill"), did.take());
        d.ended(KILLED, 4 * SECOND);
        assertEquals(List.of("replace COLD"), did.take());
        d.ready(5 * SECOND);
        assertEquals(SECOND, did.replacements.getFirst().goneNs());
        assertEquals(DeviceActions.Source.COLD, did.replacements.getFirst().source());
    }

    @Test
    void whoDoesNotAnswerIsKilled() {
        DeviceLifecycle d = serving();
        assertEquals(SECOND, d.nextDeadlineNs());
        d.tick(SECOND);
        assertEquals(List.of("ping"), did.take());
        d.pingAcknowledged(SECOND + MS);
        assertEquals(2 * SECOND, d.nextDeadlineNs());
        d.tick(2 * SECOND);
        assertEquals(4 * SECOND, d.nextDeadlineNs());
        d.tick(4 * SECOND);
        assertEquals(List.of("ping", "kill"), did.take());
        assertEquals(DeviceState.ENDING, d.state());
        d.ended(KILLED, 4 * SECOND + 5 * MS);
        assertEquals(List.of("away at 2000", "prepare"), did.take());
        d.awayAcknowledged(4 * SECOND + 6 * MS);
        d.ready(5 * SECOND);
        assertEquals(
                "did not answer for 2000 ms and was killed",
                did.replacements.getFirst().why().text());
    }

    @Test
    void nobodyIsAskedWhereTheTimeoutIsZero() {
        DeviceLifecycle d = new DeviceLifecycle(
                SERIAL,
                new LifecycleConfig(
                        Duration.ofSeconds(20),
                        Duration.ofSeconds(30),
                        RestartBudget.STANDARD,
                        Standby.ALL,
                        Duration.ZERO,
                        Duration.ofSeconds(5)),
                did,
                0);
        assertEquals(MachineLifecycle.NEVER, d.nextDeadlineNs());
    }

    /** The guest had to do without it before it was killed. */
    @Test
    void whoHungHasBeenAwaySinceItDidNotAnswer() {
        DeviceLifecycle d = serving();
        d.blamed(new Why.Hung(SECOND), 5 * SECOND);
        d.ended(KILLED, 6 * SECOND);
        assertEquals(List.of("kill", "away at 4000", "prepare"), did.take());
    }

    /** What the board said before it knew of the successor is about the one before. */
    @Test
    void theBoardIsBelievedOnlyOfTheOneThatServes() {
        DeviceLifecycle d = serving();
        d.blamed(new Why.Hung(SECOND), SECOND);
        assertEquals(List.of("kill"), did.take());
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        d.blamed(new Why.Violated("x", true), SECOND);
        d.ready(SECOND);
        did.take();
        d.blamed(new Why.Hung(SECOND), SECOND);
        assertEquals(DeviceState.RETURNING, d.state());
        assertEquals(List.of(), did.take());
        d.backAcknowledged(SECOND);
        d.blamed(new Why.Hung(SECOND), 3 * SECOND);
        assertEquals(List.of("kill"), did.take());
    }

    @Test
    void aViolationRenewsTheLink() {
        DeviceLifecycle d = serving();
        d.lost(new Why.Violated("lied", true), SECOND);
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        assertEquals(List.of("kill", "away renewed at 1000", "prepare", "replace COLD renewed"), did.take());
        d.ready(SECOND);
        d.backAcknowledged(SECOND);
        did.take();
        replace(d, 3 * SECOND);
        d.ended(KILLED, 6 * SECOND);
        assertEquals(List.of("away at 6000", "prepare"), did.take(), "the next one keeps it");
    }

    /** The successor finds the ring in disorder: only then is it known that the link must be renewed. */
    @Test
    void aSuccessorThatFindsTheLinkSpoiltGetsANewOne() {
        DeviceLifecycle d = serving();
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        did.take();
        d.ended(new Why.Died(new ExitStatus.Exited(ProcessExit.PEER_VIOLATION.code()), ""), 2 * SECOND);
        assertEquals(List.of("away renewed at 1000"), did.take());
        d.awayAcknowledged(2 * SECOND);
        assertEquals(List.of("replace COLD renewed"), did.take());
    }

    /** The process died, and the board had found a lie in its ring a moment before. */
    @Test
    void aViolationThatIsToldLateRenewsTheLinkToo() {
        DeviceLifecycle d = serving();
        d.ended(KILLED, SECOND);
        d.blamed(new Why.Violated("x", true), SECOND);
        assertEquals(List.of("away at 1000", "prepare"), did.take());
        d.awayAcknowledged(SECOND);
        assertEquals(List.of("away renewed at 1000"), did.take());
        d.awayAcknowledged(SECOND);
        assertEquals(List.of("replace COLD renewed"), did.take());
    }

    @Test
    void aStateThatNobodyCanGoOnWithBreaksTheDevice() {
        DeviceLifecycle d = serving();
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        did.take();
        d.ended(new Why.Died(new ExitStatus.Exited(ProcessExit.STATE_REJECTED.code()), "slot 1"), 2 * SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
        assertEquals(
                List.of(
                        "kill",
                        "broken",
                        "given up",
                        "say device serial has a state that nobody can go on with (its process exited with 13 (the state segment was"
                                + " rejected), saying: slot 1): it is broken from now on; the machine goes on without it."),
                did.take());
        assertEquals(MachineLifecycle.NEVER, d.nextDeadlineNs());
    }

    @Test
    void theBudgetIsSpentInAWindow() {
        DeviceLifecycle d = serving(new RestartBudget(3, Duration.ofSeconds(60), Duration.ofMillis(100)));
        replace(d, 10 * SECOND);
        replace(d, 20 * SECOND);
        replace(d, 30 * SECOND);
        replace(d, 71 * SECOND); // the first is forgotten
        d.ended(KILLED, 72_500 * MS);
        assertEquals(DeviceState.BROKEN, d.state());
        assertEquals(
                List.of(
                        "kill",
                        "broken",
                        "given up",
                        "say device serial was killed by SIGKILL, and has used up its 3 restarts within 60 s: it is broken from now on;"
                                + " the machine goes on without it."),
                did.take());
        d.ended(KILLED, 80 * SECOND);
        d.awayAcknowledged(80 * SECOND);
        d.ready(80 * SECOND);
        d.lost(new Why.Requested(), 80 * SECOND);
        d.tick(90 * SECOND);
        assertEquals(List.of(), did.take(), "for good");
    }

    @Test
    void aBudgetOfNothingBreaksTheDeviceAtOnce() {
        DeviceLifecycle d = serving(new RestartBudget(0, Duration.ofSeconds(60), Duration.ZERO));
        d.lost(new Why.Requested(), SECOND);
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        d.ready(SECOND);
        d.backAcknowledged(SECOND);
        assertEquals(DeviceState.SERVING, d.state(), "what the user wants costs nothing");
        d.ended(KILLED, 2 * SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
    }

    @Test
    void whoDiesAtOnceWaitsTwiceAsLongEachTime() {
        DeviceLifecycle d = serving(new RestartBudget(100, Duration.ofSeconds(60), Duration.ofMillis(100)));
        d.ended(KILLED, 10 * MS);
        assertEquals(List.of("away at 10", "prepare"), did.take(), "the first is replaced at once");
        d.awayAcknowledged(10 * MS);
        long now = 20 * MS;
        for (long delayMs : new long[] {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
            d.ready(now);
            d.backAcknowledged(now);
            did.take();
            d.ended(KILLED, now + MS);
            d.awayAcknowledged(now + MS);
            assertEquals(List.of("away at " + (now + MS) / MS), did.take());
            assertEquals(DeviceState.WAITING, d.state());
            assertEquals(now + MS + delayMs * MS, d.nextDeadlineNs());
            now = d.nextDeadlineNs();
            d.tick(now);
            assertEquals(List.of("replace COLD"), did.take());
        }
        d.ready(now);
        d.backAcknowledged(now);
        d.ended(KILLED, now + DeviceLifecycle.QUICK.toNanos());
        assertEquals(DeviceState.AWAY, d.state());
        did.take();
        d.awayAcknowledged(now + DeviceLifecycle.QUICK.toNanos());
        assertEquals(List.of("replace COLD"), did.take(), "one that has served for a while is replaced at once");
    }

    @Test
    void aSuccessorThatDiesOnItsWayIsToldAndTriedAgain() {
        DeviceLifecycle d = serving();
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        did.take();
        d.ended(new Why.Died(new ExitStatus.Exited(3), "no memory"), 2 * SECOND);
        assertEquals(
                List.of(
                        "say the successor of device serial exited with 3 (host error), saying: no memory before it could"
                                + " serve."),
                did.take());
        assertEquals(2 * SECOND + 100 * MS, d.nextDeadlineNs());
        d.tick(d.nextDeadlineNs());
        d.startFailed("the host is full", 3 * SECOND);
        assertEquals(
                List.of(
                        "replace COLD",
                        "say the successor of device serial could not be started (the host is full) before it could serve."),
                did.take());
        d.tick(d.nextDeadlineNs());
        d.ready(4 * SECOND);
        assertEquals(SECOND, did.replacements.getFirst().goneNs());
    }

    @Test
    void aSuccessorThatIsNeverReadyIsKilled() {
        DeviceLifecycle d = serving();
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        d.tick(21 * SECOND);
        assertEquals(List.of("away at 1000", "prepare", "replace COLD", "kill"), did.take());
        d.ended(KILLED, 21 * SECOND);
        assertEquals(
                List.of(
                        "say the successor of device serial did not answer for 20000 ms and was killed before it could serve."),
                did.take());
        d.tick(d.nextDeadlineNs());
        assertEquals(List.of("replace COLD"), did.take());
        did.isThere = false; // it was not even a process yet
        d.tick(d.nextDeadlineNs());
        assertEquals(DeviceState.WAITING, d.state());
    }

    @Test
    void aSuccessorWhoseJailIsWeakNeverServes() {
        DeviceLifecycle d = serving();
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        did.take();
        did.fault = Optional.of("has CAP_SYS_ADMIN.");
        d.ready(SECOND);
        assertEquals(List.of("audit", "kill"), did.take());
        d.ended(KILLED, SECOND);
        assertTrue(did.take().getFirst().contains("is not jailed as it must be: has CAP_SYS_ADMIN."));

        d.tick(d.nextDeadlineNs());
        did.take();
        did.ended = true; // it only looks weak because it is dying
        d.ready(2 * SECOND);
        assertEquals(List.of("audit"), did.take());
        assertEquals(DeviceState.REPLACING, d.state());
    }

    @Test
    void aProcessThatSurvivesSigkillBreaksItsDevice() {
        DeviceLifecycle d = serving();
        d.lost(new Why.Hung(SECOND), SECOND);
        assertEquals(11 * SECOND, d.nextDeadlineNs());
        d.tick(11 * SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
        assertTrue(did.done.contains("broken"), did.done::toString);
    }

    @Test
    void aRequestOfTheUserChangesNothingForOneThatIsAway() {
        DeviceLifecycle d = serving();
        d.lost(new Why.Requested(), SECOND);
        d.lost(new Why.Requested(), SECOND);
        assertEquals(Optional.of(new Why.Requested()), d.wantedEnd());
        d.ended(KILLED, SECOND);
        assertEquals(Optional.empty(), d.wantedEnd());
        d.lost(new Why.Requested(), SECOND);
        d.awayAcknowledged(SECOND);
        d.lost(new Why.Requested(), SECOND);
        assertEquals(List.of("kill", "away at 1000", "prepare", "replace COLD"), did.take());
        d.ready(SECOND);
        assertEquals(new Why.Requested(), did.replacements.getFirst().why());
    }

    @Test
    void oneThatWasGivenABackEndThatIsGoneGoesOnceItServes() {
        DeviceLifecycle d = serving();
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        d.lost(new Why.NewBackend("another passt"), SECOND);
        d.ready(SECOND);
        d.backAcknowledged(SECOND);
        assertEquals("kill", did.done.getLast());
    }

    /** Whatever happens in whatever order: nothing waits for ever, nobody is told twice, broken is for good. */
    @Test
    void randomLives() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int life = 0; life < 3000; life++) {
            did.take();
            did.spare = random.nextBoolean();
            DeviceLifecycle d = serving(
                    random.nextBoolean() ? SERIAL : BLOCK,
                    new RestartBudget(random.nextInt(20), Duration.ofSeconds(60), Duration.ofMillis(100)));
            int told = 0;
            long now = 0;
            boolean there = true;
            boolean away = false;
            for (int step = 0; step < 300; step++) {
                now += random.nextInt(300) * MS;
                DeviceState before = d.state();
                boolean wasBroken = d.isBroken();
                did.isThere = there;
                int was = did.done.size();
                switch (random.nextInt(8)) {
                    case 0 -> {
                        if (there) {
                            there = false;
                            d.ended(
                                    random.nextInt(9) == 0
                                            ? new Why.Died(new ExitStatus.Exited(random.nextInt(16)), "")
                                            : KILLED,
                                    now);
                        }
                    }
                    case 1 -> d.awayAcknowledged(now);
                    case 2 -> d.ready(now);
                    case 3 -> d.backAcknowledged(now);
                    case 4 -> d.pingAcknowledged(now);
                    case 5 -> d.blamed(new Why.Violated("x", random.nextBoolean()), now);
                    case 6 -> d.lost(random.nextBoolean() ? new Why.Requested() : new Why.Violated("y", true), now);
                    default -> {
                        now = Math.max(now, Math.min(d.nextDeadlineNs(), now + 30 * SECOND));
                        d.tick(now);
                    }
                }
                for (String done : did.done.subList(was, did.done.size())) {
                    if (done.startsWith("replace") || done.startsWith("entrust")) {
                        assertTrue(away, () -> "seed " + seed + ": the board was not told");
                        assertTrue(
                                done.startsWith("entrust") == d.isBroken() || d.state() == DeviceState.BROKEN,
                                () -> "seed " + seed + ": " + done);
                        there = true;
                    }
                    told += done.equals("broken") ? 1 : 0;
                    away = done.startsWith("away") || (away && !done.equals("back"));
                }
                DeviceState state = d.state();
                boolean bounded = d.nextDeadlineNs() != MachineLifecycle.NEVER;
                boolean boards = switch (state) {
                    case AWAY, RETURNING, LEAVING, ENTRUSTED -> true;
                    default -> false;
                };
                assertTrue(
                        bounded || boards || state == DeviceState.BROKEN,
                        () -> "seed " + seed + ": waits for ever in " + state);
                assertTrue(before != DeviceState.BROKEN || state == DeviceState.BROKEN, () -> "seed " + seed);
                assertTrue(!wasBroken || d.isBroken(), () -> "seed " + seed + ": from " + before + " to " + state);
                assertEquals(state == DeviceState.BROKEN ? 1 : 0, told, () -> "seed " + seed);
            }
        }
    }
}
