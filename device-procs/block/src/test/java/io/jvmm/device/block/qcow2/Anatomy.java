package io.jvmm.device.block.qcow2;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Where the tables of an image are and what its snapshots own, read straight from the specification and without the code under test. Of
 * a damaged image: as far as one gets.
 *
 * @param tables start and end of each
 * @param owned host clusters that a snapshot, or the table of snapshots, references
 */
@SuppressWarnings("ArrayRecordComponent") // nobody compares them, or changes them
record Anatomy(int clusterBits, List<int[]> tables, BitSet owned) {
    private static final long OFFSET = 0x00FF_FFFF_FFFF_FE00L;
    private static final long COMPRESSED = 1L << 62;
    private static final int MOST_ENTRIES = 1 << 16;

    static Anatomy of(byte[] image) {
        final ByteBuffer file = ByteBuffer.wrap(image);
        final int bits = file.getInt(20);
        final Anatomy anatomy = new Anatomy(bits, new ArrayList<>(), new BitSet());
        if (bits < 9 || bits > 21) {
            return anatomy;
        }
        anatomy.table(file, 0, 112);
        anatomy.tree(file, file.getLong(40), file.getInt(36), false);
        final long counts = file.getLong(48);
        final long countBytes = Math.min((long) file.getInt(56) << bits, 1 << 16);
        anatomy.table(file, counts, countBytes);
        for (long at = 0; at < countBytes; at += Long.BYTES) {
            if (word(file, counts + at) != 0) {
                anatomy.table(file, word(file, counts + at), 1L << bits);
            }
        }
        long at = file.getLong(64);
        for (int i = 0; i < Math.min(file.getInt(60), 100) && at > 0 && at + 40 <= image.length; i++) {
            final int from = (int) at;
            anatomy.tree(file, file.getLong(from), file.getInt(from + 8), true);
            at += 40 + file.getInt(from + 36) + file.getShort(from + 12) + file.getShort(from + 14) + 7 & -8L;
            anatomy.table(file, from, at - from);
            anatomy.own(from, at - from);
        }
        return anatomy;
    }

    private void tree(ByteBuffer file, long l1, int entries, boolean own) {
        final boolean extended = file.getInt(4) >= 3 && (file.getLong(72) & 16) != 0;
        table(file, l1, (long) entries * Long.BYTES);
        if (own) {
            own(l1, (long) entries * Long.BYTES);
        }
        for (int i = 0; i < Math.min(entries, MOST_ENTRIES); i++) {
            final long l2 = word(file, l1 + (long) i * Long.BYTES) & OFFSET;
            if (l2 == 0) {
                continue;
            }
            table(file, l2, 1L << clusterBits);
            if (own) {
                own(l2, 1);
                for (long at = 0; at < 1L << clusterBits; at += extended ? 16 : 8) {
                    cluster(word(file, l2 + at));
                }
            }
        }
    }

    private void cluster(long entry) {
        if ((entry & COMPRESSED) != 0) {
            final int shift = 62 - (clusterBits - 8);
            final long offset = entry & ((1L << shift) - 1);
            final long sectors = ((entry & COMPRESSED - 1) >>> shift) + 1;
            own(offset, sectors * 512 - (offset & 511));
        } else if ((entry & OFFSET) != 0) {
            own(entry & OFFSET, 1);
        }
    }

    private void table(ByteBuffer file, long from, long bytes) {
        if (from >= 0 && bytes > 0 && from + bytes <= file.capacity()) {
            tables.add(new int[] {(int) from, (int) (from + bytes)});
        }
    }

    private void own(long from, long bytes) {
        if (from > 0 && bytes > 0 && from + bytes < Integer.MAX_VALUE) {
            owned.set((int) (from >>> clusterBits), (int) (((from + bytes - 1) >>> clusterBits) + 1));
        }
    }

    private static long word(ByteBuffer file, long at) {
        return at >= 0 && at <= file.capacity() - Long.BYTES ? file.getLong((int) at) : 0;
    }
}
