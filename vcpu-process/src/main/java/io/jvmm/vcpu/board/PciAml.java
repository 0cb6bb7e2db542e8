package io.jvmm.vcpu.board;

import java.util.HexFormat;

/**
 * PCI in the DSDT: the root bridge with its bus numbers, its windows, the interrupts of all slots and the handshake that gives the
 * operating system control (PCI Firmware 3.2 §4.5), and the motherboard resource that is ECAM, without which kernels do not use it (PCI Firmware
 * 3.2 §4.1.2).
 */
final class PciAml {
    private static final int PINS = 4;
    private static final int ANY_FUNCTION = 0xFFFF;

    /** {@code ToUUID ("33DB4D5B-1FF7-401C-9657-7441C03DD766")}: PCI host bridges. */
    private static final byte[] HOST_BRIDGE_UUID = HexFormat.of().parseHex("5b4ddb33f71f1c4096577441c03dd766");

    /** In the first word that _OSC gives back: the UUID is not known. */
    private static final int UNRECOGNIZED_UUID = 1 << 2;

    private PciAml() {}

    static void write(AmlWriter sb, AcpiConfig config) {
        sb.device("PCI0", d -> {
            d.name("_HID").eisaId("PNP0A08");
            d.name("_CID").eisaId("PNP0A03");
            d.name("_UID").integer(0);
            d.name("_BBN").integer(0);
            d.name("_CRS")
                    .buffer(new ResourceTemplate()
                            .busNumbers(0, (int) (PciMap.ECAM_BYTES >> 20) - 1)
                            .ports(PciMap.CONFIG_ADDRESS_PORT, 8)
                            .portWindow(0, PciMap.CONFIG_ADDRESS_PORT - 1)
                            .portWindow(PciMap.CONFIG_ADDRESS_PORT + 8, 0xFFFF)
                            .memoryWindow(PciMap.WINDOW_START, config.windowEnd() - 1)
                            .toByteArray());
            d.name("_PRT").packageOf(PciMap.SLOTS * PINS - PINS, PciAml::routes);
            d.method("_OSC", 4, PciAml::control);
        });
        sb.device("ECAM", d -> {
            d.name("_HID").eisaId("PNP0C02");
            d.name("_UID").string("ECAM");
            d.name("_CRS")
                    .buffer(new ResourceTemplate()
                            .fixedMemory(config.ecamStart(), PciMap.ECAM_BYTES)
                            .toByteArray());
        });
    }

    /** ACPI 6.5 §6.2.13: slot, pin, no link device, the IOAPIC's pin. */
    private static void routes(AmlWriter table) {
        for (int slot = 1; slot < PciMap.SLOTS; slot++) {
            for (int pin = 0; pin < PINS; pin++) {
                table.packageOf(((long) slot << 16) | ANY_FUNCTION, pin, 0, PciMap.gsi(slot, pin));
            }
        }
    }

    /** There is nothing that firmware would keep for itself: what the operating system asks for it is given. */
    private static void control(AmlWriter method) {
        method.dwordField(3, 0, "CDW1");
        method.ifArgumentDiffers(0, HOST_BRIDGE_UUID, b -> b.setBits("CDW1", UNRECOGNIZED_UUID));
        method.returnArgument(3);
    }
}
