package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceEffects;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A Motorola MC146818A real-time clock with 128 bytes of CMOS RAM, as the PC wires it: index port 70, data port 71,
 * time base 32.768 kHz, interrupt request on IRQ 8, century byte at 32 (hex). As in Intel's chip sets, bits 5 to 0 of
 * register D are a date alarm (ICH10 data sheet §13.6.2.4, RTC_REGD; FADT field DAY_ALRM); 0 there matches every day.
 *
 * <p>The registers are the truth and the clock is advanced lazily: every access first {@linkplain #sync catches up} with
 * virtual time, in constant time however long nobody looked. Flags that the hardware sets regardless of their enable
 * bits (PF, AF, UF) are therefore exact, and a timer is only needed while an enabled interrupt is not yet pending.
 *
 * <p>The guest may write anything into the ten time bytes. Data sheet and hardware leave the next update of an
 * impossible value undefined; here it counts on from the largest possible one ("second 7F" is followed by 00 and a
 * carry). Daylight saving (DSE) can be set and read and does nothing, as in every chipset of the last decades.
 *
 * <p>Times are nanoseconds of virtual time, which never runs backwards; an earlier time is taken as the latest seen.
 * Device thread only. The guest is hostile: every operation takes bounded time and none throws.
 */
final class Mc146818Rtc {
    static final long NEVER = Long.MAX_VALUE;
    static final long SECOND_NS = 1_000_000_000L;

    /** How long UIP announces an update: t_BUC of MC146818A table 6. */
    static final long UPDATE_WARNING_NS = 244_000;

    /** From releasing the divider chain to the first update (MC146818A, "DV2, DV1, DV0"). */
    static final long FIRST_UPDATE_NS = 500_000_000;

    static final int UIP = 0x80;
    static final int SET = 0x80;
    /** The enable bits of register B and the flags of register C that they admit share their positions. */
    static final int PERIODIC = 0x40;

    static final int ALARM = 0x20;
    static final int UPDATE_ENDED = 0x10;
    static final int SQWE = 0x08;
    static final int DM_BINARY = 0x04;
    static final int HOURS_24 = 0x02;
    static final int DSE = 0x01;
    static final int IRQF = 0x80;
    static final int VRT = 0x80;

    private static final int ENABLES = PERIODIC | ALARM | UPDATE_ENDED;
    private static final int DATE_ALARM = 0x3F;
    private static final int PM = 0x80;
    private static final int DONT_CARE = 0xC0;
    private static final int TIME_BASE_HZ = 32_768;
    private static final int ANY = -1;
    private static final int IMPOSSIBLE = -2;

    private static final int SECONDS = PlatformStateLayout.CMOS + 0x00;
    private static final int SECONDS_ALARM = PlatformStateLayout.CMOS + 0x01;
    private static final int MINUTES = PlatformStateLayout.CMOS + 0x02;
    private static final int MINUTES_ALARM = PlatformStateLayout.CMOS + 0x03;
    private static final int HOURS = PlatformStateLayout.CMOS + 0x04;
    private static final int HOURS_ALARM = PlatformStateLayout.CMOS + 0x05;
    private static final int DAY_OF_WEEK = PlatformStateLayout.CMOS + 0x06;
    private static final int DATE_OF_MONTH = PlatformStateLayout.CMOS + 0x07;
    private static final int MONTH = PlatformStateLayout.CMOS + 0x08;
    private static final int YEAR = PlatformStateLayout.CMOS + 0x09;
    private static final int REGISTER_A = PlatformStateLayout.CMOS + 0x0A;
    private static final int REGISTER_B = PlatformStateLayout.CMOS + 0x0B;
    private static final int REGISTER_C = PlatformStateLayout.CMOS + 0x0C;
    private static final int REGISTER_D = PlatformStateLayout.CMOS + 0x0D;
    private static final int CENTURY = PlatformStateLayout.CMOS + 0x32;

    private final AtomicBuffer state;
    private final DeviceEffects effects;
    private final RtcAlarm alarm;

    Mc146818Rtc(AtomicBuffer state, DeviceEffects effects, RtcAlarm alarm) {
        this.state = state;
        this.effects = effects;
        this.alarm = alarm;
    }

    /**
     * Sets the clock as a battery-backed one that has been running: 32.768 kHz time base, periodic rate 1024 Hz
     * (not enabled), BCD, 24 hours. NVRAM is left alone ({@link CmosMemory} fills it).
     *
     * @param epochSeconds wall-clock time to show at {@code nowNs}, seconds since 1970-01-01 in the zone to show
     * @param nanoOfSecond how much of that second is over, 0 to 999 999 999
     */
    void powerOn(long epochSeconds, int nanoOfSecond, long nowNs) {
        put(REGISTER_A, 0x26);
        put(REGISTER_B, HOURS_24);
        put(REGISTER_C, 0);
        put(REGISTER_D, VRT);
        long day = Math.floorMod(
                Math.floorDiv(epochSeconds, (long) CalendarMath.SECONDS_PER_DAY) + CalendarMath.UNIX_EPOCH_DAY,
                (long) CalendarMath.DAYS_PER_CYCLE);
        writeTimeOfDay((int) Math.floorMod(epochSeconds, (long) CalendarMath.SECONDS_PER_DAY));
        writeDate((int) day);
        put(DAY_OF_WEEK, CalendarMath.dayOfWeek((int) day));
        state.putLong(PlatformStateLayout.RTC_SECOND_START_NS, nowNs - nanoOfSecond);
        state.putLong(PlatformStateLayout.RTC_LAST_SYNC_NS, nowNs);
        put(PlatformStateLayout.RTC_INDEX, REGISTER_D - PlatformStateLayout.CMOS);
    }

    /** The RESET pin (MC146818A, "RESET"): interrupts and flags off; clock, calendar, rates and RAM go on. */
    void reset(long nowNs) {
        sync(nowNs);
        put(REGISTER_B, get(REGISTER_B) & ~(ENABLES | SQWE));
        put(REGISTER_C, 0);
    }

    /** Port 70 read. The register is write-only on a PC: the bus floats high. */
    int readIndex() {
        return 0xFF;
    }

    /** Port 70 write: bits 6 to 0 select a byte, bit 7 masks NMI (kept; this board raises no NMI). */
    void writeIndex(int value) {
        put(PlatformStateLayout.RTC_INDEX, value);
    }

    /** Port 71 read: the selected byte. Reading register C clears it and releases the interrupt line. */
    int readData(long nowNs) {
        sync(nowNs);
        int index = get(PlatformStateLayout.RTC_INDEX) & 0x7F;
        int value = get(PlatformStateLayout.CMOS + index);
        return switch (RtcRegister.of(index)) {
            case REGISTER_A -> updateImminent() ? value | UIP : value;
            case REGISTER_C -> {
                put(REGISTER_C, 0);
                yield value;
            }
            case SECONDS,
                    SECONDS_ALARM,
                    MINUTES,
                    MINUTES_ALARM,
                    HOURS,
                    HOURS_ALARM,
                    DAY_OF_WEEK,
                    DATE_OF_MONTH,
                    MONTH,
                    YEAR,
                    REGISTER_B,
                    REGISTER_D,
                    CENTURY,
                    RAM -> value;
        };
    }

    /** Port 71 write: the selected byte, where it can be written. */
    void writeData(int value, long nowNs) {
        sync(nowNs);
        int index = get(PlatformStateLayout.RTC_INDEX) & 0x7F;
        switch (RtcRegister.of(index)) {
            case REGISTER_A -> writeRegisterA(value);
            case REGISTER_B -> writeRegisterB(value);
            case REGISTER_C -> {}
            case REGISTER_D -> put(REGISTER_D, VRT | (value & DATE_ALARM));
            // "The high-order bit of the seconds byte is read only" (MC146818A, address map).
            case SECONDS -> put(SECONDS, value & 0x7F);
            case SECONDS_ALARM,
                    MINUTES,
                    MINUTES_ALARM,
                    HOURS,
                    HOURS_ALARM,
                    DAY_OF_WEEK,
                    DATE_OF_MONTH,
                    MONTH,
                    YEAR,
                    CENTURY,
                    RAM -> put(PlatformStateLayout.CMOS + index, value);
        }
    }

    /** Lets time pass without an access. To be called when {@link #nextDeadlineNs} has come, harmless at other times. */
    void timer(long nowNs) {
        sync(nowNs);
    }

    /** When the interrupt line will next rise if the guest does nothing, or {@link #NEVER}. */
    long nextDeadlineNs() {
        int enables = get(REGISTER_B);
        if ((enables & ENABLES) == 0 || (get(REGISTER_C) & IRQF) != 0 || !chainRuns(get(REGISTER_A))) {
            return NEVER;
        }
        long start = state.getLong(PlatformStateLayout.RTC_SECOND_START_NS);
        long deadline = NEVER;
        if ((enables & SET) == 0) {
            if ((enables & UPDATE_ENDED) != 0) {
                deadline = start + SECOND_NS;
            } else if ((enables & ALARM) != 0) {
                long seconds = secondsToAlarm();
                deadline = seconds < 0 ? NEVER : start + seconds * SECOND_NS;
            }
        }
        int rate = get(REGISTER_A) & 0x0F;
        if ((enables & PERIODIC) != 0 && rate != 0) {
            long elapsed = state.getLong(PlatformStateLayout.RTC_LAST_SYNC_NS) - start;
            deadline = Math.min(deadline, start + nextPeriodicNs(rate, elapsed));
        }
        return deadline;
    }

    /** Whether the interrupt request is asserted now: IRQF of register C. */
    boolean interruptAsserted() {
        return (get(REGISTER_C) & IRQF) != 0;
    }

    private void writeRegisterA(int value) {
        boolean ran = chainRuns(get(REGISTER_A));
        put(REGISTER_A, value & ~UIP);
        if (!ran && chainRuns(value)) {
            state.putLong(
                    PlatformStateLayout.RTC_SECOND_START_NS,
                    state.getLong(PlatformStateLayout.RTC_LAST_SYNC_NS) - (SECOND_NS - FIRST_UPDATE_NS));
        }
    }

    private void writeRegisterB(int value) {
        // SET going high clears UIE; the other enables stay as written.
        put(REGISTER_B, (value & SET) != 0 ? value & ~UPDATE_ENDED : value);
        raise(0);
    }

    /** Catches up with virtual time: counts the seconds that ended since the last call and sets the flags they earned. */
    private void sync(long nowNs) {
        long last = state.getLong(PlatformStateLayout.RTC_LAST_SYNC_NS);
        if (nowNs <= last) {
            return;
        }
        state.putLong(PlatformStateLayout.RTC_LAST_SYNC_NS, nowNs);
        int registerA = get(REGISTER_A);
        long start = state.getLong(PlatformStateLayout.RTC_SECOND_START_NS);
        if (!chainRuns(registerA)) {
            state.putLong(PlatformStateLayout.RTC_SECOND_START_NS, nowNs);
            return;
        }
        int flags = 0;
        int rate = registerA & 0x0F;
        // A flag that is set already need not be found again: divisions are most of what an access costs.
        if (rate != 0
                && (get(REGISTER_C) & PERIODIC) == 0
                && periodicEdges(rate, nowNs - start) != periodicEdges(rate, last - start)) {
            flags |= PERIODIC;
        }
        if (nowNs - start >= SECOND_NS) {
            long seconds = (nowNs - start) / SECOND_NS;
            state.putLong(PlatformStateLayout.RTC_SECOND_START_NS, start + seconds * SECOND_NS);
            if ((get(REGISTER_B) & SET) == 0) {
                flags |= UPDATE_ENDED;
                long toAlarm = secondsToAlarm();
                if (toAlarm > 0 && toAlarm <= seconds) {
                    flags |= ALARM;
                }
                advance(seconds);
            }
        }
        if (flags != 0) {
            raise(flags);
        }
    }

    /** Adds flags to register C and recomputes IRQF = PF·PIE + AF·AIE + UF·UIE. */
    private void raise(int flags) {
        int before = get(REGISTER_C);
        int enables = get(REGISTER_B);
        int pending = (before | flags) & ENABLES;
        boolean request = (pending & enables) != 0;
        put(REGISTER_C, request ? pending | IRQF : pending);
        boolean alarmWasAsserted = (before & IRQF) != 0 && (before & ALARM) != 0;
        if ((pending & enables & ALARM) != 0 && !alarmWasAsserted) {
            alarm.rtcAlarm(state.getLong(PlatformStateLayout.RTC_LAST_SYNC_NS));
        }
        if (request && (before & IRQF) == 0) {
            effects.interrupt(PlatformIdentity.IRQ_RTC);
        }
    }

    /** The line is asserted: once more. */
    void interruptAgain() {
        if ((get(REGISTER_C) & IRQF) != 0) {
            effects.interrupt(PlatformIdentity.IRQ_RTC);
        }
    }

    /** DV2..DV0 = 010 is the only setting in which a 32.768 kHz clock runs (DS12885, register A). */
    private static boolean chainRuns(int registerA) {
        return (registerA & 0x70) == 0x20;
    }

    private boolean updateImminent() {
        long phase = state.getLong(PlatformStateLayout.RTC_LAST_SYNC_NS)
                - state.getLong(PlatformStateLayout.RTC_SECOND_START_NS);
        return chainRuns(get(REGISTER_A)) && (get(REGISTER_B) & SET) == 0 && phase >= SECOND_NS - UPDATE_WARNING_NS;
    }

    /**
     * Log2 of the period of a rate in cycles of the time base (MC146818A table 5, column 32.768 kHz): rates 3 to 15 are
     * 8192 Hz down to 2 Hz, rates 1 and 2 repeat 256 Hz and 128 Hz.
     */
    private static int periodShift(int rate) {
        return rate >= 3 ? rate - 1 : rate + 6;
    }

    /**
     * Edges of the selected tap in the first {@code elapsedNs} of a chain. The first comes half a period after an
     * update (MC146818A figure 16: t_PI/2 between PF and UF).
     */
    private static long periodicEdges(int rate, long elapsedNs) {
        int shift = periodShift(rate);
        long cycles = elapsedNs / SECOND_NS * TIME_BASE_HZ + elapsedNs % SECOND_NS * TIME_BASE_HZ / SECOND_NS;
        return (cycles + (1L << (shift - 1))) >> shift;
    }

    /** The first time after {@code elapsedNs} at which {@link #periodicEdges} counts one more. */
    private static long nextPeriodicNs(int rate, long elapsedNs) {
        int shift = periodShift(rate);
        long cycle = ((periodicEdges(rate, elapsedNs) + 1) << shift) - (1L << (shift - 1));
        return cycle / TIME_BASE_HZ * SECOND_NS + (cycle % TIME_BASE_HZ * SECOND_NS + TIME_BASE_HZ - 1) / TIME_BASE_HZ;
    }

    /** Moves clock and calendar on by whole seconds. */
    private void advance(long seconds) {
        long total = secondOfDay() + seconds;
        long days = total / CalendarMath.SECONDS_PER_DAY;
        writeTimeOfDay((int) (total % CalendarMath.SECONDS_PER_DAY));
        if (days == 0) {
            return;
        }
        long day = dayNumber() + days;
        writeDate((int) (day % CalendarMath.DAYS_PER_CYCLE));
        int dayOfWeek = decode(get(DAY_OF_WEEK), 1, 7);
        put(DAY_OF_WEEK, (int) ((dayOfWeek - 1 + days) % 7) + 1);
    }

    private int dayNumber() {
        int year = decode(get(CENTURY), 0, 99) * 100 + decode(get(YEAR), 0, 99);
        int month = decode(get(MONTH), 1, 12);
        int date = Math.min(decode(get(DATE_OF_MONTH), 1, 31), CalendarMath.daysInMonth(year, month));
        return CalendarMath.dayNumber(year, month, date);
    }

    private int secondOfDay() {
        return (hour(get(HOURS)) * 60 + decode(get(MINUTES), 0, 59)) * 60 + decode(get(SECONDS), 0, 59);
    }

    private void writeTimeOfDay(int secondOfDay) {
        put(SECONDS, encode(secondOfDay % 60));
        put(MINUTES, encode(secondOfDay / 60 % 60));
        int hour = secondOfDay / 3600;
        if ((get(REGISTER_B) & HOURS_24) != 0) {
            put(HOURS, encode(hour));
        } else {
            int twelve = hour % 12 == 0 ? 12 : hour % 12;
            put(HOURS, encode(twelve) | (hour >= 12 ? PM : 0));
        }
    }

    private void writeDate(int dayNumber) {
        int date = CalendarMath.date(dayNumber);
        int year = date >> 16;
        put(DATE_OF_MONTH, encode(date & 0xFF));
        put(MONTH, encode(date >> 8 & 0xFF));
        put(YEAR, encode(year % 100));
        put(CENTURY, encode(year / 100));
    }

    /** Seconds from the shown time to the next match of the alarm, at least 1, or -1 when it never matches. */
    private long secondsToAlarm() {
        int now = secondOfDay();
        int toTime = secondsToTimeOfDay(now);
        int alarmDate = get(REGISTER_D) & DATE_ALARM;
        if (toTime < 0 || alarmDate == 0) {
            return toTime;
        }
        int date = decodeOr(alarmDate, 0);
        if (date < 1 || date > 31) {
            return -1;
        }
        int today = dayNumber();
        boolean stillToday = now + toTime < CalendarMath.SECONDS_PER_DAY;
        if (stillToday && (CalendarMath.date(today) & 0xFF) == date) {
            return toTime;
        }
        int days = CalendarMath.daysToDate(today, date);
        return (long) days * CalendarMath.SECONDS_PER_DAY - now + secondsToTimeOfDay(-1) - 1;
    }

    /** Seconds from a second of the day to the next one, of this day or the following, that the three bytes name. */
    private int secondsToTimeOfDay(int now) {
        int second = alarm(get(SECONDS_ALARM), 59);
        int minute = alarm(get(MINUTES_ALARM), 59);
        int hour = alarmHour(get(HOURS_ALARM));
        if (second == IMPOSSIBLE || minute == IMPOSSIBLE || hour == IMPOSSIBLE) {
            return -1;
        }
        int candidate = now + 1;
        // Each step moves to the start of the next hour, minute or second that could match; six are the most it takes.
        for (int step = 0; step < 8; step++) {
            int hourNow = candidate / 3600 % 24;
            int minuteNow = candidate / 60 % 60;
            int secondNow = candidate % 60;
            if (hour != ANY && hour != hourNow) {
                candidate += (hour - hourNow + 24) % 24 * 3600 - candidate % 3600;
            } else if (minute != ANY && minute != minuteNow) {
                int toMinute = minute > minuteNow ? minute - minuteNow : 60 - minuteNow;
                candidate += toMinute * 60 - secondNow;
            } else if (second != ANY && second != secondNow) {
                candidate += second > secondNow ? second - secondNow : 60 - secondNow;
            } else {
                return candidate - now;
            }
        }
        return -1;
    }

    private int alarm(int value, int max) {
        if (value >= DONT_CARE) {
            return ANY;
        }
        int decoded = decodeOr(value, IMPOSSIBLE);
        return decoded > max ? IMPOSSIBLE : decoded;
    }

    private int alarmHour(int value) {
        if (value >= DONT_CARE) {
            return ANY;
        }
        if ((get(REGISTER_B) & HOURS_24) != 0) {
            return alarm(value, 23);
        }
        int twelve = decodeOr(value & ~PM, IMPOSSIBLE);
        if (twelve < 1 || twelve > 12) {
            return IMPOSSIBLE;
        }
        return twelve % 12 + ((value & PM) != 0 ? 12 : 0);
    }

    private int hour(int value) {
        if ((get(REGISTER_B) & HOURS_24) != 0) {
            return decode(value, 0, 23);
        }
        return decode(value & ~PM, 1, 12) % 12 + ((value & PM) != 0 ? 12 : 0);
    }

    /** The number a time byte stands for in the present data mode; the largest possible one if it stands for none. */
    private int decode(int value, int min, int max) {
        int decoded = decodeOr(value, max);
        return decoded < min || decoded > max ? max : decoded;
    }

    private int decodeOr(int value, int otherwise) {
        if ((get(REGISTER_B) & DM_BINARY) != 0) {
            return value;
        }
        int high = value >> 4;
        int low = value & 0x0F;
        return high > 9 || low > 9 ? otherwise : high * 10 + low;
    }

    private int encode(int value) {
        return (get(REGISTER_B) & DM_BINARY) != 0 ? value : ((value / 10) << 4) | (value % 10);
    }

    private int get(int offset) {
        return state.getByte(offset) & 0xFF;
    }

    private void put(int offset, int value) {
        state.putByte(offset, (byte) value);
    }

    /** Examines this core's part of a block from outside; see {@link PlatformStateCheck#violation}. */
    static @Nullable String violation(AtomicBuffer state) {
        if ((state.getByte(SECONDS) & 0x80) != 0) {
            return "rtc.cmos[SECONDS]";
        }
        if ((state.getByte(REGISTER_A) & UIP) != 0) {
            return "rtc.cmos[REGISTER_A]";
        }
        int b = state.getByte(REGISTER_B);
        int c = state.getByte(REGISTER_C) & 0xFF;
        if ((b & SET) != 0 && (b & UPDATE_ENDED) != 0) {
            return "rtc.cmos[REGISTER_B]";
        }
        if ((c & 0x0F) != 0 || ((c & IRQF) != 0) != ((b & c & ENABLES) != 0)) {
            return "rtc.cmos[REGISTER_C]";
        }
        return (state.getByte(REGISTER_D) & ~DATE_ALARM & 0xFF) == VRT ? null : "rtc.cmos[REGISTER_D]";
    }
}
