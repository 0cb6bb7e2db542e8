package io.jvmm.supervisor.config;

/**
 * The memory balloon (virtio 1.2 §5.5).
 *
 * @param targetBytes what the guest is asked to give up at the start, whole pages
 * @param freePageReporting whether the guest's free pages go back to the host as they become free
 * @param deflateOnOom whether the guest may take from the balloon when it has nothing else
 * @param statsIntervalS seconds between two statistics, 0 for none
 */
public record BalloonConfig(
        Placement placement, long targetBytes, boolean freePageReporting, boolean deflateOnOom, int statsIntervalS)
        implements VirtioConfig {
    public static final int LONGEST_STATS_INTERVAL_S = 3600;

    public BalloonConfig {
        if (targetBytes < 0 || targetBytes % MemorySize.PAGE != 0) {
            throw new IllegalArgumentException(
                    targetBytes + " bytes is not a whole number of 4096-byte pages. Use e.g. target = \"64M\".");
        }
        if (statsIntervalS < 0 || statsIntervalS > LONGEST_STATS_INTERVAL_S) {
            throw new IllegalArgumentException(statsIntervalS + " seconds: 0 to " + LONGEST_STATS_INTERVAL_S + ".");
        }
    }

    @Override
    public String deviceClass() {
        return "balloon";
    }

    /** Inflate, deflate, statistics, free page hints, and with free page reporting its queue (§5.5.2). */
    @Override
    public int queues() {
        return freePageReporting ? 5 : 4;
    }
}
