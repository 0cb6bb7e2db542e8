package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.demo.DebianKernel;
import io.jvmm.supervisor.demo.DebianPackages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code --demo} and {@code --exec} as a user meets them; the engine is whichever this host gives. */
@Tag("boot")
class DemoIT extends MachineTest {
    private static final Duration BOOT = Duration.ofMinutes(4);

    /** Of {@code seq 1 60000}, as coreutils' seq and md5sum give it: 348,894 bytes. */
    private static final int NUMBERS = 60_000;

    @Override
    protected void requirements() {
        // Nothing: that is the point.
    }

    @Test
    void execGivesOutputErrorsAndStatus() throws Exception {
        String command = "echo \"it's\" 'a \"test\"'\nuname -s; head -c 300 /bin/busybox; echo problem >&2\nexit 7";
        try (Machine machine = Machine.command("--exec", command).run()) {
            assertEquals(7, machine.awaitExit(BOOT), machine.messages().text());
            byte[] busybox = Files.readAllBytes(packages().file("busybox-static", "bin/busybox", "busybox"));
            String binary = new String(busybox, 0, 300, java.nio.charset.StandardCharsets.ISO_8859_1);
            assertEquals("it's a \"test\"\nLinux\n" + binary, machine.console().text());
            String said = machine.messages().text();
            assertTrue(said.contains("engine "), said);
            assertTrue(said.endsWith("problem\n"), said);
        }
    }

    /** A kernel that panics, as an ordinary user, with a cache that this user may only read; and much output before. */
    @Test
    void anOrdinaryUsersGuestThatDies() throws Exception {
        Host.requireRoot();
        Path cache = readableCache();
        try (Machine machine = Machine.command("--exec", "seq 1 " + NUMBERS + "; echo c >/proc/sysrq-trigger")
                .under(OtherUser.NOBODY)
                .environment("XDG_CACHE_HOME", cache.toString())
                .environment("HOME", "/nonexistent")
                .run()) {
            assertEquals(1, machine.awaitExit(BOOT), machine.messages().text());
            String said = machine.messages().text();
            assertTrue(said.contains("engine x86: ") || said.contains("engine kvm"), said);
            assertTrue(said.contains("the guest ended before the command did"), said);
            assertTrue(said.contains("Kernel panic - not syncing: sysrq triggered crash"), said);
            StringBuilder numbers = new StringBuilder();
            for (int i = 1; i <= NUMBERS; i++) {
                numbers.append(i).append('\n');
            }
            // What was still in the driver's buffer died with the kernel.
            String got = machine.console().text();
            assertTrue(numbers.toString().startsWith(got), "not a beginning of the numbers");
            assertTrue(got.length() > numbers.length() - 8192, () -> "only " + got.length() + " bytes");
        }
    }

    /** Nobody is left then to say how the command ended; the guest powers off all the same. */
    @Test
    void aCommandThatKillsItsSession() throws Exception {
        try (Machine machine =
                Machine.command("--exec", "kill -9 $PPID; sleep 1000").run()) {
            assertEquals(1, machine.awaitExit(BOOT), machine.messages().text());
            String said = machine.messages().text();
            assertTrue(said.contains("the guest ended before the command did"), said);
        }
    }

    @Test
    void withoutPackageListsTheCureIsNamed() throws Exception {
        Path nothing = Files.createDirectories(dir.resolve("lists/partial")).getParent();
        Path conf = Files.writeString(
                dir.resolve("apt.conf"),
                "Dir::State::lists \"" + nothing + "\";\nDir::Cache \"" + dir
                        + "\";\nDir::State::status \"/dev/null\";\n");
        try (Machine machine = Machine.command("--demo")
                .environment("APT_CONFIG", conf.toString())
                .run()) {
            assertEquals(3, machine.awaitExit());
            assertTrue(
                    machine.messages().text().endsWith("Fetch the package lists: sudo apt-get update\n"),
                    machine.messages()::text);
        }
    }

    private static DebianPackages packages() {
        return new DebianPackages(DebianPackages.standardCache(System.getenv()), System.out::println);
    }

    /** What root has fetched, where others may read it. */
    private Path readableCache() throws IOException {
        new DebianKernel(packages()).vmlinuz(DebianKernel.Flavour.CLOUD);
        packages().file("busybox-static", "bin/busybox", "busybox");
        Path from = DebianPackages.standardCache(System.getenv());
        Path to = dir.resolve("cache");
        try (Stream<Path> all = Files.walk(from)) {
            for (Path each : all.toList()) {
                Path copy = to.resolve("jvmm").resolve(from.relativize(each).toString());
                if (Files.isDirectory(each)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(each, copy);
                }
            }
        }
        try (Stream<Path> all = Files.walk(dir)) {
            for (Path each : all.toList()) {
                Files.setPosixFilePermissions(
                        each, PosixFilePermissions.fromString(Files.isDirectory(each) ? "rwxr-xr-x" : "rw-r--r--"));
            }
        }
        return to;
    }
}
