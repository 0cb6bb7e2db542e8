package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Syscall;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the host takes away from a running machine costs it one device, or a moment of it; the machine goes on. */
@Tag("fault")
class EdgesIT extends MachineTest {
    private static final int UNSHARE = 272;
    private static final int CLONE_NEWNS = 0x0002_0000;
    private static final Path CGROUP_1 = Path.of("/sys/fs/cgroup/memory");
    private static final Path CGROUP_2 = Path.of("/sys/fs/cgroup");

    @Override
    protected void requirements() {
        Host.requireRoot();
    }

    private static final String DEVICES = """
            [[serial]]
            port = 2
            backend = "socket"
            path = "com2.sock"
            [[block]]
            path = "small/disk.img"
            [[block]]
            path = "small/disk.qcow2"
            [[net]]
            backend = "tap"
            tap = "tap0"
            [rng]
            """;

    @Test
    void diskFullTapGonePeerGone() throws Exception {
        NetworkNamespace.run(() -> {
            assertEquals(0, Syscall.call(UNSHARE, CLONE_NEWNS), "a mount namespace of its own");
            DebianMachine.host("mount", "--make-rprivate", "/");
            DebianMachine.host("ip", "link", "set", "lo", "up");
            DebianMachine.host("ip", "tuntap", "add", "dev", "tap0", "mode", "tap");
            Path small = Files.createDirectory(dir.resolve("small"));
            DebianMachine.host("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", small.toString());
            try (RandomAccessFile raw =
                    new RandomAccessFile(small.resolve("disk.img").toFile(), "rw")) {
                raw.setLength(64L << 20);
            }
            DebianMachine.host(
                    "qemu-img",
                    "create",
                    "-q",
                    "-f",
                    "qcow2",
                    small.resolve("disk.qcow2").toString(),
                    "64M");
            try (DebianMachine m = DebianMachine.boot(dir, DEVICES)) {
                diskFull(m, "vdb", "disk.img", small);
                diskFull(m, "vdc", "disk.qcow2", small);
                tapGone(m);
                peerGone(m);
                assertEquals(
                        "32",
                        m.run("dd if=/dev/hwrng bs=32 count=1 2>/dev/null | wc -c")
                                .strip());
                m.powerOff();
            }
            String said = DebianMachine.host(
                    "qemu-img", "check", small.resolve("disk.qcow2").toString());
            assertTrue(said.contains("No errors were found"), said);
        });
    }

    /** The guest's writes fail while there is no room and work again when there is; whoever runs the machine is told. */
    private static void diskFull(DebianMachine m, String disk, String image, Path small) throws Exception {
        Path ballast = small.resolve("ballast");
        DebianMachine.host("sh", "-c", "dd if=/dev/zero of=" + ballast + " bs=64k 2>/dev/null; true");
        m.run("! dd if=/dev/urandom of=/dev/" + disk + " bs=1M count=20 oflag=direct 2>/dev/null");
        m.machine().awaitMessage(image + ": writing failed: ENOSPC");
        Files.delete(ballast);
        m.run("dd if=/dev/urandom of=/tmp/data bs=1M count=2 2>/dev/null"
                + " && dd if=/tmp/data of=/dev/" + disk + " bs=1M oflag=direct 2>/dev/null"
                + " && dd if=/dev/" + disk + " bs=1M count=2 iflag=direct 2>/dev/null | cmp - /tmp/data");
        m.run("blkdiscard /dev/" + disk + " && sync");
    }

    private static void tapGone(DebianMachine m) throws Exception {
        assertEquals("1", m.run("cat /sys/class/net/eth0/carrier").strip());
        DebianMachine.host("ip", "link", "del", "tap0");
        m.run("until [ $(cat /sys/class/net/eth0/carrier) = 0 ]; do sleep 0.2; done");
        m.machine().awaitMessage("goes on without it");
        String said = m.messages();
        assertTrue(said.lines().anyMatch(l -> l.contains("net") && l.contains("goes on without it")), said);
    }

    private void peerGone(DebianMachine m) throws Exception {
        m.run("stty -F /dev/ttyS1 115200 raw -echo; (cat /dev/ttyS1 >/dev/ttyS1 &)");
        for (int i = 0; i < 3; i++) {
            try (UnixPeer peer = UnixPeer.connect(dir.resolve("com2.sock"), Machine.PATIENCE)) {
                peer.write("peer " + i + "\n");
                peer.await("peer " + i + "\n", DebianMachine.COMMAND);
                peer.write("not waited for");
            }
        }
    }

    /** A terminal that hangs up ends a machine, as it ends any program, unless it was told to ignore that (nohup). */
    @Test
    void terminalGone() throws Exception {
        String toml = monitorToml("[[serial]]\nport = 2\nbackend = \"socket\"\npath = \"com2\"\n");
        try (Machine machine = Machine.with(dir, toml)
                .onTerminal()
                .under("env", "--ignore-signal=HUP")
                .run()
                .awaitPrompt()) {
            machine.terminal().hangUp();
            try (UnixPeer peer = UnixPeer.connect(dir.resolve("com2"), Machine.PATIENCE)) {
                for (int i = 0; i < 5; i++) {
                    Transcript.pause(200);
                    peer.write("still here " + i);
                    peer.await("still here " + i, Machine.PATIENCE);
                }
            }
            assertTrue(machine.handle().isAlive());
            machine.signal(15);
            assertEquals(0, machine.awaitExit());
        }
    }

    /** One process at the limit of its memory is killed by the kernel, and replaced. */
    @Test
    void memoryLimit() throws Exception {
        Path group = memoryGroup();
        try (RandomAccessFile raw = new RandomAccessFile(dir.resolve("disk.img").toFile(), "rw")) {
            raw.setLength(64L << 20);
        }
        try (DebianMachine m = DebianMachine.boot(dir, "[[block]]\npath = \"disk.img\"\n")) {
            long before = m.machine().child("block");
            Files.writeString(group.resolve("cgroup.procs"), Long.toString(before));
            // What it writes is in the host's memory first, and that is charged to it.
            m.run("dd if=/dev/urandom of=/tmp/data bs=1M count=8 2>/dev/null"
                    + " && dd if=/tmp/data of=/dev/vdb bs=1M oflag=direct 2>/dev/null"
                    + " && dd if=/dev/vdb bs=1M count=8 iflag=direct 2>/dev/null | cmp - /tmp/data");
            assertFalse(m.machine().children("block").contains(before), "the limit has not been hit");
            m.machine().awaitMessage("block was killed by SIGKILL; replaced");
            m.powerOff();
        } finally {
            Files.delete(group);
        }
    }

    /** With room for nothing. */
    private static Path memoryGroup() throws Exception {
        boolean old = Files.isDirectory(CGROUP_1);
        Path group = (old ? CGROUP_1 : CGROUP_2)
                .resolve("jvmm-edges-" + ProcessHandle.current().pid());
        Files.createDirectory(group);
        Files.writeString(group.resolve(old ? "memory.limit_in_bytes" : "memory.max"), "0");
        return group;
    }
}
