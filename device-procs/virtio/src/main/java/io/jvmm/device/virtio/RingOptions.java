package io.jvmm.device.virtio;

import io.jvmm.device.api.DeviceConfig;

/**
 * The configuration entries about virtqueues that all device classes share.
 *
 * <table>
 * <caption>Entries of one function</caption>
 * <tr><td>{@code packed}</td><td>{@code true} offers packed virtqueues beside split ones; default {@code false}</td></tr>
 * <tr><td>{@code queue-size}</td><td>largest size of a virtqueue, a power of two up to 1024</td></tr>
 * </table>
 *
 * @param packed whether VIRTIO_F_RING_PACKED is offered
 * @param queueSize largest size of each virtqueue
 */
public record RingOptions(boolean packed, int queueSize) {

    private static final int LEAST_QUEUE_SIZE = 2;

    public RingOptions {
        if (queueSize < LEAST_QUEUE_SIZE
                || queueSize > VirtioIdentity.MAX_QUEUE_SIZE
                || Integer.bitCount(queueSize) != 1) {
            throw new IllegalArgumentException("queue-size: " + queueSize + "; allowed are powers of two from "
                    + LEAST_QUEUE_SIZE + " to " + VirtioIdentity.MAX_QUEUE_SIZE);
        }
    }

    /**
     * Reads the entries.
     *
     * @throws IllegalArgumentException naming key, value and what is allowed
     */
    public static RingOptions from(DeviceConfig entries, int usualQueueSize) {
        return new RingOptions(flag(entries, "packed", false), entries.integer("queue-size", usualQueueSize));
    }

    /** The features about virtqueues to offer. */
    public long features() {
        return VirtioFeature.USUAL | (packed ? VirtioFeature.RING_PACKED : 0);
    }

    /**
     * An entry that is {@code true} or {@code false}.
     *
     * @throws IllegalArgumentException when it is anything else
     */
    public static boolean flag(DeviceConfig entries, String key, boolean otherwise) {
        String value = entries.text(key, otherwise ? "true" : "false");
        return switch (value) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException(key + ": '" + value + "'; allowed are true, false");
        };
    }
}
