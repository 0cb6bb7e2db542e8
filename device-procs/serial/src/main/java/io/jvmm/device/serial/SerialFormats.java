package io.jvmm.device.serial;

import io.jvmm.ipc.state.FieldFormat;
import io.jvmm.ipc.state.FieldFormat.Part;
import io.jvmm.ipc.state.StateFormats;

/** How the state of a port is shown, in the words of PC16550D §8.1 to §8.9. */
final class SerialFormats {
    private SerialFormats() {}

    static StateFormats state() {
        FieldFormat lines = FieldFormat.flags("DCTS", "DDSR", "TERI", "DDCD", "CTS", "DSR", "RI", "DCD");
        // DR, THRE, TEMT and bit 7 are not stored: the guest that reads LSR is told them of the FIFOs.
        FieldFormat errors = FieldFormat.flags("", "OE", "PE", "FE", "BI");
        return StateFormats.NONE
                .and(FieldFormat.DECIMAL, "portCount")
                .and(
                        "port.",
                        registers().and(lines, "MSR").and(errors, "LSR.errors").and(ours()));
    }

    private static StateFormats registers() {
        return StateFormats.NONE
                .and(FieldFormat.flags("ERBFI", "ETBEI", "ELSI", "EDSSI"), "IER")
                .and(
                        FieldFormat.register(
                                Part.of(UartBits.FCR_ENABLE, "", "FIFO"),
                                Part.of(UartBits.FCR_DMA_MODE, "", "DMA"),
                                Part.of(UartBits.FCR_TRIGGER, "", "TRIGGER4", "TRIGGER8", "TRIGGER14")),
                        "FCR")
                .and(
                        FieldFormat.register(
                                Part.of(UartBits.LCR_WORD_LENGTH, "5BITS", "6BITS", "7BITS", "8BITS"),
                                Part.of(UartBits.LCR_STB, "", "STB"),
                                Part.of(UartBits.LCR_PEN, "", "PEN"),
                                Part.of(UartBits.LCR_EPS, "", "EPS"),
                                Part.of(UartBits.LCR_STICK, "", "STICK"),
                                Part.of(UartBits.LCR_BREAK, "", "BREAK"),
                                Part.of(UartBits.LCR_DLAB, "", "DLAB")),
                        "LCR")
                .and(FieldFormat.flags("DTR", "RTS", "OUT1", "OUT2", "LOOP"), "MCR");
    }

    private static StateFormats ours() {
        return StateFormats.NONE
                .and(FieldFormat.YES_NO, "thre", "intr", "carrier")
                .and(FieldFormat.NANOSECONDS, "rxTimeOutNs", "txDoneNs")
                .and(
                        FieldFormat.DECIMAL,
                        "rxHead",
                        "rxCount",
                        "txHead",
                        "txCount",
                        "rxBytes",
                        "txBytes",
                        "overruns",
                        "txLost",
                        "inPosition",
                        "outPosition");
    }
}
