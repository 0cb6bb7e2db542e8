package io.jvmm.vcpu.board;

import java.util.Locale;

/**
 * The DSDT: what cannot be found by probing. Names, and of methods only PCI's ({@link PciAml}), so that hardly anything in it can fail at run time.
 *
 * <p>There is no DMA controller (PNP0200) on this board, so none is declared; the 8259s and the 8254 are the engine's.
 */
final class Dsdt {
    private static final int PRESENT_ENABLED_SHOWN_WORKING = 0xF;

    private Dsdt() {}

    static byte[] of(AcpiConfig config) {
        final AmlWriter aml = new AmlWriter();
        PciAml.interruptModel(aml);
        aml.scope("\\_SB", sb -> {
            for (int cpu = 0; cpu < config.vcpus(); cpu++) {
                processor(sb, cpu);
            }
            PciAml.write(sb, config);
            isaDevice(
                    sb,
                    "PIC0",
                    "PNP0000",
                    new ResourceTemplate()
                            .ports(0x20, 2)
                            .ports(0xA0, 2)
                            .ports(0x4D0, 2)
                            .irq(2));
            isaDevice(
                    sb, "TMR0", "PNP0100", new ResourceTemplate().ports(0x40, 4).irq(0));
            for (int i = 0; i < config.comPorts().size(); i++) {
                comPort(sb, i + 1, config.comPorts().get(i), config);
            }
            if (config.platform()) {
                isaDevice(
                        sb,
                        "RTC0",
                        "PNP0B00",
                        new ResourceTemplate().ports(0x70, 2).irq(8));
                isaDevice(
                        sb,
                        "KBD0",
                        "PNP0303",
                        new ResourceTemplate().ports(0x60, 1).ports(0x64, 1).irq(1));
                isaDevice(sb, "MOU0", "PNP0F13", new ResourceTemplate().irq(12));
                isaDevice(
                        sb,
                        "MBRD",
                        "PNP0C02",
                        new ResourceTemplate().ports(AcpiTables.PM_BASE, 0x40).ports(0x402, 1));
            }
        });
        if (config.platform()) {
            aml.name("\\_S5").packageOf(AcpiTables.SLEEP_TYPE_S5, AcpiTables.SLEEP_TYPE_S5, 0, 0);
        }
        return aml.toByteArray();
    }

    /** A processor device (ACPI 6.5 §8.4), tied to its MADT entry by _UID. */
    private static void processor(AmlWriter sb, int cpu) {
        sb.device(String.format(Locale.ROOT, "C%03X", cpu), d -> {
            d.name("_HID").string("ACPI0007");
            d.name("_UID").integer(cpu);
        });
    }

    private static void isaDevice(AmlWriter sb, String name, String id, ResourceTemplate resources) {
        sb.device(name, d -> {
            d.name("_HID").eisaId(id);
            d.name("_STA").integer(PRESENT_ENABLED_SHOWN_WORKING);
            d.name("_CRS").buffer(resources.toByteArray());
        });
    }

    /** COM1 and COM3 share an interrupt, and so do COM2 and COM4; one that has it alone says so. */
    private static void comPort(AmlWriter sb, int number, AcpiConfig.ComPort com, AcpiConfig config) {
        final boolean shared =
                config.comPorts().stream().filter(c -> c.irq() == com.irq()).count() > 1;
        final ResourceTemplate resources = new ResourceTemplate().ports(com.port(), 8);
        sb.device("COM" + number, d -> {
            d.name("_HID").eisaId("PNP0501");
            d.name("_UID").integer(number);
            d.name("_STA").integer(PRESENT_ENABLED_SHOWN_WORKING);
            d.name("_CRS").buffer((shared ? resources.sharedIrq(com.irq()) : resources.irq(com.irq())).toByteArray());
        });
    }
}
