package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Syscall;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Stock Linux's network driver on a tap and on passt, in a network namespace of the test's own. */
@Tag("boot")
class NetIT extends MachineTest {
    private static final int UNSHARE = 272;
    private static final int CLONE_NEWNS = 0x0002_0000;
    private static final int SIGKILL = 9;
    private static final int MIB = 1 << 20;
    private static final int FILE_MIB = Integer.getInteger("jvmm.net.megabytes", 16);
    private static final String HOST = "10.9.8.1";
    private static final String GUEST = "10.9.8.2";
    private static final String GATEWAY = "10.9.8.254";

    @Override
    protected void requirements() {
        for (String program : new String[] {"ip", "busybox", "passt"}) {
            if (!Host.has(program)) {
                throw new AssertionError(
                        "this test needs " + program + ": sudo apt-get install iproute2 busybox-static passt");
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1500,1", "9000,2"})
    void pingBothWaysAndALongDownload(int mtu, int pairs) throws Exception {
        NetworkNamespace.run(() -> {
            tap(mtu, pairs > 1);
            String card = """
                    [[net]]
                    backend = "tap"
                    tap = "tap0"
                    mtu = %d
                    queues = %d
                    """.formatted(mtu, pairs);
            try (DebianMachine m = DebianMachine.boot(dir, "vcpus = " + pairs, card)) {
                m.run("ip address add " + GUEST + "/24 dev eth0 && ip link set eth0 up");
                assertEquals(
                        Integer.toString(mtu),
                        m.run("cat /sys/class/net/eth0/mtu").strip());
                assertEquals(
                        Integer.toString(pairs),
                        m.run("ls -d /sys/class/net/eth0/queues/rx-* | wc -l").strip());
                int full = mtu - 28; // IPv4's and ICMP's headers
                m.run("ping -c 3 -s " + full + " " + HOST);
                DebianMachine.host("busybox", "ping", "-c", "3", "-s", Integer.toString(full), GUEST);
                download(m, HOST, HOST);
                m.powerOff();
            }
        });
    }

    /** What the guest sends to the gateway, passt brings to the host's loopback; the gateway itself is nowhere. */
    @Test
    void aLongDownloadThroughPasst() throws Exception {
        NetworkNamespace.run(() -> {
            tap(1500, false);
            DebianMachine.host("ip", "route", "add", "default", "via", GATEWAY);
            try (DebianMachine m =
                    DebianMachine.boot(dir, "", "[[net]]\nbackend = \"passt\"\nhost_loopback = true\n")) {
                m.run("until ip route | grep -q ^default; do sleep 1; done"); // by DHCP, which the guest asks for by
                // itself
                String address = m.run("ip -4 -o address show dev eth0");
                assertTrue(
                        address.contains(" " + HOST + "/24 "), "passt gives the guest the host's address: " + address);
                download(m, "127.0.0.1", GATEWAY);
                anotherPasst(m);
                m.powerOff();
            }
        });
    }

    /** passt dies under a download: that ends, and a later one comes through. */
    private void anotherPasst(DebianMachine m) throws Exception {
        String sum = writeFile(dir.resolve("file"));
        Process server = new ProcessBuilder("busybox", "httpd", "-f", "-p", "127.0.0.1:8000", "-h", dir.toString())
                .redirectErrorStream(true)
                .start();
        try {
            String get = "wget -q -O - http://" + GATEWAY + ":8000/file";
            m.run("( { timeout 15 " + get + " >/tmp/first; echo $? >/tmp/status; } & )");
            m.run("until [ -s /tmp/first ] || [ -e /tmp/status ]; do sleep 0.1; done");
            String status = m.run("cat /tmp/status 2>/dev/null || echo none").strip();
            long passt = m.machine()
                    .handle()
                    .descendants()
                    .map(ProcessHandle::pid)
                    .filter(pid -> LinuxProcess.commandLine(pid).contains("passt"))
                    .findFirst()
                    .orElseThrow();
            // passt 2023-03-09 sometimes loops over a connection that follows another. That ends it, too.
            assertTrue(status.equals("none") || spins(passt), () -> "the download is over: " + status);
            Machine.kill(passt, SIGKILL);
            m.run("until [ -e /tmp/status ]; do sleep 0.1; done");
            String got = m.run("until timeout 60 " + get + " >/tmp/second; do sleep 1; done; sha256sum </tmp/second");
            assertTrue(got.startsWith(sum), "the file is " + sum + ", the guest got " + got);
        } finally {
            server.destroyForcibly().waitFor();
        }
        m.machine().awaitMessage("has another passt: passt killed by SIGKILL");
        assertFalse(m.messages().contains("has lost its network"), m.messages());
    }

    /** Whether a process uses a processor, though nobody asks anything of it. */
    private static boolean spins(long pid) throws Exception {
        Duration before = cpuTime(pid);
        Transcript.pause(2000);
        return cpuTime(pid).minus(before).toMillis() > 200;
    }

    private static Duration cpuTime(long pid) {
        return ProcessHandle.of(pid).flatMap(p -> p.info().totalCpuDuration()).orElse(Duration.ZERO);
    }

    /** A host whose resolver and whose secrets are on its loopback: the guest has the one and not the others. */
    @Test
    void withoutHostLoopbackTheGuestResolvesAndReachesNothingElseThere() throws Exception {
        NetworkNamespace.run(() -> {
            tap(1500, false);
            DebianMachine.host("ip", "route", "add", "default", "via", GATEWAY);
            assertEquals(0, Syscall.call(UNSHARE, CLONE_NEWNS), "this test makes a mount namespace: run it as root");
            DebianMachine.host("mount", "--make-rprivate", "/");
            Path resolvConf = Files.writeString(dir.resolve("resolv.conf"), "nameserver 127.0.0.53\n");
            DebianMachine.host("mount", "--bind", resolvConf.toString(), "/etc/resolv.conf");
            Files.writeString(dir.resolve("secret"), "the secret");
            Process server = new ProcessBuilder("busybox", "httpd", "-f", "-p", "127.0.0.1:8000", "-h", dir.toString())
                    .redirectErrorStream(true)
                    .start();
            try (NameServer _ = NameServer.on("127.0.0.53");
                    DebianMachine m = DebianMachine.boot(dir, "", "[[net]]\nbackend = \"passt\"\n")) {
                DebianMachine.host("busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/secret");
                m.run("until ip route | grep -q ^default; do sleep 1; done");
                String said = m.run("cat /etc/resolv.conf; nslookup -type=a any.test");
                assertTrue(said.contains("nameserver 169.254.1.1") && said.contains(NameServer.ANSWER), said);
                for (String address : new String[] {GATEWAY, "169.254.1.1"}) {
                    m.run("! timeout 5 wget -q -O - http://" + address + ":8000/secret");
                }
                m.powerOff();
            } finally {
                server.destroyForcibly().waitFor();
            }
        });
    }

    private static void tap(int mtu, boolean queues) throws Exception {
        DebianMachine.host("ip", "link", "set", "lo", "up");
        if (queues) {
            DebianMachine.host("ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "multi_queue");
        } else {
            DebianMachine.host("ip", "tuntap", "add", "dev", "tap0", "mode", "tap");
        }
        DebianMachine.host("ip", "address", "add", HOST + "/24", "dev", "tap0");
        DebianMachine.host("ip", "link", "set", "tap0", "mtu", Integer.toString(mtu), "up");
    }

    /** From a server on an address of the host, which the guest calls by another. */
    private void download(DebianMachine m, String address, String called) throws Exception {
        String sum = writeFile(dir.resolve("file"));
        Process server = new ProcessBuilder("busybox", "httpd", "-f", "-p", address + ":8000", "-h", dir.toString())
                .redirectErrorStream(true)
                .start();
        try {
            String got = m.run("wget -q -O - http://" + called + ":8000/file | sha256sum");
            assertTrue(got.startsWith(sum), "the file is " + sum + ", the guest got " + got);
        } finally {
            server.destroyForcibly().waitFor();
        }
    }

    private static String writeFile(Path file) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        Random random = new Random(1);
        byte[] piece = new byte[MIB];
        try (OutputStream out = Files.newOutputStream(file)) {
            for (int i = 0; i < FILE_MIB; i++) {
                random.nextBytes(piece);
                digest.update(piece);
                out.write(piece);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
