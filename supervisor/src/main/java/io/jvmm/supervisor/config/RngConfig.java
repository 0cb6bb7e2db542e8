package io.jvmm.supervisor.config;

import java.util.OptionalInt;

/**
 * The entropy source (virtio 1.2 §5.4).
 *
 * @param rateBytes most bytes a second; empty for no limit
 */
public record RngConfig(Placement placement, OptionalInt rateBytes) implements VirtioConfig {
    /** Whether a machine has one whose configuration does not say. */
    static final boolean ENABLED = true;

    public static final int LEAST_RATE = 16;
    public static final int MOST_RATE = 1 << 30;

    public RngConfig {
        if (rateBytes.isPresent() && (rateBytes.getAsInt() < LEAST_RATE || rateBytes.getAsInt() > MOST_RATE)) {
            throw new IllegalArgumentException(
                    rateBytes.getAsInt() + " bytes a second: " + LEAST_RATE + " to " + MOST_RATE + " can be had.");
        }
    }

    @Override
    public String deviceClass() {
        return "rng";
    }

    @Override
    public int queues() {
        return 1;
    }
}
