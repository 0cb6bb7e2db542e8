package io.jvmm.device.serial;

import static io.jvmm.device.serial.UartBits.*;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import org.agrona.MutableDirectBuffer;

/**
 * One 16550A UART after National's PC16550D data sheet (June 1995), as it sits on a PC: 1.8432 MHz clock, and OUT2
 * gating the interrupt line. Pure; all state is in the {@link UartStateFlyweight}.
 *
 * <p>Where a virtual machine differs from silicon, and why:
 *
 * <ul>
 *   <li>Characters take no time on the line unless {@code paced}: a byte written to THR is at the back end before the
 *       guest can read LSR. While the back end is slow the bytes stay in the XMIT FIFO and THRE stays low; none is lost.
 *   <li>THR and shift register are one: THRE and TEMT always agree. A polling driver cannot tell; an interrupting one
 *       is spared the interrupt that §8.11 delays by a character time.
 *   <li>A character is accepted from the host only while there is room (and, if so configured, while RTS is asserted),
 *       so an overrun happens only in loop-back.
 *   <li>A divisor of 0 counts like 65536, so that no guest can divide our time by zero.
 * </ul>
 *
 * <p><b>Thread:</b> the device thread. <b>Hostile:</b> every offset's caller has checked it to be 0..7; values are
 * masked here.
 */
final class Uart16550 {

    /** In txDoneNs: the character has taken its time and waits for the back end. */
    private static final long SHIFTED_OUT = 0;

    private static final int FIRMWARE_DIVISOR = 12;
    private static final int FIRMWARE_LCR = 0x03;

    private static final long HALF_BIT_NUMERATOR_NS = 16_000_000_000L;
    private static final long HALF_BIT_DENOMINATOR = 2 * 1_843_200L;
    /** Twelve bits at the largest divisor. */
    private static final long LONGEST_CHARACTER_NS = 24 * 0x1_0000L * HALF_BIT_NUMERATOR_NS / HALF_BIT_DENOMINATOR;

    private final int port;
    private final UartStateFlyweight state;
    private final DeviceEffects effects;
    private final boolean paced;
    private final boolean rtsFlowControl;

    /**
     * @param paced whether characters take their time at the programmed baud rate
     * @param rtsFlowControl whether the host's bytes wait while the guest holds RTS low
     */
    Uart16550(int port, UartStateFlyweight state, DeviceEffects effects, boolean paced, boolean rtsFlowControl) {
        this.port = port;
        this.state = state;
        this.effects = effects;
        this.paced = paced;
        this.rtsFlowControl = rtsFlowControl;
    }

    /**
     * Power-on or the machine's reset: the chip's master reset, and then what a PC's firmware leaves behind, 9600 baud and
     * eight bits. We have no firmware, and a kernel's earliest console trusts that settings are there.
     */
    void powerOn(long nowNs) {
        masterReset(nowNs);
        state.dll(FIRMWARE_DIVISOR);
        state.dlm(0);
        state.lcr(FIRMWARE_LCR);
    }

    /** Master reset, §8.0 Table I: the scratchpad and the modem's lines are not affected. */
    private void masterReset(long nowNs) {
        state.ier(0);
        state.fcr(0);
        state.lcr(0);
        state.mcr(0);
        state.lineErrors(0);
        state.rbr(0);
        state.clearReceived();
        state.clearTransmit();
        state.threPending(false);
        state.intr(false);
        state.rxTimeOutNs(DeviceCore.NO_DEADLINE);
        state.txDoneNs(DeviceCore.NO_DEADLINE);
        state.msr(modemLines());
        updateInterrupt(nowNs);
    }

    /** After adoption: times may come from another boot, so none may be further off than it could have been set. */
    void resume(long nowNs) {
        state.rxTimeOutNs(clamped(state.rxTimeOutNs(), nowNs, 4 * characterNs()));
        state.txDoneNs(clamped(state.txDoneNs(), nowNs, characterNs()));
        if (state.rxCount() == 0) {
            state.rxTimeOutNs(DeviceCore.NO_DEADLINE);
        }
        if (state.txCount() == 0 || !paced) {
            state.txDoneNs(DeviceCore.NO_DEADLINE);
        } else if (state.txDoneNs() == DeviceCore.NO_DEADLINE) {
            state.txDoneNs(SHIFTED_OUT);
        }
        updateModemLines();
        state.intr(false); // rises again: a driver to whom a hung predecessor was all ones saw no interrupt in them
        updateInterrupt(nowNs);
    }

    /** A time that could have been set, at whatever speed there was, stays. */
    private static long clamped(long atNs, long nowNs, long atThisSpeedNs) {
        boolean possible = atNs == DeviceCore.NO_DEADLINE || atNs <= nowNs + 4 * LONGEST_CHARACTER_NS;
        return possible ? atNs : nowNs + atThisSpeedNs;
    }

    // ---- the guest's side ----

    int read(int offset, long nowNs) {
        return switch (UartRegister.read(offset, latchOpen())) {
            case RBR, THR -> readReceiverBuffer(nowNs);
            case DLL -> state.dll();
            case IER -> state.ier();
            case DLM -> state.dlm();
            case IIR, FCR -> readInterruptIdentification(nowNs);
            case LCR -> state.lcr();
            case MCR -> state.mcr();
            case LSR -> readLineStatus(nowNs);
            case MSR -> readModemStatus(nowNs);
            case SCR -> state.scr();
        };
    }

    void write(int offset, int value, long nowNs) {
        switch (UartRegister.written(offset, latchOpen())) {
            case THR, RBR -> writeTransmitterHolding(value, nowNs);
            case DLL -> state.dll(value);
            case IER -> writeInterruptEnable(value);
            case DLM -> state.dlm(value);
            case FCR, IIR -> writeFifoControl(value);
            case LCR -> state.lcr(value);
            case MCR -> writeModemControl(value, nowNs);
            case LSR, MSR -> {} // §8.4: writing is for factory tests
            case SCR -> state.scr(value);
        }
        updateInterrupt(nowNs);
    }

    private boolean latchOpen() {
        return (state.lcr() & LCR_DLAB) != 0;
    }

    private boolean loopBack() {
        return (state.mcr() & MCR_LOOP) != 0;
    }

    private int readReceiverBuffer(long nowNs) {
        if (state.rxCount() > 0) {
            state.rbr(state.topReceived());
            state.dropTopReceived();
            state.rxTimeOutNs(
                    state.rxCount() > 0 && state.fifosEnabled() ? timeOutAfter(nowNs) : DeviceCore.NO_DEADLINE);
            revealTopErrors();
            updateInterrupt(nowNs);
        }
        return state.rbr();
    }

    /** §8.6: reading clears the transmitter interrupt, if that is what the register shows. */
    private int readInterruptIdentification(long nowNs) {
        int source = interruptSource(nowNs);
        if (source == IIR_THR_EMPTY) {
            state.threPending(false);
            updateInterrupt(nowNs);
        }
        return state.fifosEnabled() ? source | IIR_FIFOS_ENABLED : source;
    }

    /** §8.4: reading clears the error bits, and with them the errors of the character on top. */
    private int readLineStatus(long nowNs) {
        int value = lineStatus();
        if (state.lineErrors() != 0) {
            state.lineErrors(0);
            if (state.rxCount() > 0) {
                state.clearTopErrors();
            }
            updateInterrupt(nowNs);
        }
        return value;
    }

    private int lineStatus() {
        int value = state.lineErrors();
        if (state.rxCount() > 0) {
            value |= LSR_DR;
        }
        if (state.txCount() == 0) {
            value |= LSR_THRE | LSR_TEMT;
        }
        if (state.fifosEnabled() && ((value & LSR_CHARACTER_ERRORS) != 0 || state.anyReceivedErrors())) {
            value |= LSR_FIFO_ERROR;
        }
        return value;
    }

    private int readModemStatus(long nowNs) {
        int value = state.msr();
        if ((value & MSR_DELTAS) != 0) {
            state.msr(value & MSR_LINES);
            updateInterrupt(nowNs);
        }
        return value;
    }

    private void writeTransmitterHolding(int value, long nowNs) {
        int character = value & wordMask();
        state.threPending(false);
        if (state.txCount() < state.depth()) {
            state.pushTransmit(character);
            if (paced && state.txCount() == 1) {
                state.txDoneNs(nowNs + characterNs());
            }
        } else {
            // Written although THRE is low: the 16450 overwrites its THR, the FIFO drops what does not fit.
            state.countTxLost();
            if (!state.fifosEnabled()) {
                state.replaceNewestTransmit(character);
            }
        }
        if (loopBack() && !paced) {
            loopAll(nowNs);
        }
    }

    private void writeInterruptEnable(int value) {
        int enabled = value & IER_MASK & ~state.ier();
        state.ier(value & IER_MASK);
        if ((enabled & IER_ETBEI) != 0 && state.txCount() == 0) {
            state.threPending(true); // an empty THR is news to whoever starts listening
        } else if ((value & IER_ETBEI) == 0) {
            state.threPending(false);
        }
    }

    /** §8.5: bit 0 must be set for the others to count, and a change of bit 0 clears both FIFOs. */
    private void writeFifoControl(int value) {
        boolean enable = (value & FCR_ENABLE) != 0;
        boolean changed = enable != state.fifosEnabled();
        if (changed || (enable && (value & FCR_RCVR_RESET) != 0)) {
            state.clearReceived();
            state.rbr(0);
            state.rxTimeOutNs(DeviceCore.NO_DEADLINE);
        }
        if (changed || (enable && (value & FCR_XMIT_RESET) != 0)) {
            boolean wasBusy = state.txCount() > 0;
            state.clearTransmit();
            if (wasBusy) {
                becameEmpty();
            }
        }
        state.fcr(enable ? value & FCR_KEPT : 0);
    }

    private void writeModemControl(int value, long nowNs) {
        state.mcr(value & MCR_MASK);
        updateModemLines();
        if (loopBack() && state.txCount() > 0) {
            if (paced) {
                state.txDoneNs(nowNs + characterNs());
            } else {
                loopAll(nowNs);
            }
        }
    }

    // ---- transmitter ----

    private void becameEmpty() {
        state.txDoneNs(DeviceCore.NO_DEADLINE);
        state.threPending((state.ier() & IER_ETBEI) != 0);
    }

    private void sent(int count, long nowNs) {
        state.dropTransmit(count);
        if (state.txCount() == 0) {
            becameEmpty();
        } else if (paced) {
            state.txDoneNs(nowNs + characterNs());
        }
    }

    /** Loop-back, §8.8 bit 4: what the transmitter shifts out the receiver shifts in. */
    private void loopAll(long nowNs) {
        while (state.txCount() > 0) {
            loopOne(nowNs);
        }
    }

    private void loopOne(long nowNs) {
        int character = state.transmit(0);
        sent(1, nowNs);
        receive(character, 0, nowNs);
    }

    /** Copies what the host may have now; the back end says later how much of it went. */
    int hostOutput(MutableDirectBuffer into, int offset, int limitBytes) {
        if (loopBack()) {
            return 0; // §8.8: SOUT is marking
        }
        int count = Math.min(state.txCount(), limitBytes);
        if (paced) {
            count = state.txDoneNs() == SHIFTED_OUT ? Math.min(count, 1) : 0;
        }
        for (int i = 0; i < count; i++) {
            into.putByte(offset + i, (byte) state.transmit(i));
        }
        return count;
    }

    /** The next write to THR would find no room. */
    boolean hostOutputUrgent() {
        return state.txCount() == state.depth();
    }

    void hostOutputDone(int count, long nowNs) {
        int taken = Math.min(count, state.txCount());
        if (taken > 0) {
            sent(taken, nowNs);
            updateInterrupt(nowNs);
        }
    }

    // ---- receiver ----

    int hostInputRoom() {
        boolean held = loopBack() || (rtsFlowControl && (state.mcr() & MCR_RTS) == 0);
        return held ? 0 : state.depth() - state.rxCount();
    }

    void hostInput(int value, long nowNs) {
        if (!loopBack()) {
            receive(value & wordMask(), 0, nowNs);
            updateInterrupt(nowNs);
        }
    }

    /** §8.4 bit 4: one zero character; with it comes no stop bit, and no mark for a parity bit. */
    void hostBreak(long nowNs) {
        if (!loopBack()) {
            boolean parityError = (state.lcr() & LCR_PEN) != 0 && (state.lcr() & LCR_EPS) == 0;
            receive(0, LSR_BI | LSR_FE | (parityError ? LSR_PE : 0), nowNs);
            updateInterrupt(nowNs);
        }
    }

    private void receive(int character, int errors, long nowNs) {
        if (state.rxCount() == state.depth()) {
            overrun();
            if (state.fifosEnabled()) {
                return; // §8.4 bit 1: the shift register is overwritten, the FIFO is not
            }
            state.dropTopReceived();
        }
        boolean timedOut = timedOut(nowNs);
        state.pushReceived(character, errors);
        if (state.fifosEnabled() && !timedOut) {
            state.rxTimeOutNs(timeOutAfter(nowNs));
        }
        if (state.rxCount() == 1) {
            revealTopErrors();
        }
    }

    private void overrun() {
        state.lineErrors(state.lineErrors() | LSR_OE);
        state.countOverrun();
    }

    /** §8.4: an error shows when its character reaches the top, and stays until LSR is read. */
    private void revealTopErrors() {
        if (state.rxCount() > 0) {
            state.lineErrors(state.lineErrors() | state.topErrors());
        }
    }

    // ---- modem ----

    /** What the modem's side of the line does; a present peer asserts CTS, DSR and DCD. */
    void hostCarrier(boolean present, long nowNs) {
        state.carrier(present);
        updateModemLines();
        updateInterrupt(nowNs);
    }

    /** The four inputs as MSR shows them: from the line, or in loop-back from MCR (§8.8 bit 4). */
    private int modemLines() {
        if (!loopBack()) {
            return state.carrier() ? MSR_CTS | MSR_DSR | MSR_DCD : 0;
        }
        int mcr = state.mcr();
        return ((mcr & MCR_RTS) != 0 ? MSR_CTS : 0)
                | ((mcr & MCR_DTR) != 0 ? MSR_DSR : 0)
                | ((mcr & MCR_OUT1) != 0 ? MSR_RI : 0)
                | ((mcr & MCR_OUT2) != 0 ? MSR_DCD : 0);
    }

    /** §8.9: the deltas collect until MSR is read; the ring indicator counts only when it ends. */
    private void updateModemLines() {
        int before = state.msr();
        int lines = modemLines();
        int changed = (before ^ lines) & MSR_LINES;
        int deltas = before & MSR_DELTAS;
        deltas |= (changed & MSR_CTS) != 0 ? MSR_DCTS : 0;
        deltas |= (changed & MSR_DSR) != 0 ? MSR_DDSR : 0;
        deltas |= (changed & before & MSR_RI) != 0 ? MSR_TERI : 0;
        deltas |= (changed & MSR_DCD) != 0 ? MSR_DDCD : 0;
        state.msr(lines | deltas);
    }

    // ---- time ----

    /** The next moment at which something happens by itself. */
    long nextDeadlineNs() {
        return Math.min(nextTimeOutNs(), nextTransmitNs());
    }

    /** Once the line is up there is nothing to wait for, and while nobody listens there is no need to wake. */
    private long nextTimeOutNs() {
        boolean awaited = (state.ier() & IER_ERBFI) != 0 && gateOpen() && !state.intr() && state.rxCount() > 0;
        return awaited ? state.rxTimeOutNs() : DeviceCore.NO_DEADLINE;
    }

    private long nextTransmitNs() {
        boolean shifting = paced && state.txCount() > 0 && state.txDoneNs() != SHIFTED_OUT;
        return shifting ? state.txDoneNs() : DeviceCore.NO_DEADLINE;
    }

    void timer(long nowNs) {
        if (nowNs >= nextTransmitNs()) {
            if (loopBack()) {
                loopOne(nowNs);
            } else {
                state.txDoneNs(SHIFTED_OUT);
            }
        }
        updateInterrupt(nowNs);
    }

    private boolean timedOut(long nowNs) {
        return state.rxCount() > 0 && nowNs >= state.rxTimeOutNs();
    }

    private long timeOutAfter(long nowNs) {
        return nowNs + 4 * characterNs();
    }

    /** One character on the line: start bit, data, parity, stop (§8.1), at clock / (16 × divisor) baud (§8.3). */
    long characterNs() {
        int lcr = state.lcr();
        int dataBits = 5 + (lcr & LCR_WORD_LENGTH);
        int halfBits = 2 * (1 + dataBits) + ((lcr & LCR_PEN) != 0 ? 2 : 0) + 2;
        if ((lcr & LCR_STB) != 0) {
            halfBits += dataBits == 5 ? 1 : 2;
        }
        long divisor = state.divisor() == 0 ? 0x1_0000L : state.divisor();
        return halfBits * divisor * HALF_BIT_NUMERATOR_NS / HALF_BIT_DENOMINATOR;
    }

    private int wordMask() {
        return 0xFF >> (3 - (state.lcr() & LCR_WORD_LENGTH));
    }

    // ---- interrupts ----

    /** §8.6 Table IV: the highest of the pending and enabled sources. */
    private int interruptSource(long nowNs) {
        int ier = state.ier();
        if ((ier & IER_ELSI) != 0 && state.lineErrors() != 0) {
            return IIR_LINE_STATUS;
        }
        if ((ier & IER_ERBFI) != 0) {
            if (state.rxCount() >= trigger()) {
                return IIR_DATA_AVAILABLE;
            }
            if (timedOut(nowNs)) {
                return IIR_TIME_OUT;
            }
        }
        if ((ier & IER_ETBEI) != 0 && state.threPending()) {
            return IIR_THR_EMPTY;
        }
        if ((ier & IER_EDSSI) != 0 && (state.msr() & MSR_DELTAS) != 0) {
            return IIR_MODEM_STATUS;
        }
        return IIR_NONE;
    }

    private int trigger() {
        if (!state.fifosEnabled()) {
            return 1;
        }
        return switch (state.fcr() & FCR_TRIGGER) {
            case 0x00 -> 1;
            case 0x40 -> 4;
            case 0x80 -> 8;
            default -> 14;
        };
    }

    /** On a PC, OUT2 drives the buffer between INTR and the bus, and loop-back forces OUT2 inactive (§8.8 bit 4). */
    private boolean gateOpen() {
        return (state.mcr() & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    }

    /** The line behind the gate; only a rising edge is an effect. */
    private void updateInterrupt(long nowNs) {
        boolean high = gateOpen() && interruptSource(nowNs) != IIR_NONE;
        if (high != state.intr()) {
            state.intr(high);
            if (high) {
                effects.interrupt(port);
            }
        }
    }
}
