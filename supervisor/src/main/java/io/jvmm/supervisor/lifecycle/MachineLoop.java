package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.Signals;
import io.jvmm.policy.jail.JailReport;
import io.jvmm.supervisor.backend.DeviceBackends;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.control.ControlServer;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.ProcessInspector;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import io.jvmm.supervisor.launch.Successors;
import io.jvmm.supervisor.telemetry.TelemetryHub;
import io.jvmm.supervisor.terminal.TerminalSession;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Watches one machine and acts for its {@link MachineLifecycle}: pidfds, doorbells of the supervisor links, output pipes and
 * signals, in one thread and one poll. It sleeps whenever there is nothing to do.
 */
public final class MachineLoop implements MachineActions {
    /**
     * What listening to one process may cost: events, rings of its doorbell, chunks of its output. Who has spent it is not
     * listened to for a while, so that a flood costs the supervisor a few hundredths of a processor.
     */
    static final int WORK_BURST = 2000;

    static final long NS_PER_WORK = 200_000L;
    static final long DEAF_NS = 10_000_000L;

    private final VmConfig config;
    private final Console console;
    private final ArchiveTrouble archives;
    private final SignalDuty signals;
    private final Observation observation;
    private final Optional<TerminalSession> terminal;
    private final Audits audits;
    private final boolean reportOnly;
    private final List<ProcessInstance> devices;
    private final Map<ProcessInstance, ChildWatch> watched = new LinkedHashMap<>();
    private final MachineLifecycle lifecycle;
    private final PollSlots slots = new PollSlots();
    private final Helpers helpers;
    private final Successors successors;
    private final Replacer replacer;
    private final Replacements replacements;
    private final Controls controls;
    /** Requests that must not be lost with the process that was asked. */
    private final OwedRequests owed = new OwedRequests();
    /** While the guest runs. */
    private Optional<DeviceLives> lives = Optional.empty();

    /**
     * Takes charge of the children.
     *
     * @param devices back ends that want something done while the machine runs
     * @param successors where processes come from that replace others
     * @param controlServer where clients ask for things
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
            Successors successors,
            Optional<ControlServer> controlServer,
            boolean reportOnly) {
        this.config = config;
        this.console = console;
        this.archives = new ArchiveTrouble(console);
        this.signals = new SignalDuty(signals, config, this);
        this.terminal = terminal;
        this.audits = new Audits(inspector);
        this.reportOnly = reportOnly;
        long now = Clock.monotonicNs();
        this.successors = successors;
        slots.take(signals.bell().fd(), Poller.READABLE);
        for (ChildProcess child : children) {
            watched.put(child.instance(), new ChildWatch(child.instance(), child, this, slots, now));
        }
        this.devices =
                watched.keySet().stream().filter(ProcessInstance::isDevice).toList();
        replacer = new Replacer(this, successors);
        slots.take(replacer.starts().bell().fd(), Poller.READABLE);
        replacements = new Replacements(this::say, this::detail, now);
        helpers = new Helpers(devices, slots, console, this, config.lifecycle().restarts());
        observation = new Observation(this, config, successors, helpers);
        controls = new Controls(this, config, successors, slots, controlServer);
        lifecycle = new MachineLifecycle(config.machine().name(), config.lifecycle(), watched.keySet(), this, now);
    }

    /** Runs until every process of the machine is gone and collected. */
    public Outcome run() {
        controls.begin(slots);
        observation.begin(slots);
        journal().begin(lifecycle);
        try (replacer;
                controls;
                observation) {
            while (lifecycle.phase() != Phase.STOPPED) {
                boolean more = false;
                for (ChildWatch w : all()) {
                    more |= w.listen();
                }
                signals.serve();
                tick();
                sleep(more || lifecycle.phase() == Phase.STOPPED);
                replacer.serve(lifecycle.phase() == Phase.RUNNING, Clock.monotonicNs());
                for (ChildWatch w : all()) {
                    w.serve().ifPresent(status -> collect(w, status));
                }
                helpers.serve();
                controls.serve();
                observation.serve();
            }
        }
        all().forEach(ChildWatch::tellDropped);
        replacements.tellAccounts(Clock.monotonicNs());
        return lifecycle.outcome().orElseThrow();
    }

    /** A copy: what happens to one may bring another. */
    List<ChildWatch> all() {
        return List.copyOf(watched.values());
    }

    private void tick() {
        long now = Clock.monotonicNs();
        if (now >= lifecycle.nextDeadlineNs()) {
            lifecycle.tick(now);
            noteRunning(now);
        }
        if (now >= replacements.nextDeadlineNs()) {
            replacements.tick(now);
        }
        journal().tick(now);
        if (lifecycle.phase() == Phase.RUNNING) {
            lives.ifPresent(l -> l.tick(now));
            replacer.tick(now);
            controls.tick(now);
            if (now >= BoardPatience.deadlineNs(watch(ProcessInstance.VCPU))) {
                handle(BoardPatience.failed(watch(ProcessInstance.VCPU)));
            }
        }
    }

    private long nextDeadlineNs() {
        long next = Math.min(lifecycle.nextDeadlineNs(), replacements.nextDeadlineNs());
        next = Math.min(next, helpers.listensAgainNs());
        next = Math.min(next, controls.servesNextNs());
        if (lifecycle.phase() == Phase.RUNNING) {
            next = Math.min(next, lives.map(DeviceLives::nextDeadlineNs).orElse(MachineLifecycle.NEVER));
            next = Math.min(next, replacer.nextDeadlineNs());
            next = Math.min(next, controls.nextDeadlineNs());
            next = Math.min(next, BoardPatience.deadlineNs(watch(ProcessInstance.VCPU)));
        }
        for (ChildWatch w : watched.values()) {
            next = Math.min(next, w.deafUntilNs());
        }
        return next;
    }

    private void boardFailed(String what) {
        handle(new MachineEvent.Failed(ProcessInstance.VCPU, what, ""));
    }

    /** What was found by looking at the processes, in the order in which they were started. */
    public List<JailReport> reports() {
        return Stream.concat(
                        watched.keySet().stream().flatMap(p -> audits.report(p).stream()),
                        successors.recording().recorderReport().stream())
                .toList();
    }

    /** Those that serve devices, in the order in which the vCPU process counts them. */
    List<ProcessInstance> devices() {
        return devices;
    }

    /** How often processes have been replaced, and how long that took. */
    public Replacements replacements() {
        return replacements;
    }

    /** How many system calls the filter of each ready process lets through, by the name of the process. */
    public Map<String, Integer> allowedCalls() {
        Map<String, Integer> allowed = new LinkedHashMap<>();
        watched.forEach((kind, w) -> w.events()
                .variant()
                .ifPresent(v -> allowed.put(kind.process(), v.filter().allowedCalls())));
        journal().allowedCalls().ifPresent(n -> allowed.put(ProcessInstance.RECORDER.process(), n));
        return allowed;
    }

    private void sleep(boolean not) {
        boolean may = !not;
        List<ChildWatch> asleep = new ArrayList<>();
        for (ChildWatch w : watched.values()) {
            if (may) {
                may = w.prepareToSleep();
                asleep.add(w);
            }
        }
        long deadline = nextDeadlineNs();
        long timeout = deadline == MachineLifecycle.NEVER ? Poller.FOREVER : deadline - Clock.monotonicNs();
        slots.await(may ? timeout : 0);
        asleep.forEach(ChildWatch::awake);
    }

    private void collect(ChildWatch w, ExitStatus status) {
        w.collect();
        ProcessInstance who = w.instance();
        boolean replaceable = lifecycle.phase() == Phase.RUNNING && who.isDevice();
        if (replaceable) {
            lifecycle.left(who);
            owed.keep(who, w.pending());
        }
        boolean byItself = lifecycle.phase() == Phase.RUNNING || status instanceof ExitStatus.Exited;
        journal().ended(who, byItself ? Why.told(status) : "the machine ended");
        if (who.isSpare() || who.isForUpgrade()) {
            watched.remove(who);
        }
        handle(new MachineEvent.Ended(who, w.child().pid(), status, w.output().lastWords()));
        String reason = lifecycle.outcome().map(Outcome::message).orElse("");
        w.output().release(!reason.isEmpty() && reason.equals(w.output().lastWords()));
        if (replaceable) {
            successors.bury(w.child());
        }
    }

    /** A process has come into the machine: a successor, or a spare. */
    void adopt(ProcessInstance as, ChildProcess child) {
        watched.put(as, new ChildWatch(as, child, this, slots, Clock.monotonicNs()));
        observation.started(as, child.pid());
        lifecycle.joined(as);
    }

    /** A spare has been given a device. */
    void becomes(ChildWatch spare, ChildProcess assigned) {
        watched.remove(spare.instance());
        lifecycle.left(spare.instance());
        spare.become(assigned);
        watched.put(spare.instance(), spare);
        lifecycle.joined(spare.instance());
    }

    /** A process that has taken part in an upgrade serves from now on, in the place of one that is gone. */
    void rename(ProcessInstance from, ProcessInstance to) {
        ChildWatch w = watch(from);
        watched.remove(from);
        lifecycle.left(from);
        w.rename(to);
        watched.put(to, w);
        lifecycle.joined(to);
    }

    ChildWatch watch(ProcessInstance process) {
        return Objects.requireNonNull(watched.get(process), process::process);
    }

    /** A successor's program could not be started. */
    void startFailed(ProcessInstance device, String reason) {
        life(device).ifPresent(d -> d.startFailed(reason, Clock.monotonicNs()));
    }

    /** A process has done what it was asked, or cannot; called by {@link ChildEvents}. */
    void acknowledged(ChildWatch w, ChildWatch.Asked asked, int status) {
        Optional<DeviceLifecycle> device = life(asked.about());
        long now = Clock.monotonicNs();
        if (asked.about().isSpare()) {
            replacer.pingAcknowledged(asked.about(), now);
        }
        boolean taken = controls.acknowledged(w, asked, status, now);
        if (taken || lifecycle.phase() != Phase.RUNNING || device.isEmpty()) {
            return;
        }
        switch (asked.request()) {
            case DEVICE_AWAY, DEVICE_BACK, DEVICE_BROKEN -> {
                if (status != 0) {
                    boardFailed("refused " + asked.request() + " with status " + status);
                } else if (asked.request() == SupervisorRequestType.DEVICE_AWAY) {
                    device.get().awayAcknowledged(now);
                } else if (asked.request() == SupervisorRequestType.DEVICE_BACK) {
                    device.get().backAcknowledged(now);
                }
            }
            case PING -> device.get().pingAcknowledged(now);
            default -> {
                if (status != 0) {
                    w.output().say(asked.request() + " failed with status " + status, now);
                }
            }
        }
    }

    /** The board tells how long the guest waited. */
    void stalled(ProcessInstance device, int messages, long stallNs) {
        replacements.stalled(device, messages, stallNs, Clock.monotonicNs());
    }

    /**
     * Replaces the process of a device while the guest runs: kills it, and gives its device to another. Nothing happens where it is
     * being replaced already, or the device is broken.
     */
    public void replace(ProcessInstance device, Why why) {
        life(device).ifPresent(d -> d.lost(why, Clock.monotonicNs()));
    }

    /** Something has happened; also called by {@link ChildEvents}. */
    void handle(MachineEvent event) {
        long now = Clock.monotonicNs();
        observation.happened(event);
        if (lifecycle.phase() == Phase.RUNNING
                && (upgrades().handle(event, now)
                        || replacer.handle(event, now)
                        || lives.map(l -> l.handle(event, now)).orElse(false))) {
            return;
        }
        lifecycle.handle(event, now);
        noteRunning(now);
    }

    /** Does what is to be done once the guest runs, if it does. */
    private void noteRunning(long now) {
        if (phase() != Phase.RUNNING || lives.isPresent()) {
            return;
        }
        if (reportOnly) {
            journal().whenReady(() -> lifecycle.handle(new MachineEvent.Escape(0), Clock.monotonicNs()));
            return;
        }
        observation.running();
        lives = Optional.of(
                new DeviceLives(devices, config.lifecycle(), new DeviceHands(this, replacer, helpers), now));
        if (successors.hasSpares()) {
            Set<ProcessKind> kinds = new LinkedHashSet<>();
            devices.stream()
                    .map(ProcessInstance::kind)
                    .filter(k -> config.lifecycle().standby().has(k.process()))
                    .forEach(kinds::add);
            replacer.keepSpares(new Spares(kinds, config.lifecycle(), replacer, now));
        }
    }

    Phase phase() {
        return lifecycle.phase();
    }

    /** Observers are told through it, and may come there. Before {@link #run}. */
    public void observedThrough(TelemetryHub hub, Supplier<Path> bus) {
        observation.through(hub, bus);
    }

    Observation observation() {
        return observation;
    }

    Controls controls() {
        return controls;
    }

    Upgrades upgrades() {
        return controls.upgrades();
    }

    JournalWatch journal() {
        return controls.journal();
    }

    Replacer replacer() {
        return replacer;
    }

    /** The life of a device, while the guest runs. */
    Optional<DeviceLifecycle> life(ProcessInstance device) {
        return lives.flatMap(l -> l.of(device));
    }

    /** Whether COM{@code number} writes to the supervisor's standard output and nowhere else. */
    boolean isStandardOutput(int number) {
        return config.serial().stream().anyMatch(s -> s.port() == number && s.backend() == SerialConfig.Backend.STDOUT);
    }

    Console console() {
        return console;
    }

    ArchiveTrouble archives() {
        return archives;
    }

    @Override
    public Optional<String> audit(ProcessInstance process) {
        return audits.audit(watched.get(process));
    }

    @Override
    public boolean hasEnded(ProcessInstance process) {
        return Audits.hasEnded(watched.get(process));
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
        send(process, SupervisorRequestType.START, 0);
        sendOwed(process);
    }

    /** What was asked of a device while nobody served it. */
    void sendOwed(ProcessInstance device) {
        owed.take(device).forEach(a -> send(device, a.request(), a.argument()));
    }

    @Override
    public boolean pressPowerButton() {
        return tell(ProcessInstance.PLATFORM, SupervisorRequestType.POWER_BUTTON, 0);
    }

    /** Asks something of a device's process, or of its successor where it has none at the moment. */
    boolean tell(ProcessInstance device, SupervisorRequestType request, long argument) {
        Optional<DeviceLifecycle> life = life(device);
        boolean starting = phase() == Phase.STARTING;
        if (starting || (life.isPresent() && !life.get().isServed())) {
            boolean comes = starting || !life.get().isBroken();
            if (comes) {
                owed.add(device, new ChildWatch.Asked(request, device, argument, Clock.monotonicNs()));
            }
            return comes;
        }
        return send(device, request, argument);
    }

    @Override
    public void requestStop(ProcessInstance process) {
        send(process, SupervisorRequestType.STOP, 0);
    }

    /** Asks something of a process; false when it cannot be asked. */
    boolean send(ProcessInstance process, SupervisorRequestType request, long argument) {
        ChildWatch w = watched.get(process);
        return w != null && w.send(request, process, argument, 0);
    }

    /** Tells the board of a device; the machine cannot go on where that is impossible. */
    void tellBoard(SupervisorRequestType request, ProcessInstance device, long argument, long detail) {
        if (!watch(ProcessInstance.VCPU).send(request, device, argument, detail)) {
            boardFailed("takes no requests: it cannot be told " + request + " of device " + device.process());
        }
    }

    @Override
    public void kill(ProcessInstance process) {
        ChildWatch w = watched.get(process);
        if (w != null && !w.collected()) {
            w.child().pidfd().signal(Signals.SIGKILL);
        }
    }

    /** Whether a process is there whose end has not been seen. */
    boolean isThere(ProcessInstance process) {
        ChildWatch w = watched.get(process);
        return w != null && !w.collected();
    }

    @Override
    public int pid(ProcessInstance process) {
        ChildWatch w = watched.get(process);
        return w == null ? 0 : w.child().pid();
    }

    @Override
    public void say(String message) {
        console.say(prefixed(message));
    }

    @Override
    public void progress(String message) {
        console.progress(prefixed(message));
    }

    /** Tells those who want details. */
    void detail(String message) {
        console.detail(prefixed(message));
    }

    private String prefixed(String message) {
        return "jvmm: vm \"" + config.machine().name() + "\": " + message;
    }
}
