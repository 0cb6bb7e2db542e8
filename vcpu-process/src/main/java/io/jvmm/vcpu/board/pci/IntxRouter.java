package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.board.EventBudget;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.engine.Engine;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Carries the functions' INTx to the IOAPIC's pins 16..23, through a gate: a function whose INTx is disabled, or that uses MSI-X, asserts nothing
 * (PCI 3.0 §6.2.2, §6.8.3.3). Unlike MSI-X vectors they go through the board thread, which knows the gates and keeps the status bit;
 * only guests without MSI-X use them.
 *
 * <p>The engine holds a pin asserted until the guest ends the interrupt, and then asks again: so does this, of every function on the pin.
 *
 * <p>Hostile: a device may signal as often as it likes; beyond its budget it is not listened to for a while. Board thread, but for
 * {@link #raise}.
 */
final class IntxRouter implements AutoCloseable {
    /** As many as a device may say in events. */
    private static final int UNITS_PER_PERIOD = 512;

    private static final long PERIOD_NS = 10_000_000;

    private final List<PciSlot> slots;
    private final @Nullable EventFd[] pins = new @Nullable EventFd[PciMap.INTX_GSIS];
    private final @Nullable EventFd[] ended = new @Nullable EventFd[PciMap.INTX_GSIS];
    private final int[] endedAt = new int[PciMap.INTX_GSIS];
    private final EventBudget[] budgets;
    private final int[] lineAt;
    private final boolean[] deaf;
    private @Nullable Poller poller;

    /** Takes a pin of the engine for each that a slot is wired to. */
    IntxRouter(List<PciSlot> slots, Engine engine, long nowNs) {
        this.slots = slots;
        this.lineAt = new int[slots.size()];
        this.deaf = new boolean[slots.size()];
        this.budgets = new EventBudget[slots.size()];
        for (int i = 0; i < slots.size(); i++) {
            budgets[i] = new EventBudget(UNITS_PER_PERIOD, PERIOD_NS, nowNs);
            final int gsi = PciMap.gsi(slots.get(i).number(), 0);
            final int pin = gsi - PciMap.FIRST_INTX_GSI;
            if (pins[pin] == null) {
                final EventFd line = EventFd.create();
                final EventFd end = EventFd.create();
                engine.attachInterrupt(gsi, line.fd(), end.fd());
                pins[pin] = line;
                ended[pin] = end;
            }
        }
    }

    int descriptors() {
        return slots.size() + PciMap.INTX_GSIS;
    }

    void watch(Poller boardPoller) {
        poller = boardPoller;
        for (int i = 0; i < slots.size(); i++) {
            lineAt[i] = boardPoller.add(slots.get(i).intx().fd(), Poller.READABLE);
        }
        for (int pin = 0; pin < ended.length; pin++) {
            final EventFd end = ended[pin];
            endedAt[pin] = end == null ? -1 : boardPoller.add(end.fd(), Poller.READABLE);
        }
    }

    private static int pinOf(PciSlot slot) {
        return PciMap.gsi(slot.number(), 0) - PciMap.FIRST_INTX_GSI;
    }

    /** After a sleep. */
    void serve(PciBus bus, long nowNs) {
        final Poller it = poller;
        if (it == null) {
            return;
        }
        for (int i = 0; i < slots.size(); i++) {
            final PciSlot slot = slots.get(i);
            if (deaf[i] && budgets[i].left(nowNs) > 0) {
                deaf[i] = false;
                it.watch(lineAt[i], slot.intx().fd(), Poller.READABLE);
            } else if (it.ready(lineAt[i]) != 0) {
                take(it, i, slot, bus, nowNs);
            }
        }
        for (int pin = 0; pin < ended.length; pin++) {
            final EventFd end = ended[pin];
            if (end != null && it.ready(endedAt[pin]) != 0 && end.drain() != 0) {
                askAgain(bus, pin);
            }
        }
    }

    private void take(Poller it, int i, PciSlot slot, PciBus bus, long nowNs) {
        if (slot.intx().drain() != 0) {
            bus.intxSignalled(slot.number());
        }
        final int left = budgets[i].left(nowNs);
        budgets[i].spend(1);
        if (left <= 1 || !it.isReady(lineAt[i], Poller.READABLE)) {
            deaf[i] = true;
            it.ignore(lineAt[i]);
        }
    }

    private void askAgain(PciBus bus, int pin) {
        for (int i = 0; i < slots.size(); i++) {
            final PciSlot slot = slots.get(i);
            if (pinOf(slot) == pin) {
                bus.intxEnded(slot.number());
                slot.intxResample().signal();
            }
        }
    }

    long deafForNs(long nowNs) {
        long wait = Long.MAX_VALUE;
        for (int i = 0; i < deaf.length; i++) {
            if (deaf[i]) {
                wait = Math.min(wait, Math.max(0, budgets[i].nextPeriodNs() - nowNs));
            }
        }
        return wait;
    }

    /** Any thread. */
    void raise(PciSlot slot) {
        final EventFd line = pins[pinOf(slot)];
        if (line != null) {
            line.signal();
        }
    }

    @Override
    public void close() {
        for (int pin = 0; pin < pins.length; pin++) {
            final EventFd line = pins[pin];
            final EventFd end = ended[pin];
            if (line != null && end != null) {
                line.close();
                end.close();
            }
        }
    }
}
