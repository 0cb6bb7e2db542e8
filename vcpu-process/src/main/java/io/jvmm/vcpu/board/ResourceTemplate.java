package io.jvmm.vcpu.board;

import java.io.ByteArrayOutputStream;

/** A {@code ResourceTemplate ()}: the list of ports and interrupts a device uses (ACPI 6.5 §6.4). */
final class ResourceTemplate {
    private static final int IRQ_WITHOUT_FLAGS = 0x22;
    private static final int IRQ_WITH_FLAGS = 0x23;
    private static final int IO_PORT = 0x47;
    private static final int END_TAG = 0x79;

    private static final int EDGE_HIGH_SHARED = 0x11;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** {@code IO (Decode16, first, first, 1, count)} (§6.4.2.5). */
    ResourceTemplate ports(int first, int count) {
        out.write(IO_PORT);
        out.write(1);
        word(first);
        word(first);
        out.write(1);
        out.write(count);
        return this;
    }

    /** {@code IRQNoFlags () {irq}}: edge-triggered, active high, exclusive (§6.4.2.1). */
    ResourceTemplate irq(int irq) {
        out.write(IRQ_WITHOUT_FLAGS);
        word(1 << irq);
        return this;
    }

    /** {@code IRQ (Edge, ActiveHigh, Shared) {irq}}. */
    ResourceTemplate sharedIrq(int irq) {
        out.write(IRQ_WITH_FLAGS);
        word(1 << irq);
        out.write(EDGE_HIGH_SHARED);
        return this;
    }

    /** With its end tag; a checksum of 0 is always taken as right (§6.4.2.9). */
    byte[] toByteArray() {
        final ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(out.toByteArray());
        all.write(END_TAG);
        all.write(0);
        return all.toByteArray();
    }

    private void word(int value) {
        out.write(value);
        out.write(value >> 8);
    }
}
