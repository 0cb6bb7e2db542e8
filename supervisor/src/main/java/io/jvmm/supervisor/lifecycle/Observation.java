package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.Signals;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.control.ControlReply;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Successors;
import io.jvmm.supervisor.telemetry.BoardAccount;
import io.jvmm.supervisor.telemetry.DeviceAccount;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.telemetry.TelemetryHub;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The event loop's part of telemetry: it says what happens, and looks at what the processes have counted when somebody asks. Nothing is looked at,
 * and no page is mapped, before somebody does. Event-loop thread only.
 */
final class Observation implements AutoCloseable {
    private static final String SUPERVISOR = "supervisor";

    private final MachineLoop loop;
    private final VmConfig config;
    private final Successors successors;
    private final Helpers helpers;
    private final long startedNs = Clock.monotonicNs();
    /** The same since 1970. */
    private final long startedMs = System.currentTimeMillis();

    private final Map<ProcessInstance, DeviceAccount> devices = new HashMap<>();
    private Optional<BoardAccount> board = Optional.empty();
    private Optional<TelemetryHub> hub = Optional.empty();
    private Optional<Supplier<Path>> bus = Optional.empty();
    private int bellSlot;

    Observation(MachineLoop loop, VmConfig config, Successors successors, Helpers helpers) {
        this.helpers = helpers;
        this.loop = loop;
        this.config = config;
        this.successors = successors;
    }

    /** @param newBus where observers may come; asked when one wants to */
    void through(TelemetryHub newHub, Supplier<Path> newBus) {
        hub = Optional.of(newHub);
        bus = Optional.of(newBus);
    }

    /** A life of the machine begins. */
    void begin(PollSlots slots) {
        hub.ifPresent(h -> {
            bellSlot = slots.take(h.bell().fd(), Poller.READABLE);
            h.served(true);
            loop.all().forEach(w -> started(w.instance(), w.child().pid()));
        });
    }

    /** Does what observers have asked for. */
    void serve() {
        hub.ifPresent(h -> {
            h.bell().drain();
            for (TelemetryHub.Request request : h.asked()) {
                switch (request) {
                    case TelemetryHub.Request.Sample(var answer, var ofStream) -> {
                        answer.accept(sample());
                        if (ofStream) {
                            devices.values().forEach(DeviceAccount::told);
                            board.ifPresent(BoardAccount::told);
                        }
                    }
                    case TelemetryHub.Request.Traces _ -> readTraces(h);
                }
            }
        });
    }

    /** Where an observer is to come; empty where there is no such thing. */
    Optional<Path> observe() {
        return bus.map(Supplier::get);
    }

    List<Telemetry.Envelope> history() {
        return hub.map(TelemetryHub::history).orElse(List.of());
    }

    // ---- what happens

    private void tell(Telemetry.Kind kind, LogLevel level, String process, int pid, long durationNs, String text) {
        hub.ifPresent(h -> h.event(kind, level, process, pid, durationNs, text));
    }

    private void tell(Telemetry.Kind kind, LogLevel level, ProcessInstance process, String text) {
        tell(kind, level, process.process(), loop.pid(process), Telemetry.UNKNOWN, text);
    }

    /** A process is there. */
    void started(ProcessInstance process, int pid) {
        tell(Telemetry.Kind.STARTED, LogLevel.INFO, process.process(), pid, Telemetry.UNKNOWN, "started");
    }

    /** The recorder has become ready, or has ended. */
    void recorder(Telemetry.Kind kind, LogLevel level, int pid, String text) {
        tell(kind, level, ProcessInstance.RECORDER.process(), pid, Telemetry.UNKNOWN, text);
    }

    /** Something has become of a device's recording. */
    void recorded(Telemetry.Kind kind, LogLevel level, ProcessInstance device, String text) {
        tell(kind, level, device.process(), 0, Telemetry.UNKNOWN, text);
    }

    /** The guest runs. */
    void running() {
        machine(Telemetry.Kind.RUNNING, LogLevel.INFO, "the guest runs");
    }

    private void machine(Telemetry.Kind kind, LogLevel level, String text) {
        tell(kind, level, "", 0, Telemetry.UNKNOWN, text);
    }

    /** A device's successor serves. */
    void replaced(ProcessInstance device, Replacement replacement, long nowNs) {
        tell(
                Telemetry.Kind.REPLACED,
                replacement.why().counts() ? LogLevel.WARN : LogLevel.INFO,
                device.process(),
                loop.pid(device),
                nowNs - replacement.goneNs(),
                replacement.why().text()
                        + (replacement.source() == DeviceActions.Source.SPARE ? " (spare)" : " (no spare)"));
    }

    void upgraded(ProcessInstance device, int from, int to, long blackoutNs) {
        tell(
                Telemetry.Kind.UPGRADED,
                LogLevel.INFO,
                device.process(),
                loop.pid(device),
                blackoutNs,
                "state version " + from + " to " + to);
    }

    /** A device is given up for good. */
    void broken(ProcessInstance device) {
        tell(Telemetry.Kind.BROKEN, LogLevel.ERROR, device, "broken for the rest of this machine's life");
    }

    void paused(boolean on) {
        machine(on ? Telemetry.Kind.PAUSED : Telemetry.Kind.RESUMED, LogLevel.INFO, on ? "paused" : "running");
    }

    void log(ProcessInstance process, LogLevel level, String text) {
        hub.filter(TelemetryHub::isWatched).ifPresent(h -> h.tell(new Telemetry.Log(level, process.process(), text)));
    }

    /** Anything that the machine has to react to. */
    void happened(MachineEvent event) {
        switch (event) {
            case MachineEvent.Ready e -> tell(Telemetry.Kind.READY, LogLevel.INFO, e.process(), "ready");
            case MachineEvent.RecordingKnown _ -> {
                // The recorder's own events tell.
            }
            case MachineEvent.Ended e -> ended(e);
            case MachineEvent.PowerButton e ->
                machine(Telemetry.Kind.POWER_BUTTON, LogLevel.INFO, "pressed: " + e.signal());
            case MachineEvent.Interrupt _ ->
                machine(Telemetry.Kind.POWER_BUTTON, LogLevel.INFO, "pressed: SIGINT; a second one kills");
            case MachineEvent.Escape _ -> machine(Telemetry.Kind.STOPPING, LogLevel.INFO, "the escape key");
            case MachineEvent.StopRequested _ -> machine(Telemetry.Kind.STOPPING, LogLevel.INFO, "on request");
            case MachineEvent.GuestStopped e ->
                machine(
                        Telemetry.Kind.GUEST_STOPPED,
                        e.cause() == MachineEvent.Stop.POWERED_OFF || e.cause() == MachineEvent.Stop.RESET
                                ? LogLevel.INFO
                                : LogLevel.ERROR,
                        e.cause().name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '));
            case MachineEvent.DeviceHung e ->
                tell(
                        Telemetry.Kind.HUNG,
                        LogLevel.WARN,
                        e.device().process(),
                        loop.pid(e.device()),
                        e.waitedNs(),
                        "did not answer the guest");
            case MachineEvent.Violation e ->
                tell(
                        Telemetry.Kind.VIOLATION,
                        LogLevel.ERROR,
                        e.offender(),
                        "noticed by " + e.reporter() + ": " + e.what());
            case MachineEvent.Failed e -> tell(Telemetry.Kind.FAILED, LogLevel.ERROR, e.process(), e.what());
            case MachineEvent.HostFailure e -> machine(Telemetry.Kind.FAILED, LogLevel.ERROR, e.message());
        }
    }

    private void ended(MachineEvent.Ended e) {
        boolean running = loop.phase() == Phase.RUNNING;
        Optional<String> wanted = running ? wantedEnd(e) : Optional.empty();
        String how = Why.told(e.how()) + (e.lastWords().isEmpty() ? "" : ", saying: " + e.lastWords());
        tell(
                Telemetry.Kind.ENDED,
                running && wanted.isEmpty() ? LogLevel.WARN : LogLevel.INFO,
                e.process().process(),
                e.pid(),
                Telemetry.UNKNOWN,
                wanted.orElse(how));
    }

    /** That a process was killed because we want it to be is no trouble: what it was for is told instead. */
    private Optional<String> wantedEnd(MachineEvent.Ended e) {
        boolean killed = e.how() instanceof ExitStatus.Killed k && k.signal() == Signals.SIGKILL;
        if (!killed) {
            return Optional.empty();
        }
        return loop.upgrades()
                .wantedEnd(e.process())
                .or(() -> loop.replacer().wantedEnd(e.process()))
                .or(() -> loop.life(e.process())
                        .flatMap(DeviceLifecycle::wantedEnd)
                        .map(Why::text));
    }

    // ---- how it is

    /** Looks at everything that can be seen without waiting. */
    Telemetry.Sample sample() {
        long nowNs = Clock.monotonicNs();
        List<Telemetry.Row> rows = new ArrayList<>();
        List<Telemetry.Durations> durations = new ArrayList<>();
        ControlReply.Status status = loop.controls().machine().status();
        rows.add(row(SUPERVISOR, SUPERVISOR, "serving", (int) status.pid()));
        Optional<BoardAccount> counted = board(nowNs);
        int vcpuPid = loop.pid(ProcessInstance.VCPU);
        rows.add(counted.map(b -> new Telemetry.Row(
                        ProcessInstance.VCPU.process(),
                        ProcessInstance.VCPU.process(),
                        status.phase(),
                        vcpuPid,
                        0,
                        Telemetry.Usage.NOTHING,
                        b.exits(),
                        Telemetry.Latency.NONE,
                        Telemetry.Latency.NONE,
                        b.implausible(),
                        Telemetry.Counters.BOARD,
                        b.counts()))
                .orElseGet(() -> row("vcpu", "vcpu", status.phase(), vcpuPid)));
        for (ControlReply.Device d : loop.controls().machine().devices().devices()) {
            rows.add(device(d, counted, durations, nowNs));
        }
        if (loop.journal().pid() != 0) {
            String recorder = ProcessInstance.RECORDER.process();
            rows.add(row(
                    recorder,
                    recorder,
                    loop.journal().isReady() ? "recording" : "starting",
                    loop.journal().pid()));
        }
        helpers.pids().forEach((name, pid) -> rows.add(row(name, "passt", "serving", pid)));
        for (ChildWatch w : loop.all()) {
            if (w.instance().isSpare() || w.instance().isForUpgrade()) {
                String state = w.instance().isSpare() ? "spare" : "upgrading";
                rows.add(row(
                        w.instance().process(),
                        w.instance().kind().process(),
                        state,
                        w.child().pid()));
            }
        }
        return new Telemetry.Sample(
                new Telemetry.Machine(
                        status.vm(),
                        status.phase(),
                        status.engine(),
                        status.vcpus(),
                        status.memoryBytes(),
                        status.uptimeMs(),
                        rows.size()),
                rows,
                durations,
                loop.controls().recordings().known(),
                startedMs);
    }

    private static Telemetry.Row row(String name, String deviceClass, String state, int pid) {
        return new Telemetry.Row(
                name,
                deviceClass,
                state,
                pid,
                0,
                Telemetry.Usage.NOTHING,
                Telemetry.UNKNOWN,
                Telemetry.Latency.NONE,
                Telemetry.Latency.NONE,
                0,
                Telemetry.Counters.NONE,
                List.of());
    }

    private Telemetry.Row device(
            ControlReply.Device d, Optional<BoardAccount> vcpus, List<Telemetry.Durations> durations, long nowNs) {
        ProcessInstance device = find(d.name());
        int index = loop.devices().indexOf(device);
        Optional<DeviceAccount> account = account(device);
        account.ifPresent(a -> {
            a.look((int) d.pid(), nowNs);
            durations.add(new Telemetry.Durations(Telemetry.Timed.REQUEST, d.name(), a.requestBuckets()));
            durations.add(new Telemetry.Durations(Telemetry.Timed.SERVICE, d.name(), a.serviceBuckets()));
        });
        vcpus.ifPresent(b -> {
            durations.add(new Telemetry.Durations(Telemetry.Timed.READ, d.name(), b.readBuckets(index)));
            durations.add(new Telemetry.Durations(Telemetry.Timed.WAIT, d.name(), b.waitBuckets(index)));
        });
        return new Telemetry.Row(
                d.name(),
                d.deviceClass(),
                d.state(),
                (int) d.pid(),
                d.restarts(),
                Telemetry.Usage.NOTHING,
                vcpus.map(b -> b.messages(index)).orElse(Telemetry.UNKNOWN),
                account.map(DeviceAccount::requests).orElse(Telemetry.Latency.NONE),
                vcpus.map(b -> b.reads(index)).orElse(Telemetry.Latency.NONE),
                account.map(DeviceAccount::implausible).orElse(0),
                Telemetry.Counters.DEVICE,
                account.map(DeviceAccount::counts).orElse(List.of()));
    }

    private ProcessInstance find(String name) {
        return loop.devices().stream()
                .filter(d -> d.process().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private Optional<BoardAccount> board(long nowNs) {
        if (board.isEmpty()) {
            Optional<MemFd> page = successors.counters(ProcessInstance.VCPU);
            board = page.map(p ->
                    new BoardAccount(p, config.machine().vcpus(), loop.devices().size(), startedNs));
        }
        board.ifPresent(b -> b.look(nowNs));
        return board;
    }

    private Optional<DeviceAccount> account(ProcessInstance device) {
        DeviceAccount known = devices.get(device);
        if (known != null) {
            return Optional.of(known);
        }
        Optional<DeviceAccount> made = successors.counters(device).map(p -> new DeviceAccount(p, startedNs));
        made.ifPresent(a -> devices.put(device, a));
        return made;
    }

    // ---- requests that are traced

    /** One request of so many is traced from now on, 0 none; false where that cannot be had. */
    boolean trace(ProcessInstance device, int every) {
        Optional<DeviceAccount> account = account(device);
        account.ifPresent(a -> a.traceEvery(every));
        return account.isPresent();
    }

    private void readTraces(TelemetryHub to) {
        devices.forEach((device, account) -> {
            if (account.traced()) {
                account.readTrace((lost, type, region, detail, ns) ->
                        to.tell(new Telemetry.Trace(device.process(), lost, type, region, detail, ns)));
            }
        });
    }

    /** The life of the machine is over. */
    @Override
    public void close() {
        hub.ifPresent(h -> h.served(false));
        devices.values().forEach(DeviceAccount::close);
        devices.clear();
        board.ifPresent(BoardAccount::close);
        board = Optional.empty();
    }
}
