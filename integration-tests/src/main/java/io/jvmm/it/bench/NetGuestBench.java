package io.jvmm.it.bench;

import io.jvmm.it.DebianMachine;
import io.jvmm.it.NetworkNamespace;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A stock guest fetches 100 MB over a tap, in a network namespace of the benchmark's own: the same kernel and disk on the software
 * processor here, and on QEMU's TCG with its virtio-net in the same process. Both machines are up, and work in turns. Most of the
 * time is the guest's own code; what the device costs shows in its process's share, which QEMU's has no counterpart of.
 */
final class NetGuestBench {
    private static final int MIB = 1 << 20;
    private static final int FILE_MIB = 100;
    private static final int ROUNDS = 11;

    private final Table table;
    private final Path directory;

    /** What a round took: seconds, and CPU of the whole machine and of the device's process, milliseconds a MB (10^6 bytes). */
    private record Sample(double seconds, double cpuMs, double deviceMs) {}

    /** A machine on a tap of its own. */
    private record Side(String name, DebianMachine machine, String host, List<Long> pids, long device) {}

    NetGuestBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    void run() throws IOException, InterruptedException {
        table.heading("A stock guest fetches 100 MiB by HTTP over a tap; software processors");
        for (String program : List.of("ip", "busybox", "qemu-system-x86_64")) {
            if (!ExitBench.onPath(program)) {
                table.row("download", "-", "not installed: apt-get install iproute2 busybox-static qemu-system-x86");
                return;
            }
        }
        try {
            NetworkNamespace.run(this::inNamespace);
        } catch (AssertionError e) {
            table.row("download", "-", String.valueOf(e.getMessage()));
        }
    }

    private void inNamespace() throws IOException, InterruptedException {
        DebianMachine.host("ip", "link", "set", "lo", "up");
        tap("tap0", "10.9.8.1");
        tap("tap1", "10.9.9.1");
        Path files = Files.createDirectory(directory.resolve("www"));
        writeFile(files.resolve("file"));
        Process server = new ProcessBuilder("busybox", "httpd", "-f", "-p", "8000", "-h", files.toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (DebianMachine ours = DebianMachine.boot(
                        Files.createDirectory(directory.resolve("net-jvmm")),
                        "[[net]]\nbackend = \"tap\"\ntap = \"tap0\"\n");
                DebianMachine theirs =
                        DebianMachine.qemu(Files.createDirectory(directory.resolve("net-qemu")), qemuCard("tap1"))) {
            compare(
                    side("jvmm", ours, "10.9.8", ours.machine().child("net")),
                    side("QEMU", theirs, "10.9.9", theirs.machine().handle().pid()));
            ours.powerOff();
            theirs.powerOff();
        } finally {
            server.destroyForcibly().waitFor();
        }
    }

    private static List<String> qemuCard(String tap) {
        return List.of(
                "-netdev",
                "tap,id=net,ifname=" + tap + ",script=no,downscript=no,vhost=off",
                "-device",
                "virtio-net-pci,disable-legacy=on,netdev=net");
    }

    /** Makes an interface, with an address of the host's. */
    static void tap(String name, String address) throws IOException, InterruptedException {
        DebianMachine.host("ip", "tuntap", "add", "dev", name, "mode", "tap");
        DebianMachine.host("ip", "address", "add", address + "/24", "dev", name);
        DebianMachine.host("ip", "link", "set", name, "up");
    }

    private static void writeFile(Path file) throws IOException {
        Random random = new Random(1);
        byte[] piece = new byte[MIB];
        try (OutputStream out = Files.newOutputStream(file)) {
            for (int i = 0; i < FILE_MIB; i++) {
                random.nextBytes(piece);
                out.write(piece);
            }
        }
    }

    private static Side side(String name, DebianMachine machine, String net, long device) throws IOException {
        // Short lines: a shell draws one that is longer than its terminal in ways that nobody can wait for.
        machine.run("ip address add " + net + ".2/24 dev eth0");
        machine.run("ip link set eth0 up");
        ProcessHandle top = machine.machine().handle();
        List<Long> pids =
                new ArrayList<>(top.descendants().map(ProcessHandle::pid).toList());
        pids.add(top.pid());
        return new Side(name, machine, net + ".1", pids, device);
    }

    private void compare(Side ours, Side theirs) throws IOException {
        Sample[] mine = new Sample[ROUNDS];
        Sample[] other = new Sample[ROUNDS];
        double[] ratios = new double[ROUNDS];
        double[] cpuRatios = new double[ROUNDS];
        for (int round = -1; round < ROUNDS; round++) {
            Sample one = round(ours);
            Sample two = round(theirs);
            if (round >= 0) {
                mine[round] = one;
                other[round] = two;
                ratios[round] = one.seconds / two.seconds;
                cpuRatios[round] = one.cpuMs / two.cpuMs;
            }
        }
        row(theirs, other, "");
        row(
                ours,
                mine,
                ", of it the net process "
                        + Table.number(median(mine, 2), 2) + " ms; " + Table.number(LinkBench.median(ratios), 2)
                        + " x the time of the line above, " + Table.number(LinkBench.median(cpuRatios), 2)
                        + " x its CPU");
    }

    private void row(Side side, Sample[] samples, String note) {
        double megabytes = FILE_MIB * (MIB / 1e6);
        table.row(
                "download, " + side.name,
                Table.number(median(samples, 0), 1) + " s",
                Table.number(megabytes / median(samples, 0), 1) + " MB/s, CPU " + Table.number(median(samples, 1), 1)
                        + " ms a MB" + note);
    }

    private static double median(Sample[] samples, int column) {
        double[] values = new double[samples.length];
        for (int i = 0; i < values.length; i++) {
            Sample s = samples[i];
            values[i] = column == 0 ? s.seconds : column == 1 ? s.cpuMs : s.deviceMs;
        }
        return LinkBench.median(values);
    }

    private static Sample round(Side side) throws IOException {
        double megabytes = FILE_MIB * (MIB / 1e6);
        long all = cpuNs(side.pids);
        long device = ProcessorTime.ns(side.device);
        long start = System.nanoTime();
        side.machine.run("wget -q -O /dev/null http://" + side.host + ":8000/file");
        double seconds = (System.nanoTime() - start) / 1e9;
        return new Sample(
                seconds,
                (cpuNs(side.pids) - all) / 1e6 / megabytes,
                (ProcessorTime.ns(side.device) - device) / 1e6 / megabytes);
    }

    private static long cpuNs(List<Long> pids) throws IOException {
        long sum = 0;
        for (long pid : pids) {
            sum += ProcessorTime.ns(pid);
        }
        return sum;
    }
}
