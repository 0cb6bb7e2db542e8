package io.jvmm.device.platform;

import static io.jvmm.device.platform.Machine.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.math.BigInteger;
import java.util.List;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** ACPI 6.5 §4.8, clause by clause. Ports are those of the board: PM1a_EVT 600, PM1a_CNT 604, PM_TMR 608. */
class AcpiPmBlockTest {
    private static final int STS = 0x600;
    private static final int EN = 0x602;
    private static final int CNT = 0x604;
    private static final int TMR = 0x608;

    /** 2^31 / 3579545 Hz in nanoseconds, rounded up: when bit 31 first changes. */
    private static final long HALF_PERIOD_NS = BigInteger.ONE
            .shiftLeft(31)
            .multiply(BigInteger.valueOf(1_000_000_000))
            .add(BigInteger.valueOf(3_579_544))
            .divide(BigInteger.valueOf(3_579_545))
            .longValueExact();

    private final Machine m = new Machine(0);

    @Test
    void pm1ControlHasSciEnabledAlways() {
        assertEquals(0x0001, m.read(CNT, 2));
        m.write(CNT, 2, 0x0000);
        assertEquals(0x0001, m.read(CNT, 2));
    }

    @Test
    void pm1ControlReadsBackSleepTypeAndNeverSleepEnable() {
        m.write(CNT, 2, (0x3C00 & ~0x2000) | 0x0006);
        assertEquals(0x1C01, m.read(CNT, 2), "GBL_RLS is write-only, BM_RLD is ignored");
        assertEquals(List.of(), m.effects.take());
        m.write(CNT, 2, 5 << 10 | 1 << 13);
        assertEquals(5 << 10 | 1, m.read(CNT, 2));
    }

    @Test
    void sleepEnableWithTheTypeOfS5SwitchesOff() {
        m.write(CNT, 2, 5 << 10);
        assertEquals(List.of(), m.effects.take());
        m.write(CNT, 2, 5 << 10 | 1 << 13);
        assertEquals(List.of("POWER_OFF ACPI"), m.effects.take());
    }

    @Test
    void sleepEnableInTheHighByteAloneSwitchesOff() {
        m.write(CNT + 1, 1, (5 << 10 | 1 << 13) >> 8);
        assertEquals(List.of("POWER_OFF ACPI"), m.effects.take());
    }

    @Test
    void sleepTypesThatTheDsdtDoesNotOfferAreGuestErrors() {
        for (int type = 0; type < 8; type++) {
            if (type != 5) {
                m.write(CNT, 2, type << 10 | 1 << 13);
                assertEquals(List.of("error 2"), m.effects.take());
            }
        }
    }

    @Test
    void powerButtonIsRecordedAndInterruptsOnlyWhenEnabled() {
        m.device.powerButton(m.now);
        assertEquals(0x0100, m.read(STS, 2));
        assertFalse(m.effects.sci);
        m.write(EN, 2, 0x0100);
        assertTrue(m.effects.sci, "enabling a recorded event raises the interrupt");
        m.write(STS, 2, 0x0000);
        assertTrue(m.effects.sci, "writing zero clears nothing");
        m.write(STS, 2, 0x0100);
        assertFalse(m.effects.sci);
        assertEquals(0, m.read(STS, 2));
        m.device.powerButton(m.now);
        m.device.powerButton(m.now);
        assertEquals(List.of("up 3", "down 3", "up 3"), m.effects.take());
    }

    @Test
    void statusIsWriteOneToClearByteByByte() {
        m.device.powerButton(m.now);
        m.sleep(HALF_PERIOD_NS);
        assertEquals(0x0101, m.read(STS, 2));
        m.write(STS, 1, 0xFF);
        assertEquals(0x0100, m.read(STS, 2));
        m.write(STS + 1, 1, 0xFF);
        assertEquals(0x0000, m.read(STS, 2));
    }

    @Test
    void sciIsLevelTriggeredAndComesBackAfterTheEndOfInterrupt() {
        m.write(EN, 2, 0x0100);
        m.device.powerButton(m.now);
        m.effects.take();
        m.device.resample(PlatformIdentity.IRQ_SCI, m.now);
        assertEquals(List.of("up 3"), m.effects.take());
        m.write(STS, 2, 0x0100);
        m.effects.take();
        m.device.resample(PlatformIdentity.IRQ_SCI, m.now);
        assertEquals(List.of(), m.effects.take());
    }

    @Test
    void rtcAlarmSetsRtcStatusWhenTheAlarmIsEnabled() {
        m.cmos(1, 0xC0);
        m.cmos(3, 0xC0);
        m.cmos(5, 0xC0);
        m.sleep(SECOND);
        m.cmos(0x0C);
        assertEquals(0, m.read(STS, 2), "AIE is off");
        m.cmos(0x0B, 0x22);
        m.write(EN, 2, 0x0400);
        m.pass(SECOND);
        assertEquals(0x0400, m.read(STS, 2));
        assertTrue(m.effects.sci);
    }

    @Test
    void timerCountsAt3579545HertzIn32Bits() {
        assertEquals(0, m.read(TMR, 4));
        m.sleep(SECOND);
        assertEquals(3_579_545, m.read(TMR, 4));
        m.sleep(1199 * SECOND);
        assertEquals(1200L * 3_579_545 & 0xFFFF_FFFFL, m.read(TMR, 4));
    }

    @Test
    void timerIsReadOnlyAndReadableInPieces() {
        m.sleep(77 * SECOND);
        long whole = m.read(TMR, 4);
        m.write(TMR, 4, 0);
        assertEquals(whole, m.read(TMR, 4));
        assertEquals(whole & 0xFFFF, m.read(TMR, 2));
        assertEquals(whole >> 8 & 0xFF, m.read(TMR + 1, 1));
    }

    @Test
    void timerStatusIsSetWheneverTheTopBitChanges() {
        m.sleep(HALF_PERIOD_NS - 1);
        assertEquals(0, m.read(STS, 2));
        assertEquals(0x7FFF_FFFF, m.read(TMR, 4));
        m.sleep(1);
        assertEquals(0x8000_0000L, m.read(TMR, 4));
        assertEquals(1, m.read(STS, 2));
        m.write(STS, 2, 1);
        assertEquals(0, m.read(STS, 2));
        m.sleep(HALF_PERIOD_NS);
        assertEquals(1, m.read(STS, 2), "and when it changes back");
        assertTrue(m.read(TMR, 4) < 10);
    }

    @Test
    void timerInterruptArmsOneDeadlineAtTheCarry() {
        long start = m.now;
        assertEquals(AcpiPmBlock.NEVER, m.device.nextDeadlineNs());
        m.write(EN, 2, 1);
        assertEquals(start + HALF_PERIOD_NS, m.device.nextDeadlineNs());
        m.pass(HALF_PERIOD_NS);
        assertTrue(m.effects.sci);
        assertEquals(AcpiPmBlock.NEVER, m.device.nextDeadlineNs());
        m.write(STS, 2, 1);
        assertFalse(m.effects.sci);
        assertTrue(m.device.nextDeadlineNs() > m.now);
        assertTrue(m.device.nextDeadlineNs() <= start + 2 * HALF_PERIOD_NS);
    }

    @Test
    void timerOf24BitsCarriesAtBit23() {
        UnsafeBuffer state = new UnsafeBuffer(new byte[PlatformStateLayout.LENGTH_BYTES]);
        AcpiPmBlock block = new AcpiPmBlock(state, new RecordedEffects(), false);
        block.powerOn(0);
        long carryNs = ((1L << 23) * 1_000_000_000L + 3_579_544) / 3_579_545;
        assertEquals(0x7F_FFFF, block.readTimer(carryNs - 1));
        assertEquals(0x80_0000, block.readTimer(carryNs));
        assertEquals(0, block.readTimer(2 * carryNs));
    }

    @Test
    void resetForgetsEventsAndKeepsTheTimer() {
        m.write(EN, 2, 0x0721);
        m.device.powerButton(m.now);
        m.sleep(SECOND);
        m.device.reset(m.now);
        assertFalse(m.effects.sci);
        assertEquals(0, m.read(STS, 4));
        assertEquals(3_579_545, m.read(TMR, 4));
    }

    @Test
    void reservedBitsReadZero() {
        m.write(STS, 4, 0xFFFF_FFFFL);
        assertEquals(0x0721_0000L, m.read(STS, 4));
        for (int offset = 0; offset < 0x40; offset++) {
            if ((offset >= 6 && offset < 8) || (offset >= 12 && offset != AcpiPmBlock.OFFSET_SMI_EN)) {
                m.write(0x600 + offset, 1, 0xFF);
                assertEquals(0, m.read(0x600 + offset, 1));
            }
        }
    }

    @Test
    void randomTimesAgreeWithExactArithmetic() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        long start = m.now;
        for (int i = 0; i < 10_000; i++) {
            m.sleep(1 + random.nextLong(1L << random.nextInt(1, 49)));
            BigInteger expected = BigInteger.valueOf(m.now - start)
                    .multiply(BigInteger.valueOf(3_579_545))
                    .divide(BigInteger.valueOf(1_000_000_000));
            assertEquals(expected.longValueExact() & 0xFFFF_FFFFL, m.read(TMR, 4), "seed " + seed);
        }
    }

    /** ICH9 §13.8.3.7; SeaBIOS 1.16 sets system management mode up only while this bit is clear. */
    @Test
    void firmwareFindsSystemManagementModeDone() {
        assertEquals(0x20, m.read(0x630, 4));
        m.write(0x630, 4, 0);
        assertEquals(0x20, m.read(0x630, 4));
    }
}
