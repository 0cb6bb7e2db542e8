package io.jvmm.supervisor.config;

/** What the guest's real-time clock shows. */
public sealed interface RtcBase {
    /** UTC, as Linux wants it. */
    record Utc() implements RtcBase {}

    /** The host's local time, as some other systems want it. */
    record LocalTime() implements RtcBase {}

    /**
     * A clock of the guest's own.
     *
     * @param seconds since 1970 in UTC, at the moment the machine starts
     */
    record Epoch(long seconds) implements RtcBase {
        /** 9999-12-31T23:59:59Z: the clock has two digits for the year and two for the century. */
        public static final long LAST = 253_402_300_799L;

        public Epoch {
            if (seconds < 0 || seconds > LAST) {
                throw new IllegalArgumentException(seconds + " is not a time the clock can show: 0 to " + LAST
                        + " seconds since 1970 (the year 9999).");
            }
        }
    }

    /** As in the boot record: {@code utc}, {@code localtime} or seconds. */
    default String word() {
        return switch (this) {
            case Utc _ -> "utc";
            case LocalTime _ -> "localtime";
            case Epoch e -> Long.toString(e.seconds());
        };
    }
}
