package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A device that is not replaced any more, under Debian's stock kernel: the machine goes on, its driver can let go and try anew, and the other devices
 * do not notice.
 */
@Tag("fault")
class BrokenDeviceIT extends MachineTest {
    private static final int SIGKILL = 9;

    @Override
    protected void requirements() {
        // Nothing that a machine without KVM has not.
    }

    @Test
    void aStockDriverLetsGoOfADeviceThatIsBroken() throws Exception {
        try (DebianMachine m = DebianMachine.boot(
                dir, "", "quiet", "standby = \"none\"\nrestart_budget = 0\n", "[rng]\n[[net]]\nbackend = \"none\"\n")) {
            String rng = m.run("basename $(dirname $(readlink -f /sys/bus/virtio/drivers/virtio_rng/virtio*))")
                    .strip();
            assertTrue(rng.matches("0000:00:[0-9a-f]{2}\\.0"), rng);
            Machine.kill(m.machine().children("rng").getFirst(), SIGKILL);
            long deadline = System.nanoTime() + Machine.PATIENCE.toNanos();
            while (!m.messages().contains("it is broken from now on")) {
                assertTrue(System.nanoTime() - deadline < 0, m.messages());
                Transcript.pause(20);
            }
            // Configuration space is there; the driver lets go, finds the function again, and refuses it in order.
            assertEquals(
                    "0x1af4",
                    m.run("cat /sys/bus/pci/devices/" + rng + "/vendor").strip());
            m.run("echo 1 > /sys/bus/pci/devices/" + rng + "/remove");
            assertEquals(
                    "gone",
                    m.run("[ -e /sys/bus/pci/devices/" + rng + " ] || echo gone")
                            .strip());
            m.run("echo 1 > /sys/bus/pci/rescan");
            assertEquals(
                    "0x1af4",
                    m.run("cat /sys/bus/pci/devices/" + rng + "/vendor").strip());
            List<String> drivers = m.run("ls /sys/bus/virtio/drivers/virtio_rng | grep virtio || echo none")
                    .lines()
                    .map(String::strip)
                    .toList();
            assertEquals(List.of("none"), drivers);
            // The others work on.
            assertTrue(m.run("cat /sys/class/net/eth0/address").contains(":"));
            assertEquals(
                    "ok",
                    m.run("dd if=/dev/zero of=/x bs=64k count=16 2>/dev/null; sync; echo ok")
                            .strip());
            m.powerOff();
        }
    }
}
