package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What bad input gets: one located line with the cure, the documented exit status, nothing left running, and nothing
 * printed on the console.
 */
@Tag("kvm")
@Tag("fault")
class BadInputIT extends MachineTest {
    private static final int CONFIGURATION = 2;
    private static final int HOST = 3;
    private static final int INTERNAL = 4;

    /** One bad configuration. {@code %k} stands for a good kernel, {@code %d} for the test's directory. */
    record Bad(String name, int status, String toml, List<String> words) {
        Bad(String name, int status, String toml, String... words) {
            this(name, status, toml, List.of(words));
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Bad> configurations() {
        return Stream.of(
                new Bad(
                        "unknown key",
                        CONFIGURATION,
                        "[boot]\nkernel = \"%k\"\nkernle = \"x\"",
                        "vm.toml:3:",
                        "kernle",
                        "kernel"),
                new Bad("unknown table", CONFIGURATION, "[boot]\nkernel = \"%k\"\n[disk]\nx = 1", "vm.toml:3:", "disk"),
                new Bad("not TOML", CONFIGURATION, "[boot\nkernel = ", "vm.toml:1:"),
                new Bad("no kernel named", CONFIGURATION, "[machine]\nmemory = \"64M\"", "kernel"),
                new Bad(
                        "kernel that is not there",
                        CONFIGURATION,
                        "[boot]\nkernel = \"nowhere\"",
                        "vm.toml:2:",
                        "nowhere"),
                new Bad(
                        "kernel that is a directory",
                        CONFIGURATION,
                        "[boot]\nkernel = \"%d\"",
                        "vm.toml:2:",
                        "regular file"),
                new Bad(
                        "initrd that is not there",
                        CONFIGURATION,
                        "[boot]\nkernel = \"%k\"\ninitrd = \"none\"",
                        "vm.toml:3:",
                        "none"),
                new Bad(
                        "odd memory",
                        CONFIGURATION,
                        "[machine]\nmemory = \"1234567\"\n[boot]\nkernel = \"%k\"",
                        "vm.toml:2:",
                        "memory"),
                new Bad(
                        "absurd memory",
                        CONFIGURATION,
                        "[machine]\nmemory = \"800T\"\n[boot]\nkernel = \"%k\"",
                        "vm.toml:2:",
                        "memory"),
                new Bad(
                        "no memory",
                        CONFIGURATION,
                        "[machine]\nmemory = \"0M\"\n[boot]\nkernel = \"%k\"",
                        "vm.toml:2:",
                        "memory"),
                new Bad(
                        "negative memory",
                        CONFIGURATION,
                        "[machine]\nmemory = \"-5M\"\n[boot]\nkernel = \"%k\"",
                        "vm.toml:2:",
                        "memory"),
                new Bad(
                        "memory as a number",
                        CONFIGURATION,
                        "[machine]\nmemory = 64\n[boot]\nkernel = \"%k\"",
                        "vm.toml:2:",
                        "memory"),
                new Bad(
                        "no processors",
                        CONFIGURATION,
                        "[machine]\nvcpus = 0\n[boot]\nkernel = \"%k\"",
                        "vm.toml:2:",
                        "vcpus"),
                new Bad(
                        "port 9",
                        CONFIGURATION,
                        "[boot]\nkernel = \"%k\"\n[[serial]]\nport = 9\nbackend = \"none\"",
                        "vm.toml:4:",
                        "port"),
                new Bad(
                        "two terminals",
                        CONFIGURATION,
                        "[boot]\nkernel = \"%k\"\n[[serial]]\nport = 1\nbackend = \"terminal\"\n"
                                + "[[serial]]\nport = 2\nbackend = \"terminal\"",
                        "vm.toml:8:",
                        "terminal"),
                new Bad(
                        "file in no directory",
                        CONFIGURATION,
                        "[boot]\nkernel = \"%k\"\n[[serial]]\nport = 1\nbackend = \"file\"\n"
                                + "path = \"no/such/log\"",
                        "vm.toml:6:",
                        "no/such/log"));
    }

    /** As a block process that its guest has taken over would write it: the name of a file it would like to have. */
    @Test
    void aDiskThatSaysItLiesOnAFileOfTheHost() throws Exception {
        Path disk = dir.resolve("disk.qcow2");
        DebianMachine.host(
                "qemu-img",
                "create",
                "-q",
                "-u",
                "-f",
                "qcow2",
                "-F",
                "raw",
                "-b",
                "/etc/passwd",
                disk.toString(),
                "1M");
        String toml = "[boot]\nkernel = \"" + monitor() + "\"\n[[block]]\npath = \"disk.qcow2\"\n";
        refused(
                Machine.with(dir, toml),
                CONFIGURATION,
                "vm.toml:4:1: block[1].path: " + disk
                        + " says that \"/etc/passwd\" lies behind it, and the configuration"
                        + " does not. If that is meant: backing = [\"/etc/passwd\"]. If not, somebody has written it"
                        + " there.");
    }

    @ParameterizedTest
    @MethodSource("configurations")
    void wrongConfiguration(Bad bad) throws Exception {
        String toml = bad.toml.replace("%k", monitor().toString()).replace("%d", dir.toString());
        refused(Machine.with(dir, toml), bad.status, bad.words.toArray(String[]::new));
    }

    @Test
    void unreadableConfiguration() throws Exception {
        refused(Machine.command("--config", dir.resolve("none.toml").toString()), CONFIGURATION, "none.toml");
        refused(Machine.command("--config", dir.toString()), CONFIGURATION, "directory");
        refused(Machine.command("--konfig", "x"), CONFIGURATION, "Did you mean --config?");
        refused(Machine.command(), CONFIGURATION, "--config");
    }

    @Test
    void unreadableKernel() throws Exception {
        Host.requireRoot();
        Path kernel = Files.copy(monitor(), dir.resolve("secret"));
        new ProcessBuilder("chmod", "600", kernel.toString()).start().waitFor();
        openToEveryone(dir);
        refused(
                Machine.with(dir, "[boot]\nkernel = \"secret\"").under(OtherUser.NOBODY),
                CONFIGURATION,
                "secret",
                "permission");
    }

    /** A kernel image is parsed in the jailed vCPU process; what is wrong with it still comes out as one line. */
    @Test
    void hostileKernels() throws Exception {
        byte[] good = Files.readAllBytes(monitor());
        kernel("empty", new byte[0]);
        kernel("one byte", new byte[] {0x7f});
        kernel("zeros", new byte[100_000]);
        kernel("half an ELF header", Arrays.copyOf(good, 40));
        kernel("no segment", Arrays.copyOf(good, 0x1000));
        kernel("half a segment", Arrays.copyOf(good, good.length / 2));
        kernel("far program headers", patched(good, 32, 0x7fffffffffffffffL));
        kernel("segment at the end of the world", patched(good, 64 + 24, 0xfffffffffffff000L));
        kernel("segment larger than memory", patched(good, 64 + 40, 1L << 40));
        kernel(
                "a shell script",
                "#!/bin/sh\necho hello\n".repeat(200).getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    }

    /** Random damage: whatever happens, it is documented, and nothing stays behind. */
    @Test
    void damagedKernels() throws Exception {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        byte[] good = Files.readAllBytes(monitor());
        for (int i = 0; i < 10; i++) {
            byte[] bad = good.clone();
            for (int n = 0; n < 4; n++) {
                bad[random.nextInt(120)] = (byte) random.nextInt();
            }
            Path file = Files.write(dir.resolve("damaged"), bad);
            try (Machine machine = Machine.with(dir, toml(file)).run()) {
                String outcome = outcome(machine);
                if (outcome.isEmpty()) {
                    // It runs: the damage was in a place that does not matter, or the guest now runs something else.
                    machine.signal(9);
                    machine.awaitExit();
                } else {
                    int status = Integer.parseInt(outcome);
                    assertTrue(
                            status >= 0 && status <= 3,
                            "exit " + status + ": " + machine.messages().text());
                }
            }
        }
    }

    /** The exit status, or nothing if the machine still runs after a while. */
    private static String outcome(Machine machine) throws InterruptedException {
        for (int i = 0; i < 100; i++) {
            if (!machine.handle().isAlive()) {
                return Integer.toString(machine.awaitExit());
            }
            if (machine.console().lengthBytes() > 0) {
                return "";
            }
            Transcript.pause(20);
        }
        return "";
    }

    @Test
    void initrdLargerThanMemory() throws Exception {
        Path initrd = dir.resolve("initrd");
        try (RandomAccessFile file = new RandomAccessFile(initrd.toFile(), "rw")) {
            file.setLength(200L << 20);
        }
        String toml = "[machine]\nmemory = \"64M\"\n[boot]\nkernel = \"%s\"\ninitrd = \"initrd\"".formatted(monitor());
        refused(Machine.with(dir, toml), CONFIGURATION, "initrd", "memory");
    }

    @Test
    void noPermissionForKvm() throws Exception {
        Host.requireRoot();
        openToEveryone(dir);
        refused(Machine.with(dir, kvmToml()).under(OtherUser.nobodyWithoutKvm()), HOST, "/dev/kvm", "may not be used");
    }

    @Test
    void noKvm() throws Exception {
        Host.requireRoot();
        refused(Machine.with(dir, kvmToml()).under(Host.WITHOUT_KVM), HOST, "/dev/kvm");
    }

    /** A device process that never says READY: its launch file starts it with a heap too small for anything. */
    @Test
    void deviceThatNeverBecomesReady() throws Exception {
        Path broken = BrokenDistribution.copy(dir.resolve("dist"));
        Path launch = broken.resolve("launch/serial.launch");
        Files.writeString(launch, Files.readString(launch) + "\n# Broken on purpose.\n-XX:NoSuchFlagAtAll=1\n");
        refused(
                Machine.with(dir, toml(monitor()) + "[lifecycle]\nready_timeout_s = 5\n")
                        .distribution(broken),
                INTERNAL,
                "serial");
    }

    private void kernel(String what, byte[] image) throws Exception {
        System.out.println(what);
        Path file = Files.write(dir.resolve("bad-kernel"), image);
        refused(Machine.with(dir, toml(file)), CONFIGURATION, "bad-kernel");
    }

    private String kvmToml() throws IOException {
        return toml(monitor()).replace("[machine]\n", "[machine]\nengine = \"kvm\"\n");
    }

    private static String toml(Path kernel) {
        return "[machine]\nmemory = \"64M\"\n[boot]\nkernel = \"%s\"\non_reset = \"exit\"\n".formatted(kernel);
    }

    private static byte[] patched(byte[] image, int offset, long value) {
        byte[] copy = image.clone();
        for (int i = 0; i < 8; i++) {
            copy[offset + i] = (byte) (value >>> (8 * i));
        }
        return copy;
    }

    static void openToEveryone(Path directory) throws IOException, InterruptedException {
        new ProcessBuilder("chmod", "755", directory.toString()).start().waitFor();
    }

    private static void refused(Machine.Start start, int status, String... words) throws Exception {
        try (Machine machine = start.run()) {
            int actual = machine.awaitExit();
            String said = machine.messages().text();
            assertEquals(status, actual, said);
            assertEquals("", machine.console().text(), "the console");
            String problem = said.lines()
                    .filter(line -> Stream.of(words).allMatch(line::contains))
                    .findFirst()
                    .orElse("");
            assertTrue(!problem.isEmpty(), "no line with " + String.join(", ", words) + " in:\n" + said);
            assertTrue(!said.contains("Exception") && !said.contains("\tat "), said);
        }
    }
}
