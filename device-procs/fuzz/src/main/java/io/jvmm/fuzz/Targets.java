package io.jvmm.fuzz;

import io.jvmm.device.balloon.BalloonDevice;
import io.jvmm.device.block.BlockFactory;
import io.jvmm.device.console.ConsoleDevice;
import io.jvmm.device.net.NetDevice;
import io.jvmm.device.platform.PlatformDevice;
import io.jvmm.device.rng.RngDevice;
import io.jvmm.device.serial.SerialDevice;
import io.jvmm.device.vsock.VsockFactory;
import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.host.BlockModel;
import io.jvmm.fuzz.host.NetModel;
import io.jvmm.fuzz.host.RngModel;
import io.jvmm.fuzz.host.VsockModel;
import io.jvmm.fuzz.machine.DeviceTarget;
import io.jvmm.fuzz.machine.HostModel;
import io.jvmm.fuzz.machine.Subject;
import io.jvmm.fuzz.parser.AcpiTarget;
import io.jvmm.fuzz.parser.BootRecordTarget;
import io.jvmm.fuzz.parser.DeclarationTarget;
import io.jvmm.fuzz.parser.FirmwareTarget;
import io.jvmm.fuzz.parser.KernelTarget;
import io.jvmm.fuzz.parser.PciTarget;
import io.jvmm.fuzz.parser.PolicyTarget;
import io.jvmm.fuzz.parser.Qcow2Target;
import io.jvmm.fuzz.parser.RingTarget;
import io.jvmm.fuzz.parser.TomlTarget;
import io.jvmm.fuzz.parser.TraceTarget;
import io.jvmm.fuzz.passt.PasstTarget;
import io.jvmm.fuzz.program.Operation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Everything there is to fuzz. */
@SuppressWarnings("ImmutableEnumChecker") // the makers hold nothing, and the lists are copies
public enum Targets {
    SERIAL(
            "serial",
            true,
            128,
            "COM1 to COM4: registers, host streams, time",
            () -> DeviceTarget.exercised(
                    Subject.plain(
                            new SerialDevice(),
                            Map.of("ports", "4", "port.3.pace", "baud", "port.2.rts", "ignore"),
                            Operation.OF_REGISTERS),
                    128),
            "io.jvmm.device.serial.**"),
    PLATFORM(
            "platform",
            true,
            128,
            "clock, keyboard controller, power management, firmware configuration",
            () -> DeviceTarget.exercised(
                    Subject.plain(
                            new PlatformDevice(),
                            Map.of(
                                    "rtc.base",
                                    "951782398",
                                    "debugcon",
                                    "true",
                                    "memory.bytes",
                                    "5368709120",
                                    "vcpus",
                                    "2",
                                    "firmware",
                                    "true"),
                            Operation.OF_PLATFORM),
                    128),
            "io.jvmm.device.platform.**"),
    RNG(
            "rng",
            true,
            512,
            "entropy: requests, the limiter, what the kernel answers",
            () -> new DeviceTarget(
                    Subject.virtio(
                            new RngDevice(),
                            Map.of("rate-bytes", "100000", "packed", "true", "queue-size", "16"),
                            new RngModel(),
                            0,
                            features -> 0b1),
                    VirtioSeeds.rng()),
            "io.jvmm.device.virtio.**",
            "io.jvmm.device.rng.**"),
    BALLOON(
            "balloon",
            true,
            512,
            "the balloon: pages, statistics, hints, reports",
            () -> new DeviceTarget(
                    Subject.virtio(
                            new BalloonDevice(),
                            Map.of(
                                    "stats-interval-s",
                                    "1",
                                    "packed",
                                    "true",
                                    "target-bytes",
                                    "65536",
                                    "queue-size",
                                    "32"),
                            new HostModel.Plain(),
                            0,
                            features -> 0b11),
                    VirtioSeeds.balloon()),
            "io.jvmm.device.virtio.**",
            "io.jvmm.device.balloon.**"),
    CONSOLE(
            "console",
            true,
            512,
            "consoles: ports, control messages, host streams",
            () -> new DeviceTarget(
                    Subject.virtio(
                            new ConsoleDevice(),
                            Map.of(
                                    "ports",
                                    "2",
                                    "1.name",
                                    "org.jvmm.example",
                                    "cols",
                                    "80",
                                    "rows",
                                    "25",
                                    "packed",
                                    "true",
                                    "queue-size",
                                    "16"),
                            new HostModel.Plain(),
                            2,
                            features -> (features & 2) == 0 ? 0b10 : 0b101010),
                    VirtioSeeds.console()),
            "io.jvmm.device.virtio.**",
            "io.jvmm.device.console.**"),
    BLOCK(
            "block",
            true,
            512,
            "a disk: requests, the order in which workers are done, errors of the host",
            () -> new DeviceTarget(
                    Subject.virtio(
                            new BlockFactory(),
                            Map.of("queues", "2", "queue-size", "16", "packed", "true", "serial", "jvmm-fuzz"),
                            new BlockModel(),
                            0,
                            features -> 0b11),
                    VirtioSeeds.block()),
            "io.jvmm.device.virtio.**",
            "io.jvmm.device.block.*"),
    NET(
            "net",
            true,
            512,
            "a network card: frames both ways, commands, a host that is slow or gone",
            () -> new DeviceTarget(
                    Subject.virtio(
                            new NetDevice(),
                            Map.of(
                                    "backend",
                                    "none",
                                    "pairs",
                                    "2",
                                    "mtu",
                                    "1500",
                                    "packed",
                                    "true",
                                    "queue-size",
                                    "16"),
                            new NetModel(),
                            0,
                            features -> 0b1010),
                    VirtioSeeds.net()),
            "io.jvmm.device.virtio.**",
            "io.jvmm.device.net.**"),
    VSOCK(
            "vsock",
            true,
            512,
            "virtio sockets: packets, clients and listeners of the host",
            () -> new DeviceTarget(
                    Subject.virtio(
                            new VsockFactory(),
                            Map.of(
                                    "cid",
                                    "3",
                                    "connections",
                                    "8",
                                    "buffer-bytes",
                                    "4096",
                                    "packed",
                                    "true",
                                    "queue-size",
                                    "16"),
                            new VsockModel(),
                            0,
                            features -> 0),
                    VirtioSeeds.vsock()),
            "io.jvmm.device.virtio.**",
            "io.jvmm.device.vsock.**"),
    PASST(
            "passt",
            false,
            512,
            "passt's stream: frames torn anywhere, segments and checksums, deaths between",
            PasstTarget::new,
            "io.jvmm.device.net.**"),
    QCOW2(
            "qcow2",
            false,
            8192,
            "qcow2 images: headers, tables, changes",
            Qcow2Target::new,
            "io.jvmm.device.block.qcow2.**"),
    KERNEL(
            "kernel",
            false,
            4096,
            "bzImage, ELF, PVH, and what unpacks them",
            KernelTarget::new,
            "io.jvmm.vcpu.boot.**"),
    FIRMWARE(
            "firmware",
            false,
            2560,
            "the board's table of files for firmware, as the platform device reads it",
            FirmwareTarget::new,
            "io.jvmm.device.platform.FwCfg*"),
    TOML("toml", false, 2048, "vm.toml", TomlTarget::new, "io.jvmm.supervisor.config.**:org.tomlj.**"),
    POLICY(
            "policy",
            false,
            1024,
            "seccomp policies: parser and compiler, held against a simulator",
            PolicyTarget::new,
            "io.jvmm.policy.**"),
    RING(
            "ring",
            false,
            1200,
            "the hardened ring reader and the four adapters",
            RingTarget::new,
            "io.jvmm.ipc.ring.**",
            "io.jvmm.ipc.message.**"),
    BOOT_RECORD(
            "boot-record",
            false,
            2048,
            "the record a process starts from",
            BootRecordTarget::new,
            "io.jvmm.ipc.boot.**"),
    TRACE("trace", false, 4096, "batches of a trace, and the text of a life", TraceTarget::new, "io.jvmm.ipc.trace.**"),
    PCI(
            "pci",
            false,
            512,
            "configuration space, BARs, MSI-X and ECAM of the board",
            PciTarget::new,
            "io.jvmm.vcpu.board.pci.**"),
    DECLARATION(
            "declaration",
            false,
            512,
            "what a device declares of its PCI function",
            DeclarationTarget::new,
            "io.jvmm.vcpu.board.pci.**"),
    ACPI("acpi", false, 64, "the board's ACPI tables", AcpiTarget::new, "io.jvmm.vcpu.board.*");

    private final String word;
    private final boolean device;
    private final int longestInput;
    private final String about;
    private final Supplier<FuzzTarget> maker;
    private final List<String> instrumented;

    Targets(
            String word,
            boolean device,
            int longestInput,
            String about,
            Supplier<FuzzTarget> maker,
            String... instrumented) {
        this.word = word;
        this.device = device;
        this.longestInput = longestInput;
        this.about = about;
        this.maker = maker;
        this.instrumented = List.of(instrumented);
    }

    /** The target of a name. */
    public static Optional<Targets> find(String name) {
        return Arrays.stream(values())
                .filter(target -> target.word.equals(name))
                .findFirst();
    }

    /**
     * The same.
     *
     * @throws IllegalArgumentException when there is none
     */
    public static Targets named(String name) {
        return find(name).orElseThrow(() -> new IllegalArgumentException("no target '" + name + "'"));
    }

    /** All names, devices or others. */
    public static List<String> names(boolean devices) {
        List<String> names = new ArrayList<>();
        for (Targets target : values()) {
            if (target.device == devices) {
                names.add(target.word);
            }
        }
        return names;
    }

    /** What the command line calls it. */
    public String word() {
        return word;
    }

    /** Whether it is a device, whose inputs are programs. */
    public boolean isDevice() {
        return device;
    }

    /** Inputs are not made longer than this, in bytes. */
    public int longestInput() {
        return longestInput;
    }

    /** One line for people. */
    public String about() {
        return about;
    }

    /** Makes it. */
    public FuzzTarget make() {
        return maker.get();
    }

    /** What of them guides the search: a device without virtqueues has nothing to compare that its branches do not tell. */
    public String trace() {
        return this == SERIAL || this == PLATFORM ? "cov" : "cov:cmp";
    }

    /** Which classes guide the search, as Jazzer's globs. */
    public List<String> instrumented() {
        return instrumented;
    }
}
