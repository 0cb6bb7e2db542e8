package io.jvmm.supervisor.config;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The host uids (and gids, the same numbers) that the processes of virtual machines run under when the supervisor is root.
 *
 * @param first the lowest, at least {@link #LOWEST}
 * @param last the highest, inclusive
 */
public record UidRange(int first, int last) {
    public static final UidRange STANDARD = new UidRange(100_000, 165_535);

    /** Below it are root, system services and people. */
    public static final int LOWEST = 10_000;

    /** One machine needs one uid for each of its processes. */
    public static final int SMALLEST = 8;

    private static final Pattern WRITTEN = Pattern.compile("\\s*([0-9]{1,10})\\s*-\\s*([0-9]{1,10})\\s*");

    public UidRange {
        if (first > last) {
            throw new IllegalArgumentException(
                    first + "-" + last + " ends before it begins. Use e.g. uid_range = \"100000-165535\".");
        }
        if (first < LOWEST) {
            throw new IllegalArgumentException(first + " may be a person's or a service's uid: the range must begin at "
                    + LOWEST + " or above. Use e.g. uid_range = \"100000-165535\".");
        }
        if (last - first + 1 < SMALLEST) {
            throw new IllegalArgumentException(first + "-" + last + " are " + (last - first + 1)
                    + " uids: a range has at" + " least " + SMALLEST + ". Use e.g. uid_range = \"100000-165535\".");
        }
    }

    public static UidRange parse(String text) {
        Matcher m = WRITTEN.matcher(text);
        if (!m.matches()) {
            throw new IllegalArgumentException(
                    Quoted.of(text) + " is not a range of uids. Use e.g. uid_range = \"100000-165535\".");
        }
        long first = Long.parseLong(m.group(1));
        long last = Long.parseLong(m.group(2));
        // 65534 is "nobody", which is also how an unmapped id looks; 2^32 - 1 means "no change" in chown(2).
        if (first > Integer.MAX_VALUE || last > Integer.MAX_VALUE || (first <= 65534 && last >= 65534)) {
            throw new IllegalArgumentException(text.strip()
                    + (last >= 65534 && first <= 65534
                            ? " contains 65534, the uid of nobody."
                            : " goes beyond " + Integer.MAX_VALUE + ".")
                    + " Use e.g. uid_range = \"100000-165535\".");
        }
        return new UidRange((int) first, (int) last);
    }

    @Override
    public String toString() {
        return first + "-" + last;
    }
}
