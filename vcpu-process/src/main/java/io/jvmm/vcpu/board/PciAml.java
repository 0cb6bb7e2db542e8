package io.jvmm.vcpu.board;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * PCI in the DSDT: the root bridge with its bus numbers, its windows, the interrupts of all slots for either kind of interrupt controller and the handshake that gives the
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

    /** {@code _ADR}: device 31, function 0. */
    private static final long ISA_BRIDGE = 31L << 16;

    /** PIRQ[A-D] at 60, PIRQ[E-H] at 68 (Intel datasheet 316972, §13.1.17, §13.1.19): bit 7 not routed, bits 3:0 the line. */
    private static final int PIRQ_REGISTERS = 0x60;

    private static final int PIRQ_REGISTERS_BYTES = 12;
    private static final int NOT_ROUTED = 0x80;
    private static final int LINE = 0xF;

    /** Of {@code _STA} (ACPI 6.5 §6.3.7). */
    private static final int PRESENT_ENABLED_WORKING = 0xB;

    private static final int ENABLED = 2;

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
            d.device("LPC0", PciAml::isaBridge);
            d.name("PRTA").packageOf(PciMap.SLOTS * PINS - PINS, PciAml::routes);
            d.name("PRTP").packageOf(PciMap.SLOTS * PINS - PINS, PciAml::picRoutes);
            d.method(
                    "_PRT",
                    m -> m.ifSet("\\PICF", b -> b.returns().path("PRTA"))
                            .returns()
                            .path("PRTP"));
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

    /** The same for a system that uses the 8259s: a link device, which says to which line it is routed. */
    private static void picRoutes(AmlWriter table) {
        for (int slot = 1; slot < PciMap.SLOTS; slot++) {
            for (int pin = 0; pin < PINS; pin++) {
                final long address = ((long) slot << 16) | ANY_FUNCTION;
                final int number = pin;
                final String link = "LPC0." + link(PciMap.gsi(slot, pin) - PciMap.FIRST_INTX_GSI);
                table.packageOf(
                        4,
                        route -> route.integer(address)
                                .integer(number)
                                .path(link)
                                .integer(0));
            }
        }
    }

    private static String link(int pirq) {
        return "LNK" + (char) ('A' + pirq);
    }

    private static String register(int pirq) {
        return "PRQ" + (char) ('A' + pirq);
    }

    /** Its PIRQ registers as interrupt link devices (ACPI 6.5 §6.2.13, PNP0C0F). */
    private static void isaBridge(AmlWriter d) {
        d.name("_ADR").integer(ISA_BRIDGE);
        d.pciConfigRegion("PIRQ", PIRQ_REGISTERS, PIRQ_REGISTERS_BYTES);
        final List<@Nullable String> registers = new ArrayList<>();
        for (int i = 0; i < PIRQ_REGISTERS_BYTES; i++) {
            registers.add(i < PINS ? register(i) : i < 2 * PINS ? null : register(i - PINS));
        }
        d.byteFields("PIRQ", registers);
        for (int pirq = 0; pirq < PciMap.INTX_GSIS; pirq++) {
            final int number = pirq;
            d.device(link(pirq), link -> linkDevice(link, number));
        }
    }

    private static void linkDevice(AmlWriter d, int pirq) {
        final String register = register(pirq);
        d.name("_HID").eisaId("PNP0C0F");
        d.name("_UID").integer(pirq);
        d.name("_PRS")
                .buffer(new ResourceTemplate()
                        .levelInterrupts(IntStream.range(0, Integer.SIZE)
                                .filter(line -> (PciMap.PIC_LINES & 1 << line) != 0)
                                .toArray())
                        .toByteArray());
        d.name("CURR").buffer(new ResourceTemplate().levelInterrupts(0).toByteArray());
        d.method(
                "_STA",
                m -> m.ifAnyBit(register, NOT_ROUTED, b -> b.returns().integer(PRESENT_ENABLED_WORKING & ~ENABLED))
                        .returns()
                        .integer(PRESENT_ENABLED_WORKING));
        d.method("_DIS", m -> m.setBits(register, NOT_ROUTED));
        d.method(
                "_CRS",
                m -> m.dwordField("CURR", ResourceTemplate.INTERRUPT_NUMBER, "IRQC")
                        .and(register, LINE, "IRQC")
                        .returns()
                        .path("CURR"));
        d.method(
                "_SRS",
                1,
                m -> m.dwordField(0, ResourceTemplate.INTERRUPT_NUMBER, "IRQS").store("IRQS", register));
    }

    /** Which of the two tables {@code _PRT} gives: the system says so (ACPI 6.5 §5.8.1). */
    static void interruptModel(AmlWriter root) {
        root.name("\\PICF").integer(0);
        root.method("\\_PIC", 1, m -> m.storeArgument(0, "PICF"));
    }

    /** There is nothing that firmware would keep for itself: what the operating system asks for it is given. */
    private static void control(AmlWriter method) {
        method.dwordField(3, 0, "CDW1");
        method.ifArgumentDiffers(0, HOST_BRIDGE_UUID, b -> b.setBits("CDW1", UNRECOGNIZED_UUID));
        method.returnArgument(3);
    }
}
