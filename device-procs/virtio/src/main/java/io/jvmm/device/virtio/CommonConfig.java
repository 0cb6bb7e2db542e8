package io.jvmm.device.virtio;

import org.jspecify.annotations.Nullable;

/** The registers of the common configuration (virtio 1.2 §4.1.4.3), by the specification's names. */
enum CommonConfig {
    DEVICE_FEATURE_SELECT(0x00, 4),
    DEVICE_FEATURE(0x04, 4),
    DRIVER_FEATURE_SELECT(0x08, 4),
    DRIVER_FEATURE(0x0C, 4),
    CONFIG_MSIX_VECTOR(0x10, 2),
    NUM_QUEUES(0x12, 2),
    DEVICE_STATUS(0x14, 1),
    CONFIG_GENERATION(0x15, 1),
    QUEUE_SELECT(0x16, 2),
    QUEUE_SIZE(0x18, 2),
    QUEUE_MSIX_VECTOR(0x1A, 2),
    QUEUE_ENABLE(0x1C, 2),
    QUEUE_NOTIFY_OFF(0x1E, 2),
    QUEUE_DESC(0x20, 8),
    QUEUE_DRIVER(0x28, 8),
    QUEUE_DEVICE(0x30, 8),
    QUEUE_NOTIFY_DATA(0x38, 2),
    QUEUE_RESET(0x3A, 2);

    /** VIRTIO_MSI_NO_VECTOR. */
    static final int NO_VECTOR = 0xFFFF;

    static final int LENGTH_BYTES = 0x40;

    /** Device status (§2.1). */
    static final int ACKNOWLEDGE = 1;

    static final int DRIVER = 2;
    static final int DRIVER_OK = 4;
    static final int FEATURES_OK = 8;
    static final int NEEDS_RESET = 0x40;
    static final int FAILED = 0x80;

    /** ISR status (§4.1.4.5). */
    static final int ISR_QUEUE = 1;

    static final int ISR_CONFIG = 2;

    private static final @Nullable CommonConfig[] BY_OFFSET = new @Nullable CommonConfig[LENGTH_BYTES];

    static {
        for (CommonConfig register : values()) {
            for (int i = 0; i < register.widthBytes; i++) {
                BY_OFFSET[register.offset + i] = register;
            }
        }
    }

    private final int offset;
    private final int widthBytes;

    CommonConfig(int offset, int widthBytes) {
        this.offset = offset;
        this.widthBytes = widthBytes;
    }

    int offset() {
        return offset;
    }

    int widthBytes() {
        return widthBytes;
    }

    /**
     * The register an access is to: of its width, or one half of a 64-bit register, or all of one (§4.1.3.1).
     *
     * @return null when it is to none, to a part of one, or to several
     */
    static @Nullable CommonConfig at(int offset, int widthBytes) {
        CommonConfig register = offset < LENGTH_BYTES ? BY_OFFSET[offset] : null;
        if (register == null) {
            return null;
        }
        int into = offset - register.offset;
        boolean whole = into == 0 && widthBytes == register.widthBytes;
        boolean half = register.widthBytes == 8 && widthBytes == 4 && (into & 3) == 0;
        return whole || half ? register : null;
    }
}
