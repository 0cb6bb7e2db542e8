package io.jvmm.supervisor.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.config.VirtioConfig.Placement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class VmTomlTest {
    private static final HostFacts HOST = new HostFacts(24_684_100L * 1024, 2);
    private static final String BOOT = "[boot]\nkernel = \"k\"\n";

    private static VmConfig good(String text) throws ConfigException {
        return VmToml.read(text, "vm.toml", Path.of("/etc/vms"), HOST, VmToml.Options.STANDARD)
                .config();
    }

    private static String bad(String text) {
        ConfigException e = assertThrows(ConfigException.class, () -> good(text));
        return String.join(
                "\n", e.problems().stream().map(ConfigProblem::toString).toList());
    }

    @Test
    void theLeastConfigurationGetsEveryStandardValue() throws ConfigException {
        VmConfig c = good(BOOT);
        assertEquals(new MachineConfig("vm", new MemorySize(512L << 20), 1, MachineConfig.Engine.AUTO), c.machine());
        assertEquals(
                new BootConfig(Path.of("/etc/vms/k"), false, Optional.empty(), "", BootConfig.OnReset.RESTART),
                c.boot());
        assertEquals(
                List.of(new SerialConfig(
                        1, SerialConfig.Backend.TERMINAL, Optional.empty(), SerialConfig.Escape.CTRL_A)),
                c.serial());
        assertEquals(new PlatformConfig(new RtcBase.Utc(), Optional.empty()), c.platform());
        assertEquals(new JailConfig(new UidRange(100000, 165535), JailConfig.Mode.ENFORCE, 128, 128), c.jail());
        assertEquals(new IpcConfig(Duration.ofNanos(50_000), Duration.ofSeconds(1)), c.ipc());
        assertEquals(new LifecycleConfig(Duration.ofSeconds(20), Duration.ofSeconds(30)), c.lifecycle());
        assertEquals(List.of(new RngConfig(Placement.standard("0"), OptionalInt.empty())), c.devices());
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
                                List.of())),
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
                [[net]]
                backend = "passt"
                forward = ["tcp:8080:80", "udp:53:53"]
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
                "[tcp:8080:80, udp:53:53]",
                ((NetConfig) devices.get(3)).forwards().toString());
        assertEquals("0e:00:00:00:00:0f", ((NetConfig) devices.get(3)).mac());
        assertEquals(9000, ((NetConfig) devices.get(3)).mtu());
    }

    /** The console has the terminal then, and COM1 is there without. */
    @Test
    void aConsoleOnTheTerminalTakesItFromComOne() throws ConfigException {
        VmConfig c = good(BOOT + "[console]\nbackend = \"terminal\"\n");
        assertEquals(SerialConfig.Backend.NONE, c.serial().getFirst().backend());
        assertTrue(c.usesTerminal() && c.consoleOnTerminal());
    }

    @Test
    void firmwareStandsInPlaceOfAKernel() throws ConfigException {
        assertEquals(
                new BootConfig(Path.of("/etc/vms/f"), true, Optional.empty(), "", BootConfig.OnReset.RESTART),
                good("[boot]\nfirmware = \"f\"\n").boot());
    }

    @Test
    void everyKeyIsRead() throws ConfigException {
        VmConfig c = good("""
                [machine]
                name = "web-1"
                memory = "1536 MiB"
                vcpus = 4
                engine = "kvm"
                [boot]
                kernel = "/boot/vmlinuz"
                initrd = "../initrd"
                cmdline = "console=ttyS0 quiet"
                on_reset = "exit"
                [[serial]]
                port = 2
                backend = "socket"
                path = "s"
                [[serial]]
                port = 1
                backend = "terminal"
                escape = "none"
                [platform]
                rtc = 86400
                debug_console = "d"
                [jail]
                uid_range = "200000-200063"
                mode = "enforce"
                max_descriptors = 256
                max_threads = 64
                [ipc]
                spin_us = 0
                read_timeout_ms = 250
                [lifecycle]
                ready_timeout_s = 5
                power_button_timeout_s = 0
                """);
        assertEquals(new MachineConfig("web-1", new MemorySize(1536L << 20), 4, MachineConfig.Engine.KVM), c.machine());
        assertEquals(
                new BootConfig(
                        Path.of("/boot/vmlinuz"),
                        false,
                        Optional.of(Path.of("/etc/initrd")),
                        "console=ttyS0 quiet",
                        BootConfig.OnReset.EXIT),
                c.boot());
        assertEquals(
                List.of(
                        new SerialConfig(1, SerialConfig.Backend.TERMINAL, Optional.empty(), SerialConfig.Escape.NONE),
                        new SerialConfig(
                                2,
                                SerialConfig.Backend.SOCKET,
                                Optional.of(Path.of("/etc/vms/s")),
                                SerialConfig.Escape.NONE)),
                c.serial(),
                "in the order of the port numbers");
        assertEquals(new PlatformConfig(new RtcBase.Epoch(86400), Optional.of(Path.of("/etc/vms/d"))), c.platform());
        assertEquals(new JailConfig(new UidRange(200000, 200063), JailConfig.Mode.ENFORCE, 256, 64), c.jail());
        assertEquals(new IpcConfig(Duration.ZERO, Duration.ofMillis(250)), c.ipc());
        assertEquals(new LifecycleConfig(Duration.ofSeconds(5), Duration.ZERO), c.lifecycle());
    }

    @ParameterizedTest
    @CsvSource({"stdout, STDOUT", "stderr, STDERR"})
    void aPortOnAStandardStream(String word, SerialConfig.Backend backend) throws ConfigException {
        assertEquals(
                List.of(new SerialConfig(1, backend, Optional.empty(), SerialConfig.Escape.NONE)),
                good(BOOT + "[[serial]]\nport = 1\nbackend = \"" + word + "\"\n")
                        .serial());
    }

    static Stream<Arguments> complaints() {
        return Stream.of(
                // machine
                one(
                        "[machine]\n  memory = \"3000T\"\n" + BOOT,
                        "vm.toml:2:3: machine.memory: 3000 TiB is more than a guest can address (64 TiB). Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"32G\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: 32 GiB is more than this host has (23.5 GiB). Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = 512\n" + BOOT,
                        "vm.toml:2:1: machine.memory: is a number, and must be text. Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"512\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: \"512\" is a number of bytes, and too few. Say the unit, e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"lots\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: \"lots\" is not an amount of memory: a whole number and K, M, G or T. Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"-1G\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: \"-1G\" is not an amount of memory: a whole number and K, M, G or T. Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"9999999999999999999T\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: 9999999999999999999T is more than a guest can address (64 TiB). Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nmemory = \"4097K\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: 4195328 bytes is not a whole number of 4096-byte pages. The nearest is 4096K."),
                one(
                        "[machine]\nmemory = \"0M\"\n" + BOOT,
                        "vm.toml:2:1: machine.memory: 0 bytes is too little: a guest needs at least 2 MiB. Use e.g. memory = \"512M\"."),
                one(
                        "[machine]\nvcpus = 0\n" + BOOT,
                        "vm.toml:2:1: machine.vcpus: 0 is out of range, which is 1 to 64."),
                one(
                        "[machine]\nvcpus = 65\n" + BOOT,
                        "vm.toml:2:1: machine.vcpus: 65 is out of range, which is 1 to 64."),
                one(
                        "[machine]\nvcpus = 1.5\n" + BOOT,
                        "vm.toml:2:1: machine.vcpus: is a fraction, and must be a whole number, 1 to 64. Use e.g. vcpus = 1."),
                one(
                        "[machine]\nengine = \"kmv\"\n" + BOOT,
                        "vm.toml:2:1: machine.engine: \"kmv\" is not known. Did you mean \"kvm\"?"),
                one(
                        "[machine]\nengine = \"hypervisor\"\n" + BOOT,
                        "vm.toml:2:1: machine.engine: \"hypervisor\" is not known. Use one of \"kvm\", \"x86\", \"auto\"."),
                one(
                        "[machine]\nname = \"a/b\"\n" + BOOT,
                        "vm.toml:2:1: machine.name: \"a/b\" is no name: at most 63 letters, digits, '.', '_' and '-', beginning with a letter or digit. Use e.g. name = \"web-1\"."),
                // boot
                one("[machine]\nvcpus = 1\n", "vm.toml: boot.kernel: is missing. Add e.g. kernel = \"vmlinuz\"."),
                one(
                        "# empty\n\n[boot]\ninitrd = \"i\"\n",
                        "vm.toml:3:1: boot.kernel: is missing. Add e.g. kernel = \"vmlinuz\"."),
                one(
                        "[boot]\nkernel = \"\"\n",
                        "vm.toml:2:1: boot.kernel: the path is empty. Name a file, or remove the key."),
                one(
                        "[boot]\nkernel = true\n",
                        "vm.toml:2:1: boot.kernel: is true or false, and must be text. Use e.g. kernel = \"…\"."),
                one(
                        BOOT + "initrd = [\"a\"]\n",
                        "vm.toml:3:1: boot.initrd: is a list, and must be text. Use e.g. initrd = \"…\"."),
                one(
                        BOOT + "cmdline = \"" + "x".repeat(2048) + "\"\n",
                        "vm.toml:3:1: boot.cmdline: 2048 bytes are more than a kernel takes (2047). Shorten it."),
                one(
                        BOOT + "cmdline = \"a\\nb\"\n",
                        "vm.toml:3:1: boot.cmdline: a control character in it would end the line for the kernel. Remove it."),
                one(
                        BOOT + "cmdline = \"a\\u0000b\"\n",
                        "vm.toml:3:1: boot.cmdline: there is a NUL character in the text. Remove it."),
                one(
                        BOOT + "on_reset = \"reboot\"\n",
                        "vm.toml:3:1: boot.on_reset: \"reboot\" is not known. Use one of \"restart\", \"exit\"."),
                // serial
                one(
                        BOOT + "[[serial]]\nbackend = \"pty\"\n",
                        "vm.toml:3:1: serial[1].port: is missing. Add e.g. port = 1."),
                one(
                        BOOT + "[[serial]]\nport = 1\n",
                        "vm.toml:3:1: serial[1].backend: is missing. Add e.g. backend = \"terminal\"."),
                one(
                        BOOT + "[[serial]]\nport = 5\nbackend = \"pty\"\n",
                        "vm.toml:4:1: serial[1].port: 5 is out of range, which is 1 to 4."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"tty\"\n",
                        "vm.toml:5:1: serial[1].backend: \"tty\" is not known. Did you mean \"pty\"?"),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"file\"\n",
                        "vm.toml:3:1: serial[1].path: backend \"file\" needs a path. Add e.g. path = \"console.log\"."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"terminal\"\npath = \"p\"\n",
                        "vm.toml:6:1: serial[1].path: backend \"terminal\" has no path. Remove it."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"socket\"\npath = \"" + "p".repeat(120) + "\"\n",
                        "vm.toml:6:1: serial[1].path: a socket's path may have 107 bytes, and /etc/vms/"
                                + "p".repeat(120) + " has 129. Choose a shorter one."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"pty\"\nescape = \"ctrl-a\"\n",
                        "vm.toml:6:1: serial[1].escape: only a terminal has an escape key, and this is a pty. Remove it."),
                one(
                        BOOT + "[[serial]]\nport = 1\nbackend = \"pty\"\n[[serial]]\nport = 1\nbackend = \"none\"\n",
                        "vm.toml:7:1: serial[2].port: port 1 is taken by serial[1]. Choose another of 1 to 4."),
                one(
                        BOOT
                                + "[[serial]]\nport = 1\nbackend = \"terminal\"\n[[serial]]\nport = 2\nbackend = \"terminal\"\n",
                        "vm.toml:8:1: serial[2].backend: the terminal is taken by serial[1]. Use e.g. backend = \"pty\"."),
                one(
                        BOOT + "[serial]\nport = 1\nbackend = \"pty\"\n",
                        "vm.toml:3:1: serial: is a table, and must be a list of tables. Write [[serial]]."),
                // platform
                one(
                        BOOT + "[platform]\nrtc = \"gmt\"\n",
                        "vm.toml:4:1: platform.rtc: \"gmt\" is not known. Use \"utc\", \"localtime\", or a number of seconds since 1970."),
                one(
                        BOOT + "[platform]\nrtc = -1\n",
                        "vm.toml:4:1: platform.rtc: -1 is not a time the clock can show: 0 to 253402300799 seconds since 1970 (the year 9999)."),
                one(
                        BOOT + "[platform]\ndebug_console = 2\n",
                        "vm.toml:4:1: platform.debug_console: is a number, and must be text. Use e.g. debug_console = \"…\"."),
                // jail
                one(
                        BOOT + "[jail]\nuid_range = \"0-100\"\n",
                        "vm.toml:4:1: jail.uid_range: 0 may be a person's or a service's uid: the range must begin at 10000 or above. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nuid_range = \"65000-66000\"\n",
                        "vm.toml:4:1: jail.uid_range: 65000-66000 contains 65534, the uid of nobody. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nuid_range = \"200000-100000\"\n",
                        "vm.toml:4:1: jail.uid_range: 200000-100000 ends before it begins. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nuid_range = \"100000-100003\"\n",
                        "vm.toml:4:1: jail.uid_range: 100000-100003 are 4 uids: a range has at least 8. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nuid_range = \"100000\"\n",
                        "vm.toml:4:1: jail.uid_range: \"100000\" is not a range of uids. Use e.g. uid_range = \"100000-165535\"."),
                one(
                        BOOT + "[jail]\nmode = \"log\"\n",
                        "vm.toml:4:1: jail.mode: \"log\" lets a process do what its policy forbids. Use \"enforce\", or accept it by adding --unsafe-jail-log to the command line."),
                one(
                        BOOT + "[jail]\nmode = \"off\"\n",
                        "vm.toml:4:1: jail.mode: \"off\" is not known. Use one of \"enforce\", \"log\"."),
                one(
                        BOOT + "[jail]\nmax_descriptors = 1\n",
                        "vm.toml:4:1: jail.max_descriptors: 1 is out of range, which is 64 to 4096."),
                one(
                        BOOT + "[jail]\nmax_threads = 9999\n",
                        "vm.toml:4:1: jail.max_threads: 9999 is out of range, which is 32 to 4096."),
                // ipc, lifecycle
                one(
                        BOOT + "[ipc]\nspin_us = 10001\n",
                        "vm.toml:4:1: ipc.spin_us: 10001 is out of range, which is 0 to 10000."),
                one(
                        BOOT + "[ipc]\nread_timeout_ms = 0\n",
                        "vm.toml:4:1: ipc.read_timeout_ms: 0 is out of range, which is 1 to 60000."),
                one(
                        BOOT + "[lifecycle]\nready_timeout_s = 0\n",
                        "vm.toml:4:1: lifecycle.ready_timeout_s: 0 is out of range, which is 1 to 600."),
                one(
                        BOOT + "[lifecycle]\npower_button_timeout_s = 1979-05-27\n",
                        "vm.toml:4:1: lifecycle.power_button_timeout_s: is a date or time, and must be a whole number, 0 to 3600. Use e.g. power_button_timeout_s = 30."),
                // names
                one(
                        "[machine]\nmemroy = \"1G\"\n" + BOOT,
                        "vm.toml:2:1: machine.memroy: unknown key. Did you mean \"memory\"?"),
                one(BOOT + "vcpus = 2\n", "vm.toml:3:1: boot.vcpus: unknown key. It belongs to [machine]."),
                one(
                        BOOT + "zzz = 2\n",
                        "vm.toml:3:1: boot.zzz: unknown key. The keys of [boot] are kernel, firmware, initrd, cmdline, on_reset."),
                one("memory = \"1G\"\n" + BOOT, "vm.toml:1:1: memory: unknown key. It belongs to [machine]."),
                one("[machin]\n" + BOOT, "vm.toml:1:1: machin: unknown table. Did you mean [machine]?"),
                one("[[serials]]\n" + BOOT, "vm.toml:1:1: serials: unknown table. Did you mean [[serial]]?"),
                one(
                        "[network]\n" + BOOT,
                        "vm.toml:1:1: network: unknown table. The tables are [machine], [boot], [[serial]], [platform], [[block]], [[net]], [console], [rng], [balloon], [[vsock]], [jail], [ipc], [lifecycle]."),
                one("machine = 3\n" + BOOT, "vm.toml:1:1: machine: is a number, and must be a table. Write [machine]."),
                one("[[machine]]\n" + BOOT, "vm.toml:1:1: machine: is a list, and must be a table. Write [machine]."),
                one(
                        BOOT + "\"ev\\u001b[31mil\" = 1\n",
                        "vm.toml:3:1: boot.\"ev\\u001B[31mil\": unknown key. The keys of [boot] are kernel, firmware, initrd, cmdline, on_reset."),
                one(
                        BOOT + "[[block]]\npath = \"\"\n",
                        "vm.toml:4:1: block[1].path: the path is empty. Name a file, or remove the key."),
                one(
                        BOOT + "[[block]]\nformat = \"vmdk\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].format: \"vmdk\" is not known. Use one of \"raw\", \"qcow2\"."),
                one(
                        BOOT + "[[block]]\nread_only = \"yes\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].read_only: is text, and must be true or false. Use e.g. read_only = true."),
                one(
                        BOOT + "[[block]]\ncache = \"write-back\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].cache: \"write-back\" is not known. Did you mean \"writeback\"?"),
                one(
                        BOOT + "[[block]]\nqueues = 17\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].queues: 17 is out of range, which is 1 to 16."),
                one(
                        BOOT + "[[block]]\nqueue_size = 100\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].queue_size: 100 is no size of a virtqueue: a power of two from 2 to 1024."),
                one(
                        BOOT + "[[block]]\nserial = \"123456789012345678901\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].serial: \"123456789012345678901\" is no serial number: at most 20 letters, digits and signs of ASCII."),
                one(
                        BOOT + "[[block]]\ndiscard = 1\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].discard: is a number, and must be true or false. Use e.g. discard = false."),
                one(
                        BOOT + "[[block]]\npacked = \"no\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].packed: is text, and must be true or false. Use e.g. packed = true."),
                one(
                        BOOT + "[[block]]\nblock_size = 1024\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].block_size: 1024 is no block size of a disk. Use 512 or 4096."),
                one(
                        BOOT + "[[block]]\nid = \"Data\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].id: \"Data\" is no id: at most 16 small letters, digits and '_'. Use e.g. id = \"data\"."),
                one(
                        BOOT + "[[block]]\nisolation = \"none\"\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].isolation: \"none\" is not known. Use one of \"class\", \"instance\"."),
                one(
                        BOOT + "[[block]]\nslot = 31\npath = \"d.img\"\n",
                        "vm.toml:4:1: block[1].slot: 31 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[[net]]\nbackend = \"bridge\"\n",
                        "vm.toml:4:1: net[1].backend: \"bridge\" is not known. Use one of \"tap\", \"passt\", \"none\"."),
                one(
                        BOOT + "[[net]]\ntap = \"eth/0\"\nbackend = \"tap\"\n",
                        "vm.toml:4:1: net[1].tap: \"eth/0\" is no name of an interface: at most 15 letters, digits, '.', '_' and '-'. Use e.g. tap = \"tap0\"."),
                one(
                        BOOT + "[[net]]\ntap = \"tap0\"\nbackend = \"passt\"\n",
                        "vm.toml:4:1: net[1].tap: only backend \"tap\" has an interface. Remove tap."),
                one(
                        BOOT + "[[net]]\nforward = [\"8080:80\"]\nbackend = \"passt\"\n",
                        "vm.toml:4:1: net[1].forward: \"8080:80\" is no forward: protocol, port of the host, port of the guest. Use e.g. \"tcp:8080:80\"."),
                one(
                        BOOT + "[[net]]\nforward = \"tcp:1:1\"\nbackend = \"passt\"\n",
                        "vm.toml:4:1: net[1].forward: is text, and must be a list of texts."),
                one(
                        BOOT + "[[net]]\nforward = [\"tcp:8080:80\"]\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].forward: only backend \"passt\" forwards ports. Remove forward."),
                one(
                        BOOT + "[[net]]\nmac = \"02:00:00:00:00\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].mac: \"02:00:00:00:00\" is no MAC address. Use e.g. mac = \"02:00:00:00:00:01\"."),
                one(
                        BOOT + "[[net]]\nmac = \"03:00:00:00:00:01\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].mac: 03:00:00:00:00:01 is a group's address, and a card needs its own: an even second digit."),
                one(
                        BOOT + "[[net]]\nmtu = 60\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].mtu: 60 is out of range, which is 68 to 65520."),
                one(
                        BOOT + "[[net]]\nqueues = 2\nbackend = \"passt\"\n",
                        "vm.toml:4:1: net[1].queues: passt has one pair of queues. Remove queues, or use a tap."),
                one(
                        BOOT + "[[net]]\nqueue_size = 1\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].queue_size: 1 is no size of a virtqueue: a power of two from 2 to 1024."),
                one(
                        BOOT + "[[net]]\npacked = 1\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].packed: is a number, and must be true or false. Use e.g. packed = true."),
                one(
                        BOOT + "[[net]]\noffloads = 0\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].offloads: is a number, and must be true or false. Use e.g. offloads = false."),
                one(
                        BOOT + "[[net]]\nid = \"\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].id: \"\" is no id: at most 16 small letters, digits and '_'. Use e.g. id = \"data\"."),
                one(
                        BOOT + "[[net]]\nisolation = \"clas\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].isolation: \"clas\" is not known. Did you mean \"class\"?"),
                one(
                        BOOT + "[[net]]\nslot = 0\nbackend = \"none\"\n",
                        "vm.toml:4:1: net[1].slot: 0 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[console]\nbackend = \"terminl\"\n",
                        "vm.toml:4:1: console.backend: \"terminl\" is not known. Did you mean \"terminal\"?"),
                one(
                        BOOT + "[console]\npath = \"p\"\nbackend = \"none\"\n",
                        "vm.toml:4:1: console.path: backend \"none\" has no path. Remove it."),
                one(
                        BOOT + "[console]\nslot = 99\nbackend = \"none\"\n",
                        "vm.toml:4:1: console.slot: 99 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[console]\nbackend = \"none\"\n[[console.port]]\nname = \"a b\"\nbackend = \"none\"\n",
                        "vm.toml:6:1: console.port[1].name: \"a b\" is no name of a port: at most 63 letters, digits and signs of ASCII without '/'. Use e.g. name = \"org.example.agent\"."),
                one(
                        BOOT + "[console]\nbackend = \"none\"\n[[console.port]]\nbackend = \"tty\"\nname = \"a\"\n",
                        "vm.toml:6:1: console.port[1].backend: \"tty\" is not known. Did you mean \"pty\"?"),
                one(
                        BOOT
                                + "[console]\nbackend = \"none\"\n[[console.port]]\npath = \"p\"\nname = \"a\"\nbackend = \"none\"\n",
                        "vm.toml:6:1: console.port[1].path: backend \"none\" has no path. Remove it."),
                one(
                        BOOT + "[rng]\nenabled = \"no\"\n",
                        "vm.toml:4:1: rng.enabled: is text, and must be true or false. Use e.g. enabled = false."),
                one(
                        BOOT + "[rng]\nrate_bytes = 1\n",
                        "vm.toml:4:1: rng.rate_bytes: 1 is out of range, which is 16 to 1073741824."),
                one(
                        BOOT + "[rng]\nslot = 31\nenabled = true\n",
                        "vm.toml:4:1: rng.slot: 31 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[balloon]\ntarget = \"1\"\n",
                        "vm.toml:4:1: balloon.target: \"1\" is a number of bytes, and too few. Say the unit, e.g. memory = \"512M\"."),
                one(
                        BOOT + "[balloon]\nfree_page_reporting = 1\n",
                        "vm.toml:4:1: balloon.free_page_reporting: is a number, and must be true or false. Use e.g. free_page_reporting = false."),
                one(
                        BOOT + "[balloon]\ndeflate_on_oom = 1\n",
                        "vm.toml:4:1: balloon.deflate_on_oom: is a number, and must be true or false. Use e.g. deflate_on_oom = false."),
                one(
                        BOOT + "[balloon]\nstats_interval_s = -1\n",
                        "vm.toml:4:1: balloon.stats_interval_s: -1 is out of range, which is 0 to 3600."),
                one(
                        BOOT + "[balloon]\nslot = 31\n",
                        "vm.toml:4:1: balloon.slot: 31 is out of range, which is 1 to 30."),
                one(
                        BOOT + "[[vsock]]\ncid = 2\npath = \"v\"\n",
                        "vm.toml:4:1: vsock[1].cid: 2 is out of range, which is 3 to 4294967294."),
                one(
                        BOOT
                                + "[[vsock]]\npath = \"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\"\ncid = 3\n",
                        "vm.toml:4:1: vsock[1].path: the socket's path may have 96 bytes, for the port is put behind it, and /etc/vms/vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv has 99. Choose a shorter one."),
                one(
                        BOOT + "[[vsock]]\nid = \"-\"\ncid = 3\npath = \"v\"\n",
                        "vm.toml:4:1: vsock[1].id: \"-\" is no id: at most 16 small letters, digits and '_'. Use e.g. id = \"data\"."),
                one(
                        BOOT + "[[vsock]]\nisolation = \"\"\ncid = 3\npath = \"v\"\n",
                        "vm.toml:4:1: vsock[1].isolation: \"\" is not known. Use one of \"class\", \"instance\"."),
                one(
                        BOOT + "[[vsock]]\nslot = 31\ncid = 3\npath = \"v\"\n",
                        "vm.toml:4:1: vsock[1].slot: 31 is out of range, which is 1 to 30."),
                one(
                        "[boot]\nfirmware = \"\"\n",
                        "vm.toml:2:1: boot.firmware: the path is empty. Name a file, or remove the key."),
                one(
                        BOOT + "firmware = \"f\"\n",
                        "vm.toml:2:1: boot.kernel: firmware finds on the disks what it starts. Remove kernel."),
                one(
                        BOOT + "[[block]]\npath = \"a\"\nid = \"x\"\n[[block]]\npath = \"b\"\nid = \"x\"\n",
                        "vm.toml:8:1: block[2].id: another block device has this id. Choose another."),
                one(
                        BOOT + "[[block]]\npath = \"a\"\nslot = 9\n[[net]]\nbackend = \"none\"\nslot = 9\n",
                        "vm.toml:8:1: net[1].slot: slot 9 is taken by block \"0\". Choose another."),
                one(BOOT + "[[block]]\n", "vm.toml:3:1: block[1].path: is missing. Add e.g. path = \"disk.qcow2\"."),
                one(
                        BOOT + "[block]\npath = \"a\"\n",
                        "vm.toml:3:1: block: is a table, and must be a list of tables. Write [[block]]."),
                one(
                        BOOT + "[console]\nbackend = \"terminal\"\n[[serial]]\nport = 1\nbackend = \"terminal\"\n",
                        "vm.toml:3:1: console: the terminal is taken by a serial port. Use e.g. backend = \"none\" for that."),
                // twice
                one(BOOT + "kernel = \"l\"\n", "vm.toml:3:1: kernel: is given twice (first in line 2). Remove one."));
    }

    private static Arguments one(String text, String complaint) {
        return Arguments.of(text, complaint);
    }

    @ParameterizedTest
    @MethodSource("complaints")
    void eachMistakeIsNamedWithItsPlaceAndItsCure(String text, String complaint) {
        assertEquals(complaint, bad(text));
    }

    @Test
    void everyKeyHasAMistakeInTheTable() {
        List<String> complaints = complaints().map(a -> a.get()[1].toString()).toList();
        for (ConfigKey key : ConfigKey.values()) {
            String subject =
                    key.section().repeated() ? key.section().table() + "[1]." + key.key() + ":" : key.dotted() + ":";
            assertTrue(
                    complaints.stream().anyMatch(c -> c.contains(" " + subject)),
                    () -> "no test of a bad " + key.dotted());
        }
    }

    @Test
    void allMistakesAreReportedInTheOrderOfTheFile() {
        assertEquals("""
                vm.toml:2:1: machine.vcpus: 0 is out of range, which is 1 to 64.
                vm.toml:3:1: machine.memry: unknown key. Did you mean "memory"?
                vm.toml:5:1: ipc.spin_us: is text, and must be a whole number, 0 to 10000. Use e.g. spin_us = 50.
                vm.toml:7:1: boot.kernel: the path is empty. Name a file, or remove the key.""", bad("[machine]\nvcpus = 0\nmemry = 1\n[ipc]\nspin_us = \"1\"\n[boot]\nkernel = \"\"\n"));
    }

    @Test
    void textThatIsNotTomlIsReportedWhereItStops() {
        assertTrue(bad("[boot\nkernel = 1\n").startsWith("vm.toml:1:6: not TOML: "), () -> bad("[boot\nkernel = 1\n"));
        assertTrue(bad("kernel = \n").startsWith("vm.toml:1:10: not TOML: "), () -> bad("kernel = \n"));
    }

    @Test
    void aSerialListMayBeEmpty() throws ConfigException {
        assertEquals(List.of(), good("serial = []\n" + BOOT).serial());
    }

    @Test
    void logModeNeedsTheCommandLineToo() throws ConfigException {
        VmConfig c = VmToml.read(
                        BOOT + "[jail]\nmode = \"log\"\n", "vm.toml", Path.of("/"), HOST, new VmToml.Options(true))
                .config();
        assertEquals(JailConfig.Mode.LOG, c.jail().mode());
    }

    @Test
    void keysKnowTheirPlace() throws ConfigException {
        LoadedConfig c = VmToml.read(BOOT, "vm.toml", Path.of("/"), HOST, VmToml.Options.STANDARD);
        assertEquals(
                "vm.toml:2:1: boot.kernel: no.", c.problem("boot.kernel", "no.").toString());
        assertEquals(
                "vm.toml: boot.initrd: no.", c.problem("boot.initrd", "no.").toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"minimal.toml", "full.toml", "pipe.toml", "disk.toml", "net-tap.toml", "net-passt.toml"})
    void theExamplesAreGood(String example) throws ConfigException {
        LoadedConfig c = VmToml.load(Path.of("examples", example), HOST, VmToml.Options.STANDARD);
        assertFalse(c.config().serial().isEmpty());
    }

    @Test
    void theFullExampleShowsEveryKeyWithItsStandard() throws IOException {
        String text = Files.readString(Path.of("examples/full.toml"));
        for (ConfigKey key : ConfigKey.values()) {
            assertTrue(
                    text.contains("\n" + key.key() + " = ") || text.contains("\n#" + key.key() + " = "), key::dotted);
            boolean literal = key.standard().matches("\".*\"|\\[\\]|true|false|[0-9]+");
            if (literal && key != ConfigKey.BOOT_CMDLINE) {
                assertTrue(text.contains("\n" + key.key() + " = " + key.standard()), key::dotted);
            }
        }
    }

    @Test
    void aFileThatCannotBeReadIsNamed(@TempDir Path dir) throws IOException {
        Path absent = dir.resolve("absent.toml");
        assertEquals(
                absent + ": there is no such file. Start from one of the examples: jvmm-supervisor --help.",
                refusal(absent));
        assertEquals(dir + ": is a directory. Name a vm.toml.", refusal(dir));
        Path binary = dir.resolve("binary");
        Files.write(binary, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
        assertEquals(binary + ": is not UTF-8 text. Name a vm.toml.", refusal(binary));
        Path huge = dir.resolve("huge");
        Files.write(huge, new byte[VmToml.LONGEST_FILE + 1]);
        assertEquals(huge + ": is longer than 1 MiB, which no configuration is. Name a vm.toml.", refusal(huge));
        assertEquals(
                "/dev/zero: is longer than 1 MiB, which no configuration is. Name a vm.toml.",
                refusal(Path.of("/dev/zero")));
        Path deep = dir.resolve("deep");
        Files.writeString(deep, "a = " + "[".repeat(100_000) + "]".repeat(100_000));
        assertEquals(deep + ": is nested deeper than any configuration is. Name a vm.toml.", refusal(deep));
        Path secret = dir.resolve("secret");
        Files.writeString(secret, BOOT);
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("---------"));
        if (!Files.isReadable(secret)) { // root reads everything
            assertEquals(
                    secret + ": it may not be read by this user (permission denied). Mend it: chmod +r " + secret,
                    refusal(secret));
        }
    }

    private static String refusal(Path path) {
        return String.valueOf(
                assertThrows(ConfigException.class, () -> VmToml.load(path, HOST, VmToml.Options.STANDARD))
                        .getMessage());
    }

    @Test
    void memorySizesAreWrittenAsTheyAreRead() {
        for (String size : List.of("2M", "512M", "1G", "5124K", "3T")) {
            assertEquals(size, MemorySize.parse(size).toString());
        }
        assertEquals(1L << 30, MemorySize.parse(" 1 GiB ").bytes());
        assertEquals(1L << 30, MemorySize.parse("1073741824").bytes());
        assertEquals("23.5 GiB", MemorySize.human(24_684_100L * 1024));
    }
}
