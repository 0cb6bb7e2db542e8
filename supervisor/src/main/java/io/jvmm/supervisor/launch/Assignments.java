package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.counters.BoardPage;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.supervisor.config.VmConfig;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the processes of one machine are told and given: their boot records. A device's process gets everything in one, a spare
 * gets first what any process has and later the rest. One thread.
 */
final class Assignments implements AutoCloseable {
    /** Room for ACPI tables, the memory map and the loader's script; the board says so when it needs more. */
    private static final long FIRMWARE_FILES_BYTES = 256 * 1024;

    /** So long a process may leave its control socket full. No ordinary boot record fills it. */
    private static final long BOOT_RECORD_NS = 5_000_000_000L;

    private final VmConfig config;
    private final MachinePlan plan;
    private final Backends backends;
    private final List<AutoCloseable> owned = new ArrayList<>();
    private final Fd memory;
    private final MemFd counters;
    private final Optional<Fd> firmwareFiles;

    /** Makes what all processes share: the guest's memory, and the files that the board writes for firmware. */
    Assignments(VmConfig config, MachinePlan plan, Backends backends) throws HostLackException {
        this.config = config;
        this.plan = plan;
        this.backends = backends;
        long bytes = config.machine().memory().bytes();
        memory = own(ProcessStarter.made("the guest's memory", () -> MemFd.createSealed("guest-memory", bytes)))
                .fd();
        counters = own(ProcessStarter.made(
                "what the vCPU process counts",
                () -> BoardPage.create(
                        "vcpu-counters",
                        config.machine().vcpus(),
                        plan.devices().size())));
        firmwareFiles = config.boot().firmware()
                ? Optional.of(own(ProcessStarter.made(
                                "what the board tells firmware",
                                () -> MemFd.createSealed("firmware-files", FIRMWARE_FILES_BYTES)))
                        .fd())
                : Optional.empty();
    }

    /** What the vCPU process has counted. */
    MemFd counters() {
        return counters;
    }

    /** What a device has for all its life. */
    DeviceResources resources(ProcessInstance device) {
        DeviceResources resources = new DeviceResources(device, config.machine().vcpus());
        if (device.kind().isVirtio()) {
            functions(device, resources);
            return resources;
        }
        int ports = backends.ports().size();
        List<String> windows =
                LegacyWindows.windows(device, ports, backends.debugConsole().isPresent());
        for (int region = 0; region < windows.size(); region++) {
            resources.place("window." + region, windows.get(region));
        }
        if (device.kind() == ProcessKind.PLATFORM && firmwareFiles.isPresent()) {
            resources.place("window." + LegacyWindows.FIRMWARE_REGION, LegacyWindows.FIRMWARE_WINDOW);
        }
        List<LegacyWindows.Interrupt> interrupts = LegacyWindows.interrupts(device, ports);
        for (int n = 0; n < interrupts.size(); n++) {
            resources.line(n).place("irq." + n, interrupts.get(n).text());
            if (interrupts.get(n).level()) {
                resources.resample(n);
            }
        }
        return resources;
    }

    /** Each function has an edge line for every vector and then a level one, INTx. */
    private void functions(ProcessInstance device, DeviceResources resources) {
        List<MachinePlan.Function> functions = plan.functions(device);
        for (int f = 0; f < functions.size(); f++) {
            MachinePlan.Function function = functions.get(f);
            resources.place(
                    "pci." + f,
                    "slot:" + function.slot() + ":line:" + function.firstLine() + ":vectors:" + function.vectors());
            for (int line = function.firstLine(); line <= function.intxLine(); line++) {
                resources.line(line);
            }
            resources.resample(function.intxLine());
        }
    }

    /** All that the vCPU process is told. */
    BootRecord.Builder vcpu(Collection<DeviceResources> devices) throws HostLackException {
        BootRecord.Builder vcpu = BootRecord.builder()
                .fd("memory", memory)
                .fd("counters", counters.fd())
                .fd("state", own(MemFd.createEmpty("vcpu-state")).fd());
        giveKvm(vcpu);
        vcpu.fd(config.boot().firmware() ? "firmware" : "kernel", backends.kernel());
        firmwareFiles.ifPresent(fd -> vcpu.fd("firmware.files", fd));
        backends.initrd().ifPresent(fd -> vcpu.fd("initrd", fd));
        devices.forEach(d -> d.giveBoard(vcpu));
        return vcpu.put("engine", config.machine().engine().word())
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
                .put("read-timeout-ns", config.ipc().readTimeout().toNanos())
                .put("replace-timeout-ns", config.lifecycle().replaceTimeout().toNanos());
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

    /** What a device's process is told of its device. */
    BootRecord.Builder device(DeviceResources resources, Handover how) {
        BootRecord.Builder record = BootRecord.builder();
        resources.giveDevice(record);
        describe(resources.device(), record, !how.broken());
        if (how.renewed()) {
            record.put("link.renewed", "true");
        }
        if (how.broken()) {
            record.put("broken", "true");
        }
        return record;
    }

    /** The same for a process that gets another state, which the caller adds. */
    BootRecord.Builder deviceWithoutState(DeviceResources resources) {
        BootRecord.Builder record = BootRecord.builder();
        resources.giveLink(record);
        describe(resources.device(), record, true);
        return record;
    }

    /** What a device's process is told of its configuration. */
    Map<String, String> entries(ProcessInstance device) {
        BootRecord.Builder told = BootRecord.builder();
        describe(device, told, false);
        BootRecord record = told.build();
        return record.keys().stream().collect(Collectors.toMap(key -> key, record::text));
    }

    /** @param host with what the device has of the host */
    private void describe(ProcessInstance device, BootRecord.Builder record, boolean host) {
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
                        host,
                        record);
            }
            case VCPU, RECORDER -> throw new IllegalArgumentException(device.process() + " is no device");
        }
        if (device.kind() == ProcessKind.PLATFORM && firmwareFiles.isPresent()) {
            record.put("firmware", "true").fd("memory", memory).fd("firmware.files", firmwareFiles.get());
        }
    }

    /**
     * Completes a record with what every process has, the supervisor link and its filters, and sends it: the process is a machine's
     * child from now on.
     */
    ChildProcess first(StartedProcess s, BootRecord.Builder record, List<Variant> readyAs) throws HostLackException {
        ProcessInstance instance = s.instance();
        List<AutoCloseable> made = new ArrayList<>();
        try {
            LinkMemory link = LinkMemory.create(instance.process() + "-supervisor-link", LinkSpec.supervisor());
            made.add(link);
            EventFd request = EventFd.create();
            made.add(request);
            EventFd event = EventFd.create();
            made.add(event);
            record.fd("supervisor.link", link.fd())
                    .fd("supervisor.request-doorbell", request.fd())
                    .fd("supervisor.event-doorbell", event.fd())
                    .put("process", instance.process())
                    .put("vm", config.machine().name())
                    .put("wait.spin-ns", config.ipc().spin().toNanos())
                    .put("jail", config.jail().mode().word());
            s.variants().forEach(v -> record.put(v.filterKey(), v.filter().program()));
            Set<String> given = send(instance, s.control(), s.output(), record.build());
            return new ChildProcess(
                    instance,
                    s.process(),
                    s.control(),
                    s.output(),
                    link,
                    new SupervisorEndpoint(link, request, event),
                    request,
                    event,
                    readyAs,
                    ChildProcess.WIDE_AND_ONE,
                    given,
                    s.mounts(),
                    s.uid());
        } catch (HostLackException | RuntimeException e) {
            Owned.close(made);
            if (e instanceof SysException) {
                // Of a successor this is heard while the guest runs, and must cost the device alone its process.
                throw new HostLackException(
                        "what process " + instance.process() + " needs cannot be made: " + e.getMessage(), e);
            }
            throw e;
        }
    }

    /** What a spare is told: that it is one, and under which filter it waits. */
    ChildProcess standby(StartedProcess s, NarrowFilter filter) throws HostLackException {
        BootRecord.Builder record =
                BootRecord.builder().put("standby", "true").put("seccomp.standby", filter.program());
        return first(s, record, List.of(new Variant(Optional.empty(), filter)));
    }

    /** Tells a spare what it is from now on, and the name that it has then. */
    ChildProcess second(ChildProcess spare, ProcessInstance as, BootRecord.Builder record, List<Variant> variants)
            throws HostLackException {
        return spare.assigned(as, variants, send(as, spare.control(), spare.output(), record.build()));
    }

    /** Sends a record; what the kernel calls its descriptors. */
    private static Set<String> send(ProcessInstance instance, BootChannel control, Fd output, BootRecord record)
            throws HostLackException {
        try {
            control.send(record, "process " + instance.process(), BOOT_RECORD_NS);
        } catch (SysException.Disconnected | SysException.TimedOut e) {
            // It has died already: its exit status and its last words, which the machine's loop reads, tell why. Or it
            // does not read, and so will never be ready, which the loop tells too.
        } catch (SysException e) {
            throw new HostLackException(
                    "the boot record of process " + instance.process() + " cannot be sent: " + e.getMessage(), e);
        }
        return JailInspector.namesOf(record, output);
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    @Override
    public void close() {
        Owned.close(owned);
    }
}
