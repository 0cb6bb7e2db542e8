package io.jvmm.device.serial;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * A second 16550A, written from the data sheet's prose with lists and sets instead of bytes and bits, slow and obvious.
 * It shares no code with {@link Uart16550}; the seeded random test holds one against the other.
 */
final class ReferenceUart {

    enum Fault {
        PARITY(2),
        FRAMING(3),
        BREAK(4);
        final int lsrBit;

        Fault(int lsrBit) {
            this.lsrBit = lsrBit;
        }
    }

    enum Wire {
        CTS(4, 0),
        DSR(5, 1),
        RI(6, 2),
        DCD(7, 3);
        final int levelBit;
        final int deltaBit;

        Wire(int levelBit, int deltaBit) {
            this.levelBit = levelBit;
            this.deltaBit = deltaBit;
        }
    }

    record Received(int data, Set<Fault> errors) {}

    private boolean[] enabled = new boolean[4]; // received data, THR empty, line status, modem status
    private boolean fifoMode;
    private boolean dmaMode;
    private int trigger = 1;
    private int lineControl = 3;
    private int scratch;
    private int divisor = 12;
    private boolean dtr;
    private boolean rts;
    private boolean out1;
    private boolean out2;
    private boolean loop;
    private boolean overrun;
    private final Set<Fault> shown = EnumSet.noneOf(Fault.class);
    private final Deque<Received> receiver = new ArrayDeque<>();
    private final Deque<Integer> transmitter = new ArrayDeque<>();
    private int lastRead;
    private boolean transmitterNews;
    private boolean carrier;
    private final Map<Wire, Boolean> wires = new EnumMap<>(Wire.class);
    private final Set<Wire> deltas = EnumSet.noneOf(Wire.class);
    private long timeOutAtNs = Long.MAX_VALUE;

    boolean line;
    int edges;

    ReferenceUart() {
        settleWires();
        deltas.clear();
    }

    void masterReset(long now) {
        enabled = new boolean[4];
        fifoMode = false;
        dmaMode = false;
        trigger = 1;
        lineControl = 3;
        divisor = 12;
        dtr = rts = out1 = out2 = loop = false;
        overrun = false;
        shown.clear();
        receiver.clear();
        transmitter.clear();
        lastRead = 0;
        transmitterNews = false;
        timeOutAtNs = Long.MAX_VALUE;
        settleWires();
        deltas.clear();
        line = false;
        settleLine(now);
    }

    int read(int address, long now) {
        boolean latch = lineControl >= 0x80;
        int value;
        if (address == 0 && latch) {
            value = divisor % 256;
        } else if (address == 1 && latch) {
            value = divisor / 256;
        } else if (address == 0) {
            value = readData(now);
        } else if (address == 1) {
            value = 0;
            for (int i = 0; i < 4; i++) {
                value += enabled[i] ? 1 << i : 0;
            }
        } else if (address == 2) {
            value = identify(now);
            if (value == 2) {
                transmitterNews = false;
            }
            value += fifoMode ? 192 : 0;
        } else if (address == 3) {
            value = lineControl;
        } else if (address == 4) {
            value = (dtr ? 1 : 0) + (rts ? 2 : 0) + (out1 ? 4 : 0) + (out2 ? 8 : 0) + (loop ? 16 : 0);
        } else if (address == 5) {
            value = readLineStatus();
        } else if (address == 6) {
            value = 0;
            for (Wire wire : Wire.values()) {
                value += wires.getOrDefault(wire, false) ? 1 << wire.levelBit : 0;
                value += deltas.contains(wire) ? 1 << wire.deltaBit : 0;
            }
            deltas.clear();
        } else {
            value = scratch;
        }
        settleLine(now);
        return value;
    }

    private int readData(long now) {
        Received top = receiver.pollFirst();
        if (top != null) {
            lastRead = top.data;
            timeOutAtNs = fifoMode && !receiver.isEmpty() ? now + fourCharactersNs() : Long.MAX_VALUE;
            if (!receiver.isEmpty()) {
                shown.addAll(receiver.getFirst().errors);
            }
        }
        return lastRead;
    }

    private int readLineStatus() {
        int value = receiver.isEmpty() ? 0 : 1;
        value += overrun ? 2 : 0;
        for (Fault error : shown) {
            value += 1 << error.lsrBit;
        }
        value += transmitter.isEmpty() ? 0x60 : 0;
        boolean inFifo = receiver.stream().anyMatch(r -> !r.errors.isEmpty());
        value += fifoMode && (inFifo || !shown.isEmpty()) ? 0x80 : 0;
        overrun = false;
        if (!shown.isEmpty() && !receiver.isEmpty()) {
            receiver.getFirst().errors.clear();
        }
        shown.clear();
        return value;
    }

    void write(int address, int value, long now) {
        boolean latch = lineControl >= 0x80;
        if (address == 0 && latch) {
            divisor = divisor / 256 * 256 + value;
        } else if (address == 1 && latch) {
            divisor = divisor % 256 + value * 256;
        } else if (address == 0) {
            send(value, now);
        } else if (address == 1) {
            boolean before = enabled[1];
            for (int i = 0; i < 4; i++) {
                enabled[i] = (value >> i) % 2 == 1;
            }
            if (!before && enabled[1]) {
                transmitterNews = transmitter.isEmpty();
            }
        } else if (address == 2) {
            fifoControl(value);
        } else if (address == 3) {
            lineControl = value;
        } else if (address == 4) {
            dtr = (value & 1) != 0;
            rts = (value & 2) != 0;
            out1 = (value & 4) != 0;
            out2 = (value & 8) != 0;
            loop = (value & 16) != 0;
            settleWires();
            loopBack(now);
        } else if (address == 7) {
            scratch = value;
        }
        settleLine(now);
    }

    private void send(int value, long now) {
        transmitterNews = false;
        int data = value & ((2 << (4 + lineControl % 4)) - 1);
        if (transmitter.size() < (fifoMode ? 16 : 1)) {
            transmitter.addLast(data);
        } else if (!fifoMode) {
            transmitter.clear();
            transmitter.addLast(data);
        }
        loopBack(now);
    }

    private void loopBack(long now) {
        while (loop && !transmitter.isEmpty()) {
            int data = transmitter.removeFirst();
            if (transmitter.isEmpty()) {
                transmitterNews = true;
            }
            arrive(data, EnumSet.noneOf(Fault.class), now);
        }
    }

    private void fifoControl(int value) {
        boolean on = value % 2 == 1;
        boolean toggled = on != fifoMode;
        if (toggled || (on && (value & 2) != 0)) {
            receiver.clear();
            lastRead = 0;
            timeOutAtNs = Long.MAX_VALUE;
        }
        if (toggled || (on && (value & 4) != 0)) {
            transmitterNews |= !transmitter.isEmpty();
            transmitter.clear();
        }
        fifoMode = on;
        dmaMode = on && (value & 8) != 0;
        trigger = on ? new int[] {1, 4, 8, 14}[value / 64] : 1;
    }

    int room() {
        return loop ? 0 : (fifoMode ? 16 : 1) - receiver.size();
    }

    void hostCharacter(int data, long now) {
        if (!loop) {
            arrive(data & ((2 << (4 + lineControl % 4)) - 1), EnumSet.noneOf(Fault.class), now);
            settleLine(now);
        }
    }

    void hostBreak(long now) {
        if (!loop) {
            Set<Fault> errors = EnumSet.of(Fault.BREAK, Fault.FRAMING);
            // All spaces: wrong for odd parity, and for a parity bit stuck at mark (stick with EPS clear).
            if ((lineControl & 0x08) != 0 && (lineControl & 0x10) == 0) {
                errors.add(Fault.PARITY);
            }
            arrive(0, errors, now);
            settleLine(now);
        }
    }

    private void arrive(int data, Set<Fault> errors, long now) {
        boolean struck = !receiver.isEmpty() && now >= timeOutAtNs;
        if (receiver.size() == (fifoMode ? 16 : 1)) {
            overrun = true;
            if (fifoMode) {
                return;
            }
            receiver.clear();
        }
        receiver.addLast(new Received(data, EnumSet.copyOf(errors)));
        if (receiver.size() == 1) {
            shown.addAll(errors);
        }
        if (fifoMode && !struck) {
            timeOutAtNs = now + fourCharactersNs();
        }
    }

    /** The host takes up to {@code limit} characters. */
    String take(int limit, long now) {
        StringBuilder taken = new StringBuilder();
        while (!loop && taken.length() < limit && !transmitter.isEmpty()) {
            taken.append((char) (int) transmitter.removeFirst());
            if (transmitter.isEmpty()) {
                transmitterNews = true;
            }
        }
        settleLine(now);
        return taken.toString();
    }

    void hostCarrier(boolean present, long now) {
        carrier = present;
        settleWires();
        settleLine(now);
    }

    void timePasses(long now) {
        settleLine(now);
    }

    private void settleWires() {
        settle(Wire.CTS, loop ? rts : carrier);
        settle(Wire.DSR, loop ? dtr : carrier);
        settle(Wire.RI, loop && out1);
        settle(Wire.DCD, loop ? out2 : carrier);
    }

    private void settle(Wire wire, boolean level) {
        boolean before = wires.getOrDefault(wire, false);
        if (before != level && (wire != Wire.RI || !level)) {
            deltas.add(wire);
        }
        wires.put(wire, level);
    }

    private int identify(long now) {
        if (enabled[2] && (overrun || !shown.isEmpty())) {
            return 6;
        } else if (enabled[0] && receiver.size() >= trigger) {
            return 4;
        } else if (enabled[0] && !receiver.isEmpty() && now >= timeOutAtNs) {
            return 12;
        } else if (enabled[1] && transmitterNews) {
            return 2;
        } else if (enabled[3] && !deltas.isEmpty()) {
            return 0;
        }
        return 1;
    }

    /** Another process drives the line. */
    void riseAgain() {
        if (line) {
            edges++;
        }
    }

    private void settleLine(long now) {
        if (!enabled[1]) {
            transmitterNews = false;
        }
        boolean high = out2 && !loop && identify(now) != 1;
        if (high && !line) {
            edges++;
        }
        line = high;
    }

    private long fourCharactersNs() {
        double stopBits = (lineControl & 4) == 0 ? 1 : lineControl % 4 == 0 ? 1.5 : 2;
        double bits = 1 + 5 + lineControl % 4 + ((lineControl & 8) != 0 ? 1 : 0) + stopBits;
        BigDecimal seconds = BigDecimal.valueOf(bits)
                .multiply(BigDecimal.valueOf(divisor == 0 ? 65536 : divisor))
                .multiply(BigDecimal.valueOf(16))
                .divide(BigDecimal.valueOf(1_843_200), 15, RoundingMode.FLOOR);
        return 4 * seconds.movePointRight(9).setScale(0, RoundingMode.FLOOR).longValueExact();
    }

    @Override
    public String toString() {
        return "rx=" + receiver + " tx=" + transmitter + " shown=" + shown + " lcr=" + lineControl + " dma=" + dmaMode;
    }
}
