package io.jvmm.device.block;

/** The device configuration ({@code struct virtio_blk_config}, virtio 1.2 §5.2.4). Little-endian. */
enum BlockField {
    /** Length of the disk in units of 512 bytes. */
    CAPACITY(0, 8),
    SIZE_MAX(8, 4),
    /** Most data segments of a request. */
    SEG_MAX(12, 4),
    CYLINDERS(16, 2),
    HEADS(18, 1),
    SECTORS(19, 1),
    /** Logical block size in bytes. */
    BLK_SIZE(20, 4),
    /** Logical blocks of a physical one, as a power of two. */
    PHYSICAL_BLOCK_EXP(24, 1),
    ALIGNMENT_OFFSET(25, 1),
    /** In logical blocks. */
    MIN_IO_SIZE(26, 2),
    OPT_IO_SIZE(28, 4),
    /** 1: writes may be held in a volatile cache. The one field the driver writes. */
    WRITEBACK(32, 1),
    UNUSED0(33, 1),
    NUM_QUEUES(34, 2),
    MAX_DISCARD_SECTORS(36, 4),
    MAX_DISCARD_SEG(40, 4),
    DISCARD_SECTOR_ALIGNMENT(44, 4),
    MAX_WRITE_ZEROES_SECTORS(48, 4),
    MAX_WRITE_ZEROES_SEG(52, 4),
    WRITE_ZEROES_MAY_UNMAP(56, 1),
    UNUSED1(57, 3);

    /** Length of all fields together. */
    static final int LENGTH_BYTES = 60;

    private final int offset;
    private final int widthBytes;

    BlockField(int offset, int widthBytes) {
        this.offset = offset;
        this.widthBytes = widthBytes;
    }

    int offset() {
        return offset;
    }

    int widthBytes() {
        return widthBytes;
    }
}
