package io.jvmm.supervisor.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.config.VirtioConfig.Placement;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** The tables of the devices on the PCI bus; their mistakes are in {@link VmTomlComplaints}. */
class VirtioTablesTest {
    private static final HostFacts HOST = new HostFacts(24_684_100L * 1024, 2);
    private static final String BOOT = "[boot]\nkernel = \"k\"\n";

    private static VmConfig good(String text) throws ConfigException {
        return VmToml.read(text, "vm.toml", Path.of("/etc/vms"), HOST, VmToml.Options.STANDARD)
                .config();
    }

    @Test
    void theLeastDevicesGetEveryStandardValue() throws ConfigException {
        List<VirtioConfig> devices = good(BOOT + "[rng]\nenabled = false\n[[block]]\npath = \"d.qcow2\"\n"
                        + "[[net]]\nbackend = \"tap\"\n[balloon]\n[[vsock]]\ncid = 3\npath = \"v\"\n")
                .devices();
        Placement first = Placement.standard("0");
        assertEquals(
                List.of(
                        new BalloonConfig(first, 0, true, true, 0),
                        new VsockConfig(first, 3, Path.of("/etc/vms/v")),
                        new BlockConfig(
                                first,
                                Path.of("/etc/vms/d.qcow2"),
                                BlockConfig.Format.QCOW2,
                                List.of(),
                                false,
                                BlockConfig.Cache.WRITEBACK,
                                1,
                                256,
                                "",
                                true,
                                false,
                                512),
                        new NetConfig(
                                first,
                                NetConfig.Backend.TAP,
                                Optional.empty(),
                                NetConfig.standardMac("vm", "0"),
                                1500,
                                1,
                                256,
                                false,
                                true,
                                List.of(),
                                false)),
                devices);
    }

    @Test
    void everyKeyOfADeviceIsRead() throws ConfigException {
        List<VirtioConfig> devices = good(BOOT + """
                [[block]]
                path = "/dev/sdz"
                format = "raw"
                read_only = true
                cache = "none"
                queues = 4
                queue_size = 1024
                serial = "a serial"
                discard = false
                packed = true
                block_size = 4096
                id = "data"
                isolation = "instance"
                slot = 30
                [[block]]
                path = "top.qcow2"
                backing = ["base.qcow2", "../older.raw"]
                [[net]]
                backend = "passt"
                forward = ["tcp:8080:80", "udp:53:53"]
                host_loopback = true
                mac = "0E:00:00:00:00:0F"
                mtu = 9000
                [console]
                backend = "terminal"
                [[console.port]]
                name = "agent.0"
                backend = "file"
                path = "log"
                [rng]
                rate_bytes = 1000
                slot = 5
                """).devices();
        Placement first = Placement.standard("0");
        assertEquals(
                new ConsoleConfig(
                        first,
                        List.of(
                                new ConsoleConfig.Port("", SerialConfig.Backend.TERMINAL, Optional.empty()),
                                new ConsoleConfig.Port(
                                        "agent.0", SerialConfig.Backend.FILE, Optional.of(Path.of("/etc/vms/log"))))),
                devices.get(0));
        assertEquals(
                new RngConfig(
                        new Placement("0", VirtioConfig.Isolation.CLASS, OptionalInt.of(5)), OptionalInt.of(1000)),
                devices.get(1));
        assertEquals(
                new BlockConfig(
                        new Placement("data", VirtioConfig.Isolation.INSTANCE, OptionalInt.of(30)),
                        Path.of("/dev/sdz"),
                        BlockConfig.Format.RAW,
                        List.of(),
                        true,
                        BlockConfig.Cache.NONE,
                        4,
                        1024,
                        "a serial",
                        false,
                        true,
                        4096),
                devices.get(2));
        assertEquals(
                List.of(Path.of("/etc/vms/base.qcow2"), Path.of("/etc/vms/../older.raw")),
                ((BlockConfig) devices.get(3)).backing());
        assertTrue(((NetConfig) devices.get(4)).hostLoopback());
        assertEquals(
                "[tcp:8080:80, udp:53:53]",
                ((NetConfig) devices.get(4)).forwards().toString());
        assertEquals("0e:00:00:00:00:0f", ((NetConfig) devices.get(4)).mac());
        assertEquals(9000, ((NetConfig) devices.get(4)).mtu());
    }

    /** The console has the terminal then, and COM1 is there without. */
    @Test
    void aConsoleOnTheTerminalTakesItFromComOne() throws ConfigException {
        VmConfig c = good(BOOT + "[console]\nbackend = \"terminal\"\n");
        assertEquals(SerialConfig.Backend.NONE, c.serial().getFirst().backend());
        assertTrue(c.usesTerminal() && c.consoleOnTerminal());
    }
}
