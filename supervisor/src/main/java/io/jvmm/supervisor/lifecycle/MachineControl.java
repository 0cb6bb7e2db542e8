package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.control.ControlHandler;
import io.jvmm.supervisor.control.ControlReply;
import io.jvmm.supervisor.control.ControlRequest;
import io.jvmm.supervisor.control.ControlVerb;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Successors;
import io.jvmm.supervisor.launch.Variant;
import io.jvmm.supervisor.telemetry.OpenMetrics;
import io.jvmm.supervisor.telemetry.Samples;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.upgrade.DistributionDirectory;
import io.jvmm.supervisor.upgrade.ProgramVersions;
import io.jvmm.supervisor.upgrade.UnfitException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Does what clients of the control socket ask for, by what the event loop can do anyway. Event-loop thread only. */
final class MachineControl implements ControlHandler {
    private static final String UNDER_WAY = "another upgrade is under way. Ask again when that is done.";

    private final MachineLoop loop;
    private final VmConfig config;
    private final Successors successors;
    private final Aside aside;
    private final Recordings recordings;
    /** What programs of which distributions say of themselves, by the distribution and the program's name: read once. */
    private final Map<Program, ProgramVersions> known = new HashMap<>();

    private final long startedNs = Clock.monotonicNs();
    /** Who waits for the vCPU process to have paused or resumed, the first asked first. */
    private final Deque<Consumer<ControlReply>> waiting = new ArrayDeque<>();

    private final Inspections inspections;
    private boolean paused;

    private record Program(Path home, String name) {}

    MachineControl(MachineLoop loop, VmConfig config, Successors successors, Aside aside, Recordings recordings) {
        this.recordings = recordings;
        this.aside = aside;
        this.loop = loop;
        this.config = config;
        this.successors = successors;
        this.inspections = new Inspections(loop, config, successors);
    }

    @Override
    public void handle(ControlRequest request, Consumer<ControlReply> answer) {
        switch (request) {
            case ControlRequest.Status _ -> answer.accept(status());
            case ControlRequest.Devices _ -> answer.accept(devices());
            case ControlRequest.State r -> answer.accept(inspections.state(r.device()));
            case ControlRequest.Links _ -> answer.accept(inspections.links());
            case ControlRequest.Stalls _ -> answer.accept(stalls());
            case ControlRequest.Restart r -> answer.accept(restart(r.device()));
            case ControlRequest.Kill r -> answer.accept(kill(r.device()));
            case ControlRequest.Upgrade r -> upgrade(r, answer);
            case ControlRequest.Journal r -> recordings.handle(r, this::upgradeObstacle, answer);
            case ControlRequest.Events _ ->
                answer.accept(new ControlReply.Events(loop.observation().history()));
            case ControlRequest.Observe _ -> answer.accept(observe());
            case ControlRequest.Metrics _ -> metrics(answer);
            case ControlRequest.Trace r -> answer.accept(trace(r));
            case ControlRequest.Pause _ -> pause(true, answer);
            case ControlRequest.Resume _ -> pause(false, answer);
            case ControlRequest.PowerButton _ -> answer.accept(powerButton());
            case ControlRequest.Stop _ -> {
                answer.accept(new ControlReply.Done("the machine ends"));
                loop.handle(new MachineEvent.StopRequested());
            }
        }
    }

    ControlReply.Status status() {
        return new ControlReply.Status(
                config.machine().name(),
                paused && loop.phase() == Phase.RUNNING ? "paused" : word(loop.phase()),
                (Clock.monotonicNs() - startedNs) / 1_000_000,
                engine(),
                config.machine().vcpus(),
                config.machine().memory().bytes(),
                SystemInfo.pid());
    }

    /** What runs guest code, as far as that has been chosen. */
    private String engine() {
        return loop.watch(ProcessInstance.VCPU)
                .events()
                .variant()
                .flatMap(Variant::engine)
                .map(EngineKind::word)
                .orElse(config.machine().engine().word());
    }

    private static String word(Phase phase) {
        return switch (phase) {
            case STARTING -> "starting";
            case RUNNING -> "running";
            case STOPPING, STOPPED -> "stopping";
        };
    }

    ControlReply.Devices devices() {
        List<ControlReply.Device> rows = new ArrayList<>();
        for (ProcessInstance device : loop.devices()) {
            Path home = successors.distribution(device);
            Optional<ProgramVersions> versions = said(home, device);
            rows.add(new ControlReply.Device(
                    device.process(),
                    device.kind().process(),
                    inspections.devicesOf(device),
                    loop.isThere(device) ? loop.pid(device) : 0,
                    loop.life(device).map(MachineControl::word).orElse("starting"),
                    loop.life(device).map(DeviceLifecycle::replacements).orElse(0),
                    loop.replacer().hasSpare(device.kind()),
                    versions.map(ProgramVersions::state).map(OptionalInt::of).orElse(OptionalInt.empty()),
                    versions.map(ProgramVersions::program).orElse(""),
                    inspections.links(device),
                    home.toString()));
        }
        return new ControlReply.Devices(rows);
    }

    /** Of another distribution than the supervisor's own it is known since the upgrade. */
    private ProgramVersions versions(Path home, String process) throws UnfitException {
        Program program = new Program(home, process);
        ProgramVersions versions = known.get(program);
        if (versions == null) {
            versions = DistributionDirectory.versions(home, process);
            known.put(program, versions);
        }
        return versions;
    }

    private Optional<ProgramVersions> said(Path home, ProcessInstance device) {
        try {
            return Optional.of(versions(home, device.kind().process()));
        } catch (UnfitException e) {
            return Optional.empty(); // a distribution from before there were such files
        }
    }

    private static String word(DeviceLifecycle life) {
        return switch (life.state()) {
            case SERVING, RETURNING -> "serving";
            case UPGRADING -> "upgrading";
            case ENDING, AWAY, WAITING, REPLACING -> "replacing";
            case LEAVING, ENTRUSTING, ENTRUSTED, CARED_FOR, BROKEN -> "broken";
        };
    }

    private ControlReply observe() {
        try {
            return loop.observation()
                    .observe()
                    .<ControlReply>map(ControlReply.Bus::new)
                    .orElseGet(() -> ControlReply.Failed.because("this machine has no stream of telemetry."));
        } catch (UncheckedIOException e) {
            return ControlReply.Failed.because(String.valueOf(e.getMessage()));
        }
    }

    /** What the kernel says of processes is asked aside: it may take it a while. */
    private void metrics(Consumer<ControlReply> answer) {
        Telemetry.Sample sample = loop.observation().sample();
        aside.begin(
                () -> OpenMetrics.of(Samples.whole(sample)),
                text -> answer.accept(new ControlReply.Metrics(text)),
                why -> answer.accept(ControlReply.Failed.because("the processes cannot be looked at: " + why + ".")));
    }

    private ControlReply trace(ControlRequest.Trace request) {
        Optional<DeviceLifecycle> life = find(request.device());
        if (life.isEmpty()) {
            return noSuch(request.device());
        }
        String name = request.device();
        if (!loop.observation().trace(life.get().device(), request.every())) {
            return ControlReply.Failed.because(name + " counts nothing.");
        }
        return new ControlReply.Done(
                request.every() == 0
                        ? "requests of " + name + " are not traced any more"
                        : "one request of " + request.every() + " of " + name
                                + " is traced; see: jvmmctl events --follow --device " + name);
    }

    private ControlReply stalls() {
        List<ControlReply.Stall> rows = new ArrayList<>();
        loop.replacements().accounts().forEach((kind, account) -> {
            Map<String, Durations> all = Map.of(
                    "outage-spare", account.outageSpare(),
                    "outage-cold", account.outageCold(),
                    "stall-spare", account.stallSpare(),
                    "stall-cold", account.stallCold());
            all.entrySet().stream()
                    .filter(e -> e.getValue().count() > 0)
                    .sorted(Map.Entry.comparingByKey())
                    .forEach(e -> rows.add(row(kind.process(), e.getKey(), e.getValue())));
        });
        return new ControlReply.Stalls(rows);
    }

    private static ControlReply.Stall row(String deviceClass, String what, Durations d) {
        return new ControlReply.Stall(deviceClass, what, d.count(), d.quantileNs(0.5), d.quantileNs(0.99), d.maxNs());
    }

    private ControlReply restart(String name) {
        Optional<DeviceLifecycle> life = find(name);
        if (life.isEmpty()) {
            return noSuch(name);
        }
        Optional<String> obstacle = obstacle(life.get());
        if (obstacle.isPresent()) {
            return ControlReply.Failed.because(obstacle.get());
        }
        loop.replace(life.get().device(), new Why.Requested());
        return new ControlReply.Done(name + " is being replaced");
    }

    private ControlReply kill(String name) {
        Optional<DeviceLifecycle> life = find(name);
        if (life.isEmpty()) {
            return noSuch(name);
        }
        ProcessInstance device = life.get().device();
        if (life.get().isBroken()) {
            return ControlReply.Failed.because(broken(name));
        }
        if (!loop.isThere(device)) {
            return ControlReply.Failed.because(name + " has no process just now. See \"device-list\".");
        }
        int pid = loop.pid(device);
        loop.kill(device);
        return new ControlReply.Done(name + " (pid " + pid + ") was sent SIGKILL");
    }

    private Optional<DeviceLifecycle> find(String name) {
        return loop.devices().stream()
                .filter(d -> d.process().equals(name))
                .findFirst()
                .flatMap(loop::life);
    }

    private ControlReply noSuch(String name) {
        return loop.phase() != Phase.RUNNING
                ? ControlReply.Failed.because("the machine is " + word(loop.phase())
                        + ", and its devices are not served yet or" + " any more. See \"status\".")
                : ControlReply.Failed.field(
                        ControlVerb.DEVICE,
                        "there is no device " + Quoted.of(name) + ". There are "
                                + loop.devices().stream()
                                        .map(ProcessInstance::process)
                                        .collect(Collectors.joining(", "))
                                + ".");
    }

    /** Why the process of a device cannot be replaced now. */
    static Optional<String> obstacle(DeviceLifecycle life) {
        String name = life.device().process();
        return switch (life.state()) {
            case SERVING -> Optional.empty();
            case LEAVING, ENTRUSTING, ENTRUSTED, CARED_FOR, BROKEN -> Optional.of(broken(name));
            case UPGRADING -> Optional.of(name + " is being upgraded. Ask again when that is done.");
            case ENDING, AWAY, WAITING, REPLACING, RETURNING ->
                Optional.of(name + " is being replaced. Ask again in a moment.");
        };
    }

    private static String broken(String name) {
        return name + " is broken for the rest of this machine's life. Start the machine afresh.";
    }

    private void upgrade(ControlRequest.Upgrade request, Consumer<ControlReply> answer) {
        List<DeviceLifecycle> lives = find(request.device()).map(List::of).orElseGet(() -> ofClass(request.device()));
        if (lives.isEmpty()) {
            answer.accept(noSuch(request.device()));
            return;
        }
        Optional<String> obstacle = aside.isBusy() ? Optional.of(UNDER_WAY) : upgradeObstacle();
        if (obstacle.isPresent()) {
            answer.accept(ControlReply.Failed.because(obstacle.get()));
            return;
        }
        String program = lives.getFirst().device().kind().process();
        aside.begin(
                () -> Next.at(request.dist(), program),
                next -> {
                    known.put(new Program(next.home(), program), next.versions());
                    upgradeObstacle()
                            .ifPresentOrElse(
                                    o -> answer.accept(ControlReply.Failed.because(o)),
                                    () -> upgrade(
                                            new ArrayDeque<>(lives),
                                            new ArrayList<>(),
                                            next.home(),
                                            next.versions(),
                                            answer));
                },
                why -> answer.accept(ControlReply.Failed.field(ControlVerb.DIST, why)));
    }

    /** A program that has been looked at. */
    private record Next(Path home, ProgramVersions versions) {
        static Next at(Path directory, String program) throws UnfitException {
            Path home = DistributionDirectory.check(directory, program);
            ProgramVersions versions = DistributionDirectory.versions(home, program);
            DistributionDirectory.checkProtocol(versions);
            return new Next(home, versions);
        }
    }

    private Optional<String> upgradeObstacle() {
        if (loop.phase() != Phase.RUNNING) {
            return Optional.of("the machine is " + word(loop.phase()) + ". See \"status\".");
        }
        if (paused) {
            return Optional.of("the machine is paused. Let it run on first: \"resume\".");
        }
        return loop.upgrades().isBusy() ? Optional.of(UNDER_WAY) : Optional.empty();
    }

    private List<DeviceLifecycle> ofClass(String name) {
        return loop.devices().stream()
                .filter(d -> d.kind().process().equals(name))
                .flatMap(d -> loop.life(d).stream())
                .toList();
    }

    /** The next of several, and in the end the answer; one that fails ends the row. */
    private void upgrade(
            Deque<DeviceLifecycle> left,
            List<ControlReply.Upgrade> done,
            Path to,
            ProgramVersions next,
            Consumer<ControlReply> answer) {
        DeviceLifecycle life = left.poll();
        if (life == null) {
            answer.accept(new ControlReply.Upgraded(done));
            return;
        }
        ProcessInstance device = life.device();
        try {
            ProgramVersions from =
                    versions(successors.distribution(device), device.kind().process());
            Optional<String> obstacle = obstacle(life);
            if (obstacle.isPresent()) {
                answer.accept(failed(obstacle.get(), done));
                return;
            }
            loop.upgrades().begin(life, to, from, next, (fault, blackoutNs) -> {
                if (fault.isPresent()) {
                    answer.accept(failed(device.process() + " was not upgraded: " + fault.get() + ".", done));
                } else {
                    done.add(new ControlReply.Upgrade(device.process(), from.state(), next.state(), blackoutNs));
                    loop.observation().upgraded(device, from.state(), next.state(), blackoutNs);
                    upgrade(left, done, to, next, answer);
                }
            });
        } catch (UnfitException e) {
            answer.accept(failed(String.valueOf(e.getMessage()), done));
        }
    }

    private static ControlReply failed(String why, List<ControlReply.Upgrade> done) {
        return ControlReply.Failed.because(
                done.isEmpty()
                        ? why
                        : why + " These have been: "
                                + done.stream()
                                        .map(ControlReply.Upgrade::device)
                                        .collect(Collectors.joining(", ")) + ".");
    }

    private void pause(boolean on, Consumer<ControlReply> answer) {
        if (loop.phase() != Phase.RUNNING) {
            answer.accept(ControlReply.Failed.because("the machine is " + word(loop.phase()) + ". See \"status\"."));
        } else if (paused == on && waiting.isEmpty()) {
            answer.accept(new ControlReply.Done(on ? "paused already" : "running already"));
        } else if (!waiting.isEmpty()) {
            answer.accept(ControlReply.Failed.because("another pause or resume is under way. Ask again in a moment."));
        } else if (loop.send(
                ProcessInstance.VCPU, on ? SupervisorRequestType.PAUSE : SupervisorRequestType.RESUME, 0)) {
            waiting.add(answer);
        } else {
            answer.accept(ControlReply.Failed.because("the vCPU process takes no request now. Ask again in a moment."));
        }
    }

    /** The vCPU process has paused, or runs again; or could not. */
    void acknowledged(SupervisorRequestType request, int status) {
        boolean on = request == SupervisorRequestType.PAUSE;
        Consumer<ControlReply> answer = on || request == SupervisorRequestType.RESUME ? waiting.poll() : null;
        if (answer == null) {
            return;
        }
        if (status == 0) {
            paused = on;
            loop.observation().paused(on);
            answer.accept(new ControlReply.Done(on ? "paused" : "running"));
        } else {
            answer.accept(ControlReply.Failed.because(
                    "the vCPU process could not (status " + status + "). Ask again in a moment."));
        }
    }

    private ControlReply powerButton() {
        if (loop.phase() != Phase.RUNNING) {
            return ControlReply.Failed.because("the machine is " + word(loop.phase()) + ". See \"status\".");
        }
        return loop.pressPowerButton()
                ? new ControlReply.Done("pressed; what the guest makes of it is its own affair")
                : ControlReply.Failed.because("the platform device takes no request now. Ask again in a moment.");
    }
}
