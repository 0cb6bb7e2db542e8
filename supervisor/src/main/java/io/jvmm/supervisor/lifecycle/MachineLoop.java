package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.Signals;
import io.jvmm.policy.jail.JailReport;
import io.jvmm.supervisor.backend.DeviceBackends;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.ProcessInspector;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import io.jvmm.supervisor.launch.Variant;
import io.jvmm.supervisor.sys.WindowSize;
import io.jvmm.supervisor.terminal.TerminalSession;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Watches one machine and acts for its {@link MachineLifecycle}: pidfds, doorbells of the supervisor links, output pipes and
 * signals, in one thread and one poll. It sleeps whenever there is nothing to do.
 */
public final class MachineLoop implements MachineActions {
    /** How long a process whose jail looks wrong may take to turn out to be dying. */
    private static final long DYING_NS = 1_000_000_000L;

    /** Events taken from one link before the others get their turn. */
    private static final int EVENTS_AT_ONCE = 64;

    /** More turns than a dead process's ring of events can hold. */
    private static final int LAST_TURNS = 1024;

    /**
     * What listening to one process may cost: events, rings of its doorbell, chunks of its output. Who has spent it is not
     * listened to for a while, so that a flood costs the supervisor a few hundredths of a processor.
     */
    static final int WORK_BURST = 2000;

    static final long NS_PER_WORK = 200_000L;
    static final long DEAF_NS = 10_000_000L;

    private final VmConfig config;
    private final Console console;
    private final SignalSource signals;
    private final Optional<TerminalSession> terminal;
    private final ProcessInspector inspector;
    private final boolean reportOnly;
    private final Map<ProcessInstance, Watched> watched = new LinkedHashMap<>();
    private final Map<ProcessInstance, JailReport> reports = new LinkedHashMap<>();
    private final MachineLifecycle lifecycle;
    private final Poller poller;
    private final Helpers helpers;

    /** A child and its places in the poll set. */
    private static final class Watched {
        final ChildProcess child;
        final ChildOutput output;
        final ChildEvents events;
        final int pidfdIndex;
        final int outputIndex;
        final int doorbellIndex;
        boolean outputOpen = true;
        boolean ended;
        boolean collected;
        boolean severed;
        final TokenBucket work;
        /** Not listened to until then; 0 for one that is listened to. */
        long deafUntilNs;

        Watched(ChildProcess child, ChildOutput output, ChildEvents events, Poller poller, long nowNs) {
            this.work = new TokenBucket(WORK_BURST, NS_PER_WORK, nowNs);
            this.child = child;
            this.output = output;
            this.events = events;
            this.pidfdIndex = poller.add(child.pidfd().fd(), Poller.READABLE);
            this.outputIndex = poller.add(child.output(), Poller.READABLE);
            this.doorbellIndex = poller.add(child.eventDoorbell().fd(), Poller.READABLE);
        }
    }

    /**
     * Takes charge of the children.
     *
     * @param devices back ends that want something done while the machine runs
     * @param reportOnly whether the guest is not to run: the loop ends once every jail has been looked at
     */
    public MachineLoop(
            VmConfig config,
            List<ChildProcess> children,
            SignalSource signals,
            Console console,
            Optional<TerminalSession> terminal,
            ProcessInspector inspector,
            Optional<DeviceBackends> devices,
            boolean reportOnly) {
        this.config = config;
        this.console = console;
        this.signals = signals;
        this.terminal = terminal;
        this.inspector = inspector;
        this.reportOnly = reportOnly;
        long now = Clock.monotonicNs();
        Set<ProcessInstance> kinds = new LinkedHashSet<>();
        poller = new Poller(
                1 + 3 * children.size() + devices.map(Helpers::descriptors).orElse(0));
        poller.add(signals.bell().fd(), Poller.READABLE);
        for (ChildProcess child : children) {
            kinds.add(child.instance());
            ChildOutput output = new ChildOutput(child.instance().process(), now, console::say);
            watched.put(
                    child.instance(), new Watched(child, output, new ChildEvents(child, output, this), poller, now));
        }
        helpers = new Helpers(devices, poller, console, this);
        lifecycle = new MachineLifecycle(config.machine().name(), config.lifecycle(), kinds, this, now);
    }

    /** Runs until every process of the machine is gone and collected. */
    public Outcome run() {
        while (lifecycle.phase() != Phase.STOPPED) {
            boolean more = drainLinks();
            handleSignals();
            long now = Clock.monotonicNs();
            if (now >= lifecycle.nextDeadlineNs()) {
                lifecycle.tick(now);
            }
            sleep(more || lifecycle.phase() == Phase.STOPPED);
            for (Watched w : watched.values()) {
                serve(w);
            }
            helpers.serve();
        }
        watched.values().forEach(w -> {
            w.output.tellDropped();
            w.events.tellDropped();
        });
        return lifecycle.outcome().orElseThrow();
    }

    /** What was found by looking at the processes, in the order in which they were started. */
    public List<JailReport> reports() {
        return watched.keySet().stream()
                .map(reports::get)
                .filter(java.util.Objects::nonNull)
                .toList();
    }

    /** Those that serve devices, in the order in which the vCPU process counts them. */
    List<ProcessInstance> devices() {
        return watched.keySet().stream().filter(ProcessInstance::isDevice).toList();
    }

    /** How many system calls the filter of each ready process lets through, by the name of the process. */
    public Map<String, Integer> allowedCalls() {
        Map<String, Integer> allowed = new LinkedHashMap<>();
        watched.forEach((kind, w) -> w.events
                .variant()
                .ifPresent(v -> allowed.put(kind.process(), v.filter().allowedCalls())));
        return allowed;
    }

    private boolean drainLinks() {
        boolean more = false;
        for (Watched w : watched.values()) {
            listenAgain(w);
            if (!w.collected && w.deafUntilNs == 0) {
                more |= drain(w);
            }
        }
        return more;
    }

    /** Takes some of its events; true if there may be more. */
    private boolean drain(Watched w) {
        if (w.severed) {
            return false;
        }
        int taken = w.child.endpoint().pollEvents(w.events, EVENTS_AT_ONCE);
        pay(w, taken);
        if (w.events.flooded()) {
            sever(w);
        } else if (w.child.endpoint().health() == LinkHealth.SEVERED) {
            sever(w);
            Violation violation = w.child.endpoint().violation();
            handle(new MachineEvent.Violation(w.child.instance(), "the supervisor", String.valueOf(violation)));
        }
        return taken > 0 && !w.severed;
    }

    private void sever(Watched w) {
        w.severed = true;
        poller.ignore(w.doorbellIndex);
    }

    private void pay(Watched w, int work) {
        long now = Clock.monotonicNs();
        if (!w.work.spend(work, now) && !w.collected && w.deafUntilNs == 0) {
            w.deafUntilNs = now + DEAF_NS;
            poller.ignore(w.doorbellIndex);
            poller.ignore(w.outputIndex);
        }
    }

    private void listenAgain(Watched w) {
        if (w.deafUntilNs == 0 || w.collected || Clock.monotonicNs() < w.deafUntilNs) {
            return;
        }
        w.deafUntilNs = 0;
        if (!w.severed) {
            poller.watch(w.doorbellIndex, w.child.eventDoorbell().fd(), Poller.READABLE);
        }
        if (w.outputOpen) {
            poller.watch(w.outputIndex, w.child.output(), Poller.READABLE);
        }
    }

    private void handleSignals() {
        signals.bell().drain();
        for (Optional<SignalSource.Kind> s = signals.next(); s.isPresent(); s = signals.next()) {
            if (s.get() == SignalSource.Kind.WINCH) {
                resize();
                continue;
            }
            handle(
                    switch (s.get()) {
                        case INT -> new MachineEvent.Interrupt();
                        case TERM -> new MachineEvent.PowerButton("SIGTERM");
                        case HUP -> new MachineEvent.PowerButton("SIGHUP");
                        case WINCH -> throw new IllegalStateException("no event");
                    });
        }
    }

    /** The console on the terminal learns of its size. */
    private void resize() {
        if (!config.consoleOnTerminal()) {
            return;
        }
        WindowSize.of(Fd.of(0))
                .ifPresent(size -> watched.values().stream()
                        .filter(w -> w.child.instance().kind() == ProcessKind.CONSOLE)
                        .forEach(w -> w.child.endpoint().send(SupervisorRequestType.RESIZE, size.argument())));
    }

    private void sleep(boolean not) {
        boolean may = !not;
        long deadline = Math.min(lifecycle.nextDeadlineNs(), helpers.listensAgainNs());
        List<Watched> asleep = new ArrayList<>();
        for (Watched w : watched.values()) {
            if (w.deafUntilNs != 0 && !w.collected) {
                deadline = Math.min(deadline, w.deafUntilNs);
            } else if (may && !w.collected && !w.severed) {
                may = w.child.endpoint().prepareToSleep();
                if (may) {
                    asleep.add(w);
                }
            }
        }
        long timeout = deadline == MachineLifecycle.NEVER ? Poller.FOREVER : deadline - Clock.monotonicNs();
        poller.await(may ? timeout : 0);
        asleep.forEach(w -> w.child.endpoint().awake());
    }

    private void serve(Watched w) {
        if (w.collected) {
            return;
        }
        if (poller.ready(w.doorbellIndex) != 0) {
            w.child.eventDoorbell().drain();
            pay(w, 1);
        }
        if (w.outputOpen && poller.ready(w.outputIndex) != 0) {
            readOutput(w);
        }
        if (poller.ready(w.pidfdIndex) != 0) {
            w.child.pidfd().poll().ifPresent(status -> collect(w, status));
        }
    }

    private void readOutput(Watched w) {
        pay(w, ChildOutput.CHUNKS_AT_ONCE);
        if (!w.output.readFrom(w.child.output(), Clock.monotonicNs())) {
            w.outputOpen = false;
            poller.ignore(w.outputIndex);
        }
    }

    /** A process is gone. What it said before counts first: its last event may be the reason. */
    private void collect(Watched w, ExitStatus status) {
        w.ended = true;
        for (int turn = 0; turn < LAST_TURNS && drain(w); turn++) {
            // A ring full: nobody writes to it any more.
        }
        if (w.outputOpen) {
            readOutput(w);
        }
        w.collected = true;
        poller.ignore(w.pidfdIndex);
        poller.ignore(w.outputIndex);
        poller.ignore(w.doorbellIndex);
        handle(new MachineEvent.Ended(w.child.instance(), w.child.pid(), status, w.output.lastWords()));
        String reason = lifecycle.outcome().map(Outcome::message).orElse("");
        w.output.release(!reason.isEmpty() && reason.equals(w.output.lastWords()));
    }

    /** Something has happened; also called by {@link ChildEvents}. */
    void handle(MachineEvent event) {
        lifecycle.handle(event, Clock.monotonicNs());
        if (reportOnly && lifecycle.phase() == Phase.RUNNING) {
            lifecycle.handle(new MachineEvent.Escape(0), Clock.monotonicNs());
        }
    }

    boolean isStarting() {
        return lifecycle.phase() == Phase.STARTING;
    }

    /** Whether COM{@code number} writes to the supervisor's standard output and nowhere else. */
    boolean isStandardOutput(int number) {
        return config.serial().stream().anyMatch(s -> s.port() == number && s.backend() == SerialConfig.Backend.STDOUT);
    }

    Console console() {
        return console;
    }

    @Override
    public Optional<String> audit(ProcessInstance process) {
        Watched w = watched.get(process);
        if (w == null || !w.events.filterIsRight()) {
            return Optional.of("the filter it reports is not the compiled policy's.");
        }
        try {
            JailReport report = inspector.look(w.child);
            reports.put(process, report);
            List<String> faults = inspector.faults(w.child, w.events.variant().flatMap(Variant::engine), report);
            return faults.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", faults) + ".");
        } catch (IOException e) {
            return Optional.of("it cannot be looked at (" + e.getMessage() + ").");
        }
    }

    @Override
    public boolean hasEnded(ProcessInstance process) {
        Watched w = watched.get(process);
        if (w == null || w.ended) {
            return w != null;
        }
        // A dying process loses its memory, files and namespaces before it is seen to end: give it the time to.
        Poller death = new Poller(1);
        death.add(w.child.pidfd().fd(), Poller.READABLE);
        death.await(DYING_NS);
        return w.child.pidfd().peek().isPresent();
    }

    @Override
    public void start(ProcessInstance process) {
        if (reportOnly) {
            return;
        }
        if (process.equals(ProcessInstance.VCPU) && terminal.isPresent()) {
            try {
                terminal.get().enterRaw();
                console.setRaw(terminal.get().isRaw());
            } catch (IllegalStateException e) {
                handle(new MachineEvent.HostFailure(String.valueOf(e.getMessage())));
                return;
            }
        }
        send(process, SupervisorRequestType.START);
    }

    @Override
    public boolean pressPowerButton() {
        return send(ProcessInstance.PLATFORM, SupervisorRequestType.POWER_BUTTON);
    }

    @Override
    public void requestStop(ProcessInstance process) {
        send(process, SupervisorRequestType.STOP);
    }

    private boolean send(ProcessInstance process, SupervisorRequestType request) {
        Watched w = watched.get(process);
        return w != null && w.child.endpoint().send(request);
    }

    @Override
    public void kill(ProcessInstance process) {
        Watched w = watched.get(process);
        if (w != null && !w.collected) {
            w.child.pidfd().signal(Signals.SIGKILL);
        }
    }

    @Override
    public int pid(ProcessInstance process) {
        Watched w = watched.get(process);
        return w == null ? 0 : w.child.pid();
    }

    @Override
    public void say(String message) {
        console.say(prefixed(message));
    }

    @Override
    public void progress(String message) {
        console.progress(prefixed(message));
    }

    private String prefixed(String message) {
        return "jvmm: vm \"" + config.machine().name() + "\": " + message;
    }
}
