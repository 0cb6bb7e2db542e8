package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceConfig;

/**
 * The configuration of the platform device, valid once constructed.
 *
 * @param rtcStart which time the clock shows when the machine is switched on
 * @param rtcEpochSeconds for {@link RtcStart#FIXED}: that time, seconds since 1970-01-01
 * @param zoneOffsetSeconds for {@link RtcStart#LOCAL_TIME}: the host's offset from UTC, east positive
 * @param debugConsole whether ports 402 and E9 answer
 * @param memoryBytes guest memory, for the CMOS bytes that tell firmware; 0 leaves them empty
 * @param vcpus processors, for the same purpose
 * @param firmware whether the firmware configuration device is there, which needs guest memory
 */
record PlatformConfig(
        RtcStart rtcStart,
        long rtcEpochSeconds,
        int zoneOffsetSeconds,
        boolean debugConsole,
        long memoryBytes,
        int vcpus,
        boolean firmware) {

    /** Key {@code rtc.base}. */
    enum RtcStart {
        UTC,
        LOCAL_TIME,
        FIXED
    }

    /** 0000-01-01 and 9999-12-31T23:59:59: as far as two-digit year and century reach. */
    private static final long MIN_EPOCH_SECONDS = -62_167_219_200L;

    private static final long MAX_EPOCH_SECONDS = 253_402_300_799L;
    private static final int MAX_ZONE_SECONDS = 18 * 3600;
    private static final long MAX_MEMORY_BYTES = 1L << 46;

    PlatformConfig {
        if (rtcEpochSeconds < MIN_EPOCH_SECONDS || rtcEpochSeconds > MAX_EPOCH_SECONDS) {
            throw new IllegalArgumentException("rtc.base: " + rtcEpochSeconds
                    + " seconds is outside the years 0 to 9999; give utc, localtime or seconds since 1970");
        }
        if (Math.abs(zoneOffsetSeconds) > MAX_ZONE_SECONDS) {
            throw new IllegalArgumentException(
                    "rtc.offset-seconds: " + zoneOffsetSeconds + " is more than 18 hours from UTC");
        }
        if (memoryBytes < 0 || memoryBytes > MAX_MEMORY_BYTES) {
            throw new IllegalArgumentException("memory.bytes: " + memoryBytes + " is not between 0 and 2^46");
        }
        if (vcpus < 1 || vcpus > 4096) {
            throw new IllegalArgumentException("vcpus: " + vcpus + " is not between 1 and 4096");
        }
    }

    /**
     * Reads keys {@code rtc.base}, {@code rtc.offset-seconds}, {@code debugcon}, {@code memory.bytes}, {@code vcpus},
     * {@code firmware}; all have defaults.
     *
     * @throws IllegalArgumentException naming key, value and cure
     */
    static PlatformConfig from(DeviceConfig entries) {
        String base = entries.text("rtc.base", "utc");
        RtcStart start = switch (base) {
            case "utc" -> RtcStart.UTC;
            case "localtime" -> RtcStart.LOCAL_TIME;
            default -> RtcStart.FIXED;
        };
        return new PlatformConfig(
                start,
                start == RtcStart.FIXED ? number("rtc.base", base, "utc, localtime or seconds since 1970") : 0,
                entries.integer("rtc.offset-seconds", 0),
                flag("debugcon", entries.text("debugcon", "false")),
                number("memory.bytes", entries.text("memory.bytes", "0"), "a number of bytes"),
                entries.integer("vcpus", 1),
                flag("firmware", entries.text("firmware", "false")));
    }

    /** The seconds since 1970-01-01 to show at power-on, given the host's. */
    long startSeconds(long hostEpochSeconds) {
        return switch (rtcStart) {
            case UTC -> hostEpochSeconds;
            case LOCAL_TIME -> hostEpochSeconds + zoneOffsetSeconds;
            case FIXED -> rtcEpochSeconds;
        };
    }

    private static long number(String key, String text, String expected) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(key + ": '" + text + "' is not " + expected, e);
        }
    }

    private static boolean flag(String key, String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException(key + ": '" + text + "' is not true or false");
        };
    }
}
