package io.jvmm.vcpu.main;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.counters.BoardPage;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.vcpu.board.AcpiConfig;
import io.jvmm.vcpu.board.AddressMap;
import io.jvmm.vcpu.board.Board;
import io.jvmm.vcpu.board.BoardDevice;
import io.jvmm.vcpu.board.Counters;
import io.jvmm.vcpu.board.NonPosted;
import io.jvmm.vcpu.board.RegisterTarget;
import io.jvmm.vcpu.board.WindowSpec;
import io.jvmm.vcpu.board.pci.PciBus;
import io.jvmm.vcpu.board.pci.PciSlot;
import io.jvmm.vcpu.boot.FirmwareLoader;
import io.jvmm.vcpu.engine.Engine;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Everything the boot record hands over, mapped and attached: guest memory, the supervisor's link, a link per device, the
 * address maps that follow from the devices' windows, PCI.
 *
 * <p>The one place that knows the descriptors by name. Main thread, before the jail closes.
 *
 * @param attention the board's own eventfd: whoever has something for the board thread signals it
 * @param counters where the supervisor reads what is counted; null where nobody does
 * @param ports the devices' windows, and so {@code addresses}; PCI joins them when there is an engine: {@link #maps}
 */
record Wiring(
        GuestMemory memory,
        ProcessEndpoint supervisor,
        EventFd attention,
        List<BoardDevice> devices,
        AddressMap.Builder ports,
        AddressMap.Builder addresses,
        @Nullable BoardPage counters) {
    /** The one device whose POWER events end the machine. */
    private static final String PLATFORM = "platform";

    private static final int ROM_SLOT = 31;
    private static final String SERIAL = "serial";
    private static final String REQUEST_DOORBELL = "request-doorbell";
    private static final String EVENT_DOORBELL = "event-doorbell";

    /**
     * Maps and attaches.
     *
     * @throws IllegalArgumentException naming the descriptor that is missing or the window that is wrong
     */
    static Wiring attach(BootRecord record, VcpuConfig config) {
        final GuestMemory memory;
        try (Fd memfd = record.fd("memory")) {
            memory = GuestMemory.map(memfd, config.memoryBytes());
        }
        final ProcessEndpoint supervisor = new ProcessEndpoint(
                link(record, "supervisor.link", LinkKind.SUPERVISOR),
                doorbell(record, "supervisor", REQUEST_DOORBELL),
                doorbell(record, "supervisor", EVENT_DOORBELL));
        final EventFd attention = EventFd.create();
        final BoardPage counters = counters(record, config);
        final WaitPolicy wait = new WaitPolicy(config.spinNs(), config.readTimeoutNs(), config.replaceTimeoutNs());
        final List<BoardDevice> devices = new ArrayList<>();
        final AddressMap.Builder ports = AddressMap.builder(WindowSpec.Space.PIO);
        final AddressMap.Builder addresses = AddressMap.builder(WindowSpec.Space.MMIO);
        for (VcpuConfig.Device each : config.devices()) {
            final String name = each.name();
            final BoardEndpoint endpoint = new BoardEndpoint(
                    link(record, name + ".link", LinkKind.DEVICE),
                    doorbell(record, name + ".link", REQUEST_DOORBELL),
                    doorbell(record, name + ".link", EVENT_DOORBELL),
                    wait);
            final boolean mayPower = name.equals(PLATFORM);
            final int index = devices.size();
            final BoardDevice device = counters == null
                    ? new BoardDevice(index, name, endpoint, attention, mayPower)
                    : new BoardDevice(index, name, endpoint, attention, mayPower, counters);
            devices.add(device);
            for (VcpuConfig.Window window : each.windows()) {
                final AddressMap.Builder map = window.place().space() == WindowSpec.Space.PIO ? ports : addresses;
                final RegisterTarget target = window.nonPosted() ? new NonPosted(device) : device;
                map.window(window.place(), name, target, window.region());
            }
        }
        return new Wiring(memory, supervisor, attention, List.copyOf(devices), ports, addresses, counters);
    }

    private static @Nullable BoardPage counters(BootRecord record, VcpuConfig config) {
        final Optional<Fd> given = record.findFd("counters");
        if (given.isEmpty()) {
            return null;
        }
        try (Fd memfd = given.get()) {
            return BoardPage.map(memfd, config.vcpus(), config.devices().size());
        }
    }

    /**
     * Plugs the devices' functions into PCI and makes the address maps; once. The interrupt lines of the functions stay open.
     *
     * @throws IllegalArgumentException naming what is missing or in two places
     */
    Board.Maps maps(BootRecord record, VcpuConfig config, Engine engine) {
        final List<PciSlot> slots = new ArrayList<>();
        for (int i = 0; i < devices.size(); i++) {
            final VcpuConfig.Device device = config.devices().get(i);
            for (int f = 0; f < device.functions().size(); f++) {
                slots.add(slot(record, device, devices.get(i), f, engine));
            }
        }
        final PciBus bus = new PciBus(
                slots,
                engine,
                freePicLines(config),
                config.firmware(),
                counters == null ? new Counters() : new Counters(counters.pci()));
        bus.addTo(ports, addresses);
        return new Board.Maps(ports.build(), addresses.build(), bus);
    }

    /** The lines of the 8259s that no device has been given; a set of bits. */
    private static int freePicLines(VcpuConfig config) {
        int free = ~0;
        for (final VcpuConfig.Device device : config.devices()) {
            for (final VcpuConfig.Interrupt interrupt : device.interrupts()) {
                free &= ~(1 << interrupt.gsi());
            }
        }
        return free;
    }

    private static PciSlot slot(
            BootRecord record, VcpuConfig.Device config, BoardDevice device, int function, Engine engine) {
        final VcpuConfig.Function it = config.functions().get(function);
        final List<PciSlot.Vector> vectors = new ArrayList<>();
        for (int line = it.line(); line < it.intxLine(); line++) {
            final EventFd fd = EventFd.of(record.fd(config.name() + ".irq." + line));
            vectors.add(new PciSlot.Vector(fd, engine.attachMessage(fd.fd())));
        }
        return new PciSlot(
                it.slot(),
                device,
                function,
                vectors,
                EventFd.of(record.fd(config.name() + ".irq." + it.intxLine())),
                EventFd.of(record.fd(config.name() + ".resample." + it.intxLine())));
    }

    /** Guest RAM into the engine: one slot for each region; and firmware, where there is one, so that it ends at 4 GiB. */
    void mapMemory(Engine engine, Optional<Mapping> rom) {
        rom.ifPresent(r -> engine.mapMemory(
                ROM_SLOT, FirmwareLoader.ROM_END - r.lengthBytes(), r.lengthBytes(), r.segment(), true));
        int slot = 0;
        for (GuestMemory.Region region : memory.regions()) {
            engine.mapMemory(
                    slot++, region.guestPhysicalAddress(), region.lengthBytes(), memory.segment(region), false);
        }
    }

    /** Interrupt eventfds to the engine, which holds on to them by itself; ours are closed. */
    static void attachInterrupts(BootRecord record, VcpuConfig config, Engine engine) {
        for (VcpuConfig.Device device : config.devices()) {
            for (VcpuConfig.Interrupt interrupt : device.interrupts()) {
                final String suffix = "." + interrupt.line();
                try (Fd line = record.fd(device.name() + ".irq" + suffix);
                        @Nullable
                                Fd resample =
                                        interrupt.level() ? record.fd(device.name() + ".resample" + suffix) : null) {
                    engine.attachInterrupt(interrupt.gsi(), line, resample);
                }
            }
        }
    }

    /** What ACPI tells the guest about these devices. */
    static AcpiConfig acpi(VcpuConfig config) {
        final List<AcpiConfig.ComPort> ports = new ArrayList<>();
        boolean platform = false;
        for (VcpuConfig.Device device : config.devices()) {
            platform |= device.name().equals(PLATFORM);
            if (!device.name().equals(SERIAL)) {
                continue;
            }
            for (VcpuConfig.Window window : device.windows()) {
                for (VcpuConfig.Interrupt interrupt : device.interrupts()) {
                    if (interrupt.line() == window.region()) {
                        ports.add(new AcpiConfig.ComPort((int) window.place().start(), interrupt.gsi()));
                    }
                }
            }
        }
        return new AcpiConfig(config.vcpus(), ports, platform, config.firmware());
    }

    private static LinkMemory link(BootRecord record, String name, LinkKind kind) {
        try (Fd memfd = record.fd(name)) {
            return LinkMemory.attach(memfd, kind);
        }
    }

    private static EventFd doorbell(BootRecord record, String link, String which) {
        return EventFd.of(record.fd(link + "." + which));
    }
}
