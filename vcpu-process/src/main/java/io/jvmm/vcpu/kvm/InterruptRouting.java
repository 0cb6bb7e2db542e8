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
 * cascade, is no interrupt.
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

    private final MemorySegment table;
    private int count;

    private InterruptRouting(MemorySegment table) {
        this.table = table;
    }

    /** A filled {@code kvm_irq_routing}. */
    static MemorySegment table(Arena arena) {
        final long bytes = IRQ_ROUTING.byteSize() + (ISA_LINES + IOAPIC_PINS) * IRQ_ROUTING_ENTRY.byteSize();
        final InterruptRouting routing = new InterruptRouting(arena.allocate(bytes, 8));
        for (int line = 0; line < ISA_LINES; line++) {
            if (line != CASCADE) {
                routing.add(line, line < 8 ? PIC_MASTER : PIC_SLAVE, line & 7);
            }
        }
        for (int gsi = 0; gsi < IOAPIC_PINS; gsi++) {
            if (gsi != CASCADE) {
                routing.add(gsi, IOAPIC, gsi == 0 ? TIMER_PIN : gsi);
            }
        }
        routing.table.set(JAVA_INT, offset(IRQ_ROUTING, "nr"), routing.count);
        return routing.table;
    }

    private void add(int gsi, int chip, int pin) {
        final MemorySegment entry = table.asSlice(
                IRQ_ROUTING.byteSize() + count++ * IRQ_ROUTING_ENTRY.byteSize(), IRQ_ROUTING_ENTRY.byteSize());
        entry.set(JAVA_INT, offset(IRQ_ROUTING_ENTRY, "gsi"), gsi);
        entry.set(JAVA_INT, offset(IRQ_ROUTING_ENTRY, "type"), TYPE_IRQCHIP);
        entry.set(JAVA_INT, offset(IRQ_ROUTING_ENTRY, "irqchip"), chip);
        entry.set(JAVA_INT, offset(IRQ_ROUTING_ENTRY, "pin"), pin);
    }
}
