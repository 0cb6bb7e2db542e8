package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.LinkRenewal;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.jail.JailException;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.policy.jail.StuckProcessException;
import io.jvmm.supervisor.config.MachineConfig;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.sys.Niceness;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Starts the processes of one machine and wires them; later their successors and spares. {@link ProcessStarter} makes processes,
 * {@link DeviceResources} is what outlives them, {@link Assignments} tells them what they are.
 *
 * <p>The processes are started first, because a JVM takes a tenth of a second to get to its boot record; everything they will
 * share is made meanwhile. One thread uses this, but for the starting of programs. A launcher serves one life of the machine; a
 * guest that resets gets a new one.
 */
public final class MachineLauncher implements AutoCloseable, Successors {
    /** Descriptors of a machine with everything, twice. */
    private static final int FEWEST_DESCRIPTORS = 512;

    private final VmConfig config;
    private final MachinePlan plan;
    private final Distribution distribution;
    private final Backends backends;
    private final UidPool uids;
    private final ProcessStarter starter;
    private final MachineRecording recording;
    private final Map<ProcessInstance, DeviceResources> resources = new LinkedHashMap<>();
    private final Set<ChildProcess> children = new LinkedHashSet<>();
    /** Whose program is not of the supervisor's own distribution. */
    private final Map<ProcessInstance, Distribution> upgraded = new ConcurrentHashMap<>();
    /** By their pids, what spares were made from. */
    private final Map<Integer, Distribution> spares = new ConcurrentHashMap<>();

    private @Nullable Assignments assignments;

    /**
     * Prepares a launch.
     *
     * @param uids host uids of the machine's own, {@link #uidsNeeded} of them; empty when the supervisor is not root
     * @param wishes what is to be recorded
     */
    public MachineLauncher(
            VmConfig config, Distribution distribution, Backends backends, List<Integer> uids, RecordingWishes wishes) {
        this.config = config;
        this.plan = MachinePlan.of(config);
        this.distribution = distribution;
        this.backends = backends;
        this.uids = new UidPool(uids);
        this.starter = new ProcessStarter(config, plan, backends, this.uids);
        this.recording = new MachineRecording(config, wishes, distribution, starter, resources);
    }

    /** How many uids a machine needs where each process has one of its own. */
    public static int uidsNeeded(MachinePlan plan, VmConfig config) {
        return UidPool.needed(plan) + MachineRecording.uidsNeeded(config);
    }

    /** The machine's processes, running, each with its boot record under way. */
    public List<ChildProcess> launch() throws HostLackException {
        checkHost(config.machine().engine());
        Map<ProcessInstance, StartedProcess> started = new LinkedHashMap<>();
        try {
            for (ProcessInstance instance : plan.processes()) {
                started.put(instance, starter.start(instance, distribution));
            }
            ProcessStarter.made("what the devices need for this start", () -> {
                backends.devices().beginLife();
                return true;
            });
            return wire(started);
        } catch (SysException e) {
            killAll(started);
            throw new HostLackException(
                    "the links between the machine's processes cannot be made: " + e.getMessage(), e);
        } catch (JailException | UncheckedIOException e) {
            killAll(started);
            throw new HostLackException(String.valueOf(e.getMessage()), e);
        } catch (HostLackException | RuntimeException e) {
            killAll(started);
            throw e;
        }
    }

    private List<ChildProcess> wire(Map<ProcessInstance, StartedProcess> started) throws HostLackException {
        Assignments all = new Assignments(config, plan, backends);
        assignments = all;
        for (ProcessInstance device : plan.devices()) {
            resources.put(device, all.resources(device));
        }
        for (ProcessInstance device : plan.devices()) {
            StartedProcess s = Objects.requireNonNull(started.get(device));
            children.add(all.first(s, described(all, device, Handover.FIRST), s.variants()));
        }
        // The vCPU process gets its record last, for it has a part of every other; it is counted first.
        StartedProcess s = Objects.requireNonNull(started.get(ProcessInstance.VCPU));
        children.add(all.first(s, all.vcpu(resources.values()), s.variants()));
        return plan.processes().stream()
                .flatMap(p -> children.stream().filter(c -> c.instance().equals(p)))
                .toList();
    }

    private DeviceResources of(ProcessInstance device) {
        return Objects.requireNonNull(resources.get(device));
    }

    /** What a device's next process is told; from now on the device has that one's trace. */
    private BootRecord.Builder described(Assignments all, ProcessInstance device, Handover how)
            throws HostLackException {
        BootRecord.Builder record = all.device(of(device), how);
        Optional<Trace> trace = recording.next(device, how);
        trace.ifPresent(t -> t.give(record));
        of(device).traced(trace);
        return record;
    }

    @Override
    public Recording recording() {
        return recording;
    }

    private Assignments assignments() {
        return Objects.requireNonNull(assignments, "launch() comes first");
    }

    /** Nothing of a machine that did not come up stays. */
    private static void killAll(Map<ProcessInstance, StartedProcess> started) {
        started.values().forEach(s -> s.process().kill());
        List<JailedProcess> remaining =
                collect(started.values().stream().map(StartedProcess::process).toList(), JailedProcess.DYING_NS);
        if (!remaining.isEmpty()) {
            throw new StuckProcessException(remaining.stream()
                    .map(p -> p.name() + " (pid " + p.pid() + ")")
                    .collect(Collectors.joining(", ")));
        }
    }

    /** Collects processes that are ending, all within one deadline; answers which have not ended. */
    static List<JailedProcess> collect(List<JailedProcess> ending, long timeoutNs) {
        long deadlineNs = Clock.monotonicNs() + timeoutNs;
        List<JailedProcess> remaining = new ArrayList<>();
        for (JailedProcess process : ending) {
            if (process.await(Math.max(0, deadlineNs - Clock.monotonicNs())).isPresent()) {
                process.pidfd().close();
            } else {
                remaining.add(process);
            }
        }
        return remaining;
    }

    /** What any machine needs of the host, looked at without starting anything. */
    public static void checkHost(MachineConfig.Engine engine) throws HostLackException {
        checkDescriptors();
        if (engine == MachineConfig.Engine.KVM) {
            KvmDevice.open().close();
        }
    }

    /** With too few descriptors anything fails anywhere, even the loading of the class of the exception that would say so. */
    private static void checkDescriptors() throws HostLackException {
        try (Stream<String> limits = Files.lines(Path.of("/proc/self/limits"))) {
            Optional<Integer> allowed = limits.filter(l -> l.startsWith("Max open files "))
                    .map(l -> l.split(" {2,}", -1)[1])
                    .filter(soft -> soft.matches("[0-9]{1,9}"))
                    .map(Integer::valueOf)
                    .findFirst();
            if (allowed.isPresent() && allowed.get() < FEWEST_DESCRIPTORS) {
                throw new HostLackException("this user's processes may open " + allowed.get()
                        + " files, and a machine needs " + FEWEST_DESCRIPTORS + ". Raise the limit: ulimit -n 1024");
            }
        } catch (IOException e) {
            throw new HostLackException("the limits of this process cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public boolean hasSpares() {
        return distribution.hasStandbyFilter();
    }

    @Override
    public StartedProcess start(ProcessInstance device) throws HostLackException {
        return jailed(() -> starter.start(device, distributionOf(device)));
    }

    @Override
    public StartedProcess startSpare(ProcessKind kind) throws HostLackException {
        return jailed(() -> {
            Distribution of = distributionOf(kind);
            StartedProcess started = starter.startSpare(kind, of);
            spares.put(started.process().pid(), of);
            return started;
        });
    }

    private Distribution distributionOf(ProcessInstance device) {
        return upgraded.getOrDefault(device, distribution);
    }

    /** What a spare of a class is made from; where its devices differ, what the first of them has. */
    private Distribution distributionOf(ProcessKind kind) {
        return plan.devices().stream()
                .filter(d -> d.kind() == kind)
                .findFirst()
                .map(this::distributionOf)
                .orElse(distribution);
    }

    @Override
    public Optional<MemFd> counters(ProcessInstance process) {
        return process.equals(ProcessInstance.VCPU)
                ? Optional.of(assignments().counters())
                : Optional.ofNullable(resources.get(process)).map(DeviceResources::counters);
    }

    @Override
    public DeviceView view(ProcessInstance device) {
        DeviceResources r = of(device);
        return new DeviceView(r.state(), r.link(), assignments().entries(device));
    }

    @Override
    public Path distribution(ProcessInstance device) {
        return distributionOf(device).home();
    }

    @Override
    public DeviceUpgrade upgrade(ProcessInstance device, Path home) {
        return new DeviceUpgrade(
                this, of(device), distributionOf(device), new Distribution(home, distribution.engine()));
    }

    StartedProcess startAs(ProcessInstance as, ProcessInstance device, Distribution from) throws HostLackException {
        return jailed(() -> starter.startAs(as, device, from));
    }

    ChildProcess standBy(StartedProcess started, Distribution from) throws HostLackException {
        return kept(
                assignments().standby(started, from.standbyFilter(config.jail().mode())));
    }

    /** Makes a converter of a started program; {@code state} adds what it converts. */
    ChildProcess convert(StartedProcess started, DeviceResources device, Consumer<BootRecord.Builder> state)
            throws HostLackException {
        BootRecord.Builder record = assignments().deviceWithoutState(device);
        state.accept(record);
        return kept(assignments().first(started, record, started.variants()));
    }

    /** Gives a spare of another distribution a device; {@code state} adds the state. It keeps its name until it serves. */
    ChildProcess assign(
            ChildProcess spare,
            DeviceResources device,
            Distribution from,
            Optional<Trace> trace,
            Consumer<BootRecord.Builder> state)
            throws HostLackException {
        BootRecord.Builder record = assignments().deviceWithoutState(device);
        state.accept(record);
        trace.ifPresent(t -> t.give(record));
        List<Variant> variants =
                from.variants(device.device().kind(), config.jail().mode());
        ChildProcess assigned = assignments().second(spare, spare.instance(), record, variants);
        children.remove(spare);
        return kept(assigned);
    }

    /** The trace of the process that a device is being upgraded to, if it is to have one. */
    Optional<Trace> nextTrace(ProcessInstance device) throws HostLackException {
        return recording.next(device, Handover.FIRST);
    }

    /** A device's program comes from there from now on. */
    void adopted(ProcessInstance device, Distribution from) {
        upgraded.put(device, from);
    }

    /** A step that the host may refuse in several ways. */
    private interface Step {
        StartedProcess run() throws HostLackException;
    }

    private static StartedProcess jailed(Step step) throws HostLackException {
        try {
            return step.run();
        } catch (JailException | SysException | UncheckedIOException e) {
            throw new HostLackException(String.valueOf(e.getMessage()), e);
        }
    }

    @Override
    public ChildProcess standBy(StartedProcess started) throws HostLackException {
        return standBy(started, spares.getOrDefault(started.process().pid(), distribution));
    }

    @Override
    public void waits(ChildProcess spare) throws HostLackException {
        try {
            Niceness.ofProcess(spare.pid(), Niceness.NORMAL);
        } catch (UncheckedIOException | SysException e) {
            throw new HostLackException(String.valueOf(e.getMessage()), e);
        }
    }

    @Override
    public ChildProcess succeed(StartedProcess started, Handover how) throws HostLackException {
        Assignments all = assignments();
        return kept(all.first(started, described(all, started.instance(), how), started.variants()));
    }

    @Override
    public ChildProcess assign(ChildProcess spare, ProcessInstance device, Handover how) throws HostLackException {
        Distribution from = distributionOf(device);
        if (!from.equals(spares.getOrDefault(spare.pid(), distribution))) {
            throw new HostLackException("it is of another version than " + device.process());
        }
        List<Variant> variants = from.variants(device.kind(), config.jail().mode());
        Assignments all = assignments();
        ChildProcess assigned = all.second(spare, device, described(all, device, how), variants);
        children.remove(spare);
        return kept(assigned);
    }

    private ChildProcess kept(ChildProcess child) {
        children.add(child);
        return child;
    }

    @Override
    public void scrub(ProcessInstance device, boolean whole) {
        if (whole) {
            LinkRenewal.whole(of(device).link());
        } else {
            LinkRenewal.events(of(device).link());
        }
    }

    @Override
    public void bury(ChildProcess child) {
        if (children.remove(child)) {
            child.close();
            spares.remove(child.pid());
            uids.giveBack(child.hostUid());
        }
    }

    @Override
    public void forget(StartedProcess started) {
        spares.remove(started.process().pid());
        starter.forget(started);
    }

    /** Closes everything the machine shared; its processes must be gone. */
    @Override
    public void close() {
        children.forEach(ChildProcess::close);
        children.clear();
        resources.values().forEach(DeviceResources::close);
        resources.clear();
        recording.close();
        if (assignments != null) {
            assignments.close();
            assignments = null;
        }
    }
}
