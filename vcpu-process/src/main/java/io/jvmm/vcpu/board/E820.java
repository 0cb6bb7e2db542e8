package io.jvmm.vcpu.board;

import java.util.ArrayList;
import java.util.List;

/**
 * The physical memory map as firmware tells it (ACPI 6.5 §15, INT 15h E820): what is RAM, what the guest's kernel must
 * leave alone.
 *
 * <pre>
 *  0000_0000  RAM: boot structures (see vcpu.boot.BootLayout), then free
 *  0009_fc00  reserved (where a PC has its EBDA)
 *  000a_0000  not listed (legacy video)
 *  000e_0000  reserved: RSDP and ACPI tables
 *  0010_0000  RAM, up to c000_0000 at most
 *  c000_0000  hole: PCI windows, IOAPIC fec0_0000, LAPIC fee0_0000; not listed but for
 *  e000_0000  reserved: PCI's memory-mapped configuration space, 256 MiB ({@link PciMap})
 *  1_0000_0000  the rest of RAM
 * </pre>
 *
 * <p>Immutable. Sizes and addresses in bytes.
 */
public record E820(long ramBytes, List<Entry> entries) {
    /** Where the hole below 4 GiB begins; RAM that does not fit below continues at {@link #HIGH_RAM_START}. */
    public static final long HOLE_START = 0xC000_0000L;

    public static final long HIGH_RAM_START = 0x1_0000_0000L;

    /** First byte of conventional memory that firmware keeps. */
    public static final long EBDA_START = 0x9_FC00L;

    /** The BIOS area, where the RSDP is searched for (ACPI 6.5 §5.2.5.1) and where our tables live. */
    public static final long BIOS_START = 0xE_0000L;

    public static final long BIOS_END = 0x10_0000L;

    /** Less than this is no PC: the BIOS area ends at 1 MiB and something must follow it. */
    public static final long MINIMUM_RAM_BYTES = 2L << 20;

    /** More than this no engine offers (46 physical address bits less the hole). */
    public static final long MAXIMUM_RAM_BYTES = 1L << 45;

    /** Address range types of ACPI 6.5 table 15.1. */
    public enum Type {
        RAM(1),
        RESERVED(2);

        private final int code;

        Type(int code) {
            this.code = code;
        }

        /** The number used in the E820 table and in PVH's memory map. */
        public int code() {
            return code;
        }
    }

    /** One range. */
    public record Entry(long start, long lengthBytes, Type type) {
        public long end() {
            return start + lengthBytes;
        }
    }

    public E820 {
        entries = List.copyOf(entries);
    }

    /**
     * The map of a machine with this much RAM.
     *
     * @throws IllegalArgumentException for a size that is not a multiple of 4096 or outside the limits; the supervisor has
     *     checked it before
     */
    public static E820 of(long ramBytes) {
        if (ramBytes < MINIMUM_RAM_BYTES || ramBytes > MAXIMUM_RAM_BYTES || (ramBytes & 0xFFF) != 0) {
            throw new IllegalArgumentException("memory.bytes = " + ramBytes + ": a multiple of 4096 from "
                    + MINIMUM_RAM_BYTES + " to " + MAXIMUM_RAM_BYTES + " is needed");
        }
        final List<Entry> list = new ArrayList<>();
        list.add(new Entry(0, EBDA_START, Type.RAM));
        list.add(new Entry(EBDA_START, 0xA_0000L - EBDA_START, Type.RESERVED));
        list.add(new Entry(BIOS_START, BIOS_END - BIOS_START, Type.RESERVED));
        final long low = Math.min(ramBytes, HOLE_START);
        list.add(new Entry(BIOS_END, low - BIOS_END, Type.RAM));
        list.add(new Entry(PciMap.ECAM_START, PciMap.ECAM_BYTES, Type.RESERVED));
        if (ramBytes > HOLE_START) {
            list.add(new Entry(HIGH_RAM_START, ramBytes - HOLE_START, Type.RAM));
        }
        return new E820(ramBytes, list);
    }

    /** End of the RAM below the hole. */
    public long lowRamEnd() {
        return Math.min(ramBytes, HOLE_START);
    }

    /** Whether all of {@code [start, start + lengthBytes)} is usable RAM; any values, no overflow. */
    public boolean isUsableRam(long start, long lengthBytes) {
        if (start < 0 || lengthBytes < 0) {
            return false;
        }
        for (final Entry e : entries) {
            if (e.type == Type.RAM && start >= e.start && start <= e.end() && lengthBytes <= e.end() - start) {
                return true;
            }
        }
        return false;
    }
}
