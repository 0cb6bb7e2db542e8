package io.jvmm.device.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import org.junit.jupiter.api.Test;

/**
 * The probes by which Linux's 8250 driver tells UARTs apart, each as the reads and writes it makes: what it finds must be
 * a 16550A and nothing that only resembles one.
 */
class LinuxDetectionTest {

    private static final int LCR_CONF_MODE_A = 0x80;
    private static final int LCR_CONF_MODE_B = 0xBF;

    private final UartBench uart = new UartBench();

    @Test
    void thereIsAUartBecauseIerHoldsFourBits() {
        uart.out(1, 0);
        assertEquals(0, uart.in(1) & 0x0F);
        uart.out(1, 0x0F);
        assertEquals(0x0F, uart.in(1) & 0x0F);
    }

    @Test
    void thereIsAUartBecauseLoopBackShowsRtsAndOut2AsCtsAndDcd() {
        uart.out(4, 0x10 | 0x08 | 0x02);
        assertEquals(0x90, uart.in(6) & 0xF0);
    }

    @Test
    void theFifoBitsSay16550A() {
        uart.out(3, LCR_CONF_MODE_B);
        uart.out(2, 0); // EFR on those that have one
        uart.out(3, 0);
        uart.out(2, 0x01);
        assertEquals(0xC0, uart.in(2) & 0xE0);
    }

    @Test
    void thereIsNoExtendedFeatureRegisterOfA16650() {
        uart.out(2, 0x01);
        uart.out(3, LCR_CONF_MODE_A);
        assertNotEquals(0, uart.in(2), "a 16650 shows its EFR, which is 0");
        uart.out(3, LCR_CONF_MODE_B);
        assertNotEquals(0, uart.in(2), "a 16C850 or 16654 shows it here");
    }

    @Test
    void thereIsNoHighSpeedModeOfANationalSuperIo() {
        uart.out(2, 0x01);
        uart.out(4, 0x00);
        uart.out(3, 0xE0);
        int status = uart.in(2);
        assertEquals(0, status & 0x10, "their EXCR2 would follow MCR's loop bit");
        uart.out(3, 0);
        uart.out(4, 0x10);
        uart.out(3, 0xE0);
        assertEquals(0, uart.in(2) & 0x10);
    }

    @Test
    void thereIsNo64ByteFifoOfA16750() {
        uart.out(3, 0);
        uart.out(2, 0x21);
        assertEquals(6, uart.in(2) >> 5);
        uart.out(2, 0x01);
        uart.out(3, LCR_CONF_MODE_A);
        uart.out(2, 0x21);
        assertEquals(6, uart.in(2) >> 5);
    }

    @Test
    void thereIsNoUnitEnableBitOfAnXscale() {
        uart.out(1, 0x40);
        assertEquals(0, uart.in(1));
    }

    /** size_fifo(): 256 characters into loop-back at once; a U6_16550A gives back 64 or more. */
    @Test
    void theFifoHoldsSixteen() {
        uart.out(3, 0);
        uart.out(2, 0x07);
        uart.out(4, 0x10);
        uart.out(3, LCR_CONF_MODE_A);
        uart.out(0, 1);
        uart.out(1, 0);
        uart.out(3, 3);
        for (int i = 0; i < 256; i++) {
            uart.out(0, i);
        }
        uart.advance(20_000_000);
        int count = 0;
        while ((uart.in(5) & 1) != 0 && count < 256) {
            assertEquals(count, uart.in(0));
            count++;
        }
        assertEquals(16, count);
    }

    /** serial8250_do_startup(): enabling the transmitter interrupt twice must raise it twice. */
    @Test
    void theTransmitterInterruptHasNoBug() {
        uart.configured(0x80);
        uart.out(1, 0x02);
        int first = uart.in(2);
        uart.out(1, 0);
        uart.out(1, 0x02);
        int second = uart.in(2);
        uart.out(1, 0);
        assertEquals(0, first & 1);
        assertEquals(0, second & 1);
    }
}
