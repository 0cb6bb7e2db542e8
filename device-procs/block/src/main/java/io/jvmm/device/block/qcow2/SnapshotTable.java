package io.jvmm.device.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The table of internal snapshots (section "Snapshots"), as much as is needed to know what they reference. Never changed. Hostile.
 *
 * <pre>
 *  0 u64 L1 table | 8 u32 its entries | 12 u16 id bytes | 14 u16 name bytes | ... | 36 u32 extra bytes | 40 extra, id, name, pad to 8
 * </pre>
 *
 * @param l1Tables of each snapshot
 * @param lengthBytes of the whole table
 */
record SnapshotTable(List<L1> l1Tables, long lengthBytes) {
    private static final int FIXED_BYTES = 40;
    private static final int MOST_EXTRA_BYTES = 1024;
    private static final long MOST_BYTES = 64L << 20;
    private static final int BUFFER_BYTES = 64 * 1024;

    /** A snapshot's L1 table. */
    record L1(long offset, int entries) {}

    /** Reads it. Throws {@link io.jvmm.device.block.image.ImageException} when it is malformed. */
    static SnapshotTable read(String image, MetadataReader reader, Qcow2Header header) {
        final List<L1> tables = new ArrayList<>();
        final long start = header.snapshotsOffset();
        long at = start;
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment buffer = MetadataReader.memory(arena, BUFFER_BYTES);
            long from = -1;
            for (int i = 0; i < header.snapshots(); i++) {
                if (from < 0 || at + FIXED_BYTES > from + BUFFER_BYTES) {
                    from = at & -(long) Geometry.MOST_SLICE_BYTES;
                    reader.read(from, buffer);
                }
                final long into = at - from;
                final long l1 = buffer.get(HeaderField.U64, into);
                final long entries = Integer.toUnsignedLong(buffer.get(HeaderField.U32, into + 8));
                final long names = Short.toUnsignedLong(buffer.get(HeaderField.U16, into + 12))
                        + Short.toUnsignedLong(buffer.get(HeaderField.U16, into + 14));
                final long extra = Integer.toUnsignedLong(buffer.get(HeaderField.U32, into + 36));
                final boolean place =
                        l1 > 0 && (l1 & ((1L << header.clusterBits()) - 1)) == 0 && l1 < reader.fileBytes();
                if (entries > Qcow2Header.MOST_L1_BYTES / Long.BYTES || (entries > 0 && !place)) {
                    throw Qcow2Header.damaged(
                            image,
                            "snapshot " + i + " has an L1 table of " + entries + " entries at 0x"
                                    + Long.toHexString(l1));
                }
                at += FIXED_BYTES + extra + names + 7 & -8L;
                if (extra > MOST_EXTRA_BYTES || at - start > MOST_BYTES || at - 7 > reader.fileBytes()) {
                    throw Qcow2Header.damaged(image, "snapshot " + i + " ends at 0x" + Long.toHexString(at));
                }
                tables.add(new L1(l1, (int) entries));
            }
        }
        return new SnapshotTable(tables, at - start);
    }
}
