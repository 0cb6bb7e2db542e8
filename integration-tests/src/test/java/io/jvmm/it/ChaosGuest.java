package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;

/**
 * A stock Linux at work on a device of every class, each worker checking what it gets; and what to look at afterwards: the guest's log,
 * the workers' results, the images with other programs' eyes. In a network namespace of the test's own.
 */
final class ChaosGuest implements AutoCloseable {
    private static final String HOST = "10.9.8.1";
    private static final String GUEST = "10.9.8.2";
    private static final int GUEST_LISTENS = 5000;
    private static final int HOST_LISTENS = 7000;
    private static final int FILE_BYTES = 512 << 10;
    private static final String[] DISKS = {"raw", "qcow2", "alone"};

    /** What a healthy kernel does not say, whatever happens to the processes behind its devices. */
    private static final String COMPLAINTS =
            "I/O error|Buffer I/O|EXT4-fs (error|warning)|JBD2.*error|blocked for more than|WARNING|BUG:"
                    + "|Call Trace|nobody cared|virtio.*(fail|error|not a head)|rcu.*stall|soft lockup|NETDEV WATCHDOG|timed out|timeout";

    /** One that is stopped hangs; one that gets no processor for a second on a busy host does not. */
    private static final String MACHINE = """
            [ipc]
            read_timeout_ms = 3000
            [control]
            socket = "control"
            [[serial]]
            port = 2
            backend = "socket"
            path = "com2.sock"
            [[block]]
            path = "raw.img"
            [[block]]
            path = "disk.qcow2"
            queues = 2
            [[block]]
            path = "alone.qcow2"
            packed = true
            id = "alone"
            isolation = "instance"
            [[net]]
            backend = "tap"
            tap = "tap0"
            [console]
            backend = "socket"
            path = "hvc0.sock"
            [rng]
            [balloon]
            target = "32M"
            [[vsock]]
            cid = 42
            path = "v.sock"
            """;

    private static final String COM2_ECHO =
            "stty -F /dev/ttyS1 115200 raw -echo; ({ echo ready1; cat /dev/ttyS1; } >/dev/ttyS1 &)";

    /** Typed to the shell there. */
    private static final ByteBuffer HVC_ECHO =
            ByteBuffer.wrap("stty raw -echo; echo ready$((1)); exec cat\n".getBytes(StandardCharsets.US_ASCII));

    private final Path dir;
    private final Process server;
    private final ServerSocketChannel listener;
    private final DebianMachine machine;
    private final List<EchoStream> streams = new ArrayList<>();

    private ChaosGuest(Path dir, Process server, ServerSocketChannel listener, DebianMachine machine) {
        this.dir = dir;
        this.server = server;
        this.listener = listener;
        this.machine = machine;
    }

    /**
     * Boots it and sets it to work.
     *
     * @param lifecycle lines of {@code [lifecycle]}
     */
    static ChaosGuest boot(Path dir, String lifecycle, long seed) throws Exception {
        DebianMachine.host("ip", "link", "set", "lo", "up");
        DebianMachine.host("ip", "tuntap", "add", "dev", "tap0", "mode", "tap");
        DebianMachine.host("ip", "address", "add", HOST + "/24", "dev", "tap0");
        DebianMachine.host("ip", "link", "set", "tap0", "up");
        writeWeb(Files.createDirectories(dir.resolve("web")), seed);
        makeDisks(dir);
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(dir.resolve("v.sock_" + HOST_LISTENS)));
        Process server = new ProcessBuilder(
                        "busybox",
                        "httpd",
                        "-f",
                        "-p",
                        HOST + ":8000",
                        "-h",
                        dir.resolve("web").toString())
                .redirectErrorStream(true)
                .start();
        try {
            DebianMachine machine = DebianMachine.boot(dir, "", "", lifecycle, MACHINE);
            ChaosGuest guest = new ChaosGuest(dir, server, listener, machine);
            try {
                guest.setToWork(seed);
            } catch (Throwable e) {
                guest.close();
                throw e;
            }
            return guest;
        } catch (Throwable e) {
            end(server);
            listener.close();
            throw e;
        }
    }

    private static void writeWeb(Path web, long seed) throws IOException, NoSuchAlgorithmException {
        byte[] file = new byte[FILE_BYTES];
        new Random(seed).nextBytes(file);
        Files.write(web.resolve("file"), file);
        Files.writeString(
                web.resolve("sum"),
                HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(file)));
    }

    /** The first has the guest's program on it. */
    private static void makeDisks(Path dir) throws IOException, InterruptedException {
        Path tree = Files.createDirectories(dir.resolve("tree"));
        try (InputStream in = ChaosGuest.class.getResourceAsStream("chaos.sh")) {
            Files.write(tree.resolve("chaos.sh"), Objects.requireNonNull(in).readAllBytes());
        }
        DebianMachine.host(
                "/usr/sbin/mke2fs",
                "-q",
                "-t",
                "ext4",
                "-d",
                tree.toString(),
                dir.resolve("raw.img").toString(),
                "128M");
        for (String name : new String[] {"disk.qcow2", "alone.qcow2"}) {
            DebianMachine.host(
                    "qemu-img", "create", "-q", "-f", "qcow2", dir.resolve(name).toString(), "128M");
        }
    }

    private void setToWork(long seed) throws Exception {
        machine.run("killall udhcpc; ip address add " + GUEST + "/24 dev eth0 && ip link set eth0 up");
        machine.run("mkdir /mnt/raw /mnt/qcow2 /mnt/alone && mount /dev/vdb /mnt/raw");
        machine.run(
                "mkfs.ext4 -q /dev/vdc && mount /dev/vdc /mnt/qcow2 && mkfs.ext4 -q /dev/vdd && mount /dev/vdd /mnt/alone");
        machine.run("dmesg -n 1; (setsid bash /mnt/raw/chaos.sh " + HOST + " </dev/null >/dev/null 2>&1 &)");
        streams.add(new EchoStream(
                "by vsock to the guest", EchoStream.reach(dir.resolve("v.sock"), GUEST_LISTENS), seed | 1));
        SocketChannel fromTheGuest = listener.accept();
        streams.add(new EchoStream("by vsock from the guest", fromTheGuest, seed | 3));
        streams.add(EchoStream.line("COM2", dir.resolve("com2.sock"), line -> machine.run(COM2_ECHO), seed | 5));
        streams.add(
                EchoStream.line("hvc0", dir.resolve("hvc0.sock"), line -> line.write(HVC_ECHO.duplicate()), seed | 9));
    }

    /**
     * A read of a device that is frozen gives all ones, and in the middle of its work a serial driver takes them for bytes: what went over the line
     * until now was right.
     */
    void expectAllOnes() throws InterruptedException {
        serialLine().finishComparing();
    }

    private EchoStream serialLine() {
        return streams.stream().filter(s -> s.name().equals("COM2")).findFirst().orElseThrow();
    }

    DebianMachine machine() {
        return machine;
    }

    /** A fault that can be told while the guest works: no reason to go on. Empty as long as there is none. */
    String faults() {
        StringBuilder faults = new StringBuilder();
        for (EchoStream stream : streams) {
            if (stream.fault() != null) {
                faults.append(stream.fault()).append('\n');
            }
        }
        return faults.toString();
    }

    /** Ends the work, fails if any of it went wrong, and powers off. What was done, for the reader. */
    String verify() throws Exception {
        serialLine().finishComparing();
        serialLine().stillAnswers();
        for (EchoStream stream : streams) {
            stream.finish();
        }
        StringBuilder done = new StringBuilder();
        for (EchoStream stream : streams) {
            done.append(stream.receivedBytes() / 1024)
                    .append(" KiB there and back ")
                    .append(stream.name())
                    .append(", ");
        }
        Files.writeString(dir.resolve("web/stop"), "");
        machine.run("until [ $(ls /run/chaos | grep -vc -e log -e stop) = 7 ]; do sleep 1; done");
        Map<String, String> results = new TreeMap<>();
        machine.run("cd /run/chaos; for w in raw qcow2 alone http rng rtc memory; do echo $w $(cat $w); done; cd")
                .lines()
                .map(l -> l.split(" ", 2))
                .forEach(w -> results.put(w[0], w[1]));
        String log = machine.run("cat /run/chaos/*.log");
        String complaints = machine.run("dmesg | grep -E '" + COMPLAINTS + "' || true");
        String sums = machine.run(
                "cd /mnt; for d in raw qcow2 alone; do for f in $d/f?; do echo $(md5sum <$f | cut -c-32) $f; done; done; cd");
        String expected = machine.run(
                "cd /mnt; for d in raw qcow2 alone; do for f in $d/f?; do echo $(cut -c-32 $f.sum) $f; done; done; cd");
        machine.run("umount /mnt/raw /mnt/qcow2 /mnt/alone");
        machine.powerOff();
        done.append(results);
        System.out.println(done);
        assertEquals("", faults());
        assertEquals("", complaints, "the guest's log");
        results.forEach((worker, counts) -> {
            assertTrue(counts.matches("[1-9]\\d* 0"), worker + " did and found wrong: " + counts + "\n" + log);
        });
        assertEquals(expected, sums, "what is on the disks");
        lookFromOutside(sums);
        return done.toString();
    }

    private void lookFromOutside(String sums) throws IOException, InterruptedException {
        for (String disk : DISKS) {
            Path image =
                    dir.resolve("raw".equals(disk) ? "raw.img" : disk.equals("qcow2") ? "disk.qcow2" : "alone.qcow2");
            if (!"raw".equals(disk)) {
                String said = DebianMachine.host("qemu-img", "check", image.toString());
                assertTrue(said.contains("No errors were found"), said);
                Path raw = dir.resolve(disk + ".out");
                DebianMachine.host("qemu-img", "convert", "-O", "raw", image.toString(), raw.toString());
                image = raw;
            }
            DebianMachine.host("/usr/sbin/e2fsck", "-fn", image.toString());
            Path out = Files.createDirectories(dir.resolve("seen/" + disk));
            DebianMachine.host("/usr/sbin/debugfs", "-R", "rdump / " + out, image.toString());
        }
        Files.writeString(dir.resolve("seen/sums"), sums.replace(" ", "  "));
        DebianMachine.host("sh", "-c", "cd " + dir.resolve("seen") + " && md5sum -c --quiet sums");
    }

    @Override
    public void close() throws IOException {
        for (EchoStream stream : streams) {
            stream.close();
        }
        machine.close();
        listener.close();
        end(server);
    }

    /** It has a child for each download under way. */
    private static void end(Process server) {
        server.descendants().forEach(ProcessHandle::destroyForcibly);
        server.destroyForcibly();
    }
}
