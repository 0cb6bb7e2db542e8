package io.jvmm.supervisor.demo;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Writes an empty qcow2 image (QEMU, docs/interop/qcow2.txt, version 3) before a raw one: what a guest writes goes into it, and
 * the raw one stays as it is.
 *
 * <pre>
 *   cluster 0        1                2                3
 *   | header, name | refcount table | refcount block | L1 table, empty |
 * </pre>
 */
public final class Qcow2Overlay {
    private static final int CLUSTER_BITS = 16;
    private static final int CLUSTER = 1 << CLUSTER_BITS;

    /** What one entry of an L1 table leads to: a cluster of 8-byte entries, each to a cluster. */
    private static final long L1_REACH = (long) CLUSTER / 8 * CLUSTER;

    private static final int CLUSTERS = 4;
    private static final int MAGIC = 0x514649fb;
    private static final int NAME_AT = 0x400;
    private static final int LONGEST_NAME = 1023;
    private static final int HEADER_LENGTH = 104;
    private static final int FORMAT_EXTENSION = 0xE2792ACA;
    private static final int REFCOUNT_ORDER_16_BITS = 4;

    private Qcow2Overlay() {}

    /**
     * Writes the image.
     *
     * @param file is overwritten
     * @param backing a raw image, by its absolute path
     * @param lengthBytes of the disk
     */
    public static Path write(Path file, Path backing, long lengthBytes) throws IOException {
        byte[] name = backing.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8);
        long entries = (lengthBytes + L1_REACH - 1) / L1_REACH;
        if (name.length > LONGEST_NAME || entries > CLUSTER / 8) {
            throw new IOException(
                    backing + " cannot be the backing file of an image: its path or its size is too long");
        }
        ByteBuffer b = ByteBuffer.allocate(CLUSTERS * CLUSTER);
        b.putInt(0, MAGIC).putInt(4, 3).putLong(8, NAME_AT).putInt(16, name.length);
        b.putInt(20, CLUSTER_BITS).putLong(24, lengthBytes).putInt(36, (int) entries);
        b.putLong(40, 3L * CLUSTER).putLong(48, CLUSTER).putInt(56, 1);
        b.putInt(96, REFCOUNT_ORDER_16_BITS).putInt(100, HEADER_LENGTH);
        b.putInt(HEADER_LENGTH, FORMAT_EXTENSION).putInt(HEADER_LENGTH + 4, 3);
        b.put(HEADER_LENGTH + 8, "raw".getBytes(StandardCharsets.US_ASCII));
        b.put(NAME_AT, name);
        b.putLong(CLUSTER, 2L * CLUSTER);
        for (int cluster = 0; cluster < CLUSTERS; cluster++) {
            b.putShort(2 * CLUSTER + 2 * cluster, (short) 1);
        }
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(0);
            out.write(b.array());
        }
        return file;
    }
}
