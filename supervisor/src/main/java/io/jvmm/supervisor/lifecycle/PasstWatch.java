package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.jail.JailException;
import io.jvmm.policy.jail.StuckProcessException;
import io.jvmm.supervisor.backend.DeviceBackends;
import io.jvmm.supervisor.backend.Passt;
import io.jvmm.supervisor.config.RestartBudget;
import io.jvmm.supervisor.launch.MachinePlan;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalInt;

/**
 * A card's passt in the event loop: its words and its end. One that ends while the guest runs is followed by another, and the card's process
 * by one that has the new socket, as often as a device's process may be replaced; then the card is one whose cable was pulled, and the machine
 * goes on. Event-loop thread only.
 */
final class PasstWatch {
    private final DeviceBackends devices;
    private final RestartBudget budget;
    private final PollSlots poller;
    private final MachineLoop loop;
    private final ProcessInstance process;
    private final ChildOutput output;
    private final TokenBucket work =
            new TokenBucket(MachineLoop.WORK_BURST, MachineLoop.NS_PER_WORK, Clock.monotonicNs());
    private final Deque<Long> restarts = new ArrayDeque<>();
    private Passt passt;
    private int pidfdIndex;
    private int outputIndex;
    private boolean outputOpen;
    private boolean ended;
    /** Its words are not read until then; 0 when they are. */
    private long deafUntilNs;

    PasstWatch(
            DeviceBackends devices,
            Passt passt,
            RestartBudget budget,
            PollSlots poller,
            Console console,
            MachineLoop loop) {
        this.devices = devices;
        this.passt = passt;
        this.budget = budget;
        this.poller = poller;
        this.loop = loop;
        this.process = MachinePlan.processOf(devices.cardOf(passt));
        this.output = new ChildOutput("passt", Clock.monotonicNs(), console::detail);
        output.release(false);
        watch();
    }

    private void watch() {
        pidfdIndex = poller.take(passt.pidfd().fd(), Poller.READABLE);
        outputIndex = poller.take(passt.output(), Poller.READABLE);
        outputOpen = true;
        ended = false;
        deafUntilNs = 0;
    }

    /** For people: {@code passt (net0)}. */
    String name() {
        return "passt (" + devices.cardOf(passt).placement().id() + ")";
    }

    /** Its process; empty when there is none. */
    OptionalInt pid() {
        return ended ? OptionalInt.empty() : OptionalInt.of(passt.process().pid());
    }

    /** When its words are to be read again; {@link MachineLifecycle#NEVER}. */
    long listensAgainNs() {
        return deafUntilNs == 0 ? MachineLifecycle.NEVER : deafUntilNs;
    }

    /** Does what the last poll found. */
    void serve() {
        if (outputOpen && deafUntilNs != 0) {
            if (Clock.monotonicNs() >= deafUntilNs) {
                deafUntilNs = 0;
                poller.listen(outputIndex);
            }
        } else if (outputOpen && poller.ready(outputIndex) != 0) {
            readOutput();
        }
        if (!ended && poller.ready(pidfdIndex) != 0) {
            passt.pidfd().peek().ifPresent(this::ended);
        }
    }

    private void readOutput() {
        long now = Clock.monotonicNs();
        if (!output.readFrom(passt.output(), now)) {
            outputOpen = false;
            poller.ignore(outputIndex);
        } else if (!work.spend(ChildOutput.CHUNKS_AT_ONCE, now)) {
            deafUntilNs = now + MachineLoop.DEAF_NS;
            poller.ignore(outputIndex);
        }
    }

    private void ended(ExitStatus status) {
        ended = true;
        if (outputOpen) {
            var _ = output.readFrom(passt.output(), Clock.monotonicNs());
            outputOpen = false;
            deafUntilNs = 0;
        }
        poller.free(pidfdIndex);
        poller.free(outputIndex);
        String words = output.lastWords();
        String end = "passt " + status + (words.isEmpty() ? "" : ", saying: " + words);
        String title = passt.title();
        if (loop.phase() == Phase.RUNNING && mayRestart()) {
            try {
                passt = devices.restart(passt);
                watch();
                loop.say(title + " has another passt: " + end);
                loop.replace(process, new Why.NewBackend("another passt"));
                return;
            } catch (JailException | StuckProcessException | SysException | UncheckedIOException e) {
                end += "; no other can be started: " + e.getMessage();
            }
        }
        loop.say(title + " has lost its network: " + end);
    }

    private boolean mayRestart() {
        long now = Clock.monotonicNs();
        restarts.removeIf(at -> now - at > budget.window().toNanos());
        if (restarts.size() >= budget.restarts()) {
            return false;
        }
        restarts.add(now);
        return true;
    }
}
