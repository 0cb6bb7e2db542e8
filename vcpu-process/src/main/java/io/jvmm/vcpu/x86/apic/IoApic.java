package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.state.StateCursor;
import java.util.Arrays;

/**
 * The IOAPIC (82093AA data sheet, with the EOI register of version 20h): 24 pins. Guarded by the {@link Chipset}'s lock.
 *
 * <p>A pin's polarity is a matter of wiring: {@link #setPin} takes "asserted", and the polarity bit is kept and ignored. An
 * edge on a masked pin is lost, as on the chip.
 */
final class IoApic {
    static final int PINS = 24;

    private static final int VERSION_VALUE = 0x20 | (PINS - 1) << 16;
    private static final int SELECT = 0x00;
    private static final int WINDOW = 0x10;
    private static final int EOI = 0x40;

    private static final int LEVEL = 1 << 15;
    private static final int MASKED = 1 << 16;
    private static final int REMOTE_IRR = 1 << 14;
    private static final int LOW_WRITABLE = 0x1_afff;

    private final ApicBus bus;
    private final PinListener listener;
    private final int[] low = new int[PINS];
    private final int[] high = new int[PINS];
    private int asserted;
    private int select;
    private int id;

    /** Told when the guest has acknowledged the level-triggered interrupt of a pin. */
    @FunctionalInterface
    interface PinListener {
        void acknowledged(int pin);
    }

    IoApic(ApicBus bus, PinListener listener) {
        this.bus = bus;
        this.listener = listener;
        Arrays.fill(low, MASKED);
    }

    /** Reads at an offset into its page. */
    int read(int offset) {
        return switch (offset) {
            case SELECT -> select;
            case WINDOW -> readRegister();
            default -> 0;
        };
    }

    private int readRegister() {
        return switch (select) {
            case 0, 2 -> id << 24;
            case 1 -> VERSION_VALUE;
            default -> {
                final int pin = (select - 0x10) >> 1;
                yield select < 0x10 || pin >= PINS ? 0 : (select & 1) == 0 ? low[pin] : high[pin];
            }
        };
    }

    /** Writes at an offset into its page. */
    void write(int offset, int value) {
        switch (offset) {
            case SELECT -> select = value & 0xff;
            case WINDOW -> writeRegister(value);
            case EOI -> endOfInterrupt(value & 0xff);
            default -> {
                // Nothing is there.
            }
        }
    }

    private void writeRegister(int value) {
        final int pin = (select - 0x10) >> 1;
        if (select == 0) {
            id = (value >> 24) & 0xf;
        } else if (select >= 0x10 && pin < PINS) {
            if ((select & 1) == 0) {
                setEntry(pin, value);
            } else {
                high[pin] = value & 0xff00_0000;
            }
        }
    }

    private void setEntry(int pin, int value) {
        int entry = (value & LOW_WRITABLE) | (low[pin] & REMOTE_IRR);
        if ((entry & LEVEL) == 0) {
            // Remote IRR has no meaning for edges; going through edge mode is how version 11h drivers clear it.
            entry &= ~REMOTE_IRR;
        }
        low[pin] = entry;
        if ((entry & LEVEL) != 0) {
            serveLevel(pin);
        }
    }

    /** Whether the pin's interrupt is asserted now. */
    void setPin(int pin, boolean assertedNow) {
        final int bit = 1 << pin;
        final boolean before = (asserted & bit) != 0;
        if (before == assertedNow) {
            return;
        }
        asserted ^= bit;
        if (!assertedNow) {
            return;
        }
        if ((low[pin] & LEVEL) != 0) {
            serveLevel(pin);
        } else if ((low[pin] & MASKED) == 0) {
            send(pin, false);
        }
    }

    private void serveLevel(int pin) {
        if ((asserted & 1 << pin) != 0
                && (low[pin] & (MASKED | REMOTE_IRR)) == 0
                && send(pin, true)
                && isVectored(pin)) {
            low[pin] |= REMOTE_IRR;
        }
    }

    /** Level-triggered interrupts that no processor accepted are sent again; those accepted wait for their end. */
    void retry() {
        for (int pin = 0; pin < PINS; pin++) {
            if ((low[pin] & LEVEL) != 0) {
                serveLevel(pin);
            }
        }
    }

    private boolean isVectored(int pin) {
        return ((low[pin] >> 8) & 7) <= ApicBus.LOWEST_PRIORITY;
    }

    private boolean send(int pin, boolean level) {
        final int entry = low[pin];
        return bus.send((entry >> 8) & 7, entry & 0xff, level, high[pin] >>> 24, (entry & 0x800) != 0);
    }

    /** A processor has ended the level-triggered interrupt {@code vector}. */
    void endOfInterrupt(int vector) {
        for (int pin = 0; pin < PINS; pin++) {
            final int entry = low[pin];
            if ((entry & 0xff) == vector && (entry & (LEVEL | REMOTE_IRR)) == (LEVEL | REMOTE_IRR)) {
                low[pin] &= ~REMOTE_IRR;
                // May drop the pin, so that it is served again only when its device says so.
                listener.acknowledged(pin);
                serveLevel(pin);
            }
        }
    }

    /** For the state segment. */
    void transfer(StateCursor state) {
        asserted = state.u32(asserted, (1 << PINS) - 1, "pins of the IOAPIC");
        select = state.u32(select, 0xff, "IOREGSEL");
        id = state.u32(id, 0xf, "id of the IOAPIC");
        for (int pin = 0; pin < PINS; pin++) {
            low[pin] = state.u32(low[pin], LOW_WRITABLE | REMOTE_IRR, "a redirection entry");
            state.require((low[pin] & (LEVEL | REMOTE_IRR)) != REMOTE_IRR, "remote IRR of an edge");
            high[pin] = state.u32(high[pin], 0xff00_0000, "a redirection entry");
        }
    }
}
