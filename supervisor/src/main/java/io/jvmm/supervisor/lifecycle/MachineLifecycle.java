package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.policy.jail.StuckProcessException;
import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The life of one machine as a pure state machine: events and the time come in, actions go out. No clock, no I/O, no thread
 * of its own; used by the event-loop thread only. {@link Phase} draws it.
 *
 * <p>The first thing that ends a machine decides its {@link Outcome}; what follows from it (other processes that end because
 * a peer has gone) changes nothing. While the guest runs, the end of a device's process ends no machine and is not told here: see
 * {@link DeviceLives}.
 */
public final class MachineLifecycle {
    /** So long a process that is told to stop may take; then it is killed. */
    static final Duration STOP_GRACE = Duration.ofSeconds(2);

    /** Nothing is told about a start that is over sooner. */
    static final Duration PROGRESS_AFTER = Duration.ofSeconds(1);

    /** A deadline that never comes. */
    public static final long NEVER = Long.MAX_VALUE;

    private static final String RECORDER = ProcessInstance.RECORDER.process();

    private final String vm;
    private final LifecycleConfig config;
    private final MachineActions actions;
    private final Set<ProcessInstance> alive = new LinkedHashSet<>();
    private final Set<ProcessInstance> ready = new LinkedHashSet<>();
    private final long startedNs;
    private Phase phase = Phase.STARTING;
    private @Nullable Outcome outcome;
    private long readyDeadlineNs;
    private long progressDeadlineNs;
    private long buttonDeadlineNs = NEVER;
    private long killDeadlineNs = NEVER;
    /** Whether the guest waits for the recorder, too. */
    private boolean recordingAwaited;

    private boolean interrupted;
    private boolean killed;

    /** A machine whose processes are being started at {@code nowNs} (any monotonic clock). */
    public MachineLifecycle(
            String vm, LifecycleConfig config, Set<ProcessInstance> processes, MachineActions actions, long nowNs) {
        this.vm = vm;
        this.config = config;
        this.actions = actions;
        this.alive.addAll(processes);
        this.startedNs = nowNs;
        this.readyDeadlineNs = nowNs + config.readyTimeout().toNanos();
        this.progressDeadlineNs = nowNs + PROGRESS_AFTER.toNanos();
    }

    /**
     * The guest's first instruction waits for {@link MachineEvent.RecordingKnown}, too, so that nothing of it is missing; where that does not come in
     * time, it is executed all the same. Before any event.
     */
    public void awaitRecording() {
        recordingAwaited = true;
    }

    public Phase phase() {
        return phase;
    }

    /** How it ended; present from STOPPING on. */
    public Optional<Outcome> outcome() {
        return Optional.ofNullable(outcome);
    }

    /** When {@link #tick} must be called at the latest; {@link #NEVER} if no time matters. */
    public long nextDeadlineNs() {
        return switch (phase) {
            case STARTING -> Math.min(readyDeadlineNs, progressDeadlineNs);
            case RUNNING -> buttonDeadlineNs;
            case STOPPING -> killDeadlineNs;
            case STOPPED -> NEVER;
        };
    }

    /** A process has come into the machine while it runs: a spare, or a successor. */
    public void joined(ProcessInstance process) {
        alive.add(process);
    }

    /** A process has gone, and it does not matter here: another takes its place. */
    public void left(ProcessInstance process) {
        alive.remove(process);
    }

    /** Time has passed. */
    public void tick(long nowNs) {
        if (phase == Phase.STARTING && nowNs >= readyDeadlineNs) {
            neverReady(nowNs);
        } else if (phase == Phase.STARTING && nowNs >= progressDeadlineNs) {
            progressDeadlineNs = nowNs + Duration.ofSeconds(5).toNanos();
            actions.progress("waiting for " + awaited() + " to become ready ("
                    + Duration.ofNanos(nowNs - startedNs).toSeconds() + " s)");
        } else if (phase == Phase.RUNNING && nowNs >= buttonDeadlineNs) {
            end(
                    new Outcome.Killed("the guest did not power off within "
                            + config.powerButtonTimeout().toSeconds()
                            + " s of the power button; the machine has been killed."),
                    nowNs);
            killAll(nowNs);
        } else if (phase == Phase.STOPPING && nowNs >= killDeadlineNs) {
            if (killed) {
                giveUp();
            } else {
                killAll(nowNs);
            }
        }
    }

    /** Something has happened. */
    public void handle(MachineEvent event, long nowNs) {
        switch (event) {
            case MachineEvent.Ready e -> ready(e, nowNs);
            case MachineEvent.RecordingKnown _ -> recordingKnown();
            case MachineEvent.Ended e -> ended(e, nowNs);
            case MachineEvent.PowerButton e -> powerButton(e.signal(), nowNs);
            case MachineEvent.Interrupt _ -> interrupt(nowNs);
            case MachineEvent.Escape _ -> end(new Outcome.Escaped("ended by the escape key."), nowNs);
            case MachineEvent.StopRequested _ -> end(new Outcome.Escaped("ended by jvmmctl."), nowNs);
            case MachineEvent.GuestStopped e -> guestStopped(e, nowNs);
            // While the guest runs, its device is replaced; else nobody waits for it.
            case MachineEvent.DeviceHung _ -> {}
            case MachineEvent.Violation e ->
                end(
                        new Outcome.ProcessFailed("process " + e.offender().process()
                                + " broke the protocol (noticed by " + e.reporter() + "): " + e.what()
                                + "; the machine has been stopped."),
                        nowNs);
            case MachineEvent.Failed e -> {
                end(
                        new Outcome.ProcessFailed("process " + e.process().process() + " " + e.what()
                                + "; the machine has been stopped."
                                + (e.advice().isEmpty() ? "" : " " + e.advice())),
                        nowNs);
                killAll(nowNs);
            }
            case MachineEvent.HostFailure e -> end(new Outcome.HostLacks(e.message()), nowNs);
        }
    }

    private void ready(MachineEvent.Ready e, long nowNs) {
        if (phase != Phase.STARTING || !ready.add(e.process())) {
            return;
        }
        Optional<String> fault = actions.audit(e.process());
        if (fault.isPresent()) {
            if (actions.hasEnded(e.process())) {
                // There is no jail to see any more. How it ended is told next, and says more.
                ready.remove(e.process());
                return;
            }
            end(
                    new Outcome.ProcessFailed("process " + e.process().process() + " is not jailed as it must be: "
                            + fault.get() + " Nothing of the guest has run."),
                    nowNs);
            killAll(nowNs);
            return;
        }
        startWhenAllIsReady();
    }

    private void recordingKnown() {
        recordingAwaited = false;
        if (phase == Phase.STARTING) {
            startWhenAllIsReady();
        }
    }

    private void startWhenAllIsReady() {
        if (missing().isEmpty() && !recordingAwaited) {
            phase = Phase.RUNNING;
            // Devices first: nothing is lost if the vCPU is sooner, but so it never waits for them.
            alive.stream().filter(ProcessInstance::isDevice).toList().forEach(actions::start);
            actions.start(ProcessInstance.VCPU);
        }
    }

    private void neverReady(long nowNs) {
        if (missing().isEmpty()) {
            actions.say("recording has not begun after "
                    + config.readyTimeout().toSeconds()
                    + " s. The guest starts without it, and what its devices do first may be missing in the journal.");
            recordingKnown();
            return;
        }
        end(
                new Outcome.ProcessFailed((missing().size() == 1 ? "process " : "processes ") + names(missing())
                        + " did not become ready within "
                        + config.readyTimeout().toSeconds()
                        + " s; the machine has been stopped. Look at what is said above, or raise"
                        + " lifecycle.ready_timeout_s on a slow host."),
                nowNs);
        killAll(nowNs);
    }

    private void ended(MachineEvent.Ended e, long nowNs) {
        alive.remove(e.process());
        // An ordinary exit after the decision is what was asked for; before it, it is as wrong as a crash.
        end(howProcessEnded(e), nowNs);
        if (alive.isEmpty()) {
            phase = Phase.STOPPED;
        }
    }

    private Outcome howProcessEnded(MachineEvent.Ended e) {
        boolean early = phase == Phase.STARTING && !ready.contains(e.process());
        if (early
                && e.how() instanceof ExitStatus.Exited(int code)
                && !e.lastWords().isEmpty()) {
            if (code == ProcessExit.BAD_CONFIGURATION.code()) {
                return new Outcome.BadInput(e.lastWords());
            }
            if (code == ProcessExit.HOST_ERROR.code()) {
                return new Outcome.HostLacks(e.lastWords());
            }
        }
        return new Outcome.ProcessFailed("process " + e.process().process() + " (pid " + e.pid() + ") "
                + Why.told(e.how())
                + (early ? " before it was ready" : "")
                + "; the machine has been stopped."
                + (e.lastWords().isEmpty() ? "" : " Its last words: " + e.lastWords()));
    }

    private void powerButton(String signal, long nowNs) {
        switch (phase) {
            case STARTING -> {
                end(new Outcome.Killed(signal + " came before the guest had started; nothing of it has run."), nowNs);
                killAll(nowNs);
            }
            case RUNNING -> press(signal, nowNs);
            case STOPPING, STOPPED -> {
                if (outcome instanceof Outcome.Reset) {
                    outcome = resetForGood();
                }
            }
        }
    }

    /**
     * Whoever presses the button wants an end. A guest that answers with a reset (or firmware that finds nothing to boot and
     * tries again, and knows of no button) would otherwise start a life that nothing limits any more.
     */
    private static Outcome resetForGood() {
        return new Outcome.PoweredOff("the guest reset after the power button was pressed; it is not started afresh.");
    }

    private void press(String signal, long nowNs) {
        if (config.powerButtonTimeout().isZero() || !actions.pressPowerButton()) {
            end(new Outcome.Killed(signal + ": the machine has been killed."), nowNs);
            killAll(nowNs);
            return;
        }
        if (buttonDeadlineNs == NEVER) {
            buttonDeadlineNs = nowNs + config.powerButtonTimeout().toNanos();
            actions.progress(signal + ": pressed the power button; the guest has "
                    + config.powerButtonTimeout().toSeconds() + " s to power off"
                    + ("SIGINT".equals(signal) ? " (once more kills it)" : ""));
        }
    }

    private void interrupt(long nowNs) {
        if (interrupted && phase != Phase.STOPPED) {
            end(new Outcome.Killed("second SIGINT: the machine has been killed."), nowNs);
            killAll(nowNs);
            return;
        }
        interrupted = true;
        powerButton("SIGINT", nowNs);
    }

    private void guestStopped(MachineEvent.GuestStopped e, long nowNs) {
        String place = " on vCPU " + e.vcpu() + " at rip 0x" + Long.toHexString(e.rip());
        end(
                switch (e.cause()) {
                    case POWERED_OFF -> new Outcome.PoweredOff("");
                    case RESET -> buttonDeadlineNs == NEVER ? new Outcome.Reset("") : resetForGood();
                    case CRASHED ->
                        new Outcome.GuestCrashed("the guest crashed (triple fault)" + place + detail(e.detail()) + ".");
                    case ENGINE_ERROR ->
                        new Outcome.GuestCrashed(
                                "the engine could not go on with the guest" + place + detail(e.detail()) + ".");
                },
                nowNs);
    }

    private static String detail(long detail) {
        return detail == 0 ? "" : ", detail 0x" + Long.toHexString(detail);
    }

    /** The machine ends, if it has not been decided before that it does, and how. */
    private void end(Outcome how, long nowNs) {
        if (phase == Phase.STOPPING || phase == Phase.STOPPED) {
            return;
        }
        phase = Phase.STOPPING;
        outcome = how;
        killDeadlineNs = nowNs + STOP_GRACE.toNanos();
        List<ProcessInstance> told = new ArrayList<>(alive);
        told.forEach(actions::requestStop);
        if (alive.isEmpty()) {
            phase = Phase.STOPPED;
        }
    }

    private void killAll(long nowNs) {
        if (!killed) {
            killed = true;
            killDeadlineNs = nowNs + JailedProcess.DYING_NS;
            new ArrayList<>(alive).forEach(actions::kill);
        }
    }

    /** SIGKILL is all there is; who survives it hangs in the kernel, and waiting for it would hang us too. */
    private void giveUp() {
        if (outcome != null && !outcome.message().isEmpty()) {
            actions.say(outcome.message());
        }
        outcome = new Outcome.ProcessFailed(StuckProcessException.describe(alive.stream()
                .map(p -> p.process() + " (pid " + actions.pid(p) + ")")
                .collect(Collectors.joining(", "))));
        phase = Phase.STOPPED;
    }

    private Set<ProcessInstance> missing() {
        Set<ProcessInstance> missing = new LinkedHashSet<>(alive);
        missing.removeAll(ready);
        return missing;
    }

    private String awaited() {
        String processes = names(missing());
        return !recordingAwaited ? processes : processes.isEmpty() ? RECORDER : processes + ", " + RECORDER;
    }

    private static String names(Set<ProcessInstance> processes) {
        return processes.stream().map(ProcessInstance::process).collect(Collectors.joining(", "));
    }

    @Override
    public String toString() {
        return "machine " + vm + " " + phase;
    }
}
