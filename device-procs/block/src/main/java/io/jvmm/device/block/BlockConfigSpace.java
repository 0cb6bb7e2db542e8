package io.jvmm.device.block;

import io.jvmm.device.block.image.BlockImage;
import org.agrona.concurrent.AtomicBuffer;

/**
 * What the driver reads of the device configuration: all constant once the image is known, except
 * {@link BlockField#WRITEBACK}. Device thread.
 */
final class BlockConfigSpace {
    /** 1 GiB at once: enough for any driver, and a worker is not gone for ever. */
    static final int MOST_RANGE_SECTORS = 1 << 21;

    private static final int HEADS = 16;
    private static final int SECTORS_PER_TRACK = 63;
    private static final int MOST_CYLINDERS = 16383;

    private final byte[] bytes = new byte[BlockField.LENGTH_BYTES];
    private final BlockConfig config;
    private long capacity;

    BlockConfigSpace(BlockConfig config, int mostSegments) {
        this.config = config;
        put(BlockField.SEG_MAX, mostSegments);
        put(BlockField.BLK_SIZE, config.blockBytes());
        put(BlockField.NUM_QUEUES, config.queues());
        if (!config.readOnly()) {
            put(BlockField.MAX_WRITE_ZEROES_SECTORS, MOST_RANGE_SECTORS);
            put(BlockField.MAX_WRITE_ZEROES_SEG, BlockRequest.MOST_RANGES);
            put(BlockField.WRITE_ZEROES_MAY_UNMAP, config.discard() ? 1 : 0);
        }
    }

    /** Fills in what only the image tells. */
    void attach(BlockImage image) {
        capacity = image.lengthBytes() / BlockDevice.SECTOR_BYTES;
        put(BlockField.CAPACITY, capacity);
        put(BlockField.CYLINDERS, Math.min(capacity / (HEADS * SECTORS_PER_TRACK), MOST_CYLINDERS));
        put(BlockField.HEADS, HEADS);
        put(BlockField.SECTORS, SECTORS_PER_TRACK);
        int ratio = image.physicalBlockBytes() / config.blockBytes();
        put(BlockField.PHYSICAL_BLOCK_EXP, Integer.numberOfTrailingZeros(ratio));
        put(BlockField.MIN_IO_SIZE, ratio);
        if (config.discard() && !config.readOnly()) {
            int granularity = Math.max(image.discardBytes(), config.blockBytes());
            put(BlockField.MAX_DISCARD_SECTORS, MOST_RANGE_SECTORS);
            put(BlockField.MAX_DISCARD_SEG, BlockRequest.MOST_RANGES);
            put(BlockField.DISCARD_SECTOR_ALIGNMENT, granularity / BlockDevice.SECTOR_BYTES);
        }
    }

    /** Length of the disk in units of 512 bytes; 0 before there is one. */
    long capacity() {
        return capacity;
    }

    /** Any bytes inside. */
    long read(int offset, int widthBytes, int writeback) {
        long value = 0;
        for (int i = 0; i < widthBytes; i++) {
            int at = offset + i;
            long one = at == BlockField.WRITEBACK.offset() ? writeback : at < bytes.length ? bytes[at] & 0xFF : 0;
            value |= one << (Byte.SIZE * i);
        }
        return value;
    }

    /** Any bytes inside, where there is no image any more: what the state, which may hold anything, has for a capacity, and zeros. */
    static long readLast(AtomicBuffer state, int offset, int widthBytes) {
        long value = 0;
        for (int i = 0; i < widthBytes; i++) {
            int into = offset + i - BlockField.CAPACITY.offset();
            boolean inside = into >= 0 && into < BlockField.CAPACITY.widthBytes();
            long one = inside ? state.getByte(BlockDevice.CAPACITY + into) & 0xFF : 0;
            value |= one << (Byte.SIZE * i);
        }
        return value;
    }

    private void put(BlockField field, long value) {
        for (int i = 0; i < field.widthBytes(); i++) {
            bytes[field.offset() + i] = (byte) (value >>> (Byte.SIZE * i));
        }
    }
}
