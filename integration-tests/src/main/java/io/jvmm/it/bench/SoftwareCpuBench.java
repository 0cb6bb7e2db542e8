package io.jvmm.it.bench;

import io.jvmm.it.LinuxProcess;
import io.jvmm.it.Machine;
import io.jvmm.supervisor.demo.DebianKernel;
import io.jvmm.supervisor.demo.DebianPackages;
import io.jvmm.supervisor.demo.Initramfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The software CPU beside QEMU's TCG: the same kernel and the same initial ram disk boot under both in turn, to a line on the
 * console, and then run the same loops ({@code loops.c} beside this class) and busybox commands. Times are the host's for what ends with
 * a line, the guest's for the loops.
 */
final class SoftwareCpuBench {
    private static final int RUNS = Integer.getInteger("jvmm.bench.runs", 3);
    private static final String CMDLINE = "console=ttyS0,115200 quiet loglevel=4 panic=-1";
    private static final String READY = "guest ready";
    private static final String DONE = "guest done";
    private static final Duration PATIENCE = Duration.ofMinutes(15);
    private static final Pattern LOOP = Pattern.compile("bench ([\\w-]+) (\\d+)");
    private static final String BOOT = "boot to the initial ram disk's shell";

    private static final String INIT = """
            #!/bin/busybox sh
            export PATH=/bin
            /bin/busybox mkdir -p /proc /sys /dev /tmp
            /bin/busybox mount -t proc proc /proc
            /bin/busybox mount -t devtmpfs devtmpfs /dev
            /bin/busybox --install -s /bin
            echo "guest ready"
            /loops
            up() { read -r s rest </proc/uptime; echo "${s%.*}${s#*.}"; }
            timed() { name=$1; shift; begin=$(up); sh -c "$*" >/dev/null; echo "bench $name $(( ($(up) - begin) * 10000000 ))"; }
            dd if=/dev/urandom of=/tmp/file bs=1M count=64 2>/dev/null
            timed gzip-64MB 'gzip -c /tmp/file'
            timed sha256sum-64MB 'sha256sum /tmp/file'
            echo "guest done"
            read -r line
            poweroff -f
            """;

    private final Table table;
    private final Path directory;

    SoftwareCpuBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    void run() throws IOException, InterruptedException {
        if (!ExitBench.onPath("qemu-system-x86_64") || !ExitBench.onPath("gcc")) {
            table.row("software CPU", "-", "not installed: apt-get install qemu-system-x86 gcc");
            return;
        }
        DebianPackages packages =
                new DebianPackages(DebianPackages.standardCache(System.getenv()), System.err::println);
        Path kernel = new DebianKernel(packages).vmlinuz(DebianKernel.Flavour.CLOUD);
        Path initrd = initrd(packages.file("busybox-static", "bin/busybox", "busybox"));
        Map<String, double[]> ours = new LinkedHashMap<>();
        Map<String, double[]> qemus = new LinkedHashMap<>();
        double[] resident = new double[RUNS];
        for (int run = 0; run < RUNS; run++) {
            try (Machine machine = jvmm(kernel, initrd)) {
                measure(machine, ours, run);
                resident[run] = residentMegabytes(machine.child("vcpu-x86"));
                end(machine);
            }
            try (Machine machine = qemu(kernel, initrd)) {
                measure(machine, qemus, run);
                end(machine);
            }
        }
        table.heading("Software CPU, the same kernel and programs under QEMU's TCG (median of " + RUNS + ")");
        ours.forEach((what, values) -> {
            double reference = LinkBench.median(qemus.getOrDefault(what, new double[] {Double.NaN}));
            double value = LinkBench.median(values);
            table.row(
                    what,
                    Table.number(value / 1e6, 0) + " ms",
                    Table.ratio(value, reference, "QEMU") + " (" + Table.number(reference / 1e6, 0) + " ms)");
        });
        table.row(
                "resident memory of the vCPU process over guest RAM",
                Table.number(LinkBench.median(resident), 0) + " MB",
                "");
    }

    private Machine jvmm(Path kernel, Path initrd) throws IOException {
        String toml = """
                [machine]
                memory = "512M"
                engine = "x86"
                [boot]
                kernel = "%s"
                initrd = "%s"
                cmdline = "%s"
                on_reset = "exit"
                [[serial]]
                port = 1
                backend = "terminal"
                """.formatted(kernel, initrd, CMDLINE);
        return Machine.with(directory, toml).run();
    }

    private static Machine qemu(Path kernel, Path initrd) throws IOException {
        return Machine.program(
                        "qemu-system-x86_64",
                        "-accel",
                        "tcg",
                        "-m",
                        "512",
                        "-display",
                        "none",
                        "-monitor",
                        "none",
                        "-nic",
                        "none",
                        "-no-reboot",
                        "-kernel",
                        kernel.toString(),
                        "-initrd",
                        initrd.toString(),
                        "-append",
                        CMDLINE,
                        "-serial",
                        "stdio")
                .run();
    }

    private static void measure(Machine machine, Map<String, double[]> samples, int run) {
        long start = System.nanoTime();
        machine.console().await(READY, PATIENCE);
        put(samples, run, BOOT, (double) (System.nanoTime() - start));
        Matcher loops = LOOP.matcher(machine.console().await(DONE, PATIENCE));
        while (loops.find()) {
            put(samples, run, loops.group(1), Double.parseDouble(loops.group(2)));
        }
    }

    private static void end(Machine machine) throws IOException, InterruptedException {
        machine.type("\r");
        machine.awaitExit(PATIENCE);
    }

    private static void put(Map<String, double[]> samples, int run, String what, double value) {
        samples.computeIfAbsent(what, _ -> new double[RUNS])[run] = value;
    }

    /** Resident set without the shared memory, which is the guest's RAM and the links. */
    private static double residentMegabytes(long pid) {
        Map<String, String> fields = LinuxProcess.fields(pid, "status");
        return (kilobytes(fields, "RssAnon") + kilobytes(fields, "RssFile")) / 1024;
    }

    private static double kilobytes(Map<String, String> fields, String key) {
        return Double.parseDouble(
                fields.getOrDefault(key, "0 kB").replace("kB", "").strip());
    }

    private Path initrd(Path busybox) throws IOException, InterruptedException {
        Path source = directory.resolve("loops.c");
        try (var in = SoftwareCpuBench.class.getResourceAsStream("loops.c")) {
            Files.write(source, java.util.Objects.requireNonNull(in).readAllBytes());
        }
        Path loops = directory.resolve("loops");
        Process gcc = new ProcessBuilder(
                        "gcc",
                        "-O2",
                        "-static",
                        "-nostdlib",
                        "-fno-stack-protector",
                        "-fno-builtin",
                        "-mno-red-zone",
                        "-o",
                        loops.toString(),
                        source.toString())
                .inheritIO()
                .start();
        if (gcc.waitFor() != 0) {
            throw new IOException("gcc does not build the guest's loops");
        }
        Path initrd = directory.resolve("bench.cpio");
        try (Initramfs root = new Initramfs(Files.newOutputStream(initrd))) {
            root.directory("bin").directory("dev");
            root.characterDevice("dev/console", 0600, 5, 1);
            root.file("bin/busybox", 0755, busybox).file("loops", 0755, loops).file("init", 0755, INIT);
        }
        return initrd;
    }
}
