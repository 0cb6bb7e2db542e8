package io.jvmm.device.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.HostStreams;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The chip against the data sheet: National Semiconductor PC16550D, June 1995. Numbers in the test names are its clauses;
 * the values are its own, written as hexadecimal.
 */
class Uart16550Test {

    private static final int RBR = 0;
    private static final int THR = 0;
    private static final int IER = 1;
    private static final int IIR = 2;
    private static final int FCR = 2;
    private static final int LCR = 3;
    private static final int MCR = 4;
    private static final int LSR = 5;
    private static final int MSR = 6;
    private static final int SCR = 7;

    private final UartBench uart = new UartBench();

    @Nested
    class ResetTable {

        /** Table I, "UART reset configuration". */
        @Test
        void table1_registersAfterMasterReset() {
            uart.configured(0xC0);
            uart.out(IER, 0x0F);
            uart.out(SCR, 0x5A);
            uart.receive("x");
            uart.core.reset(0);
            assertEquals(0x00, uart.in(IER));
            assertEquals(0x01, uart.in(IIR));
            assertEquals(0x03, uart.in(LCR), "the table says 0, a PC's firmware then sets eight bits");
            assertEquals(0x00, uart.in(MCR));
            assertEquals(0x60, uart.in(LSR));
            assertEquals(0x00, uart.in(MSR) & 0x0F);
            assertEquals(0x5A, uart.in(SCR), "the scratchpad is not in the table");
            uart.out(LCR, 0x80);
            assertEquals(12, uart.in(0), "and 9600 baud");
        }

        @Test
        void table1_powerOn() {
            assertEquals(0x60, uart.in(LSR));
            assertEquals(0x01, uart.in(IIR));
            assertEquals(DeviceCore.NO_DEADLINE, uart.core.nextDeadlineNs());
            assertEquals(0, uart.edges);
        }
    }

    @Nested
    class LineControl {

        @ParameterizedTest(name = "clause 8.1 bits 0 and 1: LCR={0} keeps mask {1}")
        @CsvSource({"0,1F", "1,3F", "2,7F", "3,FF"})
        void clause8_1_wordLength(int lcr, String mask) {
            uart.configured(0);
            uart.out(LCR, lcr);
            uart.receive("\u00FF");
            assertEquals(Integer.parseInt(mask, 16), uart.in(RBR));
            uart.out(THR, 0xFF);
            uart.flush();
            assertEquals(Integer.parseInt(mask, 16), uart.host.charAt(0) & 0xFF);
        }

        /** §8.1 bits 0 to 5 and §8.3: start + data + parity + stop bits at 115200 / divisor. */
        @ParameterizedTest(name = "clause 8.1: LCR={0} divisor={1}: {2} half bits")
        @CsvSource({
            "0x03,1,20", // 8N1
            "0x07,1,22", // 8N2
            "0x1B,1,22", // 8E1
            "0x00,1,14", // 5N1
            "0x04,1,15", // 5N1.5
            "0x0F,12,24", // 8O2 at 9600
            "0x02,96,18", // 7N1 at 1200
            "0x03,0,1310720", // a divisor of 0 counts as 65536
        })
        void clause8_1_characterTimeRulesTheTimeOut(int lcr, int divisor, long halfBits) {
            uart.configured(0x40);
            uart.out(LCR, 0x80);
            uart.out(0, divisor & 0xFF);
            uart.out(1, divisor >> 8);
            uart.out(LCR, lcr);
            uart.out(IER, 0x01);
            uart.receive("a");
            long expectedNs = 4 * (halfBits * Math.max(divisor, 1) * 1_000_000_000L / 230_400);
            assertTrue(Math.abs(expectedNs - uart.core.nextDeadlineNs()) <= 4, "rounding only");
        }

        /** §8.1 bit 7. */
        @Test
        void clause8_1_bit7_divisorLatch() {
            uart.out(LCR, 0x80);
            uart.out(0, 0x34);
            uart.out(1, 0x12);
            uart.out(LCR, 0x00);
            assertEquals(0x00, uart.in(IER), "IER was not written");
            uart.out(LCR, 0x83);
            assertEquals(0x34, uart.in(0));
            assertEquals(0x12, uart.in(1));
            assertEquals(0x83, uart.in(LCR));
            assertEquals("", uart.host.toString(), "nor was THR");
        }
    }

    @Nested
    class LineStatus {

        @Test
        void clause8_4_bit0_dataReadyUntilAllIsRead() {
            uart.configured(0);
            uart.receive("ab");
            assertEquals(0x61, uart.in(LSR));
            assertEquals('a', uart.in(RBR));
            assertEquals(0x61, uart.in(LSR));
            assertEquals('b', uart.in(RBR));
            assertEquals(0x60, uart.in(LSR));
        }

        @Test
        void clause8_4_bit1_overrunIn16450ModeDestroysThePreviousCharacter() {
            uart.configured16450();
            uart.out(MCR, 0x10);
            uart.out(THR, 'a');
            uart.out(THR, 'b');
            assertEquals(0x63, uart.in(LSR));
            assertEquals(0x61, uart.in(LSR), "reading LSR clears OE");
            assertEquals('b', uart.in(RBR));
            assertEquals(0x60, uart.in(LSR));
        }

        @Test
        void clause8_4_bit1_overrunInFifoModeKeepsTheFifo() {
            uart.configured(0);
            uart.out(MCR, 0x10);
            for (int i = 0; i < 18; i++) {
                uart.out(THR, 'A' + i);
            }
            assertEquals(0x63, uart.in(LSR));
            for (int i = 0; i < 16; i++) {
                assertEquals('A' + i, uart.in(RBR));
            }
            assertEquals(0x60, uart.in(LSR), "the 17th and 18th are gone");
        }

        @Test
        void clause8_4_bit4_breakIsOneZeroCharacterWithBreakAndFramingError() {
            uart.configured(0);
            uart.core.hostBreak(0, 0);
            assertEquals(0xF9, uart.in(LSR), "DR FE BI THRE TEMT and the FIFO error bit");
            assertEquals(0x61, uart.in(LSR), "cleared by reading");
            assertEquals(0x00, uart.in(RBR));
            assertEquals(0x60, uart.in(LSR));
        }

        @ParameterizedTest(name = "clause 8.4 bit 2, 8.1 bits 3 to 5: LCR={0}: break has LSR {1}")
        @CsvSource({"0x0B,0xFD", "0x1B,0xF9", "0x2B,0xFD", "0x3B,0xF9"})
        void clause8_4_bit2_breakIsAParityErrorWhereTheParityBitShouldBeAMark(String lcr, String lsr) {
            uart.configured(0);
            uart.out(LCR, Integer.decode(lcr));
            uart.core.hostBreak(0, 0);
            assertEquals(Integer.decode(lsr), uart.in(LSR));
        }

        @Test
        void clause8_4_errorsAreRevealedWhenTheirCharacterReachesTheTop() {
            uart.configured(0);
            uart.receive("a");
            uart.core.hostBreak(0, 0);
            uart.receive("b");
            assertEquals(0xE1, uart.in(LSR), "an error is in the FIFO, but not on top");
            assertEquals(0xE1, uart.in(LSR), "reading LSR does not clear bit 7 while one is still to come");
            assertEquals('a', uart.in(RBR));
            assertEquals(0xF9, uart.in(LSR));
            assertEquals(0x61, uart.in(LSR));
            assertEquals(0, uart.in(RBR));
            assertEquals('b', uart.in(RBR));
        }

        @Test
        void clause8_4_bit7_isZeroIn16450Mode() {
            uart.configured16450();
            uart.core.hostBreak(0, 0);
            assertEquals(0x79, uart.in(LSR));
        }

        @Test
        void clause8_4_bits5and6_stayLowWhileTheHostIsSlowAndNothingIsLost() {
            uart.configured(0);
            uart.hostTakes = false;
            for (int i = 0; i < 16; i++) {
                uart.out(THR, 'a' + i);
            }
            assertEquals(0x00, uart.in(LSR));
            uart.core.hostOutputDone(0, uart.core.hostOutput(0, uart.scratch, 0, 10), 0);
            assertEquals(0x00, uart.in(LSR), "six are left");
            uart.hostTakes = true;
            assertEquals(0x60, uart.in(LSR));
            assertEquals("klmnop", uart.host.toString());
        }

        @Test
        void clause8_4_writesAreForFactoryTests() {
            uart.out(LSR, 0xFF);
            uart.out(MSR, 0xFF);
            assertEquals(0x60, uart.in(LSR));
            assertEquals(0x00, uart.in(MSR));
        }
    }

    @Nested
    class FifoControl {

        @Test
        void clause8_5_bit0_showsInIirAndMustBeSetForTheOthersToCount() {
            uart.out(FCR, 0xC0);
            assertEquals(0x01, uart.in(IIR));
            uart.out(FCR, 0x01);
            assertEquals(0xC1, uart.in(IIR));
            uart.receive("a");
            uart.out(IER, 0x01);
            assertEquals(0xC4, uart.in(IIR), "the trigger level is 1, not the 14 written before");
        }

        @Test
        void clause8_5_bit0_changingItClearsBothFifos() {
            uart.configured(0);
            uart.hostTakes = false;
            uart.receive("abc");
            uart.out(THR, 'x');
            uart.out(FCR, 0x00);
            assertEquals(0x60, uart.in(LSR));
            uart.receive("d");
            uart.out(FCR, 0x01);
            assertEquals(0x60, uart.in(LSR));
        }

        @Test
        void clause8_5_bits1and2_resetOneFifoEachAndClearThemselves() {
            uart.configured(0);
            uart.hostTakes = false;
            uart.receive("abc");
            uart.out(THR, 'x');
            uart.out(FCR, 0x03);
            assertEquals(0x00, uart.in(LSR), "nothing received, one to send");
            uart.receive("d");
            uart.out(FCR, 0x05);
            assertEquals(0x61, uart.in(LSR));
            assertEquals('d', uart.in(RBR));
        }

        @ParameterizedTest(name = "clause 8.5 bits 6 and 7: {0} triggers at {1}")
        @CsvSource({"0x00,1", "0x40,4", "0x80,8", "0xC0,14"})
        void clause8_5_triggerLevels(String trigger, int level) {
            uart.configured(Integer.decode(trigger));
            uart.out(IER, 0x01);
            uart.receive("x".repeat(level - 1));
            assertEquals(0, uart.takeEdges());
            assertEquals(0xC1, uart.in(IIR));
            uart.receive("x");
            assertEquals(1, uart.takeEdges());
            assertEquals(0xC4, uart.in(IIR));
            uart.in(RBR);
            assertEquals(0xC1, uart.in(IIR), "below the trigger level it goes away");
        }

        @Test
        void clause8_5_reservedBitsDoNotMakeA16750() {
            uart.out(LCR, 0x80);
            uart.out(FCR, 0x21);
            assertEquals(0xC1, uart.in(IIR), "bit 5 would say 64-byte FIFO");
        }
    }

    @Nested
    class Interrupts {

        @Test
        void table4_priorityAndReset() {
            uart.configured(0);
            uart.out(IER, 0x0F);
            uart.core.hostCarrier(0, true, 0);
            uart.core.hostBreak(0, 0);
            assertEquals(0xC6, uart.in(IIR), "line status first");
            uart.in(LSR);
            assertEquals(0xC4, uart.in(IIR), "then received data");
            uart.in(RBR);
            assertEquals(0xC2, uart.in(IIR), "then THR empty, cleared by this read");
            assertEquals(0xC0, uart.in(IIR), "then modem status");
            uart.in(MSR);
            assertEquals(0xC1, uart.in(IIR));
            assertEquals(1, uart.edges, "the line never fell in between");
        }

        @Test
        void table4_transmitterInterruptIsClearedByReadingIirOnlyIfItIsTheSource() {
            uart.configured(0);
            uart.out(IER, 0x03);
            uart.receive("a");
            assertEquals(0xC4, uart.in(IIR));
            assertEquals('a', uart.in(RBR));
            assertEquals(0xC2, uart.in(IIR));
            assertEquals(0xC1, uart.in(IIR));
        }

        @Test
        void table4_transmitterInterruptIsClearedByWritingThr() {
            uart.configured(0);
            uart.hostTakes = false;
            uart.out(IER, 0x02);
            assertEquals(1, uart.takeEdges());
            uart.out(THR, 'a');
            assertEquals(0xC1, uart.in(IIR));
            uart.hostTakes = true;
            uart.flush();
            assertEquals(1, uart.takeEdges(), "empty again");
            assertEquals(0xC2, uart.in(IIR));
        }

        /** Linux looks for this: a UART that does not is marked UART_BUG_THRE. */
        @Test
        void clause8_7_enablingTheTransmitterInterruptWhileThrIsEmptyRaisesIt() {
            uart.configured(0);
            uart.out(IER, 0x02);
            assertEquals(0xC2, uart.in(IIR));
            uart.out(IER, 0x00);
            uart.out(IER, 0x02);
            assertEquals(0xC2, uart.in(IIR));
            uart.out(IER, 0x02);
            assertEquals(0xC1, uart.in(IIR), "writing the same again is no news");
        }

        @Test
        void clause8_11_aFullFifoGivesOneInterruptNotSixteen() {
            uart.configured(0);
            uart.out(IER, 0x02);
            uart.in(IIR);
            uart.takeEdges();
            for (int i = 0; i < 16; i++) {
                uart.out(THR, 'a');
            }
            assertEquals(0, uart.takeEdges());
            uart.flush();
            assertEquals(1, uart.takeEdges());
        }

        @Test
        void clause8_7_upperBitsOfIerReadAsZero() {
            uart.out(IER, 0xFF);
            assertEquals(0x0F, uart.in(IER));
        }

        @Test
        void clause8_8_bit3_out2GatesTheLineOnAPc() {
            uart.configured(0);
            uart.out(MCR, 0x03);
            uart.out(IER, 0x01);
            uart.receive("a");
            assertEquals(0, uart.takeEdges());
            assertEquals(0xC4, uart.in(IIR), "the chip itself has it pending");
            uart.out(MCR, 0x0B);
            assertEquals(1, uart.takeEdges());
        }
    }

    @Nested
    class TimeOut {

        @Test
        void clause8_11_strikesFourCharacterTimesAfterTheLastCharacter() {
            uart.configured(0x80);
            uart.out(IER, 0x01);
            uart.receive("ab");
            uart.advance(3 * UartBench.CHARACTER_115200_NS);
            assertEquals(0, uart.edges);
            uart.receive("c");
            uart.advance(4 * UartBench.CHARACTER_115200_NS - 10);
            assertEquals(0, uart.edges, "a new character restarts it");
            uart.advance(20);
            assertEquals(1, uart.edges);
            assertEquals(0xCC, uart.in(IIR));
        }

        @Test
        void clause8_11_readingOneCharacterClearsAndRestartsIt() {
            uart.configured(0x80);
            uart.out(IER, 0x01);
            uart.receive("ab");
            uart.advance(5 * UartBench.CHARACTER_115200_NS);
            assertEquals(0xCC, uart.in(IIR));
            assertEquals('a', uart.in(RBR));
            assertEquals(0xC1, uart.in(IIR));
            uart.advance(4 * UartBench.CHARACTER_115200_NS + 10);
            assertEquals(0xCC, uart.in(IIR));
            assertEquals('b', uart.in(RBR));
            assertEquals(DeviceCore.NO_DEADLINE, uart.core.nextDeadlineNs(), "an empty FIFO has none");
            assertEquals(0xC1, uart.in(IIR));
        }

        @Test
        void clause8_11_aNewCharacterDoesNotTakeAStruckTimeOutBack() {
            uart.configured(0x80);
            uart.out(IER, 0x01);
            uart.receive("a");
            uart.advance(5 * UartBench.CHARACTER_115200_NS);
            uart.receive("b");
            assertEquals(0xCC, uart.in(IIR));
        }

        @Test
        void clause8_11_thereIsNoneIn16450Mode() {
            uart.configured16450();
            uart.out(IER, 0x01);
            uart.receive("a");
            assertEquals(0x04, uart.in(IIR));
            assertEquals(DeviceCore.NO_DEADLINE, uart.core.nextDeadlineNs());
        }

        @Test
        void clause8_11_costsNoWakeUpsWhileNobodyListens() {
            uart.configured(0x80);
            uart.receive("a");
            assertEquals(DeviceCore.NO_DEADLINE, uart.core.nextDeadlineNs());
            uart.advance(1_000_000_000);
            uart.out(IER, 0x01);
            assertEquals(0xCC, uart.in(IIR), "but it did strike");
            assertEquals(1, uart.edges);
        }
    }

    @Nested
    class Modem {

        @ParameterizedTest(name = "clause 8.8 bit 4: MCR={0} shows MSR {1}")
        @CsvSource({"0x10,0x00", "0x11,0x20", "0x12,0x10", "0x14,0x40", "0x18,0x80", "0x1F,0xF0"})
        void clause8_8_bit4_loopBackConnectsTheModemLines(String mcr, String msr) {
            uart.core.hostCarrier(0, true, 0);
            uart.out(MCR, Integer.decode(mcr));
            assertEquals(Integer.decode(msr), uart.in(MSR) & 0xF0);
            uart.out(MCR, 0x0B);
            assertEquals(0xB0, uart.in(MSR) & 0xF0, "and gives them back");
        }

        @Test
        void clause8_8_bit4_loopBackKeepsTheLineOut() {
            uart.configured(0);
            uart.out(MCR, 0x1B);
            uart.out(THR, 'q');
            assertEquals("", uart.host.toString(), "SOUT is marking");
            assertEquals('q', uart.in(RBR));
            assertEquals(0, uart.core.hostInputRoom(0), "SIN is disconnected");
        }

        @Test
        void clause8_8_bit4_breakControlHasNoEffectOnTheTransmitterLogic() {
            uart.configured(0);
            uart.out(MCR, 0x10);
            uart.out(LCR, 0x43);
            uart.out(THR, 'q');
            assertEquals('q', uart.in(RBR));
        }

        @Test
        void clause8_8_bits5to7_areAlwaysZero() {
            uart.out(MCR, 0xFF);
            assertEquals(0x1F, uart.in(MCR));
        }

        @Test
        void clause8_9_deltasCollectUntilRead() {
            uart.configured(0);
            uart.out(IER, 0x08);
            uart.core.hostCarrier(0, true, 0);
            assertEquals(1, uart.takeEdges());
            assertEquals(0xBB, uart.in(MSR), "CTS DSR DCD and their deltas");
            assertEquals(0xB0, uart.in(MSR));
            uart.core.hostCarrier(0, true, 0);
            assertEquals(0, uart.takeEdges(), "no change, no interrupt");
            uart.core.hostCarrier(0, false, 0);
            assertEquals(1, uart.takeEdges());
            assertEquals(0x0B, uart.in(MSR));
        }

        @Test
        void clause8_9_bit2_ringCountsOnlyWhenItEnds() {
            uart.out(MCR, 0x14);
            assertEquals(0x40, uart.in(MSR));
            uart.out(MCR, 0x10);
            assertEquals(0x04, uart.in(MSR));
        }

        @Test
        void clause8_10_scratchpadHoldsData() {
            uart.out(SCR, 0xA5);
            assertEquals(0xA5, uart.in(SCR));
        }
    }

    @Nested
    class HostSide {

        @Test
        void inputWaitsForRoomSoThatNothingIsLost() {
            uart.configured(0);
            assertEquals(16, uart.core.hostInputRoom(0));
            uart.receive("0123456789abcdef");
            assertEquals(0, uart.core.hostInputRoom(0));
            uart.in(RBR);
            assertEquals(1, uart.core.hostInputRoom(0));
        }

        @Test
        void in16450ModeThereIsRoomForOne() {
            uart.configured16450();
            assertEquals(1, uart.core.hostInputRoom(0));
            uart.receive("a");
            assertEquals(0, uart.core.hostInputRoom(0));
        }

        @Test
        void inputWaitsForRtsWhereConfigured() {
            UartBench flow = new UartBench(new SerialConfig.Port(HostStreams.Kind.NONE, false, true, false));
            assertEquals(0, flow.core.hostInputRoom(0));
            flow.out(MCR, 0x02);
            assertEquals(1, flow.core.hostInputRoom(0));
            flow.out(MCR, 0x00);
            assertEquals(0, flow.core.hostInputRoom(0));
        }

        @Test
        void pacedOutputTakesItsTime() {
            UartBench slow = new UartBench(new SerialConfig.Port(HostStreams.Kind.NONE, false, true, true));
            slow.configured(0);
            slow.out(THR, 'a');
            slow.out(THR, 'b');
            assertEquals(0x00, slow.in(LSR));
            slow.advance(UartBench.CHARACTER_115200_NS + 2);
            assertEquals("a", slow.host.toString());
            assertEquals(0x00, slow.in(LSR));
            slow.advance(UartBench.CHARACTER_115200_NS + 2);
            assertEquals("ab", slow.host.toString());
            assertEquals(0x60, slow.in(LSR));
            assertEquals(DeviceCore.NO_DEADLINE, slow.core.nextDeadlineNs());
        }

        @Test
        void pacedOutputBehindASlowHostAsksForNoTimer() {
            UartBench slow = new UartBench(new SerialConfig.Port(HostStreams.Kind.NONE, false, true, true));
            slow.configured(0);
            slow.hostTakes = false;
            slow.out(THR, 'a');
            slow.advance(10 * UartBench.CHARACTER_115200_NS);
            assertEquals(DeviceCore.NO_DEADLINE, slow.core.nextDeadlineNs());
            slow.hostTakes = true;
            slow.flush();
            assertEquals("a", slow.host.toString());
        }

        @Test
        void writingThrWhileItIsFullIsTheGuestsFault() {
            uart.configured(0);
            uart.hostTakes = false;
            for (int i = 0; i < 20; i++) {
                uart.out(THR, 'a' + i);
            }
            uart.hostTakes = true;
            uart.flush();
            assertEquals("abcdefghijklmnop", uart.host.toString());
        }

        @Test
        void wideAccessesBecomeBytes() {
            uart.core.write(0, 3, 2, 0x0F03, 0);
            assertEquals(0x03, uart.in(LCR));
            assertEquals(0x0F, uart.in(MCR));
            assertEquals(0x0F03, uart.core.read(0, 3, 2, 0));
            assertEquals(0x00_00_60_0F, uart.core.read(0, 4, 4, 0) & 0xFF_00_FF_FFL);
        }
    }
}
