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

    /** PAM0..PAM6: whether c0000..fffff is RAM for reads and for writes. It is, always; the bits are kept. */
    private static final int PAM = 0x90;

    private static final int PAM_REGISTERS = 7;
    private static final int PAM_WRITABLE = 0x33;
    private static final int PAM0_WRITABLE = 0x30;

    /** Sets it up with ECAM where the board's tables say. */
    HostBridge() {
        super(VENDOR, DEVICE, CLASS_HOST_BRIDGE, REVISION_A2);
        put(SUBSYSTEM_VENDOR_ID, 2, SUBSYSTEM_VENDOR);
        put(SUBSYSTEM_ID, 2, SUBSYSTEM);
        put(PCIEXBAR, 4, (int) PciMap.ECAM_START | 1);
        allow(PCIEXBAR, 4, PCIEXBAR_LOW_WRITABLE);
        allow(PCIEXBAR + 4, 4, PCIEXBAR_HIGH_WRITABLE);
        for (int i = 0; i < PAM_REGISTERS; i++) {
            allow(PAM + i, 1, i == 0 ? PAM0_WRITABLE : PAM_WRITABLE);
        }
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
