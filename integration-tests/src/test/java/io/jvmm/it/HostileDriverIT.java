package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A device process that is taken over and lies to a stock kernel's driver: in the used ring and with interrupts, and then with the state it
 * leaves. The guest may lose that device, and loses nothing else: its disk and its console work on.
 */
@Tag("boot")
@Tag("fault")
@Tag("long")
class HostileDriverIT extends MachineTest {
    private static final String SUM = "sha256sum /usr/bin/[a-d]* 2>/dev/null | sha256sum";
    private static final Pattern BAD_RING =
            Pattern.compile("virtio_rng virtio[0-9]+: input:id [0-9]+ (out of range|is not a head!)");

    @Override
    protected void requirements() {
        // Nothing that a machine without KVM has not.
    }

    @Test
    void liesInTheUsedRingAndInTheState() throws Exception {
        HostileDistribution distribution = new HostileDistribution(dir);
        distribution.takeOver(
                "rng",
                "io.jvmm.device.rng.RngDevice",
                "deeds=USED_RING,LYING_STATE",
                "delayMs=3000",
                "lastsMs=2000",
                "seed=" + TestSeed.next());
        try (DebianMachine m =
                DebianMachine.boot(dir, distribution.home(), "", "quiet", "standby = \"none\"", "[rng]\n")) {
            m.run("{ while true; do dd if=/dev/hwrng bs=64 count=64; done >/dev/null 2>&1 & }");
            String sum = m.run(SUM);
            long endNs = System.nanoTime() + DebianMachine.BOOT.toNanos();
            while (!m.messages().contains("device rng exited with 7") && System.nanoTime() < endNs) {
                m.run("echo 3 >/proc/sys/vm/drop_caches");
                assertEquals(sum, m.run(SUM));
            }
            String used = m.messages();
            assertTrue(used.contains("device rng exited with 7"), used);
            // What drivers/virtio/virtio_ring.c says of an element of the used ring that cannot be, before it gives the
            // queue up.
            String dmesg = m.run("dmesg");
            assertTrue(BAD_RING.matcher(dmesg).find(), "no lie reached the driver:\n" + dmesg);
            // What it leaves is refused, and the device broken, or it is served on, and the successor is honest.
            while (!decided(m.messages()) && System.nanoTime() < endNs) {
                assertEquals(sum, m.run("echo 3 >/proc/sys/vm/drop_caches; " + SUM));
            }
            assertTrue(decided(m.messages()), m.messages());
            System.out.println(m.messages());
            assertEquals("42", m.run("echo $((6 * 7))").strip());
            m.powerOff();
        }
    }

    private static boolean decided(String said) {
        return said.contains("it is broken from now on") || said.split("; replaced after", -1).length > 2;
    }
}
