package io.jvmm.device.balloon;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.virtio.RingOptions;

/**
 * The configuration of one balloon, validated.
 *
 * <table>
 * <caption>Entries of the configuration record</caption>
 * <tr><td>{@code target-bytes}</td><td>what the guest is to give back at the start; default 0</td></tr>
 * <tr><td>{@code free-page-reporting}</td><td>default {@code true}</td></tr>
 * <tr><td>{@code deflate-on-oom}</td><td>whether a guest that runs out of memory may help itself; default {@code true}</td></tr>
 * <tr><td>{@code must-tell-host}</td><td>whether the guest is asked to tell before it uses a page again; default {@code true}</td></tr>
 * <tr><td>{@code stats-interval-s}</td><td>how often the guest is asked for statistics, 0 for never; default 0, at most a day</td></tr>
 * <tr><td>{@code packed}, {@code queue-size}</td><td>see {@link RingOptions}; 128, at least 32</td></tr>
 * </table>
 *
 * @param targetPages pages of 4096 bytes
 * @param statsIntervalNs 0 for never
 * @param ring every virtqueue
 */
record BalloonConfig(
        long targetPages,
        boolean reporting,
        boolean deflateOnOom,
        boolean mustTellHost,
        long statsIntervalNs,
        RingOptions ring) {

    private static final int QUEUE_SIZE = 128;
    /** Linux reports free pages in batches of so many and does without where that is too many. */
    private static final int LEAST_QUEUE_SIZE = 32;

    private static final int DAY_SECONDS = 86_400;
    private static final long SECOND_NS = 1_000_000_000;

    BalloonConfig {
        if (ring.queueSize() < LEAST_QUEUE_SIZE) {
            throw new IllegalArgumentException("queue-size: " + ring.queueSize() + "; at least " + LEAST_QUEUE_SIZE);
        }
    }

    /**
     * Reads the entries.
     *
     * @throws IllegalArgumentException naming the key, its value and what is allowed
     */
    static BalloonConfig from(DeviceConfig entries) {
        int seconds = entries.integer("stats-interval-s", 0);
        if (seconds < 0 || seconds > DAY_SECONDS) {
            throw new IllegalArgumentException(
                    "stats-interval-s: " + seconds + "; allowed are 0 (never) to " + DAY_SECONDS);
        }
        return new BalloonConfig(
                targetPages(entries.text("target-bytes", "0")),
                RingOptions.flag(entries, "free-page-reporting", true),
                RingOptions.flag(entries, "deflate-on-oom", true),
                RingOptions.flag(entries, "must-tell-host", true),
                seconds * SECOND_NS,
                RingOptions.from(entries, QUEUE_SIZE));
    }

    private static long targetPages(String bytes) {
        try {
            long value = Long.parseLong(bytes);
            if (value >= 0) {
                return value / BalloonCore.PAGE_BYTES;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw new IllegalArgumentException("target-bytes: '" + bytes + "' is not a number of bytes");
    }
}
