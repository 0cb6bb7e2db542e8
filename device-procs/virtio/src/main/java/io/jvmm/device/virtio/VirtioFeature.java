package io.jvmm.device.virtio;

/** The feature bits that do not belong to a device type (virtio 1.2 §6), as masks. */
public final class VirtioFeature {
    /** VIRTIO_F_INDIRECT_DESC: a descriptor may refer to a table of descriptors. */
    public static final long INDIRECT_DESC = 1L << 28;
    /** VIRTIO_F_EVENT_IDX: used_event and avail_event. */
    public static final long EVENT_IDX = 1L << 29;
    /** VIRTIO_F_VERSION_1: this is no legacy device; mandatory. */
    public static final long VERSION_1 = 1L << 32;
    /** VIRTIO_F_ACCESS_PLATFORM: not offered; there is no IOMMU, addresses are guest-physical. */
    public static final long ACCESS_PLATFORM = 1L << 33;
    /** VIRTIO_F_RING_PACKED. */
    public static final long RING_PACKED = 1L << 34;
    /** VIRTIO_F_IN_ORDER: not offered. */
    public static final long IN_ORDER = 1L << 35;
    /** VIRTIO_F_ORDER_PLATFORM: not offered; processors of the same host share the memory. */
    public static final long ORDER_PLATFORM = 1L << 36;
    /** VIRTIO_F_NOTIFICATION_DATA: not offered; a kick carries no data. */
    public static final long NOTIFICATION_DATA = 1L << 38;
    /** VIRTIO_F_RING_RESET: a queue can be reset alone. */
    public static final long RING_RESET = 1L << 40;

    /** What a device would offer beside its own: all of these that the transport implements, without packed rings. */
    public static final long USUAL = INDIRECT_DESC | EVENT_IDX | RING_RESET;

    /** What the transport can do; a device offers any of these. */
    static final long IMPLEMENTED = USUAL | VERSION_1 | RING_PACKED;

    /** Bits that are the transport's to offer: those of §6 from 28 to 40. */
    static final long TRANSPORT_BITS = (1L << 41) - (1L << 28);

    private VirtioFeature() {}
}
