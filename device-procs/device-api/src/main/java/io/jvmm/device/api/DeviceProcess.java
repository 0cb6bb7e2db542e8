package io.jvmm.device.api;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkFormatException;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.FilterHash;
import io.jvmm.ipc.state.StateFormatException;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.NativeHeap;
import io.jvmm.ipc.sys.ProbeRunner;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.sys.Seccomp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A device process: its stages from the boot record to the last message. {@link DeviceMain} calls them in their order.
 * Each throws {@link StageException} with the exit code of the process.
 */
final class DeviceProcess {

    /** The control socket the supervisor leaves open across exec. */
    private static final int CONTROL_FD = 3;

    private static final long BOOT_TIMEOUT_NS = 30_000_000_000L;
    private static final long DEFAULT_SPIN_NS = 0;

    private final DeviceFactory factory;
    private final Fd control;
    private final BootRecord boot;
    private final DeviceConfig config;
    private final List<Fd> taken = new ArrayList<>();

    private DeviceProcess(DeviceFactory factory, Fd control, BootRecord boot, DeviceConfig defaults) {
        this.factory = factory;
        this.control = control;
        this.boot = boot;
        this.config = key -> {
            Optional<String> given = boot.findText(key);
            return given.isPresent() ? given : defaults.find(key);
        };
    }

    /** What the process holds once everything is mapped. */
    private record Mapped(
            DeviceEndpoint link, ProcessEndpoint supervisor, DeviceLoop loop, List<PciDeclaration> declarations) {}

    private @Nullable Mapped mapped;
    /** Of a process that only probes its jail. */
    private @Nullable ProbeRunner probe;

    /** Stage 1: the descriptors by name, with the configuration. */
    static DeviceProcess receive(DeviceFactory factory) {
        return receive(factory, Fd.of(CONTROL_FD), key -> Optional.empty());
    }

    /** The same over another control socket, with defaults for entries that are not sent; for training and tests. */
    static DeviceProcess receive(DeviceFactory factory, Fd control, DeviceConfig defaults) {
        try {
            BootRecord boot = BootChannel.over(control).receive(BOOT_TIMEOUT_NS);
            return new DeviceProcess(factory, control, boot, defaults);
        } catch (SysException | BootFormatException e) {
            throw new StageException(
                    ProcessExit.BOOT_FAILED,
                    "no boot record on the control socket: " + e.getMessage()
                            + "; jvmm-supervisor starts this program; to try it alone add --script -",
                    e);
        }
    }

    /** Stages 2 and 3: map the links and the state, make the core over the adopted or created state. */
    void map() {
        try {
            LinkMemory supervisorMemory = LinkMemory.attach(take("supervisor.link"), LinkKind.SUPERVISOR);
            ProcessEndpoint supervisor = new ProcessEndpoint(
                    supervisorMemory,
                    EventFd.of(take("supervisor.request-doorbell")),
                    EventFd.of(take("supervisor.event-doorbell")));
            LinkMemory linkMemory = LinkMemory.attach(take("link"), LinkKind.DEVICE);
            DeviceIdentity identity = factory.identity(config);
            StateSegment state = adoptOrCreate(identity);
            DeviceEndpoint link = new DeviceEndpoint(
                    linkMemory,
                    EventFd.of(take("link.request-doorbell")),
                    EventFd.of(take("link.event-doorbell")),
                    state.ringPosition());
            DeviceLoop loop = assemble(identity, link, supervisor, state);
            // A mapping outlives its descriptor, and a descriptor can be passed on or resized where a mapping cannot.
            supervisorMemory.fd().close();
            linkMemory.fd().close();
            state.fd().close();
            probe = find("probe").map(ProbeRunner::new).orElse(null);
            // Before the jail closes: to work them out loads classes.
            mapped = new Mapped(link, supervisor, loop, factory.pciFunctions(config));
        } catch (StateRejectedException | StateFormatException e) {
            throw new StageException(ProcessExit.STATE_REJECTED, String.valueOf(e.getMessage()), e);
        } catch (IllegalArgumentException | LinkFormatException e) {
            throw new StageException(ProcessExit.BAD_CONFIGURATION, String.valueOf(e.getMessage()), e);
        } catch (SysException e) {
            throw new StageException(ProcessExit.HOST_ERROR, String.valueOf(e.getMessage()), e);
        }
    }

    private StateSegment adoptOrCreate(DeviceIdentity identity) {
        Optional<Fd> given = find("state");
        int id = identity.deviceId();
        int version = identity.stateVersion();
        int lengthBytes = identity.stateLengthBytes();
        if (given.isEmpty()) {
            return StateSegment.create(identity.name(), id, version, lengthBytes); // dies with the process
        }
        return StateSegment.adoptOrCreate(given.get(), id, version, lengthBytes);
    }

    private DeviceLoop assemble(
            DeviceIdentity identity, DeviceEndpoint link, ProcessEndpoint supervisor, StateSegment state) {
        long nowNs = Clock.monotonicNs();
        @Nullable
        EventFd[] interrupts = new @Nullable EventFd[identity.interrupts().size()];
        List<Resample> resamples = new ArrayList<>();
        for (int line = 0; line < interrupts.length; line++) {
            Optional<Fd> interrupt = find("irq." + line);
            interrupts[line] = interrupt.isPresent() ? EventFd.of(interrupt.get()) : null;
            Optional<Fd> resample = find("resample." + line);
            if (resample.isPresent()) {
                resamples.add(new Resample(line, EventFd.of(resample.get())));
            }
        }
        LinkEffects effects = new LinkEffects(link, interrupts);
        SupervisorEvents events = new SupervisorEvents(supervisor);
        @Nullable GuestMemory memory = factory.usesGuestMemory(config) ? mapMemory() : null;
        DeviceCore core = factory.create(config, state.working(), state.fresh(), effects, memory, nowNs);
        core.resume(nowNs);
        Backend[] backends = factory.backends(config, this::find, core, events).toArray(new Backend[0]);
        return new DeviceLoop(
                identity,
                link,
                supervisor,
                state,
                core,
                effects,
                events,
                backends,
                resamples.toArray(new Resample[0]),
                control,
                spinNs());
    }

    private GuestMemory mapMemory() {
        Fd fd = take("memory");
        GuestMemory memory = GuestMemory.map(fd, boot.longInteger("memory.bytes"));
        fd.close();
        return memory;
    }

    private long spinNs() {
        return boot.findText("wait.spin-ns").isPresent() ? boot.longInteger("wait.spin-ns") : DEFAULT_SPIN_NS;
    }

    private Fd take(String name) {
        Fd fd = boot.fd(name);
        taken.add(fd);
        return fd;
    }

    private Optional<Fd> find(String name) {
        Optional<Fd> fd = boot.findFd(name);
        fd.ifPresent(taken::add);
        return fd;
    }

    /** Stage 5: whatever was handed over and nobody asked for is not ours to hold. */
    void closeUnused() {
        for (String name : boot.fdNames()) {
            Fd fd = boot.fd(name);
            if (!taken.contains(fd)) {
                fd.close();
            }
        }
        taken.clear();
    }

    /** Stage 6: the narrow filter, on all threads; the hash of what is in force. */
    byte[] closeJail() {
        String jail = boot.findText("jail").orElse("enforce");
        byte[] filter = boot.findBytes("seccomp.narrow").orElse(new byte[0]);
        try {
            byte[] hash = FilterHash.of(filter);
            NativeHeap.trim(); // what the start has freed: otherwise a process that only waits holds it for ever
            switch (jail) {
                case "off" -> {}
                case "log", "enforce" -> Seccomp.installNarrow(filter);
                default ->
                    throw new StageException(
                            ProcessExit.BAD_CONFIGURATION, "jail: '" + jail + "'; allowed are enforce, log, off");
            }
            return hash;
        } catch (SysException | IllegalArgumentException e) {
            throw new StageException(ProcessExit.JAIL_FAILED, "narrow filter: " + e.getMessage(), e);
        }
    }

    /** Stage 7: tell the supervisor, which looks at us from outside and then sends START. */
    void ready(byte[] filterHash, int threads) {
        declare(mapped().link());
        if (!mapped().supervisor().ready(Clock.monotonicNs(), filterHash, threads)) {
            throw new StageException(ProcessExit.SUPERVISOR_VIOLATION, "the supervisor's event ring takes no READY");
        }
    }

    private void declare(DeviceEndpoint link) {
        boolean sent = true;
        for (PciDeclaration declaration : mapped().declarations()) {
            sent &= link.pciFunction(declaration.function());
            for (byte[] capability : declaration.capabilities()) {
                sent &= link.pciCapability(declaration.function().function(), capability);
            }
        }
        if (!sent) {
            throw new StageException(
                    ProcessExit.PEER_VIOLATION, "the board's event ring takes no declaration of PCI functions");
        }
    }

    /** Stages 8 and 9: wait for START, serve until told to stop. */
    ProcessExit serve() {
        if (probe != null) {
            probe.run(); // what the jail lets through, instead of serving
            return ProcessExit.STOPPED;
        }
        return mapped().loop().run();
    }

    private Mapped mapped() {
        Mapped all = mapped;
        if (all == null) {
            throw new IllegalStateException("map() comes first");
        }
        return all;
    }
}
