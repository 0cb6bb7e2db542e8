package io.jvmm.vcpu.board.pci;

import io.jvmm.vcpu.board.PciMap;

/**
 * The function 00:1f.0: an ICH9 LPC bridge (Intel datasheet 316972, §13), as far as firmware and kernels look for it. Its PIRQ registers route
 * the eight INTx lines of the board to the 8259s, beside the IOAPIC's pins, which they are wired to whatever these say. The others keep what
 * is written and do nothing: power management is at 600.
 *
 * <p>Guarded by the bus's lock.
 */
final class IsaBridge extends ConfigSpace {
    static final int SLOT = 31;

    /** PIRQ[A]# to PIRQ[H]#. */
    static final int PIRQS = PciMap.INTX_GSIS;

    private static final int VENDOR = 0x8086;
    private static final int DEVICE = 0x2918;
    private static final int CLASS_ISA_BRIDGE = 0x060100;
    private static final int REVISION_A2 = 2;

    /** Where the ACPI registers are; bit 0 says that it is an I/O address. */
    private static final int PMBASE = 0x40;

    private static final int PMBASE_WRITABLE = 0xFF80;
    private static final int IO_SPACE = 1;
    private static final int ACPI_CONTROL = 0x44;
    private static final int ACPI_CONTROL_WRITABLE = 0x87;

    /** PIRQ[A-D]# and PIRQ[E-H]# to the 8259s (§13.1.17, §13.1.19): bit 7 not routed, bits 3:0 the line. */
    private static final int PIRQ_A = 0x60;

    private static final int PIRQ_E = 0x68;
    private static final int NOT_ROUTED = 0x8080_8080;
    private static final int PIRQ_WRITABLE = 0x8F8F_8F8F;
    private static final int PIRQ_NOT_ROUTED = 1 << 7;
    private static final int PIRQ_LINE = 0xF;

    /** Root complex base address: nothing is there. */
    private static final int RCBA = 0xF0;

    private static final int RCBA_WRITABLE = 0xFFFF_C001;

    private final Runnable routed;

    /** @param routed told, under the lock, when a PIRQ register has been written */
    IsaBridge(Runnable routed) {
        super(VENDOR, DEVICE, CLASS_ISA_BRIDGE, REVISION_A2);
        this.routed = routed;
        put(PMBASE, 4, IO_SPACE);
        allow(PMBASE, 4, PMBASE_WRITABLE);
        allow(ACPI_CONTROL, 1, ACPI_CONTROL_WRITABLE);
        put(PIRQ_A, 4, NOT_ROUTED);
        allow(PIRQ_A, 4, PIRQ_WRITABLE);
        put(PIRQ_E, 4, NOT_ROUTED);
        allow(PIRQ_E, 4, PIRQ_WRITABLE);
        allow(RCBA, 4, RCBA_WRITABLE);
    }

    @Override
    void written(int offset, int widthBytes) {
        if (touches(offset, widthBytes, PIRQ_A, 4) || touches(offset, widthBytes, PIRQ_E, 4)) {
            routed.run();
        }
    }

    /** The line of the 8259s that PIRQ number {@code pirq} (0: A) is routed to; 0, which is the timer's, when it is not. */
    int line(int pirq) {
        final int register = get(pirq < 4 ? PIRQ_A + pirq : PIRQ_E + pirq - 4, 1);
        return (register & PIRQ_NOT_ROUTED) != 0 ? 0 : register & PIRQ_LINE;
    }
}
