package io.jvmm.device.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The fields of the header (section "Header"), all big-endian.
 *
 * <pre>
 *   0 magic "QFI\xfb"      | 4 version            | 8 backing_file_offset            | 16 backing_file_size
 *  20 cluster_bits         | 24 size              | 32 crypt_method                  | 36 l1_size
 *  40 l1_table_offset      | 48 refcount_table_offset | 56 refcount_table_clusters  | 60 nb_snapshots
 *  64 snapshots_offset     | version 3: 72 incompatible | 80 compatible | 88 autoclear features
 *  96 refcount_order       | 100 header_length    | 104 compression_type u8, where header_length reaches that far
 * </pre>
 */
enum HeaderField {
    MAGIC(0, 4),
    VERSION(4, 4),
    BACKING_FILE_OFFSET(8, 8),
    BACKING_FILE_SIZE(16, 4),
    CLUSTER_BITS(20, 4),
    SIZE(24, 8),
    CRYPT_METHOD(32, 4),
    L1_SIZE(36, 4),
    L1_TABLE_OFFSET(40, 8),
    REFCOUNT_TABLE_OFFSET(48, 8),
    REFCOUNT_TABLE_CLUSTERS(56, 4),
    NB_SNAPSHOTS(60, 4),
    SNAPSHOTS_OFFSET(64, 8),
    INCOMPATIBLE_FEATURES(72, 8),
    COMPATIBLE_FEATURES(80, 8),
    AUTOCLEAR_FEATURES(88, 8),
    REFCOUNT_ORDER(96, 4),
    HEADER_LENGTH(100, 4),
    COMPRESSION_TYPE(104, 1);

    /** Bytes of the header of version 2. */
    static final int V2_BYTES = 72;
    /** Bytes that a header of version 3 has at least. */
    static final int V3_BYTES = 104;

    static final int MAGIC_VALUE = 0x514649FB;

    static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final int offset;
    private final int bytes;

    HeaderField(int offset, int bytes) {
        this.offset = offset;
        this.bytes = bytes;
    }

    int offset() {
        return offset;
    }

    /** The value; unsigned where the field is shorter than eight bytes. */
    long get(MemorySegment header) {
        return switch (bytes) {
            case 1 -> header.get(ValueLayout.JAVA_BYTE, offset) & 0xFFL;
            case 4 -> Integer.toUnsignedLong(header.get(U32, offset));
            default -> header.get(U64, offset);
        };
    }

    void set(MemorySegment header, long value) {
        switch (bytes) {
            case 1 -> header.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
            case 4 -> header.set(U32, offset, (int) value);
            default -> header.set(U64, offset, value);
        }
    }
}
