package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailReport;
import io.jvmm.policy.jail.JailedProcess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Three shells in place of the processes, on real pidfds, pipes and supervisor links; the test speaks for them on their end of
 * the links.
 */
public final class FakeMachine implements AutoCloseable, ProcessInspector {
    private static final byte[] FILTER = {6, 0, 0, 0, 0, 0, 0, 0};

    private final List<AutoCloseable> owned = new ArrayList<>();
    private final List<ChildProcess> children = new ArrayList<>();
    private final Map<ProcessKind, ProcessEndpoint> ends = new EnumMap<>(ProcessKind.class);
    private List<String> faults = List.of();

    /** Starts a shell with this script for each process. */
    public FakeMachine(String script) {
        for (ProcessKind kind : ProcessKind.values()) {
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
                    new NarrowFilter(FILTER),
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

    public ChildProcess child(ProcessKind kind) {
        return children.stream().filter(c -> c.kind() == kind).findFirst().orElseThrow();
    }

    /** A process's own end of its supervisor link. */
    public ProcessEndpoint end(ProcessKind kind) {
        return java.util.Objects.requireNonNull(ends.get(kind));
    }

    /** Says READY as the process. */
    public void ready(ProcessKind kind) {
        end(kind).ready(1, FilterMode.hash(FILTER), 1);
    }

    /** From now on the jails look like this. */
    public void setFaults(List<String> faults) {
        this.faults = faults;
    }

    @Override
    public JailReport look(ChildProcess child) {
        return new JailReport(
                child.kind().process(), child.pid(), Map.of(), Map.of(), Map.of(), "", "", List.of(), List.of());
    }

    @Override
    public List<String> faults(ChildProcess child, JailReport report) {
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
