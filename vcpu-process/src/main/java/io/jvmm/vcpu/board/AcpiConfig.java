package io.jvmm.vcpu.board;

import java.util.List;

/**
 * What the tables tell about this machine.
 *
 * @param vcpus 1..255, APIC id = index
 * @param comPorts the UARTs, COM1 first
 * @param platform whether the platform device (RTC, i8042, power management, reset) is there
 * @param firmware whether the guest is started by firmware, which moves ECAM to {@link PciMap#FIRMWARE_ECAM_START} and puts BARs anywhere behind
 */
public record AcpiConfig(int vcpus, List<ComPort> comPorts, boolean platform, boolean firmware) {
    /** APIC ids are bytes in the MADT's LAPIC entries and ff is the broadcast. */
    public static final int MOST_VCPUS = 255;

    /** A 16550A at a legacy place. */
    public record ComPort(int port, int irq) {}

    /** Of a machine whose kernel is loaded by us. */
    public AcpiConfig(int vcpus, List<ComPort> comPorts, boolean platform) {
        this(vcpus, comPorts, platform, false);
    }

    public AcpiConfig {
        comPorts = List.copyOf(comPorts);
        if (vcpus < 1 || vcpus > MOST_VCPUS) {
            throw new IllegalArgumentException("vcpus = " + vcpus + ": 1 to " + MOST_VCPUS + " are possible");
        }
    }

    long ecamStart() {
        return firmware ? PciMap.FIRMWARE_ECAM_START : PciMap.ECAM_START;
    }

    /** Where the windows of PCI end. */
    long windowEnd() {
        return firmware ? PciMap.DECODED_END : PciMap.WINDOW_END;
    }
}
