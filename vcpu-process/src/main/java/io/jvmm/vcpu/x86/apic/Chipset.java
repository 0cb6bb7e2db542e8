package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.state.StateCursor;
import java.util.Arrays;

/**
 * What all processors share of a PC's interrupt hardware: IOAPIC, 8259 pair and 8254, wired as the ISA bus is. Interrupt
 * numbers are GSIs: 0..23 are IOAPIC pins (but GSI 0 is pin 2), 0..15 without 2 also lines of the 8259s.
 *
 * <p>Any thread; one lock guards it all. Nothing is allocated. Time comes in, in nanoseconds that never go back. Calls out under
 * the lock: local APICs, which take no lock, and {@link Acknowledged}.
 */
public final class Chipset {
    /** Guest-physical address of the IOAPIC's page. */
    public static final long IOAPIC_ADDRESS = 0xfec0_0000L;
    /** Number of GSIs. */
    public static final int GSIS = IoApic.PINS;

    private static final int TIMER = 0;
    private static final int TIMER_PIN = 2;
    private static final int ISA_LINES = 16;

    private final ApicBus bus;
    private final IoApic ioapic;
    private final PicPair pics;
    private final Pit8254 pit = new Pit8254();
    private final Acknowledged acknowledged;

    /** For each GSI: how many level-triggered sources assert it. */
    private final boolean[] asserted = new boolean[GSIS];

    private volatile boolean picInterrupt;
    private volatile long nextDeadlineNs = Long.MAX_VALUE;

    /**
     * Told when the guest has acknowledged a level-triggered GSI, which has been dropped: whose condition still holds asserts it
     * again.
     */
    @FunctionalInterface
    public interface Acknowledged {
        /** Under the chipset's lock, on any vCPU's thread: must not wait. */
        void acknowledged(int gsi);
    }

    /** A chipset at rest. */
    public Chipset(ApicBus bus, Acknowledged acknowledged) {
        this.bus = bus;
        this.acknowledged = acknowledged;
        this.ioapic = new IoApic(bus, pin -> drop(pin == TIMER_PIN ? TIMER : pin));
        this.pics = new PicPair(this::drop);
        Arrays.fill(asserted, false);
        bus.listen(this::endOfInterrupt);
        bus.listenForRetry(this::retry);
    }

    /** One edge-triggered interrupt. */
    public synchronized void pulse(int gsi) {
        setLine(gsi, true);
        setLine(gsi, false);
        publishPic();
    }

    /** Asserts a level-triggered interrupt until the guest acknowledges it. */
    public synchronized void assertLevel(int gsi) {
        asserted[gsi] = true;
        setLine(gsi, true);
        publishPic();
    }

    private void setLine(int gsi, boolean high) {
        if (gsi < ISA_LINES) {
            pics.setLine(gsi, high);
        }
        if (gsi != TIMER_PIN) {
            ioapic.setPin(gsi == TIMER ? TIMER_PIN : gsi, high);
        }
    }

    /** An end of interrupt drops what was asserted by level; its sources are asked to look again. */
    private void drop(int gsi) {
        if (asserted[gsi]) {
            asserted[gsi] = false;
            setLine(gsi, false);
            acknowledged.acknowledged(gsi);
        }
    }

    private synchronized void endOfInterrupt(int vector) {
        ioapic.endOfInterrupt(vector);
        publishPic();
    }

    private synchronized void retry() {
        ioapic.retry();
    }

    private void publishPic() {
        final boolean output = pics.output();
        if (output != picInterrupt) {
            picInterrupt = output;
            if (output) {
                bus.wakeForExternal();
            }
        }
    }

    /** Whether the 8259s' INTR is high. */
    boolean picInterrupt() {
        return picInterrupt;
    }

    /** The vector of the 8259s' interrupt, which is then in service: a spurious one where it has gone. */
    synchronized int acknowledgePic(long nowNs) {
        tick(nowNs);
        final int vector = pics.acknowledge();
        publishPic();
        return vector;
    }

    /** Whether a port is inside. */
    public static boolean ownsPort(int port) {
        return PicPair.owns(port) || Pit8254.owns(port);
    }

    /** Reads a byte port that is inside. */
    public synchronized int readPort(int port, long nowNs) {
        tick(nowNs);
        final int value;
        if (Pit8254.owns(port)) {
            value = pit.read(port, nowNs);
        } else {
            value = pics.read(port);
            publishPic();
        }
        return value;
    }

    /**
     * Writes a byte port that is inside.
     *
     * @return whether {@link #nextDeadlineNs()} has come nearer
     */
    public synchronized boolean writePort(int port, int value, long nowNs) {
        tick(nowNs);
        final long before = nextDeadlineNs;
        if (Pit8254.owns(port)) {
            pit.write(port, value, nowNs);
            nextDeadlineNs = pit.nextNs();
        } else {
            pics.write(port, value);
            publishPic();
        }
        return nextDeadlineNs < before;
    }

    /** Reads the IOAPIC's page at an offset 0..fff: 32-bit registers, of which part may be read. */
    public synchronized long readIoapic(int offset, int widthBytes) {
        final long value = Integer.toUnsignedLong(ioapic.read(offset & ~3)) >>> ((offset & 3) * Byte.SIZE);
        return widthBytes >= Integer.BYTES ? value : value & ((1L << (widthBytes * Byte.SIZE)) - 1);
    }

    /** Writes the IOAPIC's page: whole registers; the select register takes a byte, too. */
    public synchronized void writeIoapic(int offset, int widthBytes, long value) {
        if ((offset & 3) == 0 && (widthBytes >= Integer.BYTES || offset == 0)) {
            ioapic.write(offset, (int) value);
            publishPic();
        }
    }

    /** When {@link #tick} has something to do; {@link Long#MAX_VALUE} for never. Any thread. */
    public long nextDeadlineNs() {
        return nextDeadlineNs;
    }

    /** Lets the 8254 interrupt. */
    public synchronized void tick(long nowNs) {
        if (nextDeadlineNs <= nowNs) {
            if (pit.takeRise(nowNs)) {
                pulse(TIMER);
            }
            nextDeadlineNs = pit.nextNs();
        }
    }

    /**
     * Saves or loads what all processors share, as {@link ControllerLayout#CHIPSET_V1} says. Nobody is woken by what is loaded.
     * For a state that is consistent with the local APICs' the caller holds this object's lock over all of it, since whatever comes
     * in from outside takes it.
     */
    public synchronized void transfer(StateCursor state, long nowNs) {
        int lines = 0;
        for (int gsi = 0; gsi < GSIS; gsi++) {
            lines |= asserted[gsi] ? 1 << gsi : 0;
        }
        lines = state.u32(lines, (1 << GSIS) - 1, "GSIs");
        for (int gsi = 0; gsi < GSIS; gsi++) {
            asserted[gsi] = (lines & 1 << gsi) != 0;
        }
        ioapic.transfer(state);
        pics.transfer(state);
        pit.transfer(state, nowNs);
        if (state.loads()) {
            picInterrupt = pics.output();
            nextDeadlineNs = pit.nextNs();
        }
    }
}
