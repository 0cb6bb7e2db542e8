package io.jvmm.device.virtio;

import java.util.List;

/**
 * The constant facts of one virtio function, declared once.
 *
 * @param deviceType virtio 1.2 §5: 1 network, 2 block, 3 console, 4 entropy, 5 balloon, 19 socket; the PCI device id is
 *     0x1040 more
 * @param pciClass 24 bits, class, subclass and programming interface: 0x010000
 * @param features all features offered, those of the device and {@code VIRTIO_F_} ones (§6) that the configuration asks for;
 *     VIRTIO_F_VERSION_1 and VIRTIO_F_ACCESS_PLATFORM are the transport's business
 * @param queueSizes the largest size of each virtqueue, powers of two from 1 to 1024; its length is the number of queues
 * @param configLengthBytes length of the device configuration, 0..4096
 * @param stateLengthBytes length of the device's own part of the state, a multiple of 8; may be 0
 */
public record VirtioIdentity(
        int deviceType,
        int pciClass,
        long features,
        List<Integer> queueSizes,
        int configLengthBytes,
        int stateLengthBytes) {

    /** Most virtqueues of a function. */
    public static final int MAX_QUEUES = 64;

    /** Largest virtqueue. */
    public static final int MAX_QUEUE_SIZE = 1024;

    public VirtioIdentity {
        queueSizes = List.copyOf(queueSizes);
        if (queueSizes.isEmpty() || queueSizes.size() > MAX_QUEUES) {
            throw new IllegalArgumentException("virtqueues: " + queueSizes.size() + "; allowed are 1.." + MAX_QUEUES);
        }
        for (int size : queueSizes) {
            if (size < 1 || size > MAX_QUEUE_SIZE || Integer.bitCount(size) != 1) {
                throw new IllegalArgumentException(
                        "queue size " + size + " is no power of two up to " + MAX_QUEUE_SIZE);
            }
        }
        if (configLengthBytes < 0 || configLengthBytes > 4096) {
            throw new IllegalArgumentException("device configuration of " + configLengthBytes + " bytes; at most 4096");
        }
        if (stateLengthBytes < 0 || stateLengthBytes > 65536 || (stateLengthBytes & 7) != 0) {
            throw new IllegalArgumentException("device state of " + stateLengthBytes + " bytes");
        }
    }

    /** Interrupt vectors the function can use: one for each virtqueue and one for its configuration. */
    public int vectors() {
        return queueSizes.size() + 1;
    }
}
