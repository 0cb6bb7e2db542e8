package io.jvmm.device.serial;

/** The bits of the registers, with the data sheet's names (PC16550D §8.1 to §8.9). */
final class UartBits {

    // Interrupt enable, §8.7
    static final int IER_ERBFI = 0x01; // received data available, and time-out
    static final int IER_ETBEI = 0x02; // transmitter holding register empty
    static final int IER_ELSI = 0x04; // receiver line status
    static final int IER_EDSSI = 0x08; // modem status
    static final int IER_MASK = 0x0F;

    // Interrupt identification, §8.6 Table IV, in the order of priority
    static final int IIR_LINE_STATUS = 0x06;
    static final int IIR_DATA_AVAILABLE = 0x04;
    static final int IIR_TIME_OUT = 0x0C;
    static final int IIR_THR_EMPTY = 0x02;
    static final int IIR_MODEM_STATUS = 0x00;
    static final int IIR_NONE = 0x01;
    static final int IIR_FIFOS_ENABLED = 0xC0;

    // FIFO control, §8.5
    static final int FCR_ENABLE = 0x01;
    static final int FCR_RCVR_RESET = 0x02;
    static final int FCR_XMIT_RESET = 0x04;
    static final int FCR_DMA_MODE = 0x08;
    static final int FCR_TRIGGER = 0xC0;
    /** What is remembered: the reset bits clear themselves, bits 4 and 5 are reserved. */
    static final int FCR_KEPT = FCR_ENABLE | FCR_DMA_MODE | FCR_TRIGGER;

    // Line control, §8.1
    static final int LCR_WORD_LENGTH = 0x03;
    static final int LCR_STB = 0x04; // two stop bits, one and a half with five data bits
    static final int LCR_PEN = 0x08; // parity enable
    static final int LCR_EPS = 0x10; // even parity
    static final int LCR_STICK = 0x20;
    static final int LCR_BREAK = 0x40;
    static final int LCR_DLAB = 0x80;

    // Modem control, §8.8
    static final int MCR_DTR = 0x01;
    static final int MCR_RTS = 0x02;
    static final int MCR_OUT1 = 0x04;
    static final int MCR_OUT2 = 0x08;
    static final int MCR_LOOP = 0x10;
    static final int MCR_MASK = 0x1F;

    // Line status, §8.4
    static final int LSR_DR = 0x01;
    static final int LSR_OE = 0x02;
    static final int LSR_PE = 0x04;
    static final int LSR_FE = 0x08;
    static final int LSR_BI = 0x10;
    static final int LSR_THRE = 0x20;
    static final int LSR_TEMT = 0x40;
    static final int LSR_FIFO_ERROR = 0x80;
    /** The errors that belong to one character and travel with it through the RCVR FIFO. */
    static final int LSR_CHARACTER_ERRORS = LSR_PE | LSR_FE | LSR_BI;
    /** Everything that raises the line status interrupt and that reading the register clears. */
    static final int LSR_ERRORS = LSR_OE | LSR_CHARACTER_ERRORS;

    // Modem status, §8.9
    static final int MSR_DCTS = 0x01;
    static final int MSR_DDSR = 0x02;
    static final int MSR_TERI = 0x04;
    static final int MSR_DDCD = 0x08;
    static final int MSR_DELTAS = 0x0F;
    static final int MSR_CTS = 0x10;
    static final int MSR_DSR = 0x20;
    static final int MSR_RI = 0x40;
    static final int MSR_DCD = 0x80;
    static final int MSR_LINES = 0xF0;

    private UartBits() {}
}
