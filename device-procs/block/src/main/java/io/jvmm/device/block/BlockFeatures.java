package io.jvmm.device.block;

/** Feature bits of a block device (virtio 1.2 §5.2.3). SIZE_MAX, SECURE_ERASE, LIFETIME and ZONED are not offered. */
final class BlockFeatures {
    static final long SEG_MAX = 1L << 2;
    static final long GEOMETRY = 1L << 4;
    static final long RO = 1L << 5;
    static final long BLK_SIZE = 1L << 6;
    static final long FLUSH = 1L << 9;
    static final long TOPOLOGY = 1L << 10;
    static final long CONFIG_WCE = 1L << 11;
    static final long MQ = 1L << 12;
    static final long DISCARD = 1L << 13;
    static final long WRITE_ZEROES = 1L << 14;

    private BlockFeatures() {}

    /** What a disk offers, with what its queues do. */
    static long offered(BlockConfig config) {
        long features = config.rings().features() | SEG_MAX | GEOMETRY | BLK_SIZE | FLUSH | TOPOLOGY | CONFIG_WCE;
        if (config.readOnly()) {
            features |= RO;
        } else {
            features |= WRITE_ZEROES | (config.discard() ? DISCARD : 0);
        }
        return features | (config.queues() > 1 ? MQ : 0);
    }
}
