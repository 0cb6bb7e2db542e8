package io.jvmm.it.bench;

import io.jvmm.it.Machine;
import io.jvmm.supervisor.demo.DebianKernel;
import io.jvmm.supervisor.demo.DebianPackages;
import io.jvmm.supervisor.demo.Initramfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Guests that nobody here wrote, on the software CPU and then on QEMU's TCG: each of Debian's kernels to a program of an initial ram
 * disk, and a Debian root file system to systemd's multi-user target. Each prints the time to its marker, what the kernel complained
 * of under us only, and which units failed under us only: both lists are to be empty.
 */
public final class StockGuests {
    private static final Duration PATIENCE = Duration.ofMinutes(20);
    private static final String READY = "=== userland of ";
    private static final String CMDLINE = "console=ttyS0,115200 ignore_loglevel panic=-1";

    private static final String INIT = """
            #!/bin/busybox sh
            /bin/busybox mount -t proc proc /proc
            echo "=== userland of $(/bin/busybox uname -rv)"
            exec /bin/busybox poweroff -f
            """;

    /** Lines in which a kernel tells that something is wrong. */
    private static final Pattern COMPLAINT = Pattern.compile(
            "WARNING:|BUG[: ]|Fatal|Oops|unchecked MSR|[Cc]all [Tt]race|general protection|invalid opcode|segfault|traps:|"
                    + "rcu:.*stall|soft lockup|hrtimer: interrupt took|unstable|ACPI (BIOS )?(Error|Warning)|Firmware Bug|"
                    + "spurious|nobody cared|not responding|timed out|Dependency failed|\\[FAILED\\]|[Ff]ailed to");

    private static final Pattern STAMP = Pattern.compile("^\\[ *\\d+\\.\\d+\\] ");
    private static final Pattern NUMBER = Pattern.compile("\\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\\b");

    /** What one guest did. */
    private record Run(double seconds, Set<String> complaints, Set<String> failedUnits) {}

    private final Table table;
    private final Path directory;
    private final List<String> differences = new ArrayList<>();

    StockGuests(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    /** Runs all of them; returns what was wrong, a line each: nothing, if all is well. */
    public static List<String> check(Path directory) throws IOException, InterruptedException {
        StockGuests guests = new StockGuests(new Table(), directory);
        guests.run();
        return guests.differences;
    }

    void run() throws IOException, InterruptedException {
        if (!ExitBench.onPath("qemu-system-x86_64")) {
            table.row("stock guests", "-", "not installed: apt-get install qemu-system-x86");
            return;
        }
        Path cache = DebianPackages.standardCache(System.getenv());
        DebianPackages packages = new DebianPackages(cache, System.err::println);
        DebianKernel kernels = new DebianKernel(packages);
        table.heading("Stock guests on the software CPU, time to the marker (with QEMU's TCG: -cpu max)");
        Path initrd = initrd(packages.file("busybox-static", "bin/busybox", "busybox"));
        for (DebianKernel.Flavour flavour : DebianKernel.Flavour.values()) {
            String name = flavour.name().toLowerCase(Locale.ROOT) + " kernel, busybox";
            compare(name, kernels.vmlinuz(flavour), initrd, 512, READY);
        }
        Path root;
        try {
            root = DebianRoot.initrd(cache);
        } catch (IOException e) {
            table.row("systemd multi-user", "-", String.valueOf(e.getMessage()));
            differences.add("systemd multi-user: " + e.getMessage());
            return;
        }
        Path cloud = kernels.vmlinuz(DebianKernel.Flavour.CLOUD);
        compare("cloud kernel, systemd multi-user", cloud, root, DebianRoot.MEMORY_MB, DebianRoot.MARKER);
    }

    private void compare(String name, Path kernel, Path initrd, int memoryMb, String marker)
            throws IOException, InterruptedException {
        Run ours;
        try (Machine machine = jvmm(kernel, initrd, memoryMb)) {
            ours = watch(name + ".jvmm", machine, marker);
        } catch (AssertionError e) {
            table.row(name, "-", "did not get there");
            differences.add(name + ": " + e.getMessage());
            return;
        }
        Run reference;
        try (Machine machine = qemu(kernel, initrd, memoryMb)) {
            reference = watch(name + ".qemu", machine, marker);
        }
        ours.complaints.removeAll(reference.complaints);
        ours.failedUnits.removeAll(reference.failedUnits);
        table.row(
                name,
                Table.number(ours.seconds, 1) + " s",
                Table.ratio(ours.seconds, reference.seconds, "QEMU") + " (" + Table.number(reference.seconds, 1)
                        + " s); only here: " + ours.complaints.size() + " complaints, " + ours.failedUnits.size()
                        + " failed units");
        ours.complaints.forEach(line -> differences.add(name + ": " + line));
        ours.failedUnits.forEach(unit -> differences.add(name + ": failed unit " + unit));
        differences.stream().filter(line -> line.startsWith(name)).forEach(System.err::println);
    }

    private Run watch(String name, Machine machine, String marker) throws IOException, InterruptedException {
        long start = System.nanoTime();
        Set<String> failed = new TreeSet<>();
        try {
            machine.console().await(marker, PATIENCE);
            double seconds = (System.nanoTime() - start) / 1e9;
            if (marker.equals(DebianRoot.MARKER)) {
                String list = machine.console().await(DebianRoot.END, PATIENCE);
                list.lines()
                        .map(String::strip)
                        .filter(line -> line.matches("\\S+\\.\\w+ +loaded .*"))
                        .forEach(line -> failed.add(line.substring(0, line.indexOf(' '))));
            }
            machine.awaitExit(PATIENCE);
            return new Run(seconds, complaints(machine.console().text()), failed);
        } finally {
            Path log = directory.resolve(name.replace(' ', '-').replace(",", "") + ".log");
            Files.writeString(log, machine.console().text() + machine.messages().text());
            System.err.println("  console: " + log);
        }
    }

    /** Complaints without what differs from run to run. */
    private static Set<String> complaints(String log) {
        Set<String> found = new TreeSet<>();
        log.lines().map(line -> STAMP.matcher(line.strip()).replaceFirst("")).forEach(line -> {
            if (COMPLAINT.matcher(line).find()) {
                found.add(NUMBER.matcher(line).replaceAll("#"));
            }
        });
        return found;
    }

    private Path initrd(Path busybox) throws IOException {
        Path initrd = directory.resolve("stock.cpio");
        try (Initramfs root = new Initramfs(Files.newOutputStream(initrd))) {
            root.directory("bin").directory("dev").directory("proc");
            root.characterDevice("dev/console", 0600, 5, 1);
            root.file("bin/busybox", 0755, busybox).file("init", 0755, INIT);
        }
        return initrd;
    }

    private Machine jvmm(Path kernel, Path initrd, int memoryMb) throws IOException {
        String toml = """
                [machine]
                memory = "%dM"
                engine = "x86"
                [boot]
                kernel = "%s"
                initrd = "%s"
                cmdline = "%s"
                on_reset = "exit"
                [[serial]]
                port = 1
                backend = "terminal"
                """.formatted(memoryMb, kernel, initrd, CMDLINE);
        return Machine.with(directory, toml).run();
    }

    private static Machine qemu(Path kernel, Path initrd, int memoryMb) throws IOException {
        List<String> command = new ArrayList<>(List.of("qemu-system-x86_64", "-accel", "tcg", "-cpu", "max"));
        command.addAll(List.of("-m", Integer.toString(memoryMb), "-display", "none", "-monitor", "none"));
        command.addAll(List.of("-nic", "none", "-no-reboot", "-serial", "stdio"));
        command.addAll(List.of("-kernel", kernel.toString(), "-initrd", initrd.toString(), "-append", CMDLINE));
        return Machine.program(command.toArray(String[]::new)).run();
    }
}
