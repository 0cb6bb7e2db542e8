package io.jvmm.device.block;

import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.zip.Deflater;

/**
 * A disk for warming up: the smallest qcow2 image that makes the device do all it can do with one, with a backing image and a
 * compressed cluster of either kind. What is done before the jail closes need not be loaded later, when it could not be.
 *
 * <pre>
 *   clusters of 4 KiB   0 header   1 refcount table   2 refcounts   3 L1   4 L2   5 guest cluster 0 or 1, compressed
 *                       6 to 245   guest clusters 16 to 255, a hole of the file   behind them   clusters that are left over
 * </pre>
 *
 * <p>There are as many clusters as it takes to have the code compiled that looks at each of them when an image is opened: a spare opens one
 * for the first time while a guest waits.
 */
final class ScratchImage {
    /** Length of the disk. */
    static final int LENGTH_BYTES = 1 << 20;

    private static final int CLUSTER_BITS = 12;
    private static final int CLUSTER = 1 << CLUSTER_BITS;
    private static final int CLUSTERS = 6;
    private static final int FIRST_PLAIN = 16;
    private static final int PLAIN = LENGTH_BYTES / CLUSTER - FIRST_PLAIN;
    /** Counted and referenced by nobody, half of them behind the end of the file, as a killed process leaves them. */
    private static final int LEFT_OVER = 64;

    private static final int REFCOUNT_TABLE = CLUSTER;
    private static final int REFCOUNTS = 2 * CLUSTER;
    private static final int L1 = 3 * CLUSTER;
    private static final int L2 = 4 * CLUSTER;
    private static final int DATA = 5 * CLUSTER;
    private static final int HEADER_BYTES = 112;
    private static final int BACKING_NAME = 256;
    private static final long ONE_REFERENCE = 1L << 63;
    private static final long COMPRESSED = 1L << 62;
    private static final long ZSTD_FEATURE = 1L << 3;

    /** A cluster of 320 bytes of words, then zeros, as zstd 1.5.4 makes it: literals and sequences both have their tables. */
    private static final byte[] ZSTD_FRAME = HexFormat.of()
            .parseHex("28b52ffd0068dd0300e2c30b0fc0eb9144e514cdde2cff3ff357d901a07ea81fea930be4ea1f3463f59848d8b1598e"
                    + "e7fad66c2a2bc92c5b77510c20a0719ecaf6ad191012a7a83bbc063f3a4e3fed52cb0830d8e78689e13e2e0472bb"
                    + "e52a1fb1cad364b4e3f9580e336c249588ed0f2eec436d3e328913d16471816c1a7242066d36d5");

    private ScratchImage() {}

    /** The image, with zstd. */
    static MemFd image() {
        return inMemory(make(true));
    }

    /** What is behind it, with deflate. */
    static MemFd backing() {
        return inMemory(make(false));
    }

    private static MemFd inMemory(byte[] bytes) {
        MemFd file = MemFd.create("scratch", (CLUSTERS + PLAIN + LEFT_OVER / 2) * (long) CLUSTER);
        MemorySegment content = Arena.ofAuto().allocate(bytes.length);
        MemorySegment.copy(bytes, 0, content, ValueLayout.JAVA_BYTE, 0, bytes.length);
        FileIo.tryWriteAt(file.fd(), 0, content, 0, bytes.length);
        return file;
    }

    private static byte[] make(boolean overlay) {
        ByteBuffer image = ByteBuffer.allocate(CLUSTERS * CLUSTER); // big-endian, as all of qcow2
        byte[] name = "backing".getBytes(StandardCharsets.US_ASCII);
        image.put(new byte[] {'Q', 'F', 'I', (byte) 0xFB}).putInt(3);
        image.putLong(overlay ? BACKING_NAME : 0).putInt(overlay ? name.length : 0);
        image.putInt(CLUSTER_BITS).putLong(LENGTH_BYTES).putInt(0);
        image.putInt(1).putLong(L1);
        image.putLong(REFCOUNT_TABLE).putInt(1);
        image.putInt(0).putLong(0);
        image.putLong(overlay ? ZSTD_FEATURE : 0).putLong(0).putLong(0);
        image.putInt(4).putInt(HEADER_BYTES).put((byte) (overlay ? 1 : 0));
        if (overlay) {
            image.put(BACKING_NAME, name);
        }
        image.putLong(REFCOUNT_TABLE, REFCOUNTS);
        for (int i = 0; i < CLUSTERS + PLAIN + (overlay ? LEFT_OVER : 0); i++) {
            image.putShort(REFCOUNTS + 2 * i, (short) 1);
        }
        for (int i = 0; i < PLAIN; i++) {
            image.putLong(L2 + (FIRST_PLAIN + i) * Long.BYTES, (CLUSTERS + i) * (long) CLUSTER | ONE_REFERENCE);
        }
        image.putLong(L1, L2 | ONE_REFERENCE);
        // In different places, so that the one behind is seen, too.
        image.putLong(L2 + (overlay ? Long.BYTES : 0), DATA | COMPRESSED);
        image.put(DATA, overlay ? ZSTD_FRAME : deflated());
        return image.array();
    }

    /** A cluster of zeros, as a raw deflate stream. */
    private static byte[] deflated() {
        Deflater deflater = new Deflater(Deflater.BEST_SPEED, true);
        deflater.setInput(new byte[CLUSTER]);
        deflater.finish();
        byte[] bytes = new byte[512];
        deflater.deflate(bytes);
        deflater.end();
        return bytes;
    }
}
