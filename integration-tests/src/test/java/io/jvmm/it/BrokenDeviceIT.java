package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Devices that are not replaced any more, under Debian's stock kernel, whose drivers wait for answers without looking whether there can be any: a caretaker answers
 * them, the machine goes on, a driver can let go and try anew, and other devices do not notice.
 */
@Tag("fault")
class BrokenDeviceIT extends MachineTest {
    private static final int SIGKILL = 9;
    private static final int DISK_BYTES = 16 << 20;

    /** A spare for one of them: a caretaker comes from there, too, and then the class has none any more. */
    private static final String LIFECYCLE = "standby = [\"net\"]\nrestart_budget = 0\n";

    private static final String DEVICES = """
            [control]
            socket = "control"
            [rng]
            [[net]]
            backend = "none"
            [console]
            backend = "none"
            [[block]]
            path = "second.img"
            id = "second"
            isolation = "instance"
            """;

    @Override
    protected void requirements() {
        // Nothing that a machine without KVM has not.
    }

    @Test
    void aStockDriverIsAnsweredAndLetsGoOfADeviceThatIsBroken() throws Exception {
        try (RandomAccessFile disk =
                new RandomAccessFile(dir.resolve("second.img").toFile(), "rw")) {
            disk.setLength(DISK_BYTES);
        }
        try (DebianMachine m = DebianMachine.boot(dir, "", "quiet", LIFECYCLE, DEVICES);
                ControlLine control = new ControlLine(dir.resolve("control"))) {
            m.run("dmesg -C; ip link set eth0 up");
            m.run(
                    "{ (while dd if=/dev/vdb of=/dev/null bs=4k iflag=direct 2>>/reader; do :; done; echo over >>/reader) & }");
            breakDown(m, control, "block-second");
            breakDown(m, control, "net");
            breakDown(m, control, "console");
            breakDown(m, control, "rng");
            diskFails(m);
            cardAnswers(m);
            // hvc waits in a loop until what it has written is taken.
            m.run("echo hello > /dev/hvc0");
            anewIsRefused(m, function(m, "/sys/block/vdb/device"), "virtio_blk", 1);
            Machine.kill(control.device("rng").pid(), SIGKILL);
            m.machine().awaitMessage("device rng, which is broken, is not even answered for any more");
            anewIsRefused(m, function(m, "/sys/bus/virtio/drivers/virtio_rng/virtio*"), "virtio_rng", 0);
            assertEquals("", m.run("dmesg | grep -E 'lockup|stall|blocked for|BUG' || true"));
            refused(new Ctl(dir.resolve("control")));
            // The others work on.
            assertEquals(
                    "ok",
                    m.run("dd if=/dev/zero of=/x bs=64k count=16 2>/dev/null; sync; echo ok")
                            .strip());
            m.powerOff();
        }
    }

    /** Kills its process, which is one too many, and waits until another answers for it. */
    private static void breakDown(DebianMachine m, ControlLine control, String device)
            throws IOException, InterruptedException {
        long deadline = System.nanoTime() + Machine.PATIENCE.toNanos();
        while (device.equals("net") && !control.device(device).spare()) {
            assertTrue(System.nanoTime() - deadline < 0, "no spare");
            Transcript.pause(20);
        }
        Machine.kill(control.device(device).pid(), SIGKILL);
        m.machine()
                .awaitMessage("device " + device
                        + " was killed by SIGKILL: it is broken from now on: its requests are answered with errors;");
        ControlLine.Device now = control.device(device);
        assertEquals("broken", now.state());
        assertTrue(now.pid() != 0, "who answers is a process");
        assertEquals(false, now.spare());
    }

    /** What was under way has failed, what comes does at once, and the disk has not shrunk to nothing. */
    private static void diskFails(DebianMachine m) throws IOException {
        m.run("wait");
        assertTrue(m.run("tail -n 1 /reader").contains("over"));
        assertTrue(m.run("cat /reader").contains("Input/output error"));
        assertTrue(m.run("dd if=/dev/vdb of=/dev/null bs=4k count=1 iflag=direct 2>&1 || true")
                .contains("Input/output error"));
        assertTrue(m.run("dd if=/dev/zero of=/dev/vdb bs=4k count=1 oflag=direct 2>&1 || true")
                .contains("Input/output error"));
        assertEquals(
                String.valueOf(DISK_BYTES / 512),
                m.run("cat /sys/block/vdb/size").strip());
    }

    /** Its control queue says no, and its link is down. */
    private static void cardAnswers(DebianMachine m) throws IOException {
        m.run("ip link set eth0 promisc on");
        m.run("ip link set eth0 promisc off");
        assertEquals("0", m.run("cat /sys/class/net/eth0/carrier").strip());
    }

    /** Where on the bus a virtio device is. */
    private static String function(DebianMachine m, String device) throws IOException {
        String function =
                m.run("basename $(dirname $(readlink -f " + device + "))").strip();
        assertTrue(function.matches("0000:00:[0-9a-f]{2}\\.0"), function);
        return function;
    }

    /** The driver lets go, finds the function again, and refuses it in order; so many others it keeps. */
    private static void anewIsRefused(DebianMachine m, String function, String driver, int others) throws IOException {
        String vendor = "cat /sys/bus/pci/devices/" + function + "/vendor";
        assertEquals("0x1af4", m.run(vendor).strip());
        m.run("echo 1 > /sys/bus/pci/devices/" + function + "/remove");
        assertEquals(
                "gone",
                m.run("[ -e /sys/bus/pci/devices/" + function + " ] || echo gone")
                        .strip());
        m.run("echo 1 > /sys/bus/pci/rescan");
        assertEquals("0x1af4", m.run(vendor).strip());
        assertEquals(
                String.valueOf(others),
                m.run("ls /sys/bus/virtio/drivers/" + driver + " | grep -c virtio || true")
                        .strip());
    }

    private static void refused(Ctl ctl) throws IOException, InterruptedException {
        for (String verb : List.of("restart", "kill")) {
            assertTrue(
                    ctl.refused("device", verb, "net").contains("net is broken for the rest of this machine's life."));
        }
        Path home = Distribution.home().toAbsolutePath();
        assertTrue(ctl.refused("device", "upgrade", "net", "--dist", home.toString())
                .contains("net is broken for the rest"));
    }
}
