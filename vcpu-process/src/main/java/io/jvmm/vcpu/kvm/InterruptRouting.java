package io.jvmm.vcpu.kvm;

import static io.jvmm.vcpu.kvm.sys.KvmLayouts.IRQ_ROUTING;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.IRQ_ROUTING_ENTRY;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The GSI table of a PC: GSI n is pin n of the IOAPIC and, up to 15, line n of the two 8259s, with the one exception every
 * PC has: the timer, GSI 0, is IOAPIC pin 2 (the MADT says so with an interrupt source override), and GSI 2, the 8259s'
 * cascade, is no interrupt. Behind the pins come messages, a GSI each, whose address and data change while the machine runs.
 * Guarded by its user.
 */
final class InterruptRouting {
    /** Pins of the in-kernel IOAPIC. */
    static final int IOAPIC_PINS = 24;

    private static final int ISA_LINES = 16;
    private static final int CASCADE = 2;
    private static final int TIMER_PIN = 2;

    /** {@code KVM_IRQCHIP_*} and {@code KVM_IRQ_ROUTING_IRQCHIP}, {@code linux/kvm.h}. */
    private static final int PIC_MASTER = 0;

    private static final int PIC_SLAVE = 1;
    private static final int IOAPIC = 2;
    private static final int TYPE_IRQCHIP = 1;

    /** {@code KVM_IRQ_ROUTING_MSI}: the entry holds address and data where that of a chip has chip and pin. */
    private static final int TYPE_MSI = 2;

    private static final long GSI = offset(IRQ_ROUTING_ENTRY, "gsi");
    private static final long MESSAGE_LOW = offset(IRQ_ROUTING_ENTRY, "irqchip");
    private static final long MESSAGE_HIGH = offset(IRQ_ROUTING_ENTRY, "pin");
    private static final int MSI_DATA_OFFSET = 24;
    private static final int FIRST_CAPACITY = 64;

    private final Arena arena;
    private MemorySegment table;
    private int count;
    private int messages;

    /** The wired interrupts, and no message. */
    InterruptRouting(Arena arena) {
        this.arena = arena;
        this.table = arena.allocate(lengthBytes(FIRST_CAPACITY), Long.BYTES);
        for (int line = 0; line < ISA_LINES; line++) {
            if (line != CASCADE) {
                add(line, TYPE_IRQCHIP, line < 8 ? PIC_MASTER : PIC_SLAVE, line & 7);
            }
        }
        for (int gsi = 0; gsi < IOAPIC_PINS; gsi++) {
            if (gsi != CASCADE) {
                add(gsi, TYPE_IRQCHIP, IOAPIC, gsi == 0 ? TIMER_PIN : gsi);
            }
        }
    }

    /** {@code kvm_irq_routing}, as it is now. */
    MemorySegment table() {
        return table;
    }

    /** Entries so far. */
    int count() {
        return count;
    }

    /** Another message, which reaches nobody yet; answers its entry. */
    int addMessage() {
        return add(IOAPIC_PINS + messages++, TYPE_MSI, 0, 0);
    }

    /** The GSI of an entry. */
    int gsi(int entry) {
        return table.get(JAVA_INT, at(entry) + GSI);
    }

    /** Where an entry's message goes. Answers whether that is a change. Allocates nothing. */
    boolean setMessage(int entry, long address, int data) {
        final long at = at(entry);
        final int low = (int) address;
        final int high = (int) (address >>> Integer.SIZE);
        final boolean same = table.get(JAVA_INT, at + MESSAGE_LOW) == low
                && table.get(JAVA_INT, at + MESSAGE_HIGH) == high
                && table.get(JAVA_INT, at + MSI_DATA_OFFSET) == data;
        table.set(JAVA_INT, at + MESSAGE_LOW, low);
        table.set(JAVA_INT, at + MESSAGE_HIGH, high);
        table.set(JAVA_INT, at + MSI_DATA_OFFSET, data);
        return !same;
    }

    private static long lengthBytes(int entries) {
        return at(entries);
    }

    private static long at(int entry) {
        return IRQ_ROUTING.byteSize() + entry * IRQ_ROUTING_ENTRY.byteSize();
    }

    private int add(int gsi, int type, int chip, int pin) {
        if (lengthBytes(count + 1) > table.byteSize()) {
            final MemorySegment larger = arena.allocate(lengthBytes(2 * count), Long.BYTES);
            table = larger.copyFrom(table);
        }
        final int entry = count++;
        final MemorySegment slot = table.asSlice(at(entry), IRQ_ROUTING_ENTRY.byteSize());
        slot.set(JAVA_INT, GSI, gsi);
        slot.set(JAVA_INT, offset(IRQ_ROUTING_ENTRY, "type"), type);
        slot.set(JAVA_INT, offset(IRQ_ROUTING_ENTRY, "irqchip"), chip);
        slot.set(JAVA_INT, offset(IRQ_ROUTING_ENTRY, "pin"), pin);
        table.set(JAVA_INT, offset(IRQ_ROUTING, "nr"), count);
        return entry;
    }
}
