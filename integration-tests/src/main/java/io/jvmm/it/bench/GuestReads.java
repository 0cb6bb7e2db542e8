package io.jvmm.it.bench;

import io.jvmm.it.Machine;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Asks the monitor guest to time reads of a port by the ACPI timer. */
final class GuestReads {
    /** Frequency of the ACPI power management timer (ACPI 6.5 §4.8.2.1). */
    private static final double TIMER_HZ = 3_579_545;

    private static final Pattern ANSWER = Pattern.compile("(\\d+) reads, (\\d+) ticks");

    private GuestReads() {}

    /** Nanoseconds that one read of the port (hexadecimal) takes. */
    static double nanoseconds(Machine machine, String port, int count) throws IOException {
        String answer = machine.ask("bench " + port + " " + count);
        Matcher matcher = ANSWER.matcher(answer);
        if (!matcher.find()) {
            throw new IOException("the guest answered: " + answer);
        }
        return Long.parseLong(matcher.group(2)) / TIMER_HZ * 1e9 / Long.parseLong(matcher.group(1));
    }
}
