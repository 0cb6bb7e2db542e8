package io.jvmm.device.platform;

import static io.jvmm.device.platform.Machine.MS;
import static io.jvmm.device.platform.Machine.SECOND;
import static io.jvmm.device.platform.Machine.US;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Named after what the MC146818A and DS12885 data sheets say; the calendar's expected values come from java.time. */
class Mc146818RtcTest {
    private static final int SECONDS = 0;
    private static final int SECONDS_ALARM = 1;
    private static final int MINUTES = 2;
    private static final int MINUTES_ALARM = 3;
    private static final int HOURS = 4;
    private static final int HOURS_ALARM = 5;
    private static final int A = 0x0A;
    private static final int B = 0x0B;
    private static final int C = 0x0C;
    private static final int D = 0x0D;

    private static Machine at(int year, int month, int day, int hour, int minute, int second) {
        return new Machine(
                LocalDateTime.of(year, month, day, hour, minute, second).toEpochSecond(ZoneOffset.UTC));
    }

    /** The clock as "CCYY-MM-DD/W hh:mm:ss", in the digits the guest sees. */
    private static String shown(Machine m) {
        return "%02x%02x-%02x-%02x/%x %02x:%02x:%02x"
                .formatted(
                        m.cmos(0x32),
                        m.cmos(9),
                        m.cmos(8),
                        m.cmos(7),
                        m.cmos(6),
                        m.cmos(HOURS),
                        m.cmos(MINUTES),
                        m.cmos(SECONDS));
    }

    @Test
    void powerOnShowsTheConfiguredTimeInBcdAndTwentyFourHours() {
        // 2026-11-21 is a Saturday: day 7 (table 3, Sunday = 1).
        assertEquals("2026-11-21/7 10:35:59", shown(at(2026, 11, 21, 10, 35, 59)));
    }

    @Test
    void registerDReadsValidRamAndTimeAndNothingElse() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        assertEquals(0x80, m.cmos(D));
        m.cmos(D, 0x40);
        assertEquals(0x80, m.cmos(D));
    }

    @Test
    void registerDHoldsADateAlarmAsIntelsChipSetsHaveIt() {
        Machine m = at(2026, 1, 30, 12, 0, 0);
        m.cmos(D, 0x31);
        assertEquals(0xB1, m.cmos(D));
        m.cmos(HOURS_ALARM, 0x06);
        m.cmos(MINUTES_ALARM, 0x30);
        m.cmos(SECONDS_ALARM, 0x00);
        m.cmos(B, 0x22);
        assertAlarm(m, LocalDateTime.of(2026, 1, 31, 6, 30));
        m.cmos(C);
        // February has no 31st.
        assertAlarm(m, LocalDateTime.of(2026, 3, 31, 6, 30));
        m.cmos(C);
        m.cmos(D, 0x00);
        assertAlarm(m, LocalDateTime.of(2026, 4, 1, 6, 30));
        m.cmos(C);
        m.cmos(D, 0x32);
        assertEquals(Mc146818Rtc.NEVER, m.device.nextDeadlineNs());
    }

    private static void assertAlarm(Machine m, LocalDateTime expected) {
        int before = m.effects.interrupts[PlatformIdentity.IRQ_RTC];
        m.now = m.device.nextDeadlineNs();
        m.device.timer(m.now);
        assertEquals(before + 1, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        assertClock(m, expected, false, true, "alarm");
    }

    @Test
    void daysToADateAgreeWithJavaTime() {
        LocalDate start = LocalDate.of(2023, 12, 1);
        for (int i = 0; i < 500; i++) {
            LocalDate from = start.plusDays(i);
            for (int date = 1; date <= 31; date++) {
                LocalDate to = from.plusDays(1);
                while (to.getDayOfMonth() != date) {
                    to = to.plusDays(1);
                }
                int day = CalendarMath.dayNumber(from.getYear(), from.getMonthValue(), from.getDayOfMonth());
                assertEquals(
                        to.toEpochDay() - from.toEpochDay(), CalendarMath.daysToDate(day, date), from + " " + date);
            }
        }
    }

    @Test
    void bcdCarriesThroughEveryFieldAtYearAndCenturyEnd() {
        Machine m = at(1999, 12, 31, 23, 59, 59);
        assertEquals("1999-12-31/6 23:59:59", shown(m));
        m.sleep(SECOND);
        assertEquals("2000-01-01/7 00:00:00", shown(m));
    }

    @Test
    void leapDayOfLeapYearsOnly() {
        Machine leap = at(2024, 2, 28, 23, 59, 59);
        leap.sleep(SECOND);
        assertEquals("2024-02-29/5 00:00:00", shown(leap));
        leap.sleep(86_400 * SECOND);
        assertEquals("2024-03-01/6 00:00:00", shown(leap));

        Machine common = at(2025, 2, 28, 23, 59, 59);
        common.sleep(SECOND);
        assertEquals("2025-03-01/7 00:00:00", shown(common));

        // The century byte makes 2100 the common year that a two-digit clock would get wrong.
        Machine century = at(2100, 2, 28, 23, 59, 59);
        century.sleep(SECOND);
        assertEquals("2100-03-01/2 00:00:00", shown(century));
    }

    @Test
    void dataModeBinaryCountsInBinary() {
        Machine m = at(2026, 11, 21, 10, 35, 59);
        m.cmos(B, 0x06);
        // "Changing DM does not convert": the ten bytes are written again by the program.
        m.cmos(SECONDS, 59);
        m.cmos(MINUTES, 59);
        m.cmos(HOURS, 19);
        m.sleep(SECOND);
        assertEquals(0, m.cmos(SECONDS));
        assertEquals(0, m.cmos(MINUTES));
        assertEquals(20, m.cmos(HOURS));
    }

    @Test
    void twelveHourModeSetsBitSevenForPm() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(B, 0x00);
        m.cmos(HOURS, 0x11);
        m.cmos(MINUTES, 0x59);
        m.cmos(SECONDS, 0x59);
        m.sleep(SECOND);
        assertEquals(0x92, m.cmos(HOURS), "noon is 12 PM");
        m.sleep(3600 * SECOND);
        assertEquals(0x81, m.cmos(HOURS), "then 1 PM");
        m.sleep(11 * 3600 * SECOND);
        assertEquals("2026-11-22/1 12:00:00", shown(m), "midnight is 12 AM");
    }

    @Test
    void highBitOfSecondsIsReadOnly() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(SECONDS, 0xD5);
        assertEquals(0x55, m.cmos(SECONDS));
    }

    @Test
    void impossibleTimesCountOnFromTheLargestPossible() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(SECONDS, 0x7F);
        m.cmos(MINUTES, 0xFF);
        m.cmos(HOURS, 0xFF);
        m.cmos(7, 0xFF);
        m.cmos(8, 0x00);
        m.sleep(SECOND);
        assertEquals("2027-01-01/1 00:00:00", shown(m));
    }

    @Test
    void uipIsSet244MicrosecondsBeforeAnUpdate() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.sleep(SECOND - 244 * US - 1);
        assertEquals(0x26, m.cmos(A));
        m.sleep(1);
        assertEquals(0xA6, m.cmos(A));
        assertEquals(0x00, m.cmos(SECONDS));
        m.sleep(244 * US - 1);
        assertEquals(0xA6, m.cmos(A));
        m.sleep(1);
        assertEquals(0x26, m.cmos(A));
        assertEquals(0x01, m.cmos(SECONDS));
    }

    @Test
    void setInhibitsUpdatesAndClearsUipAndUie() {
        Machine m = at(2026, 11, 21, 0, 0, 7);
        m.sleep(SECOND - 100 * US);
        assertEquals(0xA6, m.cmos(A));
        m.cmos(B, 0x92);
        assertEquals(0x26, m.cmos(A));
        assertEquals(0x82, m.cmos(B), "SET going high clears UIE");
        m.sleep(10 * SECOND);
        assertEquals(0x07, m.cmos(SECONDS));
        assertEquals(0, m.cmos(C) & 0x30, "no update ends while SET is 1");
        m.cmos(B, 0x02);
        assertEquals(0x07, m.cmos(SECONDS));
        m.sleep(100 * US);
        assertEquals(0x08, m.cmos(SECONDS), "the divider chain has kept its phase");
    }

    @Test
    void firstUpdateComesHalfASecondAfterDividerReset() {
        // The order of Linux's mc146818_set_time: SET, divider reset, bytes, SET off, divider on.
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.sleep(300 * MS);
        m.cmos(B, 0x82);
        m.cmos(A, 0x76);
        m.cmos(9, 0x30);
        m.cmos(8, 0x06);
        m.cmos(7, 0x15);
        m.cmos(HOURS, 0x12);
        m.cmos(MINUTES, 0x00);
        m.cmos(SECONDS, 0x00);
        m.sleep(3 * SECOND);
        m.cmos(B, 0x02);
        m.sleep(3 * SECOND);
        assertEquals(0x00, m.cmos(SECONDS), "held in reset");
        m.cmos(A, 0x26);
        m.sleep(500 * MS - 1);
        assertEquals(0x00, m.cmos(SECONDS));
        m.sleep(1);
        assertEquals(0x01, m.cmos(SECONDS));
        assertEquals("2030-06-15/7 12:00:01", shown(m));
        m.sleep(SECOND);
        assertEquals(0x02, m.cmos(SECONDS));
    }

    @Test
    void onlyDividerSelection010Runs() {
        for (int dv = 0; dv < 8; dv++) {
            Machine m = at(2026, 11, 21, 0, 0, 0);
            m.cmos(A, dv << 4 | 6);
            m.sleep(5 * SECOND);
            assertEquals(dv == 2 ? 5 : 0, m.cmos(SECONDS), "DV " + dv);
            assertEquals(dv == 2 ? 0x50 : 0, m.cmos(C), "DV " + dv);
        }
    }

    @Test
    void updateEndedFlagIsSetWithoutItsEnableAndClearedByReading() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(A, 0x20);
        m.sleep(SECOND);
        assertEquals(0x10, m.cmos(C));
        assertEquals(0x00, m.cmos(C));
        assertEquals(0, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
    }

    @Test
    void updateEndedInterruptOnceASecondWhileServed() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(A, 0x20);
        m.cmos(B, 0x12);
        for (int second = 1; second <= 5; second++) {
            m.pass(SECOND);
            assertEquals(second, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
            assertEquals(0x90, m.cmos(C));
        }
        m.pass(10 * SECOND);
        assertEquals(6, m.effects.interrupts[PlatformIdentity.IRQ_RTC], "no new edge while IRQF is not read");
    }

    @Test
    void enablingAnInterruptWhoseFlagIsSetRequestsAtOnce() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.sleep(SECOND);
        m.cmos(B, 0x12);
        assertEquals(1, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        m.cmos(B, 0x02);
        assertEquals(0x50, m.cmos(C), "IRQF follows the enables; the flags stay");
    }

    @Test
    void periodicRatesOfTable5() {
        // Rates 1 and 2 are 256 and 128 Hz on a 32.768 kHz time base; 3 to 15 are 8192 Hz down to 2 Hz.
        int[] hz = {0, 256, 128, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2};
        for (int rate = 0; rate < 16; rate++) {
            Machine m = at(2026, 11, 21, 0, 0, 0);
            m.effects.logging = false;
            m.cmos(A, 0x20 | rate);
            m.cmos(B, 0x42);
            int served = 0;
            long end = m.now + 3 * SECOND;
            for (long due = m.device.nextDeadlineNs(); due <= end; due = m.device.nextDeadlineNs()) {
                m.now = due;
                m.device.timer(m.now);
                assertEquals(0xC0, m.cmos(C) & 0xC0);
                served++;
            }
            assertEquals(3 * hz[rate], served, "rate " + rate);
            assertEquals(served, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        }
    }

    @Test
    void periodicEdgeLiesHalfAPeriodFromTheUpdate() {
        // Figure 16: t_PI / 2 on either side of UF.
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(A, 0x2F);
        m.sleep(250 * MS - 1);
        assertEquals(0x00, m.cmos(C));
        m.sleep(1);
        assertEquals(0x40, m.cmos(C));
        m.sleep(500 * MS - 1);
        assertEquals(0x00, m.cmos(C));
        m.sleep(1);
        assertEquals(0x40, m.cmos(C));
        m.sleep(250 * MS);
        assertEquals(0x10, m.cmos(C));
    }

    @Test
    void alarmOnceADayAtTheSecondItNames() {
        Machine m = at(2026, 11, 21, 6, 59, 50);
        m.cmos(A, 0x20);
        m.cmos(HOURS_ALARM, 0x07);
        m.cmos(MINUTES_ALARM, 0x00);
        m.cmos(SECONDS_ALARM, 0x05);
        m.cmos(B, 0x22);
        m.pass(15 * SECOND - 1);
        assertEquals(0, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        m.pass(1);
        assertEquals(1, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        assertEquals(0xB0, m.cmos(C));
        m.pass(86_400 * SECOND - 1);
        assertEquals(1, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        m.pass(1);
        assertEquals(2, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        assertEquals(1, m.cmos(6), "the next day is a Sunday");
    }

    @Test
    void dontCareCodesMakeHourlyMinutelyAndEverySecondAlarms() {
        int[][] alarms = {{0xC0, 0x30, 0x15, 3600}, {0xFF, 0xC5, 0x15, 60}, {0xC0, 0xD0, 0xFE, 1}};
        for (int[] alarm : alarms) {
            Machine m = at(2026, 11, 21, 6, 30, 15);
            m.cmos(HOURS_ALARM, alarm[0]);
            m.cmos(MINUTES_ALARM, alarm[1]);
            m.cmos(SECONDS_ALARM, alarm[2]);
            m.cmos(B, 0x22);
            for (int i = 1; i <= 3; i++) {
                m.pass(alarm[3] * SECOND - 1);
                assertEquals(i - 1, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
                m.pass(1);
                assertEquals(i, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
                assertEquals(0xA0, m.cmos(C) & 0xA0);
            }
        }
    }

    @Test
    void alarmInTwelveHourModeMatchesPm() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(B, 0x00);
        m.cmos(HOURS, 0x92);
        m.cmos(HOURS_ALARM, 0x81);
        m.cmos(MINUTES_ALARM, 0x00);
        m.cmos(SECONDS_ALARM, 0x00);
        m.cmos(C);
        m.sleep(3599 * SECOND);
        assertEquals(0, m.cmos(C) & 0x20);
        m.sleep(SECOND);
        assertEquals(0x20, m.cmos(C) & 0x20);
    }

    @Test
    void impossibleAlarmNeverMatchesAndNeverArmsATimer() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(SECONDS_ALARM, 0x60);
        m.cmos(B, 0x22);
        assertEquals(Mc146818Rtc.NEVER, m.device.nextDeadlineNs());
        m.sleep(3 * 86_400 * SECOND);
        assertEquals(0, m.cmos(C) & 0x20);
    }

    @Test
    void alarmThatPassedWhileNobodyLookedIsStillFlagged() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(HOURS_ALARM, 0x03);
        m.cmos(MINUTES_ALARM, 0x00);
        m.cmos(SECONDS_ALARM, 0x00);
        m.cmos(C);
        m.sleep(5 * 3600 * SECOND);
        assertEquals(0x70, m.cmos(C));
    }

    @Test
    void resetClearsEnablesAndFlagsAndKeepsTimeAndRam() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.cmos(0x40, 0x5A);
        m.cmos(B, 0x7A);
        m.pass(SECOND);
        assertTrue(m.effects.interrupts[PlatformIdentity.IRQ_RTC] > 0);
        m.device.reset(m.now);
        assertEquals(0x02, m.cmos(B));
        assertEquals(0x00, m.cmos(C));
        assertEquals(0x01, m.cmos(SECONDS));
        assertEquals(0x26, m.cmos(A));
        assertEquals(0x5A, m.cmos(0x40));
    }

    @Test
    void indexPortIsWriteOnlyAndBit7MasksNmiOnly() {
        Machine m = at(2026, 11, 21, 0, 0, 33);
        m.out(0x70, 0x80);
        assertEquals(0x33, m.in(0x71));
        assertEquals(0xFF, m.in(0x70));
    }

    @Test
    void nvramKeepsEveryByteThatIsNoRegister() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        for (int i = 0x0E; i < 128; i++) {
            if (i != 0x32) {
                m.cmos(i, i ^ 0xA5);
            }
        }
        m.sleep(40L * 86_400 * SECOND);
        for (int i = 0x0E; i < 128; i++) {
            if (i != 0x32) {
                assertEquals(i ^ 0xA5, m.cmos(i));
            }
        }
    }

    @Test
    void timeRunningBackwardsChangesNothing() {
        Machine m = at(2026, 11, 21, 0, 0, 0);
        m.sleep(5 * SECOND);
        assertEquals(5, m.cmos(SECONDS));
        m.now -= 3 * SECOND;
        assertEquals(5, m.cmos(SECONDS));
        m.now += 4 * SECOND;
        assertEquals(6, m.cmos(SECONDS));
    }

    @Test
    void randomTimesAgreeWithJavaTime() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            LocalDateTime expected =
                    LocalDateTime.ofEpochSecond(random.nextLong(-60_000_000_000L, 250_000_000_000L), 0, ZoneOffset.UTC);
            Machine m = new Machine(expected.toEpochSecond(ZoneOffset.UTC));
            boolean binary = random.nextBoolean();
            boolean hours24 = random.nextBoolean();
            m.cmos(B, (binary ? 4 : 0) | (hours24 ? 2 : 0));
            write(m, expected, binary, hours24);
            for (int step = 0; step < 20; step++) {
                long seconds = 1L << random.nextInt(27);
                m.sleep(seconds * SECOND);
                expected = expected.plusSeconds(seconds);
                if (expected.getYear() > 9999) {
                    break;
                }
                assertClock(m, expected, binary, hours24, "seed " + seed);
            }
        }
    }

    private static void write(Machine m, LocalDateTime t, boolean binary, boolean hours24) {
        int[] values = digits(t, binary, hours24);
        int[] index = {0, 2, 4, 6, 7, 8, 9, 0x32};
        for (int i = 0; i < index.length; i++) {
            m.cmos(index[i], values[i]);
        }
    }

    private static void assertClock(Machine m, LocalDateTime t, boolean binary, boolean hours24, String message) {
        int[] values = digits(t, binary, hours24);
        int[] index = {0, 2, 4, 6, 7, 8, 9, 0x32};
        for (int i = 0; i < index.length; i++) {
            assertEquals(values[i], m.cmos(index[i]), message + ", " + t + ", byte " + index[i]);
        }
    }

    private static int[] digits(LocalDateTime t, boolean binary, boolean hours24) {
        int[] plain = {
            t.getSecond(),
            t.getMinute(),
            hours24 ? t.getHour() : (t.getHour() + 11) % 12 + 1,
            t.getDayOfWeek().getValue() % 7 + 1,
            t.getDayOfMonth(),
            t.getMonthValue(),
            t.getYear() % 100,
            t.getYear() / 100
        };
        if (!binary) {
            for (int i = 0; i < plain.length; i++) {
                plain[i] = Integer.parseInt(Integer.toString(plain[i]), 16);
            }
        }
        if (!hours24 && t.getHour() >= 12) {
            plain[2] |= 0x80;
        }
        return plain;
    }

    /** The same clock, kept by ticking seconds one by one. */
    @Test
    void randomAlarmsAgreeWithTickingSecondBySecond() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            int start = random.nextInt(86_400);
            Machine m = new Machine(start);
            int hour = random.nextInt(4) == 0 ? -1 : random.nextInt(24);
            int minute = random.nextInt(4) == 0 ? -1 : random.nextInt(60);
            int second = random.nextInt(4) == 0 ? -1 : random.nextInt(60);
            m.cmos(B, 0x06);
            m.cmos(HOURS, start / 3600);
            m.cmos(MINUTES, start / 60 % 60);
            m.cmos(SECONDS, start % 60);
            m.cmos(HOURS_ALARM, hour < 0 ? 0xC0 + random.nextInt(64) : hour);
            m.cmos(MINUTES_ALARM, minute < 0 ? 0xC0 + random.nextInt(64) : minute);
            m.cmos(SECONDS_ALARM, second < 0 ? 0xC0 + random.nextInt(64) : second);
            m.cmos(B, 0x26);
            int wait = 0;
            do {
                wait++;
            } while (!matches(hour, minute, second, (start + wait) % 86_400));
            assertEquals(m.now + wait * SECOND, m.device.nextDeadlineNs(), "seed " + seed + " round " + round);
        }
    }

    /** The flags of register C, found by walking every cycle of the time base. */
    @Test
    void randomReadsOfRegisterCAgreeWithCountingCycles() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int[] period = {0, 128, 256, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};
        for (int round = 0; round < 50; round++) {
            Machine m = new Machine(0);
            long start = m.now;
            int rate = random.nextInt(16);
            m.cmos(A, 0x20 | rate);
            m.cmos(C);
            long last = 0;
            for (int i = 0; i < 50; i++) {
                m.sleep(1 + random.nextLong(1L << random.nextInt(10, 30)));
                long cycle = (m.now - start) * 32_768 / SECOND;
                boolean pf = false;
                boolean uf = false;
                for (long c = last + 1; c <= cycle; c++) {
                    pf |= rate != 0 && (c + period[rate] / 2) % period[rate] == 0;
                    uf |= c % 32_768 == 0;
                }
                assertEquals((pf ? 0x40 : 0) | (uf ? 0x10 : 0), m.cmos(C) & 0x50, "seed " + seed + " rate " + rate);
                last = cycle;
            }
        }
    }

    private static boolean matches(int hour, int minute, int second, int time) {
        return (hour < 0 || hour == time / 3600)
                && (minute < 0 || minute == time / 60 % 60)
                && (second < 0 || second == time % 60);
    }
}
