package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Every class of device at once, under the drivers of a stock kernel. */
@Tag("boot")
class DevicesIT extends MachineTest {
    private static final int MIB = 1 << 20;
    private static final int BALLOON_PAGES = 64 * MIB / 4096;
    private static final int NOBODY_LISTENS = 4321;

    @Override
    protected void requirements() {
        // Nothing that a machine without KVM has not.
    }

    private static final String DEVICES = """
            [[net]]
            backend = "none"
            mac = "02:00:00:00:00:07"
            [console]
            backend = "socket"
            path = "hvc0.sock"
            [[console.port]]
            name = "org.example.agent"
            backend = "socket"
            path = "agent.sock"
            [rng]
            [balloon]
            target = "64M"
            [[vsock]]
            cid = 42
            path = "v.sock"
            """;

    @Test
    void stockDriversBindAndWork() throws Exception {
        try (DebianMachine m = DebianMachine.boot(dir, DEVICES)) {
            driversAreBound(m);
            assertEquals(
                    "16",
                    m.run("dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c").strip());
            assertEquals(
                    "02:00:00:00:00:07",
                    m.run("cat /sys/class/net/eth0/address").strip());
            try {
                console(m);
                vsock(m);
                memoryComesBack(m);
            } catch (AssertionError e) {
                throw new AssertionError(e.getMessage() + "\nthe supervisor said:\n" + m.messages(), e);
            }
            m.powerOff();
        }
    }

    /** Device numbers of virtio 1.2 §5: the board has them where MachinePlan put them. */
    private static void driversAreBound(DebianMachine m) throws IOException {
        String bound = m.run("for d in /sys/bus/virtio/devices/*; do"
                + " echo $(basename $(readlink -f $d/..)) $(cat $d/device) $(basename $(readlink -f $d/driver)); done"
                + " | sort");
        assertEquals("""
                0000:00:01.0 0x0003 virtio_console
                0000:00:02.0 0x0004 virtio_rng
                0000:00:03.0 0x0005 virtio_balloon
                0000:00:04.0 0x0013 vmw_vsock_virtio_transport
                0000:00:08.0 0x0002 virtio_blk
                0000:00:18.0 0x0001 virtio_net
                """, bound);
    }

    private void console(DebianMachine m) throws Exception {
        try (UnixPeer hvc0 = UnixPeer.connect(dir.resolve("hvc0.sock"), Machine.PATIENCE)) {
            hvc0.write("\n");
            hvc0.await("jvmm:~# ", DebianMachine.COMMAND);
            hvc0.write("tty; echo $((6 * 7))\n");
            hvc0.await("/dev/hvc0\r\n42\r\n", DebianMachine.COMMAND);
        }
        m.run("cat /sys/class/virtio-ports/vport*p1/name | grep -q org.example.agent");
        try (UnixPeer agent = UnixPeer.connect(dir.resolve("agent.sock"), Machine.PATIENCE)) {
            m.run("port=/dev/$(basename /sys/class/virtio-ports/vport*p1); echo to the host >$port");
            agent.await("to the host\n", DebianMachine.COMMAND);
        }
    }

    private void vsock(DebianMachine m) throws Exception {
        for (int i = 0; i < 3; i++) {
            try (UnixPeer client = UnixPeer.connect(dir.resolve("v.sock"), Machine.PATIENCE)) {
                client.write("CONNECT " + NOBODY_LISTENS + "\n");
                client.awaitEnd(DebianMachine.COMMAND);
            }
        }
        m.run("{ socat VSOCK-LISTEN:1234,fork EXEC:cat & }");
        try (UnixPeer client = connected(dir.resolve("v.sock"))) {
            client.await("\n", DebianMachine.COMMAND);
            client.write("there and back");
            client.await("there and back", DebianMachine.COMMAND);
        }
        Process host = new ProcessBuilder(
                        "sh", "-c", "exec timeout 300 socat UNIX-LISTEN:" + dir.resolve("v.sock_99") + " STDOUT")
                .start();
        try {
            while (!Files.exists(dir.resolve("v.sock_99"))) {
                Transcript.pause(20);
            }
            m.run("echo from the guest | socat - VSOCK-CONNECT:2:99");
            assertEquals("from the guest\n", new String(host.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        } finally {
            host.destroyForcibly().waitFor();
        }
    }

    /** Until the guest listens it refuses, which the host's client sees as an end. */
    private static UnixPeer connected(Path socket) throws Exception {
        long deadline = System.nanoTime() + DebianMachine.COMMAND.toNanos();
        while (true) {
            UnixPeer client = UnixPeer.connect(socket, Machine.PATIENCE);
            client.write("CONNECT 1234\n");
            try {
                client.await("OK ", DebianMachine.COMMAND);
                return client;
            } catch (AssertionError | SocketException e) {
                client.close();
                if (System.nanoTime() - deadline > 0) {
                    throw e;
                }
                Transcript.pause(200);
            }
        }
    }

    /** What the balloon took is not the guest's, and what the guest freed is the host's again (§5.5.6). */
    private static void memoryComesBack(DebianMachine m) throws Exception {
        // Not by MemTotal: a guest that may take from the balloon when it has nothing else goes on counting it as its
        // own.
        m.run("until [ $(awk '/^balloon_inflate/ {print $2}' /proc/vmstat) -ge " + BALLOON_PAGES
                + " ]; do sleep 0.2; done");
        m.run("dd if=/dev/zero of=/tmp/fill bs=1M count=128 2>/dev/null");
        long full = residentBytes(m.machine().handle().pid());
        m.run("rm /tmp/fill");
        long deadline = System.nanoTime() + Duration.ofMinutes(3).toNanos();
        long now = residentBytes(m.machine().handle().pid());
        while (full - now < 100L * MIB && System.nanoTime() - deadline < 0) {
            Transcript.pause(200);
            now = residentBytes(m.machine().handle().pid());
        }
        assertTrue(
                full - now >= 100L * MIB,
                "the host has " + full / MIB + " MiB of the guest's memory before, " + now / MIB + " MiB after");
    }

    /** How much of the guest's memory the host holds: the blocks of the memfd, as stat(1) counts them. */
    private static long residentBytes(long supervisor) throws IOException, InterruptedException {
        try (DirectoryStream<Path> fds = Files.newDirectoryStream(Path.of("/proc/" + supervisor + "/fd"))) {
            for (Path fd : fds) {
                if (Files.readSymbolicLink(fd).toString().startsWith("/memfd:guest-memory")) {
                    return 512
                            * Long.parseLong(DebianMachine.host("stat", "-L", "-c", "%b", fd.toString())
                                    .strip());
                }
            }
        }
        throw new AssertionError("the supervisor holds no guest memory");
    }
}
