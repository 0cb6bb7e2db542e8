package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import org.junit.jupiter.api.Test;

/** The part of {@link DeviceState} behind the last restart, on a clock of our own. */
class CaretakerLifeTest {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1000 * MS;
    private static final ProcessInstance BLOCK = ProcessInstance.of(ProcessKind.BLOCK);
    private static final Why.Died KILLED = new Why.Died(new ExitStatus.Killed(9, false), "");
    private static final String SAID =
            "say device block was killed by SIGKILL: it is broken from now on: its requests are answered"
                    + " with errors; the machine goes on without it.";

    private final RecordedActions did = new RecordedActions();
    private final DeviceLifecycle d = new DeviceLifecycle(
            BLOCK,
            new LifecycleConfig(
                    Duration.ofSeconds(20),
                    Duration.ofSeconds(30),
                    new RestartBudget(0, Duration.ofSeconds(60), Duration.ofMillis(100)),
                    Standby.ALL,
                    Duration.ofSeconds(2),
                    Duration.ofSeconds(5)),
            did,
            0);

    private static Why.Died exited(ProcessExit exit) {
        return new Why.Died(new ExitStatus.Exited(exit.code()), "");
    }

    /** Up to the caretaker's service. */
    private void givenUp() {
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        d.ready(SECOND);
        d.backAcknowledged(SECOND);
        assertEquals(DeviceState.CARED_FOR, d.state());
        did.take();
    }

    @Test
    void theLastDeathIsFollowedByACaretaker() {
        d.ended(KILLED, SECOND);
        assertEquals(DeviceState.LEAVING, d.state());
        assertTrue(d.isBroken());
        assertEquals(List.of("away at 1000", "prepare"), did.take());
        d.awayAcknowledged(SECOND);
        assertEquals(List.of("entrust COLD", "given up"), did.take());
        assertEquals(21 * SECOND, d.nextDeadlineNs());
        d.ready(2 * SECOND);
        assertEquals(DeviceState.ENTRUSTED, d.state());
        assertEquals(List.of("audit", "back", "start", SAID), did.take());
        assertEquals(List.of(), did.replacements, "it is no successor");
        d.backAcknowledged(2 * SECOND);
        assertEquals(DeviceState.CARED_FOR, d.state());
        assertFalse(d.isServed());
        assertEquals(0, d.replacements());
    }

    @Test
    void itIsAskedWhetherItLives() {
        givenUp();
        d.tick(d.nextDeadlineNs());
        assertEquals(List.of("ping"), did.take());
        d.pingAcknowledged(2 * SECOND);
        assertEquals(3 * SECOND, d.nextDeadlineNs());
        d.tick(3 * SECOND);
        d.tick(5 * SECOND);
        assertEquals(
                List.of(
                        "ping",
                        "kill",
                        "broken",
                        "given up",
                        "say device block, which is broken, is not even answered for any more: its caretaker did not answer for"
                                + " 2000 ms and was killed."),
                did.take());
        assertEquals(DeviceState.BROKEN, d.state());
    }

    @Test
    void aCaretakerThatDiesIsTheLast() {
        givenUp();
        d.ended(KILLED, 2 * SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
        assertEquals("broken", did.take().get(1));
        d.ended(KILLED, 3 * SECOND);
        d.ready(3 * SECOND);
        d.backAcknowledged(3 * SECOND);
        d.lost(new Why.Hung(SECOND), 3 * SECOND);
        assertEquals(List.of(), did.take());
    }

    @Test
    void aCaretakerThatLiesIsTheLast() {
        givenUp();
        d.blamed(new Why.Violated("x", true), 2 * SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
    }

    @Test
    void whatTheUserWantsOrTheHostHasChangesNothing() {
        givenUp();
        d.lost(new Why.Requested(), 2 * SECOND);
        d.lost(new Why.NewBackend("another passt"), 2 * SECOND);
        assertEquals(DeviceState.CARED_FOR, d.state());
        assertEquals(List.of(), did.take());
    }

    @Test
    void aSpareThatFailsIsFollowedByTheProgramItself() {
        did.spare = true;
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        assertEquals(List.of("away at 1000", "prepare", "entrust SPARE", "given up"), did.take());
        d.ended(KILLED, SECOND);
        assertEquals(List.of("entrust COLD", "given up"), did.take());
        d.ended(KILLED, SECOND);
        assertEquals(
                "say device block was killed by SIGKILL, and what was to answer for it was killed by SIGKILL: it is broken from"
                        + " now on; the machine goes on without it.",
                did.take().getLast());
        assertEquals(DeviceState.BROKEN, d.state());
    }

    @Test
    void aSpareThatIsLateIsFollowedByTheProgramItself() {
        did.spare = true;
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        did.take();
        assertEquals(3 * SECOND, d.nextDeadlineNs());
        d.tick(3 * SECOND);
        d.ready(3 * SECOND); // said before it was killed
        assertEquals(List.of("kill"), did.take());
        d.ended(KILLED, 3 * SECOND);
        assertEquals(List.of("entrust COLD", "given up"), did.take());
        d.ready(4 * SECOND);
        d.backAcknowledged(4 * SECOND);
        assertEquals(DeviceState.CARED_FOR, d.state());
    }

    @Test
    void aSpareThatIsLateAndDoesNotDieIsTheLast() {
        did.spare = true;
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        d.tick(3 * SECOND);
        d.tick(d.nextDeadlineNs());
        assertEquals(DeviceState.BROKEN, d.state());
        assertTrue(did.take().getLast().contains("what was to answer for it did not answer for 2000 ms"));
    }

    @Test
    void aStateThatNobodyCanGoOnWithGoesToACaretakerToo() {
        d.lost(new Why.Requested(), SECOND);
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        did.take();
        d.ended(exited(ProcessExit.STATE_REJECTED), 2 * SECOND);
        assertEquals(DeviceState.ENTRUSTING, d.state());
        assertEquals(List.of("entrust COLD", "given up"), did.take(), "the board waits already");
        // Nor can this one: the transport's part lies.
        d.ended(exited(ProcessExit.STATE_REJECTED), 3 * SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
    }

    @Test
    void aRejectionBySpareAndCaretakerIsFinal() {
        did.spare = true;
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        d.ended(exited(ProcessExit.STATE_REJECTED), SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
    }

    @Test
    void aLinkThatIsFoundSpoiltBeginsAnew() {
        d.ended(KILLED, SECOND);
        d.blamed(new Why.Violated("x", true), SECOND);
        d.awayAcknowledged(SECOND);
        assertEquals(List.of("away at 1000", "prepare", "away renewed at 1000"), did.take());
        d.awayAcknowledged(SECOND);
        assertEquals(List.of("entrust COLD renewed", "given up"), did.take());
    }

    @Test
    void aCaretakerThatFindsItSpoiltTriesOnceMore() {
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        did.take();
        d.ended(exited(ProcessExit.PEER_VIOLATION), SECOND);
        assertEquals(DeviceState.LEAVING, d.state());
        d.awayAcknowledged(SECOND);
        assertEquals(List.of("away renewed at 1000", "entrust COLD renewed", "given up"), did.take());
        d.ended(exited(ProcessExit.PEER_VIOLATION), SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
    }

    @Test
    void oneThatIsNeverReadyOrCannotBeStartedIsTheLast() {
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        d.tick(21 * SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
        assertTrue(did.take().getLast().contains("what was to answer for it did not answer for 20000 ms"));
        d.startFailed("the host is full", 22 * SECOND);
        assertEquals(List.of(), did.take());
    }

    @Test
    void oneThatCannotBeStartedIsTheLast() {
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        d.startFailed("the host is full", SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
        assertTrue(did.take().getLast().contains("could not be started (the host is full)"));
    }

    @Test
    void oneWhoseJailIsWeakNeverAnswers() {
        d.ended(KILLED, SECOND);
        d.awayAcknowledged(SECOND);
        did.fault = Optional.of("has CAP_SYS_ADMIN.");
        d.ready(SECOND);
        assertEquals(DeviceState.BROKEN, d.state());
        assertFalse(did.done.contains("start"));
    }
}
