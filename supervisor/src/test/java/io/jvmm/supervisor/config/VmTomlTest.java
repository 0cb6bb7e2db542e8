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
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
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
                restart_budget = 3
                restart_window_s = 10
                restart_backoff_ms = 0
                standby = ["block", "net"]
                hang_timeout_ms = 0
                replace_timeout_ms = 700
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
        assertEquals(
                new LifecycleConfig(
                        Duration.ofSeconds(5),
                        Duration.ZERO,
                        new RestartBudget(3, Duration.ofSeconds(10), Duration.ZERO),
                        new Standby(false, Set.of("block", "net")),
                        Duration.ZERO,
                        Duration.ofMillis(700)),
                c.lifecycle());
    }

    @ParameterizedTest
    @CsvSource({"stdout, STDOUT", "stderr, STDERR"})
    void aPortOnAStandardStream(String word, SerialConfig.Backend backend) throws ConfigException {
        assertEquals(
                List.of(new SerialConfig(1, backend, Optional.empty(), SerialConfig.Escape.NONE)),
                good(BOOT + "[[serial]]\nport = 1\nbackend = \"" + word + "\"\n")
                        .serial());
    }

    @ParameterizedTest
    @MethodSource("io.jvmm.supervisor.config.VmTomlComplaints#complaints")
    void eachMistakeIsNamedWithItsPlaceAndItsCure(String text, String complaint) {
        assertEquals(complaint, bad(text));
    }

    @Test
    void everyKeyHasAMistakeInTheTable() {
        List<String> complaints =
                VmTomlComplaints.complaints().map(a -> a.get()[1].toString()).toList();
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
        assertTrue(bad("[\"\\E\"]\n").startsWith("vm.toml:1:3: not TOML: "), () -> bad("[\"\\E\"]\n"));
        String cut = "i=1979-05-27 00:12:39-9\0"; // the parser's own mistake
        assertTrue(bad(cut).startsWith("vm.toml: is not TOML: "), () -> bad(cut));
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
