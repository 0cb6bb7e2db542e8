package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.message.EngineKind;
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
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Three shells in place of the processes, on real pidfds, pipes and supervisor links; the test speaks for them on their end of
 * the links.
 */
public final class FakeMachine implements AutoCloseable, ProcessInspector {
    public static final List<ProcessInstance> PROCESSES =
            List.of(ProcessInstance.VCPU, ProcessInstance.SERIAL, ProcessInstance.PLATFORM);

    private static final byte[] FILTER = {6, 0, 0, 0, 0, 0, 0, 0};
    private static final byte[] KVM_FILTER = {6, 0, 0, 0, 1, 0, 0, 0};

    private final List<AutoCloseable> owned = new ArrayList<>();
    private final List<ChildProcess> children = new ArrayList<>();
    private final Map<ProcessInstance, ProcessEndpoint> ends = new HashMap<>();
    private final List<String> audited = new ArrayList<>();
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
        return new Variant(Optional.of(engine), new NarrowFilter(filter));
    }

    private FakeMachine(String script, List<Variant> vcpu) {
        for (ProcessInstance kind : PROCESSES) {
            Pipe output = own(Pipe.create());
            output.reader().setNonBlocking(true);
            UnixSocket.Pair control = own(UnixSocket.seqPacketPair());
            JailedProcess process;
            try (Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_ONLY, 0)) {
                process = Jail.spawnUnconfined(
                        kind.process(),
                        List.of("/bin/sh", "-c", script),
                        Map.of("PATH", "/usr/bin:/bin"),
                        List.of(
                                new FdMapping(nothing.number(), 0),
                                new FdMapping(output.writer().number(), 1),
                                new FdMapping(output.writer().number(), 2)));
            }
            output.writer().close();
            LinkMemory memory = own(LinkMemory.create(LinkSpec.supervisor()));
            EventFd request = own(EventFd.create());
            EventFd event = own(EventFd.create());
            children.add(new ChildProcess(
                    kind,
                    process,
                    BootChannel.over(control.left().fd()),
                    output.reader(),
                    new SupervisorEndpoint(memory, request, event),
                    event,
                    kind.equals(ProcessInstance.VCPU)
                            ? vcpu
                            : List.of(new Variant(Optional.empty(), new NarrowFilter(FILTER))),
                    Set.of(),
                    OptionalInt.empty()));
            LinkMemory theirs = own(LinkMemory.attach(memory.fd().duplicate(), LinkKind.SUPERVISOR));
            ends.put(
                    kind,
                    new ProcessEndpoint(
                            theirs,
                            EventFd.of(own(request.fd().duplicate())),
                            EventFd.of(own(event.fd().duplicate()))));
        }
    }

    public List<ChildProcess> children() {
        return children;
    }

    public ChildProcess child(ProcessInstance kind) {
        return children.stream()
                .filter(c -> c.instance().equals(kind))
                .findFirst()
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
