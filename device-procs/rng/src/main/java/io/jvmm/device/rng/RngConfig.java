package io.jvmm.device.rng;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.virtio.RingOptions;

/**
 * The configuration of one entropy device, validated.
 *
 * <table>
 * <caption>Entries of the configuration record</caption>
 * <tr><td>{@code rate-bytes}</td><td>most bytes in a second, on average; 0 (default) for no limit</td></tr>
 * <tr><td>{@code packed}, {@code queue-size}</td><td>see {@link RingOptions}; 64</td></tr>
 * </table>
 *
 * @param rateBytes most bytes in a second, 0 for no limit
 * @param ring the virtqueue
 */
record RngConfig(int rateBytes, RingOptions ring) {

    private static final int QUEUE_SIZE = 64;

    RngConfig {
        if (rateBytes < 0) {
            throw new IllegalArgumentException(
                    "rate-bytes: " + rateBytes + "; allowed are 0 (no limit) to " + Integer.MAX_VALUE);
        }
    }

    /**
     * Reads the entries.
     *
     * @throws IllegalArgumentException naming the key, its value and what is allowed
     */
    static RngConfig from(DeviceConfig entries) {
        return new RngConfig(entries.integer("rate-bytes", 0), RingOptions.from(entries, QUEUE_SIZE));
    }
}
