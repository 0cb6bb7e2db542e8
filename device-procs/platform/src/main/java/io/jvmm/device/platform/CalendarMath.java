package io.jvmm.device.platform;

/**
 * Dates of the proleptic Gregorian calendar as day numbers, without allocating (java.time does). Years run from 0 to
 * 9999, as far as a two-digit year and a two-digit century reach, and wrap there. Day 0 is 0000-03-01, which puts the
 * leap day at the end of a year and makes month lengths regular.
 */
final class CalendarMath {
    static final int SECONDS_PER_DAY = 86_400;
    static final int DAYS_PER_CYCLE = 3_652_425;
    private static final int DAYS_PER_400_YEARS = 146_097;
    /** 1970-01-01 in this count. */
    static final int UNIX_EPOCH_DAY = dayNumber(1970, 1, 1);

    private CalendarMath() {}

    static boolean isLeapYear(int year) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    }

    static int daysInMonth(int year, int month) {
        return switch (month) {
            case 2 -> isLeapYear(year) ? 29 : 28;
            case 4, 6, 9, 11 -> 30;
            default -> 31;
        };
    }

    /** The number of a day, from 0 to {@link #DAYS_PER_CYCLE}-1; January and February of year 0 come last. */
    static int dayNumber(int year, int month, int day) {
        int marchBasedMonth = (month + 9) % 12;
        int marchBasedYear = (month <= 2 ? year + 9_999 : year) % 10_000;
        int dayOfYear = (153 * marchBasedMonth + 2) / 5 + day - 1;
        return 365 * marchBasedYear + marchBasedYear / 4 - marchBasedYear / 100 + marchBasedYear / 400 + dayOfYear;
    }

    /** The date of a day number as {@code year << 16 | month << 8 | day}. */
    static int date(int dayNumber) {
        int cycle = dayNumber / DAYS_PER_400_YEARS;
        int dayOfCycle = dayNumber % DAYS_PER_400_YEARS;
        int century = Math.min(dayOfCycle / 36_524, 3);
        int dayOfCentury = dayOfCycle - century * 36_524;
        int quad = dayOfCentury / 1_461;
        int dayOfQuad = dayOfCentury % 1_461;
        int yearOfQuad = Math.min(dayOfQuad / 365, 3);
        int dayOfYear = dayOfQuad - yearOfQuad * 365;
        int marchBasedMonth = (5 * dayOfYear + 2) / 153;
        int day = dayOfYear - (153 * marchBasedMonth + 2) / 5 + 1;
        int month = marchBasedMonth < 10 ? marchBasedMonth + 3 : marchBasedMonth - 9;
        int year = cycle * 400 + century * 100 + quad * 4 + yearOfQuad + (month <= 2 ? 1 : 0);
        return year % 10_000 << 16 | month << 8 | day;
    }

    /** Day of the week of a day number, 1 for Sunday to 7 for Saturday (MC146818A table 3). */
    static int dayOfWeek(int dayNumber) {
        // 0000-03-01 was a Wednesday.
        return (dayNumber + 3) % 7 + 1;
    }

    /** Days from a day to the next later one that is the {@code date}-th of its month, 1 to 31. */
    static int daysToDate(int dayNumber, int date) {
        int packed = date(dayNumber);
        int year = packed >> 16;
        int month = packed >> 8 & 0xFF;
        int days = date - (packed & 0xFF);
        // No two neighbouring months are both without a 31st or a 30th, so this looks at three at most.
        for (int i = 0; i < 3; i++) {
            if (days > 0 && date <= daysInMonth(year, month)) {
                return days;
            }
            days += daysInMonth(year, month);
            if (month == 12) {
                month = 1;
                year = (year + 1) % 10_000;
            } else {
                month++;
            }
        }
        return days;
    }
}
