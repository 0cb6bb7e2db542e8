package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.demo.DebianKernel;
import io.jvmm.supervisor.demo.DebianPackages;
import io.jvmm.supervisor.demo.LinuxGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Debian's stock kernel on the software processor, in its jail: needs nothing of the host but apt's package lists. A boot takes
 * some seconds, so each test asks a booted guest many things.
 */
@Tag("boot")
class SoftwareCpuIT extends MachineTest {
    private static final Duration BOOT = Duration.ofMinutes(4);
    private static final String PROMPT = "jvmm:~# ";
    private static final int SIGKILL = 9;

    /** An idle guest has some dozen timer ticks a second, and the JVM its own threads; a spinning one would take the whole. */
    private static final double IDLE_SHARE = 0.25;

    private static final long IDLE_MS = 4_000;

    @Override
    protected void requirements() {
        // Nothing: that is the point.
    }

    private static DebianPackages packages() {
        return new DebianPackages(DebianPackages.standardCache(System.getenv()), System.out::println);
    }

    private Path initramfs() throws IOException {
        return LinuxGuest.writeInitramfs(
                dir.resolve("initramfs"),
                packages().file("busybox-static", "bin/busybox", "busybox"),
                Optional.empty());
    }

    private Machine shell(int vcpus) throws IOException {
        Path kernel = new DebianKernel(packages()).vmlinuz(DebianKernel.Flavour.CLOUD);
        String toml = """
                [machine]
                memory = "256M"
                vcpus = %d
                engine = "x86"
                [boot]
                kernel = "%s"
                initrd = "%s"
                cmdline = "console=ttyS0 quiet panic=-1"
                on_reset = "exit"
                [lifecycle]
                ready_timeout_s = 120
                [[serial]]
                port = 1
                backend = "terminal"
                [[serial]]
                port = 2
                backend = "none"
                """.formatted(vcpus, kernel, initramfs());
        Machine machine = Machine.with(dir, toml).onTerminal().run();
        machine.console().await(PROMPT, BOOT);
        // The shell would break a long line that it echoes.
        ask(machine, "stty cols 1000");
        return machine;
    }

    /** What the shell prints between the echo of the line and the next prompt. */
    private static String ask(Machine machine, String line) throws IOException {
        machine.type(line + "\r");
        machine.console().await(line + "\r\n", BOOT);
        String answer = machine.console().await(PROMPT, BOOT);
        return answer.substring(0, answer.length() - PROMPT.length());
    }

    @Test
    void aStockKernelToAShellAndBack() throws Exception {
        try (Machine machine = shell(1)) {
            assertEquals("hello, world\r\n", ask(machine, "echo 'hello,' \"world\""));
            assertEquals("Linux jvmm\r\n", ask(machine, "uname -sn"));
            assertEquals("1\r\n", ask(machine, "nproc"));
            assertEquals("1764\r\n", ask(machine, "echo $((42 * 42))"));
            // sha256 of 64 KiB of zeros, as sha256sum(1) of coreutils prints it.
            assertEquals(
                    "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31  -\r\n",
                    ask(machine, "head -c 65536 /dev/zero | sha256sum"));
            jobControl(machine);
            noWarnings(machine);
            jail(machine.child("vcpu-x86"));
            idleGuestUsesNoCpu(machine.child("vcpu-x86"));
            machine.type("poweroff\r");
            assertEquals(0, machine.awaitExit(BOOT), machine.messages().text());
            assertEquals(
                    machine.terminal().originalSettings(), machine.terminal().settings());
        }
    }

    /** A program that ticks tells when it is in the foreground: only then do the keys reach it and not the shell. */
    private static void jobControl(Machine machine) throws IOException {
        String ticks = "sh -c 'while :; do echo tick; sleep 1; done'";
        machine.type(ticks + "\r");
        machine.console().await("tick\r\n", BOOT);
        machine.type("\032");
        machine.console().await("Stopped", BOOT);
        machine.console().await(PROMPT, BOOT);
        assertTrue(ask(machine, "jobs").contains("echo tick"));
        machine.type("fg\r");
        machine.console().await("tick\r\n", BOOT);
        machine.type("\003");
        machine.console().await(PROMPT, BOOT);
        assertEquals("130\r\n", ask(machine, "echo $?"));
    }

    /** Nothing that the kernel calls a fault of the machine. */
    private static void noWarnings(Machine machine) throws IOException {
        assertEquals(
                "0\r\n",
                ask(machine, "dmesg | grep -cE 'WARNING|BUG|Call Trace|general protection|unhandled|rcu.*stall'"));
    }

    /** The supervisor has checked it; this looks again, in its own way. */
    private static void jail(long vcpu) throws IOException {
        assertEquals("2", LinuxProcess.fields(vcpu, "status").getOrDefault("Seccomp", ""));
        assertEquals("2", LinuxProcess.fields(vcpu, "status").getOrDefault("Seccomp_filters", ""));
        assertEquals("0000000000000000", LinuxProcess.fields(vcpu, "status").getOrDefault("CapEff", ""));
        List<String> held = new ArrayList<>();
        try (Stream<Path> all = Files.list(Path.of("/proc/" + vcpu + "/fd"))) {
            for (Path fd : all.toList()) {
                held.add(Files.readSymbolicLink(fd).toString());
            }
        }
        assertFalse(held.toString().contains("kvm"), held::toString);
    }

    private static void idleGuestUsesNoCpu(long vcpu) throws Exception {
        // The translator may still be at work on what has just run.
        Transcript.pause(IDLE_MS);
        double least = 1;
        for (int window = 0; window < 3; window++) {
            Duration before = cpuTime(vcpu);
            long beforeNs = System.nanoTime();
            Transcript.pause(IDLE_MS);
            double share = (double) cpuTime(vcpu).minus(before).toNanos() / (System.nanoTime() - beforeNs);
            least = Math.min(least, share);
        }
        System.out.printf("an idle guest takes %.1f %% of a processor%n", 100 * least);
        assertTrue(least < IDLE_SHARE, "an idle guest takes " + least + " of a processor");
    }

    private static Duration cpuTime(long pid) {
        return ProcessHandle.of(pid)
                .flatMap(p -> p.info().totalCpuDuration())
                .orElseThrow(() -> new AssertionError("process " + pid + " is gone"));
    }

    /** With {@code engine = "auto"} nothing is missing. */
    @Test
    void withoutKvmTheReasonIsTold() throws Exception {
        Host.requireRoot();
        monitorOn(Host.WITHOUT_KVM, "there is no /dev/kvm");
        try (Stream<Path> all = Files.walk(dir)) {
            for (Path each : all.toList()) {
                Files.setPosixFilePermissions(each, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
        }
        monitorOn(OtherUser.nobodyWithoutKvm(), "/dev/kvm may not be used by this user");
    }

    private void monitorOn(String[] host, String reason) throws Exception {
        String toml = monitorToml("").replace("\"kvm\"", "\"auto\"");
        try (Machine machine = Machine.with(dir, toml).under(host).run().awaitPrompt()) {
            jail(machine.child("vcpu-x86"));
            machine.type("off\r");
            assertEquals(0, machine.awaitExit(), machine.messages().text());
            assertTrue(machine.messages().text().contains("engine x86: " + reason + "\n"), machine.messages()::text);
        }
    }

    /** And SIGKILL for all of it: {@link Leaks} looks afterwards. */
    @Test
    void twoProcessorsAndAKilledSupervisor() throws Exception {
        try (Machine machine = shell(2)) {
            assertEquals("2\r\n", ask(machine, "nproc"));
            assertEquals(
                    "both\r\n",
                    ask(
                            machine,
                            "taskset 1 md5sum /bin/busybox >a; taskset 2 md5sum /bin/busybox >b; cmp a b && echo both"));
            // In a shell of their own, whose jobs nobody announces.
            assertEquals(
                    "4\r\n",
                    ask(
                            machine,
                            "(for i in 1 2 3 4; do md5sum /bin/busybox >$i & done; wait; cat [1-4] | uniq -c | awk '{print $1}')"));
            machine.signal(SIGKILL);
            assertEquals(128 + SIGKILL, machine.awaitExit());
        }
    }
}
