package io.jvmm.vcpu.board;

import java.io.ByteArrayOutputStream;

/** A {@code ResourceTemplate ()}: the list of ports, memory and interrupts a device uses, or a bridge passes on (ACPI 6.5 §6.4). */
final class ResourceTemplate {
    private static final int IRQ_WITHOUT_FLAGS = 0x22;
    private static final int IRQ_WITH_FLAGS = 0x23;
    private static final int IO_PORT = 0x47;
    private static final int END_TAG = 0x79;

    private static final int FIXED_MEMORY_32 = 0x86;
    private static final int DWORD_ADDRESS_SPACE = 0x87;
    private static final int WORD_ADDRESS_SPACE = 0x88;

    /** Resource types and flags of address space descriptors. */
    private static final int MEMORY = 0;

    private static final int PORTS = 1;
    private static final int BUS_NUMBERS = 2;
    private static final int MIN_FIXED = 1 << 2;
    private static final int MAX_FIXED = 1 << 3;
    private static final int ENTIRE_RANGE = 3;
    private static final int READ_WRITE = 1;

    private static final int EDGE_HIGH_SHARED = 0x11;
    private static final int EXTENDED_INTERRUPT = 0x89;
    private static final int CONSUMER_LEVEL_HIGH_SHARED = 0x09;

    /** Where the number is in a template that is one interrupt. */
    static final int INTERRUPT_NUMBER = 5;

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

    /** {@code Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {irqs}} (§6.4.3.6): the first number is at {@link #INTERRUPT_NUMBER}. */
    ResourceTemplate levelInterrupts(int... irqs) {
        out.write(EXTENDED_INTERRUPT);
        word(2 + Integer.BYTES * irqs.length);
        out.write(CONSUMER_LEVEL_HIGH_SHARED);
        out.write(irqs.length);
        for (final int irq : irqs) {
            little(irq, Integer.BYTES);
        }
        return this;
    }

    /** {@code WordBusNumber} of a producer (§6.4.3.5.3). */
    ResourceTemplate busNumbers(int first, int last) {
        return addressSpace(WORD_ADDRESS_SPACE, 2, BUS_NUMBERS, 0, first, last);
    }

    /** {@code WordIO} of a producer, all ISA and non-ISA addresses. */
    ResourceTemplate portWindow(int first, int last) {
        return addressSpace(WORD_ADDRESS_SPACE, 2, PORTS, ENTIRE_RANGE, first, last);
    }

    /** {@code DWordMemory} of a producer, not cacheable, readable and writable (§6.4.3.5.2). */
    ResourceTemplate memoryWindow(long first, long last) {
        return addressSpace(DWORD_ADDRESS_SPACE, 4, MEMORY, READ_WRITE, first, last);
    }

    /** Granularity, minimum, maximum, translation, length. */
    private ResourceTemplate addressSpace(int tag, int bytes, int type, int flags, long first, long last) {
        out.write(tag);
        word(3 + 5 * bytes);
        out.write(type);
        out.write(MIN_FIXED | MAX_FIXED);
        out.write(flags);
        little(0, bytes);
        little(first, bytes);
        little(last, bytes);
        little(0, bytes);
        little(last - first + 1, bytes);
        return this;
    }

    /** {@code Memory32Fixed (ReadWrite, start, length)} (§6.4.3.4). */
    ResourceTemplate fixedMemory(long start, long lengthBytes) {
        out.write(FIXED_MEMORY_32);
        word(1 + 2 * Integer.BYTES);
        out.write(1);
        little(start, Integer.BYTES);
        little(lengthBytes, Integer.BYTES);
        return this;
    }

    private void little(long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            out.write((int) (value >>> (Byte.SIZE * i)));
        }
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
