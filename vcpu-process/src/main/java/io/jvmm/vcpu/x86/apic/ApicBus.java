package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.state.StateCursor;

/**
 * Carries interrupt messages to the local APICs they name: from IOAPIC pins, from MSIs, from other processors (SDM 3A
 * 11.6.2). Any thread may send; nothing is allocated.
 */
public final class ApicBus {
    /** Delivery modes, as in the ICR, in redirection entries and in MSI data. */
    static final int FIXED = 0;

    static final int LOWEST_PRIORITY = 1;
    static final int NMI = 4;
    static final int INIT = 5;
    static final int STARTUP = 6;
    static final int EXT_INT = 7;

    /** A destination that names every processor, physical and logical. */
    static final int EVERYBODY = -1;

    private static final int LEGACY_BROADCAST = 0xff;
    private static final long MSI_ADDRESS = 0xfee0_0000L;
    private static final long MSI_ADDRESS_MASK = ~0xf_ffffL;

    private final LocalApic[] apics;
    private volatile int count;
    private volatile EndOfInterruptListener listener = _ -> {};
    private volatile Runnable retry = () -> {};
    /** Where the search for the next lowest-priority target begins: plain, a race only costs fairness. */
    private int rotation;

    /** Told when a processor ends a level-triggered interrupt, unless it suppresses that (SDM 3A 11.8.5). */
    @FunctionalInterface
    public interface EndOfInterruptListener {
        /** Any vCPU's thread. */
        void endOfInterrupt(int vector);
    }

    /** A bus with room for {@code capacity} APICs. */
    public ApicBus(int capacity) {
        apics = new LocalApic[capacity];
    }

    /** Adds an APIC: before the machine runs. */
    void add(LocalApic apic) {
        final int at = count;
        apics[at] = apic;
        count = at + 1;
    }

    /** Who hears of ended level-triggered interrupts: the IOAPIC. */
    public void listen(EndOfInterruptListener newListener) {
        listener = newListener;
    }

    /** Who wants to know that a message which nobody accepted may be accepted now: the IOAPIC. */
    public void listenForRetry(Runnable newRetry) {
        retry = newRetry;
    }

    /** A processor may accept what it has not accepted before. Its thread. */
    void retry() {
        retry.run();
    }

    void endOfInterrupt(int vector) {
        listener.endOfInterrupt(vector);
    }

    /** Wakes every processor that takes interrupts from the 8259s. */
    void wakeForExternal() {
        for (int i = 0; i < count; i++) {
            if (apics[i].acceptsExternal()) {
                apics[i].wake();
            }
        }
    }

    /**
     * A message-signalled interrupt (SDM 3A 11.11): address bits 19:12 destination, 2 logical; data bits 7:0 vector, 10:8
     * delivery mode, 14 level asserted, 15 level-triggered.
     *
     * @return false when the address is not that of an MSI: then it is an ordinary write to memory
     */
    public boolean deliverMsi(long address, int data) {
        if ((address & MSI_ADDRESS_MASK) != MSI_ADDRESS) {
            return false;
        }
        final boolean level = (data & 0x8000) != 0;
        if (!level || (data & 0x4000) != 0) {
            send((data >> 8) & 7, data & 0xff, level, (int) (address >> 12) & 0xff, (address & 4) != 0);
        }
        return true;
    }

    /** A message with an eight-bit destination: from the IOAPIC, an MSI, or a processor in xAPIC mode. */
    boolean send(int mode, int vector, boolean level, int destination, boolean logical) {
        return sendWide(mode, vector, level, destination == LEGACY_BROADCAST ? EVERYBODY : destination, logical);
    }

    /** A message with a 32-bit destination: from a processor in x2APIC mode. Returns whether anybody has accepted it. */
    boolean sendWide(int mode, int vector, boolean level, int destination, boolean logical) {
        if (mode == LOWEST_PRIORITY) {
            return sendToLowest(vector, level, destination, logical);
        }
        boolean found = false;
        for (int i = 0; i < count; i++) {
            final LocalApic apic = apics[i];
            if (apic.isAddressed(destination, logical)) {
                found |= apic.receive(mode, vector, level);
            }
        }
        return found;
    }

    /** Shorthands 2 and 3: to all, with or without the sender. */
    void sendToAll(LocalApic sender, boolean including, int mode, int vector, boolean level) {
        for (int i = 0; i < count; i++) {
            if (including || apics[i] != sender) {
                apics[i].receive(mode, vector, level);
            }
        }
    }

    /** 11.6.2.4: to the one with the lowest processor priority among those addressed; in turn where they are alike. */
    private boolean sendToLowest(int vector, boolean level, int destination, boolean logical) {
        LocalApic best = null;
        int bestPriority = Integer.MAX_VALUE;
        final int first = rotation;
        for (int i = 0; i < count; i++) {
            final LocalApic apic = apics[(first + i) % count];
            if (apic.isAccepting() && apic.isAddressed(destination, logical)) {
                final int priority = apic.arbitrationPriority();
                if (priority < bestPriority) {
                    best = apic;
                    bestPriority = priority;
                }
            }
        }
        if (best == null) {
            return false;
        }
        rotation = (best.id() + 1) % count;
        return best.receive(FIXED, vector, level);
    }

    /** For the state segment: whose turn it is. */
    public void transfer(StateCursor state) {
        rotation = state.i32(rotation, 0, Math.max(0, count - 1), "turn of the APICs");
    }
}
