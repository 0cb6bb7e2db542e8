package io.jvmm.device.block.qcow2;

/**
 * The numbers that follow from a header, and how an L2 entry is read ("Cluster mapping", "Extended L2 Entries"). Immutable.
 *
 * <pre>
 *  L1 entry   63 COPIED | 62..56 0 | 55..9 offset of an L2 table | 8..0 0
 *  L2 entry   63 COPIED | 62 compressed = 0 | 61..56 0 | 55..9 offset of a host cluster | 8..1 0 | 0 reads as zeros
 *             62 compressed = 1 | 61..x further sectors | x-1..0 offset in bytes;       x = 62 - (cluster_bits - 8)
 *  extended   a second word: 63..32 subcluster reads as zeros | 31..0 subcluster is allocated
 * </pre>
 */
final class Geometry {
    static final long COPIED = 1L << 63;
    static final long COMPRESSED = 1L << 62;
    /** The cluster reads as zeros: never with version 2 or with extended entries. */
    static final long ZERO = 1;

    static final long OFFSET = 0x00FF_FFFF_FFFF_FE00L;
    private static final long L1_RESERVED = ~(COPIED | OFFSET);
    private static final long L2_RESERVED = ~(COPIED | COMPRESSED | OFFSET | ZERO);

    static final int SUBCLUSTERS = 32;
    private static final int SUBCLUSTER_BITS = 5;
    static final int SECTOR_BYTES = 512;
    /** Tables are cached, read and written in pieces of this size, or of a cluster where that is smaller. */
    static final int MOST_SLICE_BYTES = 4096;

    private final int clusterBits;
    private final int clusterBytes;
    private final boolean extended;
    private final boolean external;
    private final boolean zeroFlag;
    private final int unitBits;
    private final int entryBytes;
    private final int l2Bits;
    private final int sliceBytes;
    private final int compressedShift;
    private final long virtualBytes;

    Geometry(Qcow2Header header) {
        clusterBits = header.clusterBits();
        clusterBytes = 1 << clusterBits;
        extended = header.has(Qcow2Header.EXTENDED_L2);
        external = header.has(Qcow2Header.EXTERNAL_DATA);
        zeroFlag = header.version() >= 3 && !extended;
        unitBits = extended ? clusterBits - SUBCLUSTER_BITS : clusterBits;
        entryBytes = extended ? 2 * Long.BYTES : Long.BYTES;
        l2Bits = clusterBits - (extended ? 4 : 3);
        sliceBytes = Math.min(clusterBytes, MOST_SLICE_BYTES);
        compressedShift = 62 - (clusterBits - 8);
        // A disk has whole sectors: what a guest writes to the last one is kept, whatever the header says of its end.
        virtualBytes = (header.virtualBytes() + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    }

    int clusterBits() {
        return clusterBits;
    }

    int clusterBytes() {
        return clusterBytes;
    }

    /** Whether entries have a subcluster bitmap. */
    boolean extended() {
        return extended;
    }

    /** Whether guest data lies in another file, every cluster at its guest offset. */
    boolean external() {
        return external;
    }

    /** Whether a whole cluster can be told to read as zeros, by flag or by bitmap. */
    boolean canZero() {
        return zeroFlag || extended;
    }

    /** What is allocated separately: a subcluster or a cluster, in bits. */
    int unitBits() {
        return unitBits;
    }

    int unitBytes() {
        return 1 << unitBits;
    }

    int entryBytes() {
        return entryBytes;
    }

    int sliceBytes() {
        return sliceBytes;
    }

    int sliceEntries() {
        return sliceBytes / entryBytes;
    }

    /** Length of the disk; a multiple of {@link #SECTOR_BYTES}. */
    long virtualBytes() {
        return virtualBytes;
    }

    long clusterOf(long position) {
        return position >>> clusterBits;
    }

    /** Clusters that a length takes up. */
    long clustersFor(long bytes) {
        return (bytes + clusterBytes - 1) >>> clusterBits;
    }

    long l1Index(long guestCluster) {
        return guestCluster >>> l2Bits;
    }

    /** How many L1 entries the disk's size needs. */
    long l1EntriesNeeded() {
        final long clusters = clustersFor(virtualBytes);
        return (clusters + (1L << l2Bits) - 1) >>> l2Bits;
    }

    /** Guest clusters from this one to the end of its L2 table. */
    long clustersLeftInTable(long guestCluster) {
        return (1L << l2Bits) - (guestCluster & ((1L << l2Bits) - 1));
    }

    /** Guest clusters from this one to the end of its slice of the L2 table. */
    int clustersLeftInSlice(long guestCluster) {
        return sliceEntries() - (int) (guestCluster & (sliceEntries() - 1));
    }

    /** Where a guest cluster's slice starts in its L2 table. */
    long sliceInTable(long guestCluster) {
        final long index = guestCluster & ((1L << l2Bits) - 1);
        return index * entryBytes & -(long) sliceBytes;
    }

    /** Where a guest cluster's entry is in its slice. */
    int entryInSlice(long guestCluster) {
        return (int) (guestCluster & (sliceEntries() - 1)) * entryBytes;
    }

    /** Whether an L1 entry is well-formed: 0, or an L2 table inside {@code fileEnd}. */
    boolean validL1(long entry, long fileEnd) {
        final long offset = entry & OFFSET;
        return (entry & L1_RESERVED) == 0 && (offset & (clusterBytes - 1)) == 0 && offset < fileEnd;
    }

    /** Whether an L2 entry is well-formed and points inside {@code fileEnd}, if it points anywhere. */
    boolean validL2(long descriptor, long bitmap, long fileEnd) {
        if ((descriptor & COMPRESSED) != 0) {
            return !external && (descriptor & COPIED) == 0 && compressedOffset(descriptor) < fileEnd;
        }
        final long offset = descriptor & OFFSET;
        final boolean zero = (descriptor & ZERO) == 0 || zeroFlag;
        final boolean subclusters = (bitmap & bitmap >>> SUBCLUSTERS & 0xFFFF_FFFFL) == 0
                && ((bitmap & 0xFFFF_FFFFL) == 0 || hasHost(descriptor));
        return (descriptor & L2_RESERVED) == 0
                && (offset & (clusterBytes - 1)) == 0
                && zero
                && subclusters
                && (external || offset < fileEnd);
    }

    /** Whether a standard entry has a host cluster. Offset 0 is one only of an external data file, and then COPIED is set. */
    boolean hasHost(long descriptor) {
        return (descriptor & OFFSET) != 0 || (external && (descriptor & COPIED) != 0);
    }

    long compressedOffset(long descriptor) {
        return descriptor & ((1L << Math.min(compressedShift, 56)) - 1);
    }

    /** Bytes from the start of the compressed data to the end of its last sector. */
    int compressedBytes(long descriptor) {
        final long more = (descriptor & ~(COPIED | COMPRESSED)) >>> compressedShift;
        final long inSector = compressedOffset(descriptor) & (SECTOR_BYTES - 1);
        return (int) ((more + 1) * SECTOR_BYTES - inSector);
    }

    /** Bytes from the start of the first sector of any compressed cluster to the end of its last, at most. */
    int mostCompressedBytes() {
        return 2 * clusterBytes + SECTOR_BYTES;
    }

    /** What a guest byte at {@code into} of a cluster is made of. */
    Kind kind(long descriptor, long bitmap, int into) {
        if ((descriptor & COMPRESSED) != 0) {
            return Kind.COMPRESSED;
        }
        if (extended) {
            final int unit = into >>> unitBits;
            if ((bitmap >>> (unit + SUBCLUSTERS) & 1) != 0) {
                return Kind.ZERO;
            }
            if ((bitmap >>> unit & 1) == 0) {
                return Kind.UNALLOCATED;
            }
        } else if ((descriptor & ZERO) != 0) {
            return Kind.ZERO;
        } else if (!hasHost(descriptor)) {
            return Kind.UNALLOCATED;
        }
        return (descriptor & COPIED) != 0 ? Kind.DATA : Kind.SHARED;
    }

    /** How many bytes from {@code into} on are of the same kind in this cluster. */
    int runBytes(long descriptor, long bitmap, int into) {
        if (!extended || (descriptor & COMPRESSED) != 0) {
            return clusterBytes - into;
        }
        final int unit = into >>> unitBits;
        final int allocated = (int) bitmap >>> unit;
        final int zero = (int) (bitmap >>> SUBCLUSTERS) >>> unit;
        final int same;
        if ((zero & 1) != 0) {
            same = ~zero;
        } else if ((allocated & 1) != 0) {
            same = ~allocated;
        } else {
            same = allocated | zero;
        }
        final int units = Math.min(Integer.numberOfTrailingZeros(same), SUBCLUSTERS - unit);
        return (units << unitBits) - (into & ((1 << unitBits) - 1));
    }

    /** Bits of the subclusters that lie in {@code from}..{@code to} of a cluster, bytes, both multiples of a subcluster. */
    long subclusterBits(int from, int to) {
        final int first = from >>> unitBits;
        final int count = (to >>> unitBits) - first;
        return ((1L << count) - 1) << first;
    }
}
