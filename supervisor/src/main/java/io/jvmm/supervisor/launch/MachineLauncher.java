package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.HostIdentity;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailException;
import io.jvmm.policy.jail.JailSpec;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.policy.jail.Limits;
import io.jvmm.policy.jail.StuckProcessException;
import io.jvmm.supervisor.config.JailConfig;
import io.jvmm.supervisor.config.MachineConfig;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.config.VsockConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Starts the processes of one machine and wires them: shared memory, links, eventfds, boot records.
 *
 * <p>The processes are started first, because a JVM takes a tenth of a second to get to its boot record; everything they will
 * share is made meanwhile. One thread uses this. A launcher serves one life of the machine; a guest that resets gets a new one.
 */
public final class MachineLauncher implements AutoCloseable {
    /** Room for ACPI tables, the memory map and the loader's script; the board says so when it needs more. */
    private static final long FIRMWARE_FILES_BYTES = 256 * 1024;

    private static final int FD_CONTROL = 3;

    /** So long a process may leave its control socket full. No ordinary boot record fills it. */
    private static final long BOOT_RECORD_NS = 5_000_000_000L;

    /** Descriptors of a machine with everything, twice. */
    private static final int FEWEST_DESCRIPTORS = 512;

    /** The limit on file sizes counts for the memfds of a warm-up too, and of a state segment. */
    private static final long SCRATCH_BYTES = 64L << 20;

    private final VmConfig config;
    private final MachinePlan plan;
    private final Distribution distribution;
    private final Backends backends;
    private final List<Integer> uids;
    private final List<ChildProcess> children = new ArrayList<>();
    private final List<AutoCloseable> owned = new ArrayList<>();

    /** What one child needs from its start to its boot record. */
    private record Started(
            JailedProcess process, BootChannel control, Fd output, List<Variant> variants, OptionalInt uid) {}

    /**
     * Prepares a launch.
     *
     * @param uids host uids of the machine's own, in the order of the plan; empty when the supervisor is not root
     */
    public MachineLauncher(VmConfig config, Distribution distribution, Backends backends, List<Integer> uids) {
        this.config = config;
        this.plan = MachinePlan.of(config);
        this.distribution = distribution;
        this.backends = backends;
        this.uids = List.copyOf(uids);
    }

    /** The machine's processes, running, each with its boot record under way. */
    public List<ChildProcess> launch() throws HostLackException {
        checkHost(config.machine().engine());
        Map<ProcessInstance, Started> started = new LinkedHashMap<>();
        try {
            for (ProcessInstance instance : plan.processes()) {
                started.put(instance, start(instance));
            }
            made("what the devices need for this start", () -> {
                backends.devices().beginLife();
                return true;
            });
            wire(started);
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
        // The vCPU process gets its record last, for it has a part of every other; it is counted first.
        return plan.processes().stream()
                .flatMap(p -> children.stream().filter(c -> c.instance().equals(p)))
                .toList();
    }

    /** Nothing of a machine that did not come up stays. */
    private static void killAll(Map<ProcessInstance, Started> started) {
        started.values().forEach(s -> s.process().kill());
        List<JailedProcess> remaining =
                collect(started.values().stream().map(Started::process).toList(), JailedProcess.DYING_NS);
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

    private Started start(ProcessInstance instance) throws HostLackException {
        OptionalInt uid = uids.isEmpty() ? OptionalInt.empty() : OptionalInt.of(uids.get(position(instance)));
        JailSpec spec = JailSpec.builder(instance.process())
                .identity(uid.isPresent() ? HostIdentity.ids(uid.getAsInt(), uid.getAsInt()) : HostIdentity.sameUser())
                .binds(distribution.binds(instance.kind()))
                .limits(limits(instance))
                .wideFilter(
                        distribution.wideFilter(instance.kind(), config.jail().mode()))
                .build();
        List<Variant> variants =
                distribution.variants(instance.kind(), config.jail().mode());
        String whose = " of process " + instance.process();
        UnixSocket.Pair control = made("the control socket" + whose, UnixSocket::seqPacketPair);
        Pipe output;
        try {
            output = made("the output pipe" + whose, Pipe::create);
        } catch (HostLackException | RuntimeException e) {
            control.left().close();
            control.right().close();
            throw e;
        }
        try (Fd childControl = control.right().fd();
                Fd childOutput = output.writer();
                Fd nothing = made(
                        "the standard input" + whose, () -> FileIo.open(Path.of("/dev/null"), FileIo.READ_ONLY, 0))) {
            output.reader().setNonBlocking(true);
            JailedProcess process = Jail.spawn(
                    spec,
                    distribution.command(instance.kind()),
                    distribution.environment(),
                    List.of(
                            new FdMapping(nothing.number(), 0),
                            new FdMapping(childOutput.number(), 1),
                            new FdMapping(childOutput.number(), 2),
                            new FdMapping(childControl.number(), FD_CONTROL)));
            BootChannel channel = own(BootChannel.over(control.left().fd()));
            return new Started(process, channel, own(output.reader()), variants, uid);
        } catch (HostLackException | RuntimeException e) {
            control.left().close();
            output.reader().close();
            if (e instanceof JailException) {
                throw new HostLackException(String.valueOf(e.getMessage()), e);
            }
            if (e instanceof SysException) {
                throw new HostLackException(
                        "process " + instance.process() + " cannot be started: " + e.getMessage(), e);
            }
            throw e;
        }
    }

    /** One step of a launch; a failure says which. */
    static <T> T made(String what, Supplier<T> step) throws HostLackException {
        try {
            return step.get();
        } catch (SysException e) {
            throw new HostLackException(what + " cannot be made: " + e.getMessage(), e);
        }
    }

    private int position(ProcessInstance instance) {
        return plan.processes().indexOf(instance);
    }

    private Limits limits(ProcessInstance instance) {
        JailConfig jail = config.jail();
        Limits limits = Limits.device()
                .withOpenFiles(jail.maxDescriptors() + descriptors(instance))
                .withThreads(jail.maxThreads()
                        + (instance.isDevice() ? 0 : config.machine().vcpus()));
        boolean writesFiles = switch (instance.kind()) {
            // Standard output may be a regular file too.
            case SERIAL, CONSOLE, BLOCK -> true;
            case PLATFORM -> backends.debugConsole().isPresent();
            case VCPU, NET, RNG, BALLOON, VSOCK -> false;
        };
        return limits.withFileSizeBytes(writesFiles ? Limits.UNLIMITED : SCRATCH_BYTES);
    }

    private static int connections(MachinePlan.Function function) {
        return function.config() instanceof VsockConfig ? VsockConfig.MOST_CONNECTIONS : 0;
    }

    /** What devices on the PCI bus cost a process: eventfds for their interrupts, and their back ends. */
    private int descriptors(ProcessInstance instance) {
        int lines = 0;
        for (ProcessInstance device : instance.isDevice() ? List.of(instance) : plan.devices()) {
            for (MachinePlan.Function f : plan.functions(device)) {
                lines += f.vectors()
                        + 2
                        + (instance.isDevice()
                                ? backends.devices().wiring(f.config()).fds().size() + connections(f)
                                : 0);
            }
            // Its link, beyond those that the standard is made for.
            lines += plan.functions(device).isEmpty() ? 0 : 3;
        }
        return lines;
    }

    private void wire(Map<ProcessInstance, Started> started) throws HostLackException {
        long bytes = config.machine().memory().bytes();
        Fd memory = own(made("the guest's memory", () -> MemFd.createSealed("guest-memory", bytes)))
                .fd();
        BootRecord.Builder vcpu = BootRecord.builder()
                .fd("memory", memory)
                .fd("state", own(MemFd.createEmpty("vcpu-state")).fd());
        giveKvm(vcpu);
        vcpu.fd(config.boot().firmware() ? "firmware" : "kernel", backends.kernel());
        Optional<Fd> firmwareFiles = config.boot().firmware()
                ? Optional.of(own(made(
                                "what the board tells firmware",
                                () -> MemFd.createSealed("firmware-files", FIRMWARE_FILES_BYTES)))
                        .fd())
                : Optional.empty();
        firmwareFiles.ifPresent(fd -> vcpu.fd("firmware.files", fd));
        backends.initrd().ifPresent(fd -> vcpu.fd("initrd", fd));
        for (ProcessInstance device : plan.devices()) {
            BootRecord.Builder record = BootRecord.builder();
            linkDevice(device, vcpu, record);
            describe(device, memory, record);
            if (device.kind() == ProcessKind.PLATFORM && firmwareFiles.isPresent()) {
                vcpu.put(device.process() + ".window." + LegacyWindows.FIRMWARE_REGION, LegacyWindows.FIRMWARE_WINDOW);
                record.put("firmware", "true").fd("memory", memory).fd("firmware.files", firmwareFiles.get());
            }
            finish(device, started.get(device), record);
        }
        vcpu.put("engine", config.machine().engine().word())
                .put("vcpus", config.machine().vcpus())
                .put("memory.bytes", config.machine().memory().bytes())
                .put("cmdline", config.boot().cmdline())
                .put("kernel.name", String.valueOf(config.boot().kernel().getFileName()))
                .put(
                        "devices",
                        String.join(
                                ",",
                                plan.devices().stream()
                                        .map(ProcessInstance::process)
                                        .toList()))
                .put("read-timeout-ns", config.ipc().readTimeout().toNanos());
        finish(ProcessInstance.VCPU, started.get(ProcessInstance.VCPU), vcpu);
    }

    /** A machine that may do without KVM gets the reason instead. */
    private void giveKvm(BootRecord.Builder vcpu) throws HostLackException {
        switch (config.machine().engine()) {
            case KVM -> vcpu.fd("kvm", own(KvmDevice.open()));
            case X86 -> {}
            case AUTO -> {
                KvmDevice kvm = KvmDevice.look();
                if (kvm.fd().isPresent()) {
                    vcpu.fd("kvm", own(kvm.fd().get()));
                } else {
                    vcpu.put("kvm.missing", kvm.obstacle());
                }
            }
        }
    }

    /** One link and one eventfd for each interrupt, at both ends. */
    private void linkDevice(ProcessInstance device, BootRecord.Builder board, BootRecord.Builder record) {
        String name = device.process();
        LinkMemory link = own(LinkMemory.create(
                name + "-link", LinkSpec.device(config.machine().vcpus())));
        EventFd request = own(EventFd.create());
        EventFd event = own(EventFd.create());
        record.fd("link", link.fd()).fd("link.request-doorbell", request.fd()).fd("link.event-doorbell", event.fd());
        board.fd(name + ".link", link.fd())
                .fd(name + ".link.request-doorbell", request.fd())
                .fd(name + ".link.event-doorbell", event.fd());
        // The supervisor keeps what outlives the process; how long it is, the device knows.
        record.fd("state", own(MemFd.createEmpty(name + "-state")).fd());
        if (device.kind().isVirtio()) {
            linkFunctions(device, board, record);
            return;
        }
        int ports = backends.ports().size();
        List<String> windows =
                LegacyWindows.windows(device, ports, backends.debugConsole().isPresent());
        for (int region = 0; region < windows.size(); region++) {
            board.put(name + ".window." + region, windows.get(region));
        }
        List<LegacyWindows.Interrupt> interrupts = LegacyWindows.interrupts(device, ports);
        for (int n = 0; n < interrupts.size(); n++) {
            EventFd irq = own(EventFd.create());
            record.fd("irq." + n, irq.fd());
            board.fd(name + ".irq." + n, irq.fd());
            board.put(name + ".irq." + n, interrupts.get(n).text());
            if (interrupts.get(n).level()) {
                EventFd resample = own(EventFd.create());
                record.fd("resample." + n, resample.fd());
                board.fd(name + ".resample." + n, resample.fd());
            }
        }
    }

    /** Each function has an edge line for every vector and then a level one, INTx. */
    private void linkFunctions(ProcessInstance device, BootRecord.Builder board, BootRecord.Builder record) {
        String name = device.process();
        List<MachinePlan.Function> functions = plan.functions(device);
        for (int f = 0; f < functions.size(); f++) {
            MachinePlan.Function function = functions.get(f);
            board.put(
                    name + ".pci." + f,
                    "slot:" + function.slot() + ":line:" + function.firstLine() + ":vectors:" + function.vectors());
            for (int line = function.firstLine(); line <= function.intxLine(); line++) {
                EventFd irq = own(EventFd.create());
                record.fd("irq." + line, irq.fd());
                board.fd(name + ".irq." + line, irq.fd());
            }
            EventFd resample = own(EventFd.create());
            record.fd("resample." + function.intxLine(), resample.fd());
            board.fd(name + ".resample." + function.intxLine(), resample.fd());
        }
    }

    private void describe(ProcessInstance device, Fd memory, BootRecord.Builder record) {
        switch (device.kind()) {
            case SERIAL -> DeviceRecords.serial(backends.ports(), record);
            case PLATFORM -> DeviceRecords.platform(config, backends, record);
            case BLOCK, NET, CONSOLE, RNG, BALLOON, VSOCK -> {
                record.fd("memory", memory)
                        .put("memory.bytes", config.machine().memory().bytes());
                DeviceRecords.virtio(
                        plan.functions(device).stream()
                                .map(f -> backends.devices().wiring(f.config()))
                                .toList(),
                        record);
            }
            case VCPU -> throw new IllegalArgumentException("the vCPU process is no device");
        }
    }

    /** What every record has: the supervisor link, names, the filter. Then it is sent, and the child is a machine's child. */
    private void finish(ProcessInstance instance, @Nullable Started s, BootRecord.Builder record)
            throws HostLackException {
        if (s == null) {
            throw new IllegalStateException(instance + " was not started");
        }
        LinkMemory link = own(LinkMemory.create(instance.process() + "-supervisor-link", LinkSpec.supervisor()));
        EventFd request = own(EventFd.create());
        EventFd event = own(EventFd.create());
        record.fd("supervisor.link", link.fd())
                .fd("supervisor.request-doorbell", request.fd())
                .fd("supervisor.event-doorbell", event.fd())
                .put("process", instance.process())
                .put("vm", config.machine().name())
                .put("wait.spin-ns", config.ipc().spin().toNanos())
                .put("jail", config.jail().mode().word());
        s.variants().forEach(v -> record.put(v.filterKey(), v.filter().program()));
        SupervisorEndpoint endpoint = new SupervisorEndpoint(link, request, event);
        BootRecord complete = record.build();
        try {
            s.control().send(complete, "process " + instance.process(), BOOT_RECORD_NS);
        } catch (SysException.Disconnected | SysException.TimedOut e) {
            // It has died already: its exit status and its last words, which the machine's loop reads, tell why. Or it
            // does not read, and so will never be ready, which the loop tells too.
        } catch (SysException e) {
            throw new HostLackException(
                    "the boot record of process " + instance.process() + " cannot be sent: " + e.getMessage(), e);
        }
        children.add(new ChildProcess(
                instance,
                s.process(),
                s.control(),
                s.output(),
                endpoint,
                event,
                s.variants(),
                JailInspector.namesOf(complete, s.output()),
                s.uid()));
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    /** Closes everything the machine shared; its processes must be gone. */
    @Override
    public void close() {
        for (AutoCloseable resource : owned.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException("closing shared memory does not fail", e);
            }
        }
        owned.clear();
    }
}
