package io.jvmm.vcpu.board.pci;

import io.jvmm.vcpu.board.PciMap;

/**
 * The function 00:00.0: a memory controller hub of Intel's Q35, as far as firmware and kernels poke it (Intel 3 series datasheet 316966, §5.1):
 * PCIEXBAR says where memory-mapped configuration space is.
 */
final class HostBridge extends ConfigSpace {
    /** 8086:29c0, class host bridge. */
    static final int VENDOR = 0x8086;

    static final int DEVICE = 0x29C0;
    private static final int CLASS_HOST_BRIDGE = 0x060000;
    private static final int REVISION_A2 = 2;

    /** The subsystem of QEMU's boards, by which firmware takes a Q35 for an emulated one. */
    private static final int SUBSYSTEM_VENDOR = 0x1AF4;

    private static final int SUBSYSTEM = 0x1100;

    /** 64 bits: bit 0 enables, bits 2:1 length (0: 256 MiB, 1: 128, 2: 64), base from bit 26, 27 or 28 on to bit 35. */
    private static final int PCIEXBAR = 0x60;

    private static final int PCIEXBAR_LOW_WRITABLE = 0xFC00_0007;
    private static final int PCIEXBAR_HIGH_WRITABLE = 0xF;
    private static final long ADDRESS_BITS = 0xF_FC00_0000L;

    /**
     * PAM0..PAM6 (§5.1.17): whether c0000..fffff is RAM for reads (bit 0) and for writes (bit 1) of 16 KiB each, PAM1 bits 1:0 c0000, 5:4 c4000 and so on; PAM0
     * bits 5:4 f0000..fffff. For reads it is always RAM, where a copy of the firmware lies from the start.
     */
    private static final int PAM = 0x90;

    private static final int PAM_REGISTERS = 7;
    private static final int PAM_WRITABLE = 0x33;
    private static final int PAM0_WRITABLE = 0x30;
    private static final int WRITE = 2;

    /** Four pages each, and the last one is sixteen. */
    private static final long AREA = 0xF;

    private static final int AREA_PAGES = 4;
    private static final int AREAS = 12;
    private static final long LAST_AREA = 0xFFFFL << (AREAS * AREA_PAGES);

    /**
     * Sets it up with ECAM where the board's tables say.
     *
     * @param firmware whether firmware has yet to open c0000..fffff; a kernel finds it open, as firmware leaves it
     */
    HostBridge(boolean firmware) {
        super(VENDOR, DEVICE, CLASS_HOST_BRIDGE, REVISION_A2);
        put(SUBSYSTEM_VENDOR_ID, 2, SUBSYSTEM_VENDOR);
        put(SUBSYSTEM_ID, 2, SUBSYSTEM);
        put(PCIEXBAR, 4, (int) PciMap.ECAM_START | 1);
        allow(PCIEXBAR, 4, PCIEXBAR_LOW_WRITABLE);
        allow(PCIEXBAR + 4, 4, PCIEXBAR_HIGH_WRITABLE);
        for (int i = 0; i < PAM_REGISTERS; i++) {
            final int all = i == 0 ? PAM0_WRITABLE : PAM_WRITABLE;
            allow(PAM + i, 1, all);
            put(PAM + i, 1, firmware ? 0 : all);
        }
    }

    /** Which pages from c0000 on take no writes, as {@code Engine.lockRomArea} wants it. */
    long lockedPages() {
        long pages = (get(PAM, 1) >> 4 & WRITE) == 0 ? LAST_AREA : 0;
        for (int area = 0; area < AREAS; area++) {
            final int bits = get(PAM + 1 + area / 2, 1) >> (4 * (area & 1));
            if ((bits & WRITE) == 0) {
                pages |= AREA << (area * AREA_PAGES);
            }
        }
        return pages;
    }

    /** Length of ECAM; 0 while it is off or of a reserved length. */
    long ecamBytes() {
        final int low = get(PCIEXBAR, 4);
        final int size = (low >> 1) & 3;
        return ((low & 1) == 0 || size == 3) ? 0 : PciMap.ECAM_BYTES >> size;
    }

    /** Where ECAM begins, a multiple of its length. */
    long ecamStart() {
        final long base =
                (((long) get(PCIEXBAR + 4, 4) << Integer.SIZE) | (get(PCIEXBAR, 4) & 0xFFFF_FFFFL)) & ADDRESS_BITS;
        final long length = ecamBytes();
        return length == 0 ? 0 : base & -length;
    }
}
