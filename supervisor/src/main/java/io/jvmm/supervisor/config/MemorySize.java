package io.jvmm.supervisor.config;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An amount of guest memory: a whole number of pages, from {@link #SMALLEST} to {@link #LARGEST}. Written {@code "512M"}
 * or {@code "2 GiB"}: the units are binary (K, M, G, T, with or without {@code B} or {@code iB}).
 *
 * @param bytes the amount, in bytes
 */
public record MemorySize(long bytes) {
    public static final long PAGE = 4096;

    /** 2 MiB: what is below holds no kernel that we can load (the boot protocols place one at 1 MiB). */
    public static final long SMALLEST = 2L << 20;

    /** 64 TiB: what 46 bits of guest-physical address hold, the least that a host of today has. */
    public static final long LARGEST = 64L << 40;

    private static final Pattern WRITTEN = Pattern.compile("([0-9]{1,19})\\s*(?:([KMGT])(?:iB|B)?)?");

    public MemorySize {
        if (bytes < SMALLEST) {
            throw new IllegalArgumentException(human(bytes) + " is too little: a guest needs at least "
                    + human(SMALLEST) + ". Use e.g. memory = \"512M\".");
        }
        if (bytes > LARGEST) {
            throw new IllegalArgumentException(human(bytes) + " is more than a guest can address (" + human(LARGEST)
                    + "). Use e.g. memory = \"512M\".");
        }
        if (bytes % PAGE != 0) {
            throw new IllegalArgumentException(
                    bytes + " bytes is not a whole number of 4096-byte pages. The nearest is "
                            + (bytes - bytes % PAGE) / 1024 + "K.");
        }
    }

    /**
     * Reads what a user wrote.
     *
     * @throws IllegalArgumentException with a sentence for the user
     */
    public static MemorySize parse(String text) {
        Matcher m = WRITTEN.matcher(text.strip());
        if (!m.matches()) {
            throw new IllegalArgumentException(Quoted.of(text)
                    + " is not an amount of memory: a whole number and K, M, G or T." + " Use e.g. memory = \"512M\".");
        }
        String unit = m.group(2);
        int shift = unit == null ? 0 : 10 * ("KMGT".indexOf(unit) + 1);
        long bytes;
        try {
            bytes = Math.multiplyExact(Long.parseLong(m.group(1)), 1L << shift);
        } catch (ArithmeticException | NumberFormatException e) {
            throw new IllegalArgumentException(
                    text.strip() + " is more than a guest can address (" + human(LARGEST)
                            + "). Use e.g. memory = \"512M\".",
                    e);
        }
        if (unit == null && bytes > 0 && bytes < SMALLEST) {
            throw new IllegalArgumentException(
                    Quoted.of(text) + " is a number of bytes, and too few. Say the unit, e.g. memory = \"512M\".");
        }
        return new MemorySize(bytes);
    }

    /** The shortest exact spelling that {@link #parse} takes: {@code 512M}. */
    @Override
    public String toString() {
        String units = "KMGT";
        for (int u = 4; u > 0; u--) {
            if (bytes % (1L << (10 * u)) == 0) {
                return (bytes >> (10 * u)) + units.substring(u - 1, u);
            }
        }
        return Long.toString(bytes);
    }

    /** For people: {@code 23.5 GiB}, {@code 512 MiB}, {@code 3000 TiB}. */
    public static String human(long bytes) {
        String[] units = {"bytes", "KiB", "MiB", "GiB", "TiB"};
        int u = 0;
        double amount = bytes;
        while (amount >= 1024 && u < units.length - 1) {
            amount /= 1024;
            u++;
        }
        String digits =
                amount == Math.rint(amount) ? Long.toString((long) amount) : String.format(Locale.ROOT, "%.1f", amount);
        return digits + " " + units[u];
    }
}
