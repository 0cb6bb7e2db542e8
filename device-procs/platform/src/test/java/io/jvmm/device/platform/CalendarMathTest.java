package io.jvmm.device.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.LocalDate;
import org.junit.jupiter.api.Test;

/** Every day of ten thousand years against java.time. */
class CalendarMathTest {

    @Test
    void everyDayOfTheCycleAgreesWithJavaTime() {
        LocalDate date = LocalDate.of(0, 3, 1);
        for (int day = 0; day < CalendarMath.DAYS_PER_CYCLE; day++) {
            int year = date.getYear() % 10_000;
            int month = date.getMonthValue();
            int packed = year << 16 | month << 8 | date.getDayOfMonth();
            if (packed != CalendarMath.date(day)
                    || day != CalendarMath.dayNumber(year, month, date.getDayOfMonth())
                    || date.getDayOfWeek().getValue() % 7 + 1 != CalendarMath.dayOfWeek(day)
                    || date.lengthOfMonth() != CalendarMath.daysInMonth(year, month)) {
                assertEquals(date.toString(), Integer.toHexString(CalendarMath.date(day)), "day " + day);
            }
            date = date.plusDays(1);
        }
    }
}
