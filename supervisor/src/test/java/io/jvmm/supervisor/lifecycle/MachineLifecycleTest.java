package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.launch.FakeMachine;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MachineLifecycleTest {
    private static final long SECOND = 1_000_000_000L;
    private static final LifecycleConfig PATIENCE = new LifecycleConfig(Duration.ofSeconds(20), Duration.ofSeconds(30));

    /** Writes down what the state machine wants done. */
    private static final class Recorder implements MachineActions {
        final List<String> done = new ArrayList<>();
        Optional<String> fault = Optional.empty();
        boolean buttonWorks = true;
        boolean ended;

        @Override
        public Optional<String> audit(ProcessInstance process) {
            done.add("audit " + process.process());
            return fault;
        }

        @Override
        public boolean hasEnded(ProcessInstance process) {
            return ended;
        }

        @Override
        public void start(ProcessInstance process) {
            done.add("start " + process.process());
        }

        @Override
        public boolean pressPowerButton() {
            done.add("button");
            return buttonWorks;
        }

        @Override
        public void requestStop(ProcessInstance process) {
            done.add("stop " + process.process());
        }

        @Override
        public int pid(ProcessInstance process) {
            return 123;
        }

        @Override
        public void kill(ProcessInstance process) {
            done.add("kill " + process.process());
        }

        @Override
        public void say(String message) {
            done.add("say " + message);
        }

        @Override
        public void progress(String message) {
            done.add("progress " + message);
        }
    }

    private final Recorder did = new Recorder();

    private MachineLifecycle starting() {
        return starting(PATIENCE);
    }

    private MachineLifecycle starting(LifecycleConfig config) {
        return new MachineLifecycle("vm", config, new LinkedHashSet<>(FakeMachine.PROCESSES), did, 0);
    }

    private MachineLifecycle running() {
        MachineLifecycle m = starting();
        for (ProcessInstance p : FakeMachine.PROCESSES) {
            m.handle(new MachineEvent.Ready(p), 1);
        }
        did.done.clear();
        return m;
    }

    private static MachineEvent killed(ProcessInstance process, int signal) {
        return new MachineEvent.Ended(process, 123, new ExitStatus.Killed(signal, false), "");
    }

    private static MachineEvent exited(ProcessInstance process, int code, String lastWords) {
        return new MachineEvent.Ended(process, 123, new ExitStatus.Exited(code), lastWords);
    }

    private static void everyoneLeaves(MachineLifecycle m) {
        for (ProcessInstance p : FakeMachine.PROCESSES) {
            m.handle(exited(p, 0, ""), 2);
        }
        assertEquals(Phase.STOPPED, m.phase());
        assertEquals(MachineLifecycle.NEVER, m.nextDeadlineNs());
    }

    private static Outcome outcome(MachineLifecycle m) {
        return m.outcome().orElseThrow();
    }

    @Test
    void theGuestWaitsForTheRecorderToo() {
        MachineLifecycle m = starting();
        m.awaitRecording();
        for (ProcessInstance p : FakeMachine.PROCESSES) {
            m.handle(new MachineEvent.Ready(p), 1);
        }
        assertEquals(Phase.STARTING, m.phase());
        m.tick(m.nextDeadlineNs());
        assertEquals("progress waiting for recorder to become ready (1 s)", did.done.getLast());
        m.handle(new MachineEvent.RecordingKnown(), 2);
        assertEquals(Phase.RUNNING, m.phase());
        assertEquals("start vcpu", did.done.getLast());
    }

    @Test
    void aRecorderThatIsReadyFirstStartsNothing() {
        MachineLifecycle m = starting();
        m.awaitRecording();
        m.handle(new MachineEvent.RecordingKnown(), 1);
        assertEquals(Phase.STARTING, m.phase());
        assertEquals(List.of(), did.done);
        for (ProcessInstance p : FakeMachine.PROCESSES) {
            m.handle(new MachineEvent.Ready(p), 1);
        }
        assertEquals(Phase.RUNNING, m.phase());
    }

    @Test
    void theGuestDoesNotWaitForTheRecorderForEver() {
        MachineLifecycle m = starting();
        m.awaitRecording();
        for (ProcessInstance p : FakeMachine.PROCESSES) {
            m.handle(new MachineEvent.Ready(p), 1);
        }
        m.tick(PATIENCE.readyTimeout().toNanos());
        assertEquals(Phase.RUNNING, m.phase());
        assertTrue(did.done.toString().contains("say recording has not begun after "), did.done::toString);
        m.handle(new MachineEvent.RecordingKnown(), 3);
        assertEquals(1, did.done.stream().filter("start vcpu"::equals).count());
    }

    @Test
    void theGuestStartsOnceEveryJailHasBeenLookedAt() {
        MachineLifecycle m = starting();
        m.handle(new MachineEvent.Ready(ProcessInstance.SERIAL), 1);
        m.handle(new MachineEvent.Ready(ProcessInstance.SERIAL), 1);
        m.handle(new MachineEvent.Ready(ProcessInstance.VCPU), 1);
        assertEquals(List.of("audit serial", "audit vcpu"), did.done);
        assertEquals(Phase.STARTING, m.phase());
        m.handle(new MachineEvent.Ready(ProcessInstance.PLATFORM), 1);
        assertEquals(
                List.of("audit serial", "audit vcpu", "audit platform", "start serial", "start platform", "start vcpu"),
                did.done);
        assertEquals(Phase.RUNNING, m.phase());
        assertEquals(MachineLifecycle.NEVER, m.nextDeadlineNs());
    }

    @Test
    void aJailThatIsNotAsItMustBeIsFatal() {
        MachineLifecycle m = starting();
        did.fault = Optional.of("it has 4 capabilities.");
        m.handle(new MachineEvent.Ready(ProcessInstance.SERIAL), 1);
        assertEquals(
                new Outcome.ProcessFailed(
                        "process serial is not jailed as it must be: it has 4 capabilities. Nothing of the guest has run."),
                outcome(m));
        assertTrue(did.done.containsAll(List.of("kill vcpu", "kill serial", "kill platform")), did.done::toString);
        everyoneLeaves(m);
    }

    /** Killed between READY and the look at its jail: its end is what is told, not the jail that is gone with it. */
    @Test
    void aProcessThatDiesAsItIsLookedAtIsToldByItsEnd() {
        MachineLifecycle m = starting();
        did.fault = Optional.of("it cannot be looked at.");
        did.ended = true;
        m.handle(new MachineEvent.Ready(ProcessInstance.SERIAL), 1);
        assertEquals(Phase.STARTING, m.phase());
        m.handle(new MachineEvent.Ended(ProcessInstance.SERIAL, 123, new ExitStatus.Killed(9, false), ""), 2);
        assertTrue(outcome(m).message().contains("SIGKILL"), outcome(m)::message);
    }

    @Test
    void aProcessThatIsNeverReadyIsNamed() {
        MachineLifecycle m = starting();
        m.handle(new MachineEvent.Ready(ProcessInstance.VCPU), 1);
        m.handle(new MachineEvent.Ready(ProcessInstance.PLATFORM), 1);
        assertEquals(SECOND, m.nextDeadlineNs());
        m.tick(SECOND);
        assertEquals("progress waiting for serial to become ready (1 s)", did.done.getLast());
        m.tick(20 * SECOND);
        assertEquals(
                new Outcome.ProcessFailed(
                        "process serial did not become ready within 20 s; the machine has been stopped."
                                + " Look at what is said above, or raise lifecycle.ready_timeout_s on a slow host."),
                outcome(m));
        assertTrue(did.done.contains("kill serial"), did.done::toString);
        everyoneLeaves(m);
    }

    @Test
    void aDeathNamesProcessAndSignal() {
        MachineLifecycle m = running();
        m.handle(killed(ProcessInstance.SERIAL, 9), 1);
        assertEquals(
                new Outcome.ProcessFailed(
                        "process serial (pid 123) was killed by SIGKILL; the machine has been stopped."),
                outcome(m));
        assertEquals(List.of("stop vcpu", "stop platform"), did.done, "the dead are not told");
        m.handle(exited(ProcessInstance.VCPU, 0, ""), 2);
        assertEquals(Phase.STOPPING, m.phase());
        m.handle(killed(ProcessInstance.PLATFORM, 9), 2);
        assertEquals(Phase.STOPPED, m.phase());
        assertTrue(outcome(m).message().contains("serial"), "the first death is the cause");
    }

    @Test
    void anUnexpectedExitTellsItsLastWords() {
        MachineLifecycle m = running();
        m.handle(exited(ProcessInstance.PLATFORM, 70, "java.lang.AssertionError: alarm"), 1);
        assertEquals(
                "process platform (pid 123) exited with 70; the machine has been stopped."
                        + " Its last words: java.lang.AssertionError: alarm",
                outcome(m).message());
    }

    @Test
    void aProcessMayRefuseItsInputBeforeTheStartOnly() {
        MachineLifecycle m = starting();
        m.handle(exited(ProcessInstance.VCPU, ProcessExit.BAD_CONFIGURATION.code(), "boot.kernel: no kernel."), 1);
        assertEquals(new Outcome.BadInput("boot.kernel: no kernel."), outcome(m));

        MachineLifecycle n = starting();
        n.handle(exited(ProcessInstance.VCPU, ProcessExit.HOST_ERROR.code(), "KVM has no irqfd."), 1);
        assertEquals(new Outcome.HostLacks("KVM has no irqfd."), outcome(n));

        MachineLifecycle o = running();
        o.handle(exited(ProcessInstance.VCPU, ProcessExit.BAD_CONFIGURATION.code(), "boot.kernel: no kernel."), 1);
        assertInstanceOf(Outcome.ProcessFailed.class, outcome(o), "a process that has seen the guest is not believed");
    }

    @Test
    void aDeathBeforeReadySaysSo() {
        MachineLifecycle m = starting();
        m.handle(killed(ProcessInstance.SERIAL, 31), 1);
        assertEquals(
                "process serial (pid 123) was killed by SIGSYS before it was ready; the machine has been stopped.",
                outcome(m).message());
    }

    @Test
    void whatTheGuestDidLastDecides() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.POWERED_OFF, 0, 0, 0), 1);
        assertEquals(new Outcome.PoweredOff(""), outcome(m));
        assertEquals(List.of("stop vcpu", "stop serial", "stop platform"), did.done);
        m.handle(killed(ProcessInstance.SERIAL, 9), 2);
        assertEquals(new Outcome.PoweredOff(""), outcome(m), "what follows changes nothing");

        MachineLifecycle n = running();
        n.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.CRASHED, 1, 0xfff0, 0), 1);
        assertEquals(new Outcome.GuestCrashed("the guest crashed (triple fault) on vCPU 1 at rip 0xfff0."), outcome(n));

        MachineLifecycle o = running();
        o.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.ENGINE_ERROR, 0, -1, 0xc7c8), 1);
        assertEquals(
                new Outcome.GuestCrashed(
                        "the engine could not go on with the guest on vCPU 0 at rip 0xffffffffffffffff, detail 0xc7c8."),
                outcome(o));

        MachineLifecycle p = running();
        p.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.RESET, 0, 0, 0), 1);
        assertEquals(new Outcome.Reset(""), outcome(p));
    }

    @Test
    void whoDoesNotStopIsKilled() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.POWERED_OFF, 0, 0, 0), 5);
        m.handle(exited(ProcessInstance.VCPU, 0, ""), 6);
        assertEquals(5 + MachineLifecycle.STOP_GRACE.toNanos(), m.nextDeadlineNs());
        did.done.clear();
        m.tick(m.nextDeadlineNs());
        assertEquals(List.of("kill serial", "kill platform"), did.done);
        m.handle(killed(ProcessInstance.SERIAL, 9), m.nextDeadlineNs() - 2);
        assertEquals(Phase.STOPPING, m.phase());
        m.handle(killed(ProcessInstance.PLATFORM, 9), m.nextDeadlineNs() - 1);
        assertEquals(Phase.STOPPED, m.phase());
        assertEquals(MachineLifecycle.NEVER, m.nextDeadlineNs());
        assertEquals(new Outcome.PoweredOff(""), outcome(m));
    }

    @Test
    void whoSurvivesSigkillIsNamedAndNotWaitedForWithoutEnd() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.CRASHED, 0, 0, 0), 5);
        m.tick(m.nextDeadlineNs());
        m.handle(killed(ProcessInstance.VCPU, 9), SECOND);
        did.done.clear();
        m.tick(m.nextDeadlineNs());
        assertEquals(Phase.STOPPED, m.phase());
        assertEquals(List.of("say the guest crashed (triple fault) on vCPU 0 at rip 0x0."), did.done);
        assertEquals(
                new Outcome.ProcessFailed(
                        "still there 10 s after SIGKILL: serial (pid 123), platform (pid 123); the kernel"
                                + " does not let go of it (see its wchan and stack in /proc), and it will end when the kernel does."),
                outcome(m));
    }

    @Test
    void sigtermPressesTheButtonAndWaitsSoLong() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.PowerButton("SIGTERM"), SECOND);
        assertEquals(
                List.of("button", "progress SIGTERM: pressed the power button; the guest has 30 s to power off"),
                did.done);
        assertEquals(31 * SECOND, m.nextDeadlineNs());
        m.handle(new MachineEvent.PowerButton("SIGTERM"), 5 * SECOND);
        assertEquals(31 * SECOND, m.nextDeadlineNs(), "pressing again gains no time");
        m.tick(31 * SECOND);
        assertEquals(
                new Outcome.Killed(
                        "the guest did not power off within 30 s of the power button; the machine has been killed."),
                outcome(m));
        everyoneLeaves(m);
    }

    @Test
    void theGuestMayHeedTheButton() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.PowerButton("SIGHUP"), SECOND);
        m.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.POWERED_OFF, 0, 0, 0), 2 * SECOND);
        assertEquals(new Outcome.PoweredOff(""), outcome(m));
    }

    /** Firmware knows of no button and resets for want of something to boot: no new life without a deadline. */
    @Test
    void aResetAfterTheButtonEndsTheMachine() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.PowerButton("SIGTERM"), SECOND);
        m.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.RESET, 0, 0, 0), 2 * SECOND);
        everyoneLeaves(m);
        assertInstanceOf(Outcome.PoweredOff.class, m.outcome().orElseThrow());
    }

    @Test
    void aButtonPressedWhileTheGuestResetsEndsTheMachine() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.RESET, 0, 0, 0), SECOND);
        assertInstanceOf(Outcome.Reset.class, m.outcome().orElseThrow());
        m.handle(new MachineEvent.PowerButton("SIGTERM"), SECOND);
        everyoneLeaves(m);
        assertInstanceOf(Outcome.PoweredOff.class, m.outcome().orElseThrow());
    }

    @Test
    void theSecondInterruptKills() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.Interrupt(), SECOND);
        assertEquals(Phase.RUNNING, m.phase());
        m.handle(new MachineEvent.Interrupt(), SECOND);
        assertEquals(new Outcome.Killed("second SIGINT: the machine has been killed."), outcome(m));
        assertTrue(did.done.containsAll(List.of("kill vcpu", "kill serial", "kill platform")), did.done::toString);
    }

    @Test
    void theSecondInterruptKillsWhileTheMachineStopsToo() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.Interrupt(), 1);
        m.handle(new MachineEvent.GuestStopped(MachineEvent.Stop.POWERED_OFF, 0, 0, 0), 2);
        m.handle(new MachineEvent.Interrupt(), 3);
        assertTrue(did.done.contains("kill vcpu"), did.done::toString);
        assertEquals(new Outcome.PoweredOff(""), outcome(m));
    }

    @Test
    void aButtonThatCannotBePressedKills() {
        MachineLifecycle m = running();
        did.buttonWorks = false;
        m.handle(new MachineEvent.PowerButton("SIGTERM"), 1);
        assertEquals(new Outcome.Killed("SIGTERM: the machine has been killed."), outcome(m));
    }

    @Test
    void aTimeoutOfZeroKillsAtOnce() {
        MachineLifecycle m = starting(new LifecycleConfig(Duration.ofSeconds(1), Duration.ZERO));
        for (ProcessInstance p : FakeMachine.PROCESSES) {
            m.handle(new MachineEvent.Ready(p), 1);
        }
        m.handle(new MachineEvent.PowerButton("SIGTERM"), 1);
        assertInstanceOf(Outcome.Killed.class, outcome(m));
    }

    @Test
    void aSignalDuringTheStartEndsItWithNothingRun() {
        MachineLifecycle m = starting();
        m.handle(new MachineEvent.Interrupt(), 1);
        assertEquals(
                new Outcome.Killed("SIGINT came before the guest had started; nothing of it has run."), outcome(m));
        everyoneLeaves(m);
    }

    @Test
    void theEscapeKeyEndsTheMachine() {
        MachineLifecycle m = running();
        m.handle(new MachineEvent.Escape(0), 1);
        assertEquals(new Outcome.Escaped("ended by the escape key."), outcome(m));
    }

    @Test
    void aViolationStopsTheMachineAndShowsTheBytes() {
        MachineLifecycle m = running();
        m.handle(
                new MachineEvent.Violation(
                        ProcessInstance.SERIAL, "vcpu", "RECORD_LENGTH at ring position 64: ff ff ff 7f"),
                1);
        assertEquals(
                "process serial broke the protocol (noticed by vcpu): RECORD_LENGTH at ring position 64: ff ff ff 7f;"
                        + " the machine has been stopped.",
                outcome(m).message());
    }

    /** Whatever happens in whatever order, a machine ends, its first outcome stands, and nobody dead is told anything. */
    @Test
    void randomLives() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int life = 0; life < 2000; life++) {
            did.done.clear();
            MachineLifecycle m = starting();
            Set<ProcessInstance> alive = new LinkedHashSet<>(FakeMachine.PROCESSES);
            Optional<Outcome> first = Optional.empty();
            long now = 0;
            for (int step = 0; step < 200 && m.phase() != Phase.STOPPED; step++) {
                Phase before = m.phase();
                int told = did.done.size();
                now += random.nextInt(1_000_000_000);
                ProcessInstance p = FakeMachine.PROCESSES.get(random.nextInt(3));
                switch (random.nextInt(10)) {
                    case 0, 1, 2 -> m.handle(new MachineEvent.Ready(p), now);
                    case 3 -> {
                        if (alive.remove(p)) {
                            m.handle(random.nextBoolean() ? killed(p, 9) : exited(p, random.nextInt(4), "x"), now);
                        }
                    }
                    case 4 -> m.handle(new MachineEvent.PowerButton("SIGTERM"), now);
                    case 5 -> m.handle(new MachineEvent.Interrupt(), now);
                    case 6 -> m.handle(new MachineEvent.DeviceHung(p, 1), now);
                    default -> {
                        if (now >= m.nextDeadlineNs()) {
                            m.tick(now);
                        }
                    }
                }
                assertTrue(m.phase().compareTo(before) >= 0, () -> "seed " + seed);
                for (String d : did.done.subList(told, did.done.size())) {
                    List<ProcessInstance> dead = new ArrayList<>(FakeMachine.PROCESSES);
                    dead.removeAll(alive);
                    for (ProcessInstance gone : dead) {
                        assertTrue(
                                !d.equals("stop " + gone.process()) && !d.equals("kill " + gone.process()),
                                () -> "seed " + seed);
                    }
                }
                if (first.isEmpty()) {
                    first = m.outcome();
                }
                if (m.phase() == Phase.STOPPED && !alive.isEmpty()) {
                    assertTrue(m.outcome().orElseThrow().message().startsWith("still there"), () -> "seed " + seed);
                    break;
                }
                assertEquals(first, m.outcome(), () -> "seed " + seed);
                assertEquals(m.phase().compareTo(Phase.STOPPING) >= 0, first.isPresent(), () -> "seed " + seed);
                assertEquals(alive.isEmpty(), m.phase() == Phase.STOPPED, () -> "seed " + seed);
            }
        }
    }
}
