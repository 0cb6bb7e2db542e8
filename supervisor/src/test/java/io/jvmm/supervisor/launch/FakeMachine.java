package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailDetails;
import io.jvmm.policy.jail.JailReport;
import io.jvmm.policy.jail.JailedProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Three shells in place of the processes, on real pidfds, pipes and supervisor links; the test speaks for them on their end of
 * the links.
 */
public final class FakeMachine implements AutoCloseable, ProcessInspector, Successors {
    public static final List<ProcessInstance> PROCESSES =
            List.of(ProcessInstance.VCPU, ProcessInstance.SERIAL, ProcessInstance.PLATFORM);

    private static final byte[] FILTER = {6, 0, 0, 0, 0, 0, 0, 0};
    private static final byte[] KVM_FILTER = {6, 0, 0, 0, 1, 0, 0, 0};

    private static final byte[] STANDBY_FILTER = {6, 0, 0, 0, 2, 0, 0, 0};

    // The loop's threads make successors while the test's looks at them.
    private final List<AutoCloseable> owned = new CopyOnWriteArrayList<>();
    private final List<ChildProcess> children = new CopyOnWriteArrayList<>();
    private final Map<ProcessInstance, ProcessEndpoint> ends = new ConcurrentHashMap<>();
    private final Map<ProcessInstance, DeviceView> views = new ConcurrentHashMap<>();
    private final List<String> audited = new CopyOnWriteArrayList<>();
    private final List<String> done = Collections.synchronizedList(new ArrayList<>());
    private final AtomicInteger refusals = new AtomicInteger();
    private final String script;
    private boolean spares;
    private Recording recording = Recording.NONE;
    private List<String> faults = List.of();

    /** Starts a shell with this script for each process. */
    public FakeMachine(String script) {
        this(script, List.of(variant(EngineKind.X86, FILTER)));
    }

    /** The same, with a vCPU process that is to choose its engine. */
    public static FakeMachine choosing(String script) {
        return new FakeMachine(script, List.of(variant(EngineKind.KVM, KVM_FILTER), variant(EngineKind.X86, FILTER)));
    }

    private static Variant variant(EngineKind engine, byte[] filter) {
        return new Variant(Optional.of(engine), new NarrowFilter(filter, filter));
    }

    private FakeMachine(String script, List<Variant> vcpu) {
        this.script = script;
        for (ProcessInstance kind : PROCESSES) {
            List<Variant> variants = kind.equals(ProcessInstance.VCPU) ? vcpu : device(FILTER);
            children.add(wire(spawn(kind, variants), kind));
        }
    }

    static List<Variant> plain() {
        return device(FILTER);
    }

    private static List<Variant> device(byte[] filter) {
        return List.of(new Variant(Optional.empty(), new NarrowFilter(filter, filter)));
    }

    private StartedProcess spawn(ProcessInstance instance, List<Variant> variants) {
        return spawn(instance, variants, own(UnixSocket.seqPacketPair()));
    }

    /** Starts the shell; the test has the right end of the control socket. */
    StartedProcess spawn(ProcessInstance instance, List<Variant> variants, UnixSocket.Pair control) {
        Pipe output = own(Pipe.create());
        output.reader().setNonBlocking(true);
        JailedProcess process;
        try (Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_ONLY, 0)) {
            process = Jail.spawnUnconfined(
                    instance.process(),
                    List.of("/bin/sh", "-c", script),
                    Map.of("PATH", "/usr/bin:/bin"),
                    List.of(
                            new FdMapping(nothing.number(), 0),
                            new FdMapping(output.writer().number(), 1),
                            new FdMapping(output.writer().number(), 2)));
        }
        output.writer().close();
        return new StartedProcess(
                instance,
                process,
                BootChannel.over(control.left().fd()),
                output.reader(),
                variants,
                Set.of(),
                OptionalInt.empty());
    }

    private ChildProcess wire(StartedProcess started, ProcessInstance as) {
        LinkMemory memory = own(LinkMemory.create(LinkSpec.supervisor()));
        EventFd request = own(EventFd.create());
        EventFd event = own(EventFd.create());
        LinkMemory theirs = own(LinkMemory.attach(memory.fd().duplicate(), LinkKind.SUPERVISOR));
        ends.put(
                as,
                new ProcessEndpoint(
                        theirs,
                        EventFd.of(own(request.fd().duplicate())),
                        EventFd.of(own(event.fd().duplicate()))));
        return new ChildProcess(
                started.instance(),
                started.process(),
                started.control(),
                started.output(),
                memory,
                new SupervisorEndpoint(memory, request, event),
                request,
                event,
                started.variants(),
                ChildProcess.WIDE_AND_ONE,
                Set.of(),
                started.mounts(),
                OptionalInt.empty());
    }

    /** What of it is recorded, and by whom: before it runs. */
    public FakeRecording record(ProcessInstance device) {
        FakeRecording made = own(new FakeRecording(this, device));
        recording = made;
        return made;
    }

    @Override
    public Recording recording() {
        return recording;
    }

    /** From now on it has spares. */
    public void giveSpares() {
        spares = true;
    }

    /** What was done to the devices' links, and when a process was given one. */
    public List<String> done() {
        return done;
    }

    @Override
    public boolean hasSpares() {
        return spares;
    }

    @Override
    public StartedProcess start(ProcessInstance device) throws HostLackException {
        if (refusals.getAndDecrement() > 0) {
            throw new HostLackException("the host is full");
        }
        return spawn(device, device(FILTER));
    }

    /** The next starts of programs fail. */
    public void refuseStarts(int count) {
        refusals.set(count);
    }

    @Override
    public StartedProcess startSpare(ProcessKind kind) throws HostLackException {
        return spawn(ProcessInstance.of(kind), device(STANDBY_FILTER));
    }

    @Override
    public ChildProcess standBy(StartedProcess started) {
        return kept(wire(started, ProcessInstance.spare(started.instance().kind())));
    }

    @Override
    public void waits(ChildProcess spare) {}

    @Override
    public ChildProcess succeed(StartedProcess started, Handover how) {
        done.add("succeed " + started.instance().process() + text(how));
        return kept(wire(started, started.instance()));
    }

    @Override
    public ChildProcess assign(ChildProcess spare, ProcessInstance device, Handover how) {
        done.add("assign " + device.process() + text(how));
        ends.put(device, end(ProcessInstance.spare(device.kind())));
        return kept(spare.assigned(device, device(FILTER), Set.of()));
    }

    private static String text(Handover how) {
        return (how.renewed() ? " renewed" : "") + (how.broken() ? " broken" : "");
    }

    private ChildProcess kept(ChildProcess child) {
        children.add(child);
        return child;
    }

    @Override
    public void scrub(ProcessInstance device, boolean whole) {
        done.add("scrub " + device.process() + (whole ? " whole" : ""));
    }

    @Override
    public void bury(ChildProcess child) {}

    @Override
    public void forget(StartedProcess started) {
        String there = Files.exists(Path.of("/proc/" + started.process().pid())) ? ", which is there" : "";
        done.add("forget " + started.instance().process() + there);
        started.close();
    }

    /** Its state counts up to sixteen. */
    @Override
    public DeviceView view(ProcessInstance device) {
        return views.computeIfAbsent(device, d -> {
            StateSegment state = StateSegment.create(d.process(), 7, 3, 16);
            LinkMemory link = LinkMemory.create(LinkSpec.device(2));
            owned.add(state);
            owned.add(link);
            for (int i = 0; i < 16; i++) {
                state.working().putByte(i, (byte) (i + 1));
            }
            state.commit(64);
            return new DeviceView(state.fd(), link, Map.of("ports", "1"));
        });
    }

    @Override
    public Path distribution(ProcessInstance device) {
        return Path.of("/nowhere");
    }

    @Override
    public DeviceUpgrade upgrade(ProcessInstance device, Path home) {
        throw new UnsupportedOperationException("there is one distribution here");
    }

    public List<ChildProcess> children() {
        return children;
    }

    /** The one that was made last. */
    public ChildProcess child(ProcessInstance kind) {
        return children.stream()
                .filter(c -> c.instance().equals(kind))
                .reduce((_, last) -> last)
                .orElseThrow();
    }

    /** A process's own end of its supervisor link. */
    public ProcessEndpoint end(ProcessInstance kind) {
        return java.util.Objects.requireNonNull(ends.get(kind));
    }

    /** Which processes have been looked at, with their engines. */
    public List<String> audited() {
        return audited;
    }

    /** Says READY as a vCPU process behind the filter for KVM. */
    public void readyWithKvm() {
        end(ProcessInstance.VCPU).ready(1, FilterMode.hash(KVM_FILTER), 1);
    }

    /** Says READY as the process, a vCPU process as one with the software processor. */
    public void ready(ProcessInstance kind) {
        end(kind).ready(1, FilterMode.hash(FILTER), 1);
    }

    /** Says READY as a spare. */
    public void spareReady(ProcessKind kind) {
        end(ProcessInstance.spare(kind)).ready(1, FilterMode.hash(STANDBY_FILTER), 1);
    }

    /** From now on the jails look like this. */
    public void setFaults(List<String> faults) {
        this.faults = faults;
    }

    @Override
    public JailReport look(ChildProcess child) {
        return new JailReport(
                child.instance().process(),
                child.pid(),
                Map.of(),
                Map.of(),
                Map.of(),
                "",
                "",
                List.of(),
                List.of(),
                new JailDetails(Map.of(), "", false, List.of(), List.of(), 0, List.of()));
    }

    @Override
    public List<String> faults(ChildProcess child, Optional<EngineKind> engine, JailReport report) {
        audited.add(child.instance().process() + engine.map(e -> " " + e.word()).orElse(""));
        return faults;
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    @Override
    public void close() {
        for (AutoCloseable resource : owned.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
