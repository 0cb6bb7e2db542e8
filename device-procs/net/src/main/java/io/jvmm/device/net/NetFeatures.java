package io.jvmm.device.net;

/** Feature bits of a network device (virtio 1.2 §5.1.3), as masks, and what they require of each other. */
final class NetFeatures {
    static final long CSUM = 1L;
    static final long GUEST_CSUM = 1L << 1;
    static final long CTRL_GUEST_OFFLOADS = 1L << 2;
    static final long MTU = 1L << 3;
    static final long MAC = 1L << 5;
    static final long GUEST_TSO4 = 1L << 7;
    static final long GUEST_TSO6 = 1L << 8;
    static final long GUEST_ECN = 1L << 9;
    static final long GUEST_UFO = 1L << 10;
    static final long HOST_TSO4 = 1L << 11;
    static final long HOST_TSO6 = 1L << 12;
    static final long HOST_ECN = 1L << 13;
    static final long HOST_UFO = 1L << 14;
    static final long MRG_RXBUF = 1L << 15;
    static final long STATUS = 1L << 16;
    static final long CTRL_VQ = 1L << 17;
    static final long CTRL_RX = 1L << 18;
    static final long CTRL_VLAN = 1L << 19;
    static final long CTRL_RX_EXTRA = 1L << 20;
    static final long GUEST_ANNOUNCE = 1L << 21;
    static final long MQ = 1L << 22;
    static final long CTRL_MAC_ADDR = 1L << 23;
    static final long GUEST_USO4 = 1L << 54;
    static final long GUEST_USO6 = 1L << 55;
    static final long HOST_USO = 1L << 56;
    static final long SPEED_DUPLEX = 1L << 63;

    /** What {@code VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET} switches (§5.1.6.5.6). */
    static final long GUEST_OFFLOADS =
            GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6 | GUEST_ECN | GUEST_UFO | GUEST_USO4 | GUEST_USO6;

    private static final long GUEST_TSO = GUEST_TSO4 | GUEST_TSO6;
    private static final long HOST_TSO = HOST_TSO4 | HOST_TSO6;
    private static final long NEED_GUEST_CSUM = GUEST_TSO | GUEST_UFO | GUEST_USO4 | GUEST_USO6;
    private static final long NEED_CSUM = HOST_TSO | HOST_UFO | HOST_USO;
    private static final long NEED_CTRL_VQ =
            CTRL_GUEST_OFFLOADS | CTRL_RX | CTRL_VLAN | GUEST_ANNOUNCE | MQ | CTRL_MAC_ADDR;

    private NetFeatures() {}

    /** Whether each feature comes with those it requires (§5.1.3.1). */
    static boolean consistent(long features) {
        return requires(features, NEED_GUEST_CSUM, GUEST_CSUM)
                && requires(features, GUEST_ECN, GUEST_TSO)
                && requires(features, NEED_CSUM, CSUM)
                && requires(features, HOST_ECN, HOST_TSO)
                && requires(features, NEED_CTRL_VQ, CTRL_VQ)
                && requires(features, CTRL_RX_EXTRA, CTRL_RX);
    }

    /** Any of {@code these} calls for one of {@code those}. */
    private static boolean requires(long features, long these, long those) {
        return (features & these) == 0 || (features & those) != 0;
    }

    /** All that a function with this configuration offers. */
    static long offered(NetConfig config) {
        long features = MTU | MAC | MRG_RXBUF | STATUS | CTRL_VQ | CTRL_RX | CTRL_VLAN | CTRL_RX_EXTRA;
        features |=
                GUEST_ANNOUNCE | CTRL_MAC_ADDR | SPEED_DUPLEX | config.ring().features();
        if (config.pairs() > 1) {
            features |= MQ;
        }
        if (config.offloads()) {
            features |= CTRL_GUEST_OFFLOADS | CSUM | HOST_TSO | HOST_ECN | HOST_USO | GUEST_CSUM;
            // passt has no place for a header that asks for segmentation or fragmentation, so it never sends such
            // frames;
            // those of the guest are segmented by this process, which does not fragment.
            if (config.backend() != NetConfig.Backend.PASST) {
                features |= HOST_UFO | GUEST_TSO | GUEST_ECN | GUEST_UFO | GUEST_USO4 | GUEST_USO6;
            }
        }
        return features;
    }
}
