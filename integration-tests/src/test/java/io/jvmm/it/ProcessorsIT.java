package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.jvmm.supervisor.demo.DebianKernel;
import io.jvmm.supervisor.demo.DebianPackages;
import io.jvmm.supervisor.demo.Initramfs;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Several software processors of one machine under load in user space, in their jail: LOCK at every alignment, the memory order, TLB
 * shoot-down, code that one writes and another runs, futexes, processes, signals ({@code processors.c}).
 */
@Tag("boot")
class ProcessorsIT extends MachineTest {
    private static final Duration PATIENCE = Duration.ofMinutes(6);
    /** How long each test of the program takes. */
    private static final int MILLISECONDS = Integer.getInteger("jvmm.processors.ms", 500);

    @Override
    protected void requirements() {
        if (!Host.has("gcc")) {
            throw new AssertionError("the guest's program is compiled here: apt-get install gcc libc6-dev");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void agree(int vcpus) throws Exception {
        DebianPackages packages =
                new DebianPackages(DebianPackages.standardCache(System.getenv()), System.out::println);
        Path kernel = new DebianKernel(packages).vmlinuz(DebianKernel.Flavour.CLOUD);
        Path busybox = packages.file("busybox-static", "bin/busybox", "busybox");
        String toml = """
                [machine]
                memory = "512M"
                vcpus = %d
                engine = "x86"
                [boot]
                kernel = "%s"
                initrd = "%s"
                cmdline = "console=ttyS0 quiet loglevel=4 panic=-1"
                on_reset = "exit"
                [lifecycle]
                ready_timeout_s = 120
                [[serial]]
                port = 1
                backend = "terminal"
                """.formatted(vcpus, kernel, initrd(busybox, vcpus));
        try (Machine machine = Machine.with(dir, toml).onTerminal().run()) {
            String said = machine.console().await("guest done", PATIENCE);
            System.out.println(said);
            assertFalse(said.contains("WRONG"), said);
            assertEquals(
                    "processors done, 0 wrong",
                    said.lines()
                            .filter(line -> line.startsWith("processors done"))
                            .findFirst()
                            .orElse(said)
                            .strip());
            assertFalse(said.contains("Call Trace"), said);
            assertEquals(0, machine.awaitExit(PATIENCE), machine.messages().text());
        }
    }

    private Path initrd(Path busybox, int threads) throws IOException, InterruptedException {
        Path source = dir.resolve("processors.c");
        try (InputStream in = ProcessorsIT.class.getResourceAsStream("processors.c")) {
            Files.write(source, Objects.requireNonNull(in).readAllBytes());
        }
        Path program = dir.resolve("processors");
        Process gcc = new ProcessBuilder(
                        "gcc", "-O2", "-static", "-pthread", "-o", program.toString(), source.toString())
                .inheritIO()
                .start();
        assertEquals(0, gcc.waitFor(), "gcc does not build the guest's program");
        Path initrd = dir.resolve("processors.cpio");
        try (Initramfs root = new Initramfs(Files.newOutputStream(initrd))) {
            root.directory("bin").directory("dev").directory("proc");
            root.characterDevice("dev/console", 0600, 5, 1);
            root.file("bin/busybox", 0755, busybox);
            root.file("processors", 0755, program);
            root.file("init", 0755, """
            #!/bin/busybox sh
            /bin/busybox mount -t proc proc /proc
            /processors %d %d
            /bin/busybox dmesg | /bin/busybox grep -E 'WARNING|BUG|Call Trace|rcu.*stall|soft lockup'
            echo "guest done"
            /bin/busybox poweroff -f
            """.formatted(threads, MILLISECONDS));
        }
        return initrd;
    }
}
