package io.jvmm.device.serial;

/**
 * The twelve registers behind eight addresses (PC16550D §8.0, Table II). Which of two or three registers an address
 * reaches depends on the direction and on the divisor latch access bit, LCR bit 7.
 */
public enum UartRegister {
    /** Receiver buffer: the oldest character received. */
    RBR(0, Access.READ, Latch.CLOSED),
    /** Transmitter holding register, or the tail of the XMIT FIFO. */
    THR(0, Access.WRITE, Latch.CLOSED),
    /** Divisor latch, least significant byte. */
    DLL(0, Access.READ_WRITE, Latch.OPEN),
    /** Interrupt enable. */
    IER(1, Access.READ_WRITE, Latch.CLOSED),
    /** Divisor latch, most significant byte. */
    DLM(1, Access.READ_WRITE, Latch.OPEN),
    /** Interrupt identification. */
    IIR(2, Access.READ, Latch.EITHER),
    /** FIFO control. */
    FCR(2, Access.WRITE, Latch.EITHER),
    /** Line control. */
    LCR(3, Access.READ_WRITE, Latch.EITHER),
    /** Modem control. */
    MCR(4, Access.READ_WRITE, Latch.EITHER),
    /** Line status; writing is for factory tests only and does nothing here. */
    LSR(5, Access.READ, Latch.EITHER),
    /** Modem status; writing does nothing. */
    MSR(6, Access.READ, Latch.EITHER),
    /** Scratchpad. */
    SCR(7, Access.READ_WRITE, Latch.EITHER);

    /** The directions a register answers to. */
    public enum Access {
        READ,
        WRITE,
        READ_WRITE
    }

    /** The position of LCR bit 7 in which the register is reached. */
    public enum Latch {
        CLOSED,
        OPEN,
        EITHER
    }

    /** How many addresses a UART takes. */
    public static final int WINDOW_BYTES = 8;

    // Kept outside the enum's own values() so that a lookup neither allocates nor copies.
    private static final UartRegister[] READ_CLOSED = table(Access.READ, Latch.CLOSED);
    private static final UartRegister[] READ_OPEN = table(Access.READ, Latch.OPEN);
    private static final UartRegister[] WRITE_CLOSED = table(Access.WRITE, Latch.CLOSED);
    private static final UartRegister[] WRITE_OPEN = table(Access.WRITE, Latch.OPEN);

    private final int offset;
    private final Access access;
    private final Latch latch;

    UartRegister(int offset, Access access, Latch latch) {
        this.offset = offset;
        this.access = access;
        this.latch = latch;
    }

    /** Address within the window, 0..7; every register is one byte wide. */
    public int offset() {
        return offset;
    }

    /** The directions it answers to. */
    public Access access() {
        return access;
    }

    /** The latch position it needs. */
    public Latch latch() {
        return latch;
    }

    /** The register a read of {@code offset} (0..7) reaches. */
    static UartRegister read(int offset, boolean latchOpen) {
        return (latchOpen ? READ_OPEN : READ_CLOSED)[offset];
    }

    /** The register a write of {@code offset} (0..7) reaches. */
    static UartRegister written(int offset, boolean latchOpen) {
        return (latchOpen ? WRITE_OPEN : WRITE_CLOSED)[offset];
    }

    /** By offset; read-only registers appear as targets of writes too, where the core ignores them. */
    private static UartRegister[] table(Access direction, Latch position) {
        UartRegister[] byOffset = new UartRegister[WINDOW_BYTES];
        for (UartRegister register : values()) {
            boolean reached = register.latch == Latch.EITHER || register.latch == position;
            boolean answers = register.access == Access.READ_WRITE || register.access == direction;
            if (reached && (answers || byOffset[register.offset] == null)) {
                byOffset[register.offset] = register;
            }
        }
        return byOffset;
    }
}
