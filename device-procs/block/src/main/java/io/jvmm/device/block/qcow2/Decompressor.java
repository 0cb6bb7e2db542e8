package io.jvmm.device.block.qcow2;

import io.airlift.compress.zstd.ZstdDecompressor;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Reads compressed clusters (section "Compressed Clusters Descriptor"): a raw deflate stream or a zstd frame (RFC 8878), followed by
 * whatever happens to be in the rest of its last sector. Hostile: all of it. The memory is outside the heap and taken at opening;
 * of what the decompressors make on the heap only zstd makes anything for a cluster, a few dozen bytes.
 *
 * <p>One cluster at a time, by any thread: the lock is this object. The last one is kept, for guests that read a cluster in small
 * pieces; that needs no care, since the bytes behind a descriptor never change while anything references them.
 */
final class Decompressor implements AutoCloseable {
    /** What reads are rounded to, so that they may be direct. */
    private static final int BLOCK_BYTES = 4096;

    private static final int MAGIC = 0xFD2FB528;
    private static final int SINGLE_SEGMENT = 0x20;
    private static final int CHECKSUM = 4;
    private static final int BLOCK_HEADER_BYTES = 3;
    private static final int RLE_BLOCK = 1;
    private static final int RESERVED_BLOCK = 3;
    private static final long NONE = -1;

    private final Storage storage;
    private final Geometry geometry;
    private final Inflater inflater = new Inflater(true);
    private final ZstdDecompressor zstd = new ZstdDecompressor();
    private final boolean isZstd;
    private final MemorySegment packed;
    private final MemorySegment plain;
    private final ByteBuffer packedBuffer;
    private final ByteBuffer plainBuffer;
    private final IoVector vector = new IoVector(1);
    private long present = NONE;

    Decompressor(Storage storage, Geometry geometry, boolean isZstd) {
        this.storage = storage;
        this.geometry = geometry;
        this.isZstd = isZstd;
        final long bytes = geometry.mostCompressedBytes() + 2L * BLOCK_BYTES;
        packed = Arena.ofAuto().allocate(bytes & -BLOCK_BYTES, BLOCK_BYTES);
        plain = Arena.ofAuto().allocate(geometry.clusterBytes(), BLOCK_BYTES);
        packedBuffer = packed.asByteBuffer();
        plainBuffer = plain.asByteBuffer();
    }

    /**
     * Decompresses the cluster an entry names, unless it was the last one.
     *
     * @return 0 or a negated errno: EIO when it is not a whole cluster
     */
    synchronized long load(int lane, long descriptor) {
        if (present == descriptor) {
            return 0;
        }
        present = NONE;
        final long offset = geometry.compressedOffset(descriptor);
        final long from = offset & -BLOCK_BYTES;
        final int skip = (int) (offset - from);
        final int bytes = geometry.compressedBytes(descriptor);
        vector.clear();
        vector.add(packed, 0, skip + bytes + BLOCK_BYTES - 1 & -BLOCK_BYTES);
        final long read = storage.read(lane, from, vector, 0);
        if (read < 0) {
            return read;
        }
        final int end = (int) Math.min(read, (long) skip + bytes);
        if (end <= skip || !decompress(skip, end)) {
            return -Errno.EIO.number();
        }
        present = descriptor;
        return 0;
    }

    /** Copies of the cluster that {@link #load} got; with this object's lock held since. */
    void copy(int at, IoVector into, long bytes) {
        into.fill(plain, at, bytes);
    }

    private boolean decompress(int start, int end) {
        plainBuffer.clear();
        try {
            return isZstd ? unzstd(start, end) : inflate(start, end);
        } catch (DataFormatException | RuntimeException e) {
            return false; // what zstd throws at hostile bytes is not only MalformedInputException
        }
    }

    private boolean inflate(int start, int end) throws DataFormatException {
        inflater.reset();
        packedBuffer.clear().limit(end).position(start);
        inflater.setInput(packedBuffer);
        while (plainBuffer.hasRemaining()) {
            if (inflater.inflate(plainBuffer) == 0) {
                return false;
            }
        }
        return true;
    }

    /** Frames until the cluster is full; the decoder wants to be told where each ends. */
    private boolean unzstd(int start, int end) {
        int at = start;
        while (plainBuffer.hasRemaining()) {
            final int frame = frameBytes(at, end);
            if (frame <= 0) {
                return false;
            }
            packedBuffer.clear().limit(at + frame).position(at);
            final int before = plainBuffer.position();
            zstd.decompress(packedBuffer, plainBuffer);
            if (plainBuffer.position() == before) {
                return false;
            }
            at += frame;
        }
        return true;
    }

    /** Bytes of the frame at {@code start}, from its header and its blocks' headers; 0 when it does not end before {@code end}. */
    private int frameBytes(int start, int end) {
        if (end - start < 6 || (u8(start) | u8(start + 1) << 8 | u8(start + 2) << 16 | u8(start + 3) << 24) != MAGIC) {
            return 0;
        }
        final int descriptor = u8(start + 4);
        final boolean single = (descriptor & SINGLE_SEGMENT) != 0;
        final int dictionary = (1 << (descriptor & 3)) >> 1;
        final int sizeCode = descriptor >> 6;
        final int size = sizeCode == 0 ? (single ? 1 : 0) : 1 << sizeCode;
        int at = start + 5 + (single ? 0 : 1) + dictionary + size;
        boolean last = false;
        while (!last) {
            if (end - at < BLOCK_HEADER_BYTES) {
                return 0;
            }
            final int block = u8(at) | u8(at + 1) << 8 | u8(at + 2) << 16;
            final int type = block >> 1 & 3;
            if (type == RESERVED_BLOCK) {
                return 0;
            }
            last = (block & 1) != 0;
            at += BLOCK_HEADER_BYTES + (type == RLE_BLOCK ? 1 : block >> 3);
        }
        at += (descriptor & CHECKSUM) != 0 ? 4 : 0;
        return at <= end ? at - start : 0;
    }

    private int u8(int at) {
        return packed.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
    }

    @Override
    public void close() {
        inflater.end();
    }
}
