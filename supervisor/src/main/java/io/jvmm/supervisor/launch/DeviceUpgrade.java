package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.MemFd;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the upgrade of one device is made of: the other distribution, and the segments that the state goes through. Nothing of the
 * device's own changes before {@link #adopt}. Made by {@link Successors#upgrade}; programs may be started by any thread, all else is
 * the event loop's.
 */
public final class DeviceUpgrade implements AutoCloseable {
    private final MachineLauncher launcher;
    private final DeviceResources resources;
    private final Distribution from;
    private final Distribution to;
    private @Nullable MemFd exported;
    private @Nullable MemFd next;
    private Optional<Trace> trace = Optional.empty();

    DeviceUpgrade(MachineLauncher launcher, DeviceResources resources, Distribution from, Distribution to) {
        this.launcher = launcher;
        this.resources = resources;
        this.from = from;
        this.to = to;
    }

    public ProcessInstance device() {
        return resources.device();
    }

    /** Where the serving program is. */
    public Path from() {
        return from.home();
    }

    /** Where the next one is. */
    public Path to() {
        return to.home();
    }

    /** Starts the next version's program; it is to stand by. */
    public StartedProcess startSuccessor() throws HostLackException {
        return launcher.startAs(ProcessInstance.successor(device()), device(), to);
    }

    /** Starts the serving version's program once more; it is to write the state in an older layout. */
    public StartedProcess startConverter() throws HostLackException {
        return launcher.startAs(ProcessInstance.converter(device()), device(), from);
    }

    /** Tells the successor to stand by. */
    public ChildProcess standBy(StartedProcess successor) throws HostLackException {
        return launcher.standBy(successor, to);
    }

    /** Tells the converter what to do: the state as it is, an empty segment, and the version to write. */
    public ChildProcess convert(StartedProcess converter, int version) throws HostLackException {
        MemFd target = emptyState();
        exported = target;
        return launcher.convert(
                converter,
                resources,
                r -> r.fd("state.old", resources.state())
                        .fd("state", target.fd())
                        .put("state.export-version", version));
    }

    /** Gives the successor the device: with what the converter has written, or with the state and an empty segment to take it over to. */
    public ChildProcess assign(ChildProcess successor) throws HostLackException {
        trace = launcher.nextTrace(device());
        MemFd written = exported;
        if (written != null) {
            return launcher.assign(successor, resources, to, trace, r -> r.fd("state", written.fd()));
        }
        MemFd target = emptyState();
        next = target;
        return launcher.assign(
                successor,
                resources,
                to,
                trace,
                r -> r.fd("state.old", resources.state()).fd("state", target.fd()));
    }

    private MemFd emptyState() throws HostLackException {
        return ProcessStarter.made("a segment for the state", () -> MemFd.createEmpty(device().process() + "-state"));
    }

    /** The next version's state and program are the device's. */
    public void adopt() {
        MemFd adopted = exported != null ? exported : next;
        if (adopted == null) {
            throw new IllegalStateException("nothing has been assigned");
        }
        exported = null;
        next = null;
        resources.replaceState(adopted);
        resources.traced(trace);
        trace = Optional.empty();
        launcher.adopted(device(), to);
    }

    /** Gives up what was made and not adopted. */
    @Override
    public void close() {
        for (@Nullable MemFd m : new @Nullable MemFd[] {exported, next}) {
            if (m != null) {
                m.close();
            }
        }
        exported = null;
        next = null;
        trace.ifPresent(Trace::close);
        trace = Optional.empty();
    }
}
