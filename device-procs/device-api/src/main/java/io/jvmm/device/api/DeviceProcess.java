package io.jvmm.device.api;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.LinkFormatException;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.FilterHash;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.state.StateFormatException;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.NativeHeap;
import io.jvmm.ipc.sys.ProbeRunner;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.sys.Seccomp;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A device process: its stages from the boot record to the last message. {@link DeviceMain} calls them in their order.
 * Each throws {@link StageException} with the exit code of the process.
 */
final class DeviceProcess implements AutoCloseable {

    /** The control socket the supervisor leaves open across exec. */
    private static final int CONTROL_FD = 3;

    private static final long BOOT_TIMEOUT_NS = 30_000_000_000L;

    private final DeviceFactory factory;
    private final BootChannel control;
    private final HandedOver handed;
    private final DeviceConfig config;

    /** The link to the supervisor, which a spare has long before it has a guest. */
    private record Supervised(LinkMemory memory, ProcessEndpoint link, SupervisorEvents events) {}

    private @Nullable Supervised supervised;
    private @Nullable ServingDevice device;
    /** Of a process that only probes its jail. */
    private @Nullable ProbeRunner probe;
    /** When the record came that made a spare a device, and when each stage since then was done; 0 in any other process. */
    private long assignedNs;

    private long receivedNs;
    private long mappedNs;
    private long closedNs;

    private DeviceProcess(DeviceFactory factory, BootChannel control, BootRecord boot, DeviceConfig defaults) {
        this.factory = factory;
        this.control = control;
        this.handed = new HandedOver(boot);
        this.config = key -> {
            Optional<String> given = handed.text(key);
            return given.isPresent() ? given : defaults.find(key);
        };
    }

    /** Stage 1: the descriptors by name, with the configuration. */
    static DeviceProcess receive(DeviceFactory factory) {
        return receive(factory, Fd.of(CONTROL_FD), key -> Optional.empty());
    }

    /** The same over another control socket, with defaults for entries that are not sent; for training and tests. */
    static DeviceProcess receive(DeviceFactory factory, Fd control, DeviceConfig defaults) {
        BootChannel channel = BootChannel.over(control);
        return new DeviceProcess(factory, channel, receive(channel), defaults);
    }

    private static BootRecord receive(BootChannel channel) {
        try {
            return channel.receive(BOOT_TIMEOUT_NS);
        } catch (SysException | BootFormatException e) {
            throw new StageException(
                    ProcessExit.BOOT_FAILED,
                    "no boot record on the control socket: " + e.getMessage()
                            + "; jvmm-supervisor starts this program; to try it alone add --script -",
                    e);
        }
    }

    /** Whether it is to wait as a spare. */
    boolean standby() {
        return handed.says("standby");
    }

    /** Whether it only writes a state in the layout of another version. */
    boolean exports() {
        return handed.text("state.export-version").isPresent();
    }

    /** Stage 2: the link to the supervisor. */
    void mapSupervisor() {
        stage(() -> {
            LinkMemory memory = LinkMemory.attach(handed.take("supervisor.link"), LinkKind.SUPERVISOR);
            ProcessEndpoint link = new ProcessEndpoint(
                    memory,
                    EventFd.of(handed.take("supervisor.request-doorbell")),
                    EventFd.of(handed.take("supervisor.event-doorbell")));
            // A mapping outlives its descriptor, and a descriptor can be passed on or resized where a mapping cannot.
            memory.fd().close();
            supervised = new Supervised(memory, link, new SupervisorEvents(link));
        });
    }

    /** Stages 3 and 4: map the link and the state, make the core over the adopted or created state. */
    void map() {
        map(Clock.monotonicNs());
    }

    /**
     * The same at another time than now.
     *
     * @param nowNs virtual time of whatever has left the state, when that was not the host's clock
     */
    void map(long nowNs) {
        stage(() -> device = new ServingDevice(
                factory, config, handed, supervised().link(), supervised().events(), control.fd(), nowNs));
        probe = handed.find("probe").map(ProbeRunner::new).orElse(null);
        mappedNs = Clock.monotonicNs();
    }

    /** Instead of them: writes the state in the layout of another version. */
    void export() {
        stage(() -> new StateSource(factory, config, factory.identity(config), handed)
                .export(Math.toIntExact(handed.number("state.export-version"))));
    }

    private static void stage(Runnable work) {
        try {
            work.run();
        } catch (StateRejectedException | StateFormatException e) {
            throw new StageException(ProcessExit.STATE_REJECTED, String.valueOf(e.getMessage()), e);
        } catch (IllegalArgumentException | LinkFormatException e) {
            throw new StageException(ProcessExit.BAD_CONFIGURATION, String.valueOf(e.getMessage()), e);
        } catch (SysException e) {
            throw new StageException(ProcessExit.HOST_ERROR, String.valueOf(e.getMessage()), e);
        }
    }

    /** Whatever was handed over and nobody asked for is not ours to hold. */
    void closeUnused() {
        handed.closeUnused();
    }

    /** The filter that a spare waits under; the hash of what is in force. */
    byte[] closeStandbyJail() {
        NativeHeap.trim(); // what the start has freed: otherwise a process that only waits holds it for ever
        return install("seccomp.standby");
    }

    /** The narrow filter, on all threads; the hash of what is in force. */
    byte[] closeJail() {
        if (assignedNs == 0) {
            NativeHeap.trim();
        }
        byte[] hash = install("seccomp.narrow");
        closedNs = Clock.monotonicNs();
        return hash;
    }

    private byte[] install(String entry) {
        String jail = handed.text("jail").orElse("enforce");
        byte[] filter = handed.bytes(entry).orElse(new byte[0]);
        try {
            byte[] hash = FilterHash.of(filter);
            switch (jail) {
                case "off" -> {}
                case "log", "enforce" -> Seccomp.installNarrow(filter);
                default ->
                    throw new StageException(
                            ProcessExit.BAD_CONFIGURATION, "jail: '" + jail + "'; allowed are enforce, log, off");
            }
            return hash;
        } catch (SysException | IllegalArgumentException e) {
            throw new StageException(ProcessExit.JAIL_FAILED, entry + ": " + e.getMessage(), e);
        }
    }

    /** Tell the supervisor, which looks at us from outside and then sends START, or later the rest of the record. */
    void ready(byte[] filterHash, int threads) {
        ServingDevice serving = device;
        if (serving != null) {
            serving.declare();
        }
        if (assignedNs != 0) {
            tellStages();
        }
        if (!supervised().link().ready(Clock.monotonicNs(), filterHash, threads)) {
            throw new StageException(ProcessExit.SUPERVISOR_VIOLATION, "the supervisor's event ring takes no READY");
        }
    }

    private void tellStages() {
        long nowNs = Clock.monotonicNs();
        String line = "took over in " + microseconds(nowNs - assignedNs) + " us: record "
                + microseconds(receivedNs - assignedNs) + ", map " + microseconds(mappedNs - receivedNs) + ", jail "
                + microseconds(closedNs - mappedNs) + ", declarations " + microseconds(nowNs - closedNs);
        supervised().link().log(LogLevel.DEBUG, line);
    }

    private static long microseconds(long nanoseconds) {
        return nanoseconds / 1_000;
    }

    /** A spare waits: until the rest of its record is here, which is null, or for a reason to end. */
    @Nullable
    ProcessExit awaitAssignment() {
        ProcessExit end = waitingRoom().run();
        if (end == null) {
            assignedNs = Clock.monotonicNs();
            handed.add(receive(control));
            receivedNs = Clock.monotonicNs();
        }
        return end;
    }

    /** A process that has done its work waits for STOP; there is nothing more to hand over. */
    ProcessExit awaitStop() {
        ProcessExit end = waitingRoom().run();
        return end == null ? ProcessExit.SUPERVISOR_VIOLATION : end;
    }

    private WaitingRoom waitingRoom() {
        return new WaitingRoom(supervised().link(), supervised().events(), control.fd());
    }

    /** The last stages: wait for START, serve until told to stop. */
    ProcessExit serve() {
        if (probe != null) {
            probe.run(); // what the jail lets through, instead of serving
            return ProcessExit.STOPPED;
        }
        ServingDevice serving = device;
        if (serving == null) {
            throw new IllegalStateException("map() comes first");
        }
        return serving.loop().run();
    }

    private Supervised supervised() {
        Supervised all = supervised;
        if (all == null) {
            throw new IllegalStateException("mapSupervisor() comes first");
        }
        return all;
    }

    /** A rehearsal is over: nothing of it stays. A process itself never comes here. */
    @Override
    public void close() {
        ServingDevice serving = device;
        if (serving != null) {
            serving.close();
        }
        Supervised link = supervised;
        if (link != null) {
            link.memory().close();
        }
        handed.close();
    }
}
