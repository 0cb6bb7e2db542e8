package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.board.EventBudget;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.engine.Engine;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Carries the functions' INTx to the interrupt controllers, through a gate: a function whose INTx is disabled, or that uses MSI-X, asserts nothing
 * (PCI 3.0 §6.2.2, §6.8.3.3). Eight wires, PIRQ[A-H]#: each is an IOAPIC pin from 16 on, and a line of the 8259s as well while the ISA
 * bridge routes it to one of {@link PciMap#PIC_LINES}. Unlike MSI-X vectors they go through the board thread, which knows the gates and keeps
 * the status bit; only guests without MSI-X use them.
 *
 * <p>The engine holds a pin or line asserted until the guest ends the interrupt, and then asks again: so does this, of every function behind it.
 * A guest uses one kind of controller; what is asserted at the other one is masked there.
 *
 * <p>Hostile: a device may signal as often as it likes; beyond its budget it is not listened to for a while. Board thread, but for
 * {@link #raise} and {@link #route}, which are made under the bus's lock.
 */
final class IntxRouter implements AutoCloseable {
    /** As many as a device may say in events. */
    private static final int UNITS_PER_PERIOD = 512;

    private static final long PERIOD_NS = 10_000_000;

    /** GSIs up to here: the lines of the 8259s, of which few have an output, and behind them the IOAPIC's pins. */
    private static final int OUTPUTS = PciMap.FIRST_INTX_GSI + PciMap.INTX_GSIS;

    private final List<PciSlot> slots;
    private final @Nullable EventFd[] outputs = new @Nullable EventFd[OUTPUTS];
    private final @Nullable EventFd[] ended = new @Nullable EventFd[OUTPUTS];
    private final int[] endedAt = new int[OUTPUTS];
    private final EventBudget[] budgets;
    private final int[] lineAt;
    private final boolean[] deaf;
    private @Nullable Poller poller;
    /** The line of the 8259s of PIRQ n in bits 4n+3..4n, 0 for none. */
    private volatile int routes;

    /**
     * Takes an output of the engine for each pin that a slot is wired to, and for each line of the 8259s that it may be routed to.
     *
     * @param picLines bit n: line n of the 8259s is free for PCI
     */
    IntxRouter(List<PciSlot> slots, Engine engine, int picLines, long nowNs) {
        this.slots = slots;
        this.lineAt = new int[slots.size()];
        this.deaf = new boolean[slots.size()];
        this.budgets = new EventBudget[slots.size()];
        for (int i = 0; i < slots.size(); i++) {
            budgets[i] = new EventBudget(UNITS_PER_PERIOD, PERIOD_NS, nowNs);
            attach(engine, PciMap.gsi(slots.get(i).number(), 0));
        }
        for (int line = 0; line < PciMap.FIRST_INTX_GSI && !slots.isEmpty(); line++) {
            if ((picLines & PciMap.PIC_LINES & 1 << line) != 0) {
                attach(engine, line);
            }
        }
    }

    private void attach(Engine engine, int gsi) {
        if (outputs[gsi] == null) {
            final EventFd line = EventFd.create();
            final EventFd end = EventFd.create();
            engine.attachInterrupt(gsi, line.fd(), end.fd());
            outputs[gsi] = line;
            ended[gsi] = end;
        }
    }

    int descriptors() {
        return slots.size() + OUTPUTS;
    }

    void watch(Poller boardPoller) {
        poller = boardPoller;
        for (int i = 0; i < slots.size(); i++) {
            lineAt[i] = boardPoller.add(slots.get(i).intx().fd(), Poller.READABLE);
        }
        for (int gsi = 0; gsi < ended.length; gsi++) {
            final EventFd end = ended[gsi];
            endedAt[gsi] = end == null ? -1 : boardPoller.add(end.fd(), Poller.READABLE);
        }
    }

    /** Which of the eight wires the slot's INTA# is on. */
    private static int pirqOf(PciSlot slot) {
        return PciMap.gsi(slot.number(), 0) - PciMap.FIRST_INTX_GSI;
    }

    /** What the bridge's registers say now. */
    void route(IsaBridge bridge) {
        int all = 0;
        for (int pirq = 0; pirq < IsaBridge.PIRQS; pirq++) {
            all |= bridge.line(pirq) << (4 * pirq);
        }
        routes = all;
    }

    private int picLineOf(PciSlot slot) {
        return routes >>> (4 * pirqOf(slot)) & 0xF;
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
        for (int gsi = 0; gsi < ended.length; gsi++) {
            final EventFd end = ended[gsi];
            if (end != null && it.ready(endedAt[gsi]) != 0 && end.drain() != 0) {
                askAgain(bus, gsi);
            }
        }
    }

    private void take(Poller it, int i, PciSlot slot, PciBus bus, long nowNs) {
        bus.intxSignalled(slot);
        final int left = budgets[i].left(nowNs);
        budgets[i].spend(1);
        if (left <= 1 || !it.isReady(lineAt[i], Poller.READABLE)) {
            deaf[i] = true;
            it.ignore(lineAt[i]);
        }
    }

    private void askAgain(PciBus bus, int gsi) {
        for (int i = 0; i < slots.size(); i++) {
            final PciSlot slot = slots.get(i);
            if (PciMap.gsi(slot.number(), 0) == gsi || picLineOf(slot) == gsi) {
                bus.intxEnded(slot);
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
        signal(PciMap.gsi(slot.number(), 0));
        signal(picLineOf(slot));
    }

    private void signal(int gsi) {
        final EventFd output = outputs[gsi];
        if (output != null) {
            output.signal();
        }
    }

    @Override
    public void close() {
        for (int gsi = 0; gsi < outputs.length; gsi++) {
            final EventFd line = outputs[gsi];
            final EventFd end = ended[gsi];
            if (line != null && end != null) {
                line.close();
                end.close();
            }
        }
    }
}
