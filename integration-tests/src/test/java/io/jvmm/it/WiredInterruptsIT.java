package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A stock guest that will not have message-signalled interrupts uses its disks by INTx all the same. */
@Tag("boot")
class WiredInterruptsIT extends MachineTest {
    /** Writes, and reads what it has written from the disk and not from its cache; then what the kernel has counted and complained of. */
    private static final String WORK = "dd if=/dev/urandom of=/w bs=64k count=64 2>/dev/null && sha256sum /w >/s"
            + " && sync && echo 3 >/proc/sys/vm/drop_caches && sha256sum -c --quiet /s";

    private void disksWork(String words, String interrupt) throws Exception {
        try (DebianMachine m = DebianMachine.boot(dir, "", "quiet " + words, "[rng]\n[balloon]\n")) {
            m.run(WORK);
            String interrupts = m.run("cat /proc/interrupts");
            assertTrue(
                    interrupts
                            .lines()
                            .anyMatch(l -> l.matches("\\s*\\d+:\\s+[1-9]\\d+\\s+" + interrupt + ".*virtio\\d.*")),
                    interrupts);
            assertTrue(interrupts.lines().noneMatch(l -> l.contains("MSI")), interrupts);
            assertEquals("", m.run("dmesg | grep -iE 'nobody cared|irq.*(fail|error)|virtio.*fail' || true"));
            m.powerOff();
        }
    }

    @Test
    void throughTheIoapic() throws Exception {
        disksWork("pci=nomsi", "IO-APIC\\s+\\d+-fasteoi");
    }

    /** PCI's interrupt lines are routed to the 8259s by the ISA bridge, as the ACPI tables tell the kernel to. */
    @Test
    void throughThe8259s() throws Exception {
        disksWork("noapic pci=nomsi", "XT-PIC");
    }
}
