package io.jvmm.device.serial;

import static io.jvmm.device.serial.SerialStateLayout.FIFO_BYTES;
import static io.jvmm.device.serial.SerialStateLayout.offset;
import static io.jvmm.device.serial.UartBits.*;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.StateRejectedException;
import java.nio.ByteOrder;
import org.agrona.concurrent.AtomicBuffer;

/** A view of one port in the state buffer; see {@link SerialStateLayout}. Holds nothing itself. */
final class UartStateFlyweight {

    private static final int IER = offset("IER");
    private static final int FCR = offset("FCR");
    private static final int LCR = offset("LCR");
    private static final int MCR = offset("MCR");
    private static final int LSR = offset("LSR.errors");
    private static final int MSR = offset("MSR");
    private static final int SCR = offset("SCR");
    private static final int DLL = offset("DLL");
    private static final int DLM = offset("DLM");
    private static final int RBR = offset("RBR");
    private static final int THRE = offset("thre");
    private static final int INTR = offset("intr");
    private static final int CARRIER = offset("carrier");
    private static final int RX_HEAD = offset("rxHead");
    private static final int RX_COUNT = offset("rxCount");
    private static final int TX_HEAD = offset("txHead");
    private static final int TX_COUNT = offset("txCount");
    private static final int ZERO = offset("txCount") + 1;
    private static final int RX_TIME_OUT = offset("rxTimeOutNs");
    private static final int TX_DONE = offset("txDoneNs");
    private static final int RCVR_FIFO = offset("rcvrFifo");
    private static final int RCVR_ERRORS = offset("rcvrErrors");
    private static final int XMIT_FIFO = offset("xmitFifo");
    private static final int RX_BYTES = offset("rxBytes");
    private static final int TX_BYTES = offset("txBytes");
    private static final int OVERRUNS = offset("overruns");
    private static final int TX_LOST = offset("txLost");
    private static final int IN_POSITION = offset("inPosition");
    private static final int OUT_POSITION = offset("outPosition");

    private final AtomicBuffer buffer;
    private final int base;

    UartStateFlyweight(AtomicBuffer buffer, int base) {
        this.buffer = buffer;
        this.base = base;
    }

    private int u8(int field) {
        return buffer.getByte(base + field) & 0xFF;
    }

    private void u8(int field, int value) {
        buffer.putByte(base + field, (byte) value);
    }

    int ier() {
        return u8(IER);
    }

    void ier(int value) {
        u8(IER, value);
    }

    int fcr() {
        return u8(FCR);
    }

    void fcr(int value) {
        u8(FCR, value);
    }

    int lcr() {
        return u8(LCR);
    }

    void lcr(int value) {
        u8(LCR, value);
    }

    int mcr() {
        return u8(MCR);
    }

    void mcr(int value) {
        u8(MCR, value);
    }

    /** The latched errors only. */
    int lineErrors() {
        return u8(LSR);
    }

    void lineErrors(int value) {
        u8(LSR, value);
    }

    int msr() {
        return u8(MSR);
    }

    void msr(int value) {
        u8(MSR, value);
    }

    int scr() {
        return u8(SCR);
    }

    void scr(int value) {
        u8(SCR, value);
    }

    int dll() {
        return u8(DLL);
    }

    void dll(int value) {
        u8(DLL, value);
    }

    int dlm() {
        return u8(DLM);
    }

    void dlm(int value) {
        u8(DLM, value);
    }

    int divisor() {
        return dlm() << 8 | dll();
    }

    int rbr() {
        return u8(RBR);
    }

    void rbr(int value) {
        u8(RBR, value);
    }

    boolean threPending() {
        return u8(THRE) != 0;
    }

    void threPending(boolean pending) {
        u8(THRE, pending ? 1 : 0);
    }

    boolean intr() {
        return u8(INTR) != 0;
    }

    void intr(boolean high) {
        u8(INTR, high ? 1 : 0);
    }

    boolean carrier() {
        return u8(CARRIER) != 0;
    }

    void carrier(boolean present) {
        u8(CARRIER, present ? 1 : 0);
    }

    boolean fifosEnabled() {
        return (fcr() & FCR_ENABLE) != 0;
    }

    /** How many characters each direction holds: 16 with FIFOs, else the one of RBR and THR. */
    int depth() {
        return fifosEnabled() ? FIFO_BYTES : 1;
    }

    int rxCount() {
        return u8(RX_COUNT);
    }

    int txCount() {
        return u8(TX_COUNT);
    }

    long rxTimeOutNs() {
        return buffer.getLong(base + RX_TIME_OUT, ByteOrder.LITTLE_ENDIAN);
    }

    void rxTimeOutNs(long atNs) {
        buffer.putLong(base + RX_TIME_OUT, atNs, ByteOrder.LITTLE_ENDIAN);
    }

    long txDoneNs() {
        return buffer.getLong(base + TX_DONE, ByteOrder.LITTLE_ENDIAN);
    }

    void txDoneNs(long atNs) {
        buffer.putLong(base + TX_DONE, atNs, ByteOrder.LITTLE_ENDIAN);
    }

    /** Appends to the RCVR FIFO, which has room. */
    void pushReceived(int value, int errors) {
        int slot = (u8(RX_HEAD) + rxCount()) % FIFO_BYTES;
        u8(RCVR_FIFO + slot, value);
        u8(RCVR_ERRORS + slot, errors);
        u8(RX_COUNT, rxCount() + 1);
        buffer.putLong(base + RX_BYTES, rxBytes() + 1, ByteOrder.LITTLE_ENDIAN);
    }

    /** The oldest character received; there is one. */
    int topReceived() {
        return u8(RCVR_FIFO + u8(RX_HEAD));
    }

    int topErrors() {
        return u8(RCVR_ERRORS + u8(RX_HEAD));
    }

    void clearTopErrors() {
        u8(RCVR_ERRORS + u8(RX_HEAD), 0);
    }

    void dropTopReceived() {
        int head = u8(RX_HEAD);
        u8(RCVR_ERRORS + head, 0);
        u8(RX_HEAD, (head + 1) % FIFO_BYTES);
        u8(RX_COUNT, rxCount() - 1);
    }

    /** Whether any character in the RCVR FIFO carries an error: free slots hold none, so two words tell. */
    boolean anyReceivedErrors() {
        return (buffer.getLong(base + RCVR_ERRORS) | buffer.getLong(base + RCVR_ERRORS + Long.BYTES)) != 0;
    }

    void clearReceived() {
        u8(RX_HEAD, 0);
        u8(RX_COUNT, 0);
        buffer.setMemory(base + RCVR_FIFO, FIFO_BYTES, (byte) 0);
        buffer.setMemory(base + RCVR_ERRORS, FIFO_BYTES, (byte) 0);
    }

    /** Appends to the XMIT FIFO, which has room. */
    void pushTransmit(int value) {
        u8(XMIT_FIFO + (u8(TX_HEAD) + txCount()) % FIFO_BYTES, value);
        u8(TX_COUNT, txCount() + 1);
    }

    /** Replaces the newest character to send; there is one. */
    void replaceNewestTransmit(int value) {
        u8(XMIT_FIFO + (u8(TX_HEAD) + txCount() - 1) % FIFO_BYTES, value);
    }

    /** The character to send after {@code index} others. */
    int transmit(int index) {
        return u8(XMIT_FIFO + (u8(TX_HEAD) + index) % FIFO_BYTES);
    }

    void dropTransmit(int count) {
        u8(TX_HEAD, (u8(TX_HEAD) + count) % FIFO_BYTES);
        u8(TX_COUNT, txCount() - count);
        buffer.putLong(base + TX_BYTES, txBytes() + count, ByteOrder.LITTLE_ENDIAN);
    }

    void clearTransmit() {
        u8(TX_HEAD, 0);
        u8(TX_COUNT, 0);
        buffer.setMemory(base + XMIT_FIFO, FIFO_BYTES, (byte) 0);
    }

    long rxBytes() {
        return buffer.getLong(base + RX_BYTES, ByteOrder.LITTLE_ENDIAN);
    }

    long txBytes() {
        return buffer.getLong(base + TX_BYTES, ByteOrder.LITTLE_ENDIAN);
    }

    int overruns() {
        return buffer.getInt(base + OVERRUNS, ByteOrder.LITTLE_ENDIAN);
    }

    void countOverrun() {
        buffer.putInt(base + OVERRUNS, overruns() + 1, ByteOrder.LITTLE_ENDIAN);
    }

    int txLost() {
        return buffer.getInt(base + TX_LOST, ByteOrder.LITTLE_ENDIAN);
    }

    void countTxLost() {
        buffer.putInt(base + TX_LOST, txLost() + 1, ByteOrder.LITTLE_ENDIAN);
    }

    long inPosition() {
        return buffer.getLong(base + IN_POSITION, ByteOrder.LITTLE_ENDIAN);
    }

    long outPosition() {
        return buffer.getLong(base + OUT_POSITION, ByteOrder.LITTLE_ENDIAN);
    }

    void positions(long in, long out) {
        buffer.putLong(base + IN_POSITION, in, ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(base + OUT_POSITION, out, ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Refuses what no {@link Uart16550} can have left behind. Every index and count is checked, so that the core may
     * trust them afterwards.
     */
    void validate(int port) {
        bits(port, "IER", ier(), IER_MASK);
        bits(port, "FCR", fcr(), fifosEnabled() ? FCR_KEPT : 0);
        bits(port, "MCR", mcr(), MCR_MASK);
        bits(port, "LSR.errors", lineErrors(), LSR_ERRORS);
        bits(port, "thre", u8(THRE), 1);
        bits(port, "intr", u8(INTR), 1);
        bits(port, "carrier", u8(CARRIER), 1);
        atMost(port, "rxHead", u8(RX_HEAD), FIFO_BYTES - 1);
        atMost(port, "rxCount", rxCount(), depth());
        atMost(port, "txHead", u8(TX_HEAD), FIFO_BYTES - 1);
        atMost(port, "txCount", txCount(), depth());
        for (int i = 0; i < FIFO_BYTES; i++) {
            int slot = (u8(RX_HEAD) + i) % FIFO_BYTES;
            bits(port, "rcvrErrors", u8(RCVR_ERRORS + slot), i < rxCount() ? LSR_CHARACTER_ERRORS : 0);
        }
        zero(port, ZERO, RX_TIME_OUT);
        position(port, "inPosition", inPosition());
        position(port, "outPosition", outPosition());
        timer(port, "rxTimeOutNs", rxTimeOutNs());
        timer(port, "txDoneNs", txDoneNs());
    }

    /** A port that is not configured, which nothing may have touched. */
    void validateUnused(int port) {
        zero(port, 0, SerialStateLayout.PORT_BYTES);
    }

    private static void bits(int port, String field, int value, int allowed) {
        if ((value & ~allowed) != 0) {
            throw rejected(port, field, value, "only bits 0x" + Integer.toHexString(allowed) + " can be set");
        }
    }

    private static void atMost(int port, String field, int value, int limit) {
        if (value > limit) {
            throw rejected(port, field, value, "at most " + limit);
        }
    }

    private static void timer(int port, String field, long atNs) {
        if (atNs < 0) {
            throw rejected(port, field, atNs, "a time is 0.." + DeviceCore.NO_DEADLINE);
        }
    }

    private static void position(int port, String field, long position) {
        if (position < 0) {
            throw rejected(port, field, position, "a position is not negative");
        }
    }

    private void zero(int port, int from, int to) {
        for (int i = from; i < to; i++) {
            if (u8(i) != 0) {
                throw rejected(port, "reserved byte " + i, u8(i), "zero");
            }
        }
    }

    private static StateRejectedException rejected(int port, String field, long value, String allowed) {
        return new StateRejectedException("serial state: port " + port + " " + field + " is " + value + "; " + allowed);
    }
}
