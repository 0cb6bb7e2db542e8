package io.jvmm.vcpu.board;

/**
 * Where PCI lies on this board: the numbers that address map, E820 and ACPI tables must agree on. Bytes and guest-physical addresses.
 *
 * <pre>
 *   c000_0000  BARs, assigned before the guest starts; the guest may move them anywhere from 8000_0000 to fec0_0000 without RAM
 *   e000_0000  ECAM of buses 0..255, until the guest moves it (PCIEXBAR of the host bridge)
 *   f000_0000  nothing
 *   fec0_0000  end of what PCI decodes
 * </pre>
 */
public final class PciMap {
    /** Configuration ports: the address register, four bytes, and the data register behind it. */
    public static final int CONFIG_ADDRESS_PORT = 0xCF8;

    public static final int CONFIG_DATA_PORT = 0xCFC;

    /** What the root complex decodes. RAM goes before it. */
    public static final long DECODED_START = 0x8000_0000L;

    public static final long DECODED_END = 0xFEC0_0000L;

    /** Where BARs are put, and what _CRS tells the guest. */
    public static final long WINDOW_START = 0xC000_0000L;

    public static final long WINDOW_END = 0xE000_0000L;

    /** Memory-mapped configuration space (PCI Express 4.0 §7.2.2), a mebibyte a bus. */
    public static final long ECAM_START = 0xE000_0000L;

    public static final long ECAM_BYTES = 256L << 20;

    /** Where SeaBIOS moves it to. */
    public static final long FIRMWARE_ECAM_START = 0xB000_0000L;

    /** Slots of bus 0. */
    public static final int SLOTS = 32;

    /** The four INTx pins of all slots share the IOAPIC's pins from here on. */
    public static final int FIRST_INTX_GSI = 16;

    public static final int INTX_GSIS = 8;

    /**
     * The lines of the 8259s that PCI's interrupts may be routed to, bit n for line n: 5, 10 and 11. Nothing else of this board has them, and
     * firmware for PCs takes 10 and 11.
     */
    public static final int PIC_LINES = 1 << 5 | 1 << 10 | 1 << 11;

    private PciMap() {}

    /** The IOAPIC's pin behind an interrupt pin of a slot; {@code pin} 0 is INTA#. */
    public static int gsi(int slot, int pin) {
        return FIRST_INTX_GSI + ((slot + pin) & (INTX_GSIS - 1));
    }
}
