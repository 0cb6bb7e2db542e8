package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.ImageException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * The header of an image as it was found, checked: sections "Header", "Header extensions" and "Feature name table". Hostile: every
 * byte. What is refused names the field and its value.
 *
 * @param version 2 or 3
 * @param clusterBits 9..21
 * @param virtualBytes size of the disk
 * @param l1Entries entries of the active L1 table
 * @param l1Offset where it starts
 * @param refcountTableOffset where the refcount table starts
 * @param refcountTableClusters how many clusters it takes
 * @param snapshots number of internal snapshots
 * @param snapshotsOffset where their table starts
 * @param incompatible feature bits, all known
 * @param compatible feature bits
 * @param autoclear feature bits
 * @param refcountOrder a refcount has 1 &lt;&lt; order bits; 0..6
 * @param zstd compressed clusters are zstd frames; else raw deflate streams
 * @param backingName the backing file's name, empty when there is none
 * @param backingFormat its format where the image says so, else empty
 * @param dataFileName the external data file's name where the image says so, else empty
 * @param foreignExtensions extensions that may own clusters we do not know of: bitmaps and unknown ones
 */
record Qcow2Header(
        int version,
        int clusterBits,
        long virtualBytes,
        int l1Entries,
        long l1Offset,
        long refcountTableOffset,
        int refcountTableClusters,
        int snapshots,
        long snapshotsOffset,
        long incompatible,
        long compatible,
        long autoclear,
        int refcountOrder,
        boolean zstd,
        String backingName,
        String backingFormat,
        String dataFileName,
        boolean foreignExtensions) {

    static final long DIRTY = 1;
    static final long CORRUPT = 2;
    static final long EXTERNAL_DATA = 4;
    static final long COMPRESSION_TYPE = 8;
    static final long EXTENDED_L2 = 16;
    /** Autoclear: bitmaps are consistent. */
    static final long BITMAPS = 1;
    /** Autoclear: the external data file is a raw image by itself. */
    static final long RAW_EXTERNAL = 2;

    /** Limits of QEMU, which makes the images: 32 MiB of L1 table, 8 MiB of refcount table, 65536 snapshots. */
    static final long MOST_L1_BYTES = 32L << 20;

    static final long MOST_REFCOUNT_TABLE_BYTES = 8L << 20;
    static final int MOST_SNAPSHOTS = 65536;
    static final int LEAST_CLUSTER_BITS = 9;
    static final int MOST_CLUSTER_BITS = 21;
    private static final int LEAST_EXTENDED_CLUSTER_BITS = 14;
    private static final int MOST_NAME_BYTES = 1023;
    private static final int MOST_REFCOUNT_ORDER = 6;
    private static final int V2_REFCOUNT_ORDER = 4;
    private static final long MOST_VIRTUAL_BYTES = 1L << 56;

    private static final long KNOWN = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;

    private static final int EXTENSION_END = 0;
    private static final int EXTENSION_BACKING_FORMAT = 0xE2792ACA;
    private static final int EXTENSION_FEATURE_NAMES = 0x6803F857;
    private static final int EXTENSION_DATA_FILE = 0x44415441;
    private static final int FEATURE_BYTES = 48;
    private static final int FEATURE_NAME_OFFSET = 2;

    boolean has(long incompatibleBit) {
        return (incompatible & incompatibleBit) != 0;
    }

    boolean hasBacking() {
        return !backingName.isEmpty();
    }

    /** How large the first cluster is, which {@link #parse} needs all of; checked. {@code start}: 72 bytes at least. */
    static int clusterBytes(String image, MemorySegment start) {
        if (start.byteSize() < HeaderField.V2_BYTES || HeaderField.MAGIC.get(start) != HeaderField.MAGIC_VALUE) {
            throw new ImageException(image + ": not a qcow2 image; is its format another one?");
        }
        final long version = HeaderField.VERSION.get(start);
        if (version != 2 && version != 3) {
            throw new ImageException(image + ": qcow2 version " + version + "; versions 2 and 3 are supported");
        }
        final long bits = HeaderField.CLUSTER_BITS.get(start);
        if (bits < LEAST_CLUSTER_BITS || bits > MOST_CLUSTER_BITS) {
            throw damaged(image, "cluster_bits is " + bits + ", not " + LEAST_CLUSTER_BITS + ".." + MOST_CLUSTER_BITS);
        }
        return 1 << bits;
    }

    /**
     * Reads the header.
     *
     * @param image its name, for messages
     * @param cluster the first cluster of the file; zeros where the file is shorter
     * @throws ImageException when it is damaged, or asks for what is not supported
     */
    static Qcow2Header parse(String image, MemorySegment cluster) {
        final int clusterBytes = clusterBytes(image, cluster);
        final int version = (int) HeaderField.VERSION.get(cluster);
        final boolean v3 = version >= 3;
        final long length = v3 ? HeaderField.HEADER_LENGTH.get(cluster) : HeaderField.V2_BYTES;
        if (v3 && (length < HeaderField.V3_BYTES || length > clusterBytes || length % 8 != 0)) {
            throw damaged(image, "header_length is " + length);
        }
        final Extensions extensions = new Extensions(image, cluster, (int) length);
        final long incompatible = v3 ? HeaderField.INCOMPATIBLE_FEATURES.get(cluster) : 0;
        if ((incompatible & ~KNOWN) != 0) {
            throw new ImageException(
                    image + ": needs features that are not supported: " + extensions.names(incompatible & ~KNOWN));
        }
        final boolean typed = length > HeaderField.COMPRESSION_TYPE.offset();
        final long type = typed ? HeaderField.COMPRESSION_TYPE.get(cluster) : 0;
        if (type > 1 || ((incompatible & COMPRESSION_TYPE) != 0) != (type != 0)) {
            throw new ImageException(image + ": compression_type is " + type + "; supported are 0 (zlib), and with its"
                    + " feature bit 1 (zstd)");
        }
        final Qcow2Header header = new Qcow2Header(
                version,
                (int) HeaderField.CLUSTER_BITS.get(cluster),
                HeaderField.SIZE.get(cluster),
                (int) count(image, "l1_size", HeaderField.L1_SIZE.get(cluster), MOST_L1_BYTES / Long.BYTES),
                HeaderField.L1_TABLE_OFFSET.get(cluster),
                HeaderField.REFCOUNT_TABLE_OFFSET.get(cluster),
                (int) count(
                        image,
                        "refcount_table_clusters",
                        HeaderField.REFCOUNT_TABLE_CLUSTERS.get(cluster),
                        Math.max(1, MOST_REFCOUNT_TABLE_BYTES / clusterBytes)),
                (int) count(image, "nb_snapshots", HeaderField.NB_SNAPSHOTS.get(cluster), MOST_SNAPSHOTS),
                HeaderField.SNAPSHOTS_OFFSET.get(cluster),
                incompatible,
                v3 ? HeaderField.COMPATIBLE_FEATURES.get(cluster) : 0,
                v3 ? HeaderField.AUTOCLEAR_FEATURES.get(cluster) : 0,
                v3
                        ? (int) count(
                                image, "refcount_order", HeaderField.REFCOUNT_ORDER.get(cluster), MOST_REFCOUNT_ORDER)
                        : V2_REFCOUNT_ORDER,
                type == 1,
                backingName(image, cluster),
                extensions.backingFormat,
                extensions.dataFile,
                extensions.foreign);
        header.check(image, HeaderField.CRYPT_METHOD.get(cluster));
        return header;
    }

    private void check(String image, long cryptMethod) {
        if (cryptMethod != 0) {
            throw new ImageException(image + ": is encrypted (method " + cryptMethod
                    + "), which is not supported; decrypt it with qemu-img convert");
        }
        if (virtualBytes < 0 || virtualBytes > MOST_VIRTUAL_BYTES) {
            throw damaged(image, "size is " + Long.toUnsignedString(virtualBytes));
        }
        if (has(EXTENDED_L2) && clusterBits < LEAST_EXTENDED_CLUSTER_BITS) {
            throw damaged(image, "extended L2 entries with clusters of " + (1 << clusterBits) + " bytes");
        }
        if (has(EXTERNAL_DATA) && snapshots != 0) {
            throw damaged(image, "internal snapshots with an external data file");
        }
        if ((autoclear & RAW_EXTERNAL) != 0 && !has(EXTERNAL_DATA)) {
            throw damaged(image, "the raw external data bit without an external data file");
        }
        if ((autoclear & RAW_EXTERNAL) != 0 && hasBacking()) {
            throw damaged(image, "a raw external data file with a backing file");
        }
        aligned(image, "l1_table_offset", l1Offset, l1Entries);
        aligned(image, "refcount_table_offset", refcountTableOffset, 1);
        aligned(image, "snapshots_offset", snapshotsOffset, snapshots);
        if (refcountTableClusters == 0) {
            throw damaged(image, "refcount_table_clusters is 0");
        }
    }

    /** A table that has entries lies behind the header, at the start of a cluster, below 2 to the power of 56. */
    private void aligned(String image, String field, long offset, int entries) {
        if (entries == 0) {
            return;
        }
        final long inCluster = offset & ((1L << clusterBits) - 1);
        if (offset <= 0 || offset >= MOST_VIRTUAL_BYTES || inCluster != 0) {
            throw damaged(image, field + " is 0x" + Long.toHexString(offset) + ", which is no place for a table");
        }
    }

    private static long count(String image, String field, long value, long most) {
        if (value > most) {
            throw damaged(image, field + " is " + value + ", more than " + most);
        }
        return value;
    }

    private static String backingName(String image, MemorySegment cluster) {
        final long offset = HeaderField.BACKING_FILE_OFFSET.get(cluster);
        if (offset == 0) {
            return "";
        }
        final long length = HeaderField.BACKING_FILE_SIZE.get(cluster);
        if (length == 0 || length > MOST_NAME_BYTES || offset < 0 || offset > cluster.byteSize() - length) {
            throw damaged(image, "the backing file's name: " + length + " bytes at 0x" + Long.toHexString(offset));
        }
        return text(cluster, offset, length);
    }

    private static String text(MemorySegment cluster, long offset, long length) {
        return new String(cluster.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    static ImageException damaged(String image, String what) {
        return new ImageException(image + ": damaged qcow2 image: " + what + "; look at it with qemu-img check");
    }

    /** The area of header extensions: type, length, data, padding to eight bytes; until type 0. */
    private static final class Extensions {
        private String backingFormat = "";
        private String dataFile = "";
        private boolean foreign;
        private MemorySegment featureNames = MemorySegment.NULL;

        Extensions(String image, MemorySegment cluster, int start) {
            final long backing = HeaderField.BACKING_FILE_OFFSET.get(cluster);
            final long end = backing > 0 && backing < cluster.byteSize() ? backing : cluster.byteSize();
            long at = start;
            while (at + 2 * Integer.BYTES <= end) {
                final int type = cluster.get(HeaderField.U32, at);
                final long length = Integer.toUnsignedLong(cluster.get(HeaderField.U32, at + Integer.BYTES));
                if (type == EXTENSION_END) {
                    return;
                }
                at += 2 * Integer.BYTES;
                if (length > end - at) {
                    throw damaged(
                            image,
                            "header extension 0x" + Integer.toHexString(type) + " of " + length + " bytes at " + at);
                }
                take(type, cluster, at, length);
                at += (length + 7) & ~7L;
            }
        }

        private void take(int type, MemorySegment cluster, long at, long length) {
            switch (type) {
                case EXTENSION_BACKING_FORMAT -> backingFormat = text(cluster, at, length);
                case EXTENSION_DATA_FILE -> dataFile = text(cluster, at, length);
                case EXTENSION_FEATURE_NAMES -> featureNames = cluster.asSlice(at, length);
                default -> foreign = true;
            }
        }

        /** What the image calls these incompatible features, or their numbers. */
        String names(long bits) {
            final StringBuilder names = new StringBuilder();
            for (int bit = 0; bit < Long.SIZE; bit++) {
                if ((bits & 1L << bit) != 0) {
                    names.append(names.isEmpty() ? "" : ", ").append(name(bit));
                }
            }
            return names.toString();
        }

        private String name(int bit) {
            for (long at = 0; at + FEATURE_BYTES <= featureNames.byteSize(); at += FEATURE_BYTES) {
                final boolean incompatible = featureNames.get(ValueLayout.JAVA_BYTE, at) == 0;
                if (incompatible && featureNames.get(ValueLayout.JAVA_BYTE, at + 1) == bit) {
                    final String name =
                            text(featureNames, at + FEATURE_NAME_OFFSET, FEATURE_BYTES - FEATURE_NAME_OFFSET);
                    return name.replaceAll("[^\\x20-\\x7E]", "").strip() + " (bit " + bit + ")";
                }
            }
            return "bit " + bit;
        }
    }
}
