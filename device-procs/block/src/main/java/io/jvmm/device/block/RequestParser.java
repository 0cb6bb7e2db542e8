package io.jvmm.device.block;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioHost;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Makes sense of a chain: header, type, lengths and ranges (virtio 1.2 §5.2.6), and answers what needs no disk. Everything it looks
 * at in guest memory it copies once. How the driver cut the request into segments does not matter.
 *
 * <pre>
 *   header   0            4            8                     16
 *            | u32 type   | reserved   | u64 sector          |
 *   range    0                         8                12             16
 *            | u64 sector              | u32 sectors    | u32 flags    |    flags bit 0: unmap
 * </pre>
 *
 * <p>Device thread. Hostile: every byte.
 */
final class RequestParser {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int TYPE = 0;
    private static final int SECTOR = 8;
    private static final int RANGE_LENGTH_BYTES = 16;
    private static final int RANGE_SECTORS = 8;
    private static final int RANGE_FLAGS = 12;
    private static final int FLAG_UNMAP = 1;

    private final BlockConfig config;
    private final VirtioHost host;
    private final MemorySegment header = Arena.ofAuto().allocate(BlockDevice.HEADER_LENGTH_BYTES, Long.BYTES);
    private final MemorySegment ranges =
            Arena.ofAuto().allocate((long) BlockRequest.MOST_RANGES * RANGE_LENGTH_BYTES, Long.BYTES);
    private final MemorySegment serial = Arena.ofAuto().allocate(BlockConfig.SERIAL_LENGTH_BYTES);
    private long diskBytes;
    private int blockBytes;

    /** What is to become of a request. */
    enum Outcome {
        /** It is sound, and filled in. */
        RUN,
        /** It is done already. */
        DONE,
        FAILED,
        UNSUPPORTED,
        /** There is not even room for a status. */
        NO_STATUS
    }

    RequestParser(BlockConfig config, VirtioHost host) {
        this.config = config;
        this.host = host;
        byte[] text = config.serial().getBytes(StandardCharsets.US_ASCII);
        MemorySegment.copy(text, 0, serial, ValueLayout.JAVA_BYTE, 0, text.length);
    }

    void attach(BlockImage image) {
        diskBytes = image.lengthBytes();
        blockBytes = image.blockBytes();
    }

    /** Looks at {@code request.chain} and fills in the rest. */
    Outcome parse(BlockRequest request) {
        Chain chain = request.chain;
        if (chain.writableBytes() == 0) {
            return refuse(BlockError.MALFORMED, chain.readableBytes(), Outcome.NO_STATUS);
        }
        if (chain.read(0, header, 0, BlockDevice.HEADER_LENGTH_BYTES) != BlockDevice.HEADER_LENGTH_BYTES) {
            return refuse(BlockError.MALFORMED, chain.readableBytes(), Outcome.FAILED);
        }
        int number = header.get(INT, TYPE);
        RequestType type = RequestType.of(number);
        if (type == null || !isOffered(type)) {
            return refuse(BlockError.UNKNOWN_TYPE, number, Outcome.UNSUPPORTED);
        }
        request.type = type;
        request.ranges = 0;
        long sector = header.get(LONG, SECTOR);
        long readable = chain.readableBytes() - BlockDevice.HEADER_LENGTH_BYTES;
        return switch (type) {
            case IN -> transfer(request, sector, chain.writableBytes() - 1);
            case OUT -> isReadOnly(sector) ? Outcome.FAILED : transfer(request, sector, readable);
            case FLUSH -> Outcome.RUN;
            case GET_ID -> identify(chain);
            case DISCARD, WRITE_ZEROES -> isReadOnly(sector) ? Outcome.FAILED : ranges(request, readable);
        };
    }

    private boolean isOffered(RequestType type) {
        return switch (type) {
            case DISCARD -> (host.features() & BlockFeatures.DISCARD) != 0;
            case WRITE_ZEROES -> (host.features() & BlockFeatures.WRITE_ZEROES) != 0;
            case IN, OUT, FLUSH, GET_ID -> true;
        };
    }

    private boolean isReadOnly(long detail) {
        if (config.readOnly()) {
            host.guestError(BlockError.READ_ONLY.code(), detail);
        }
        return config.readOnly();
    }

    private Outcome transfer(BlockRequest request, long sector, long lengthBytes) {
        if ((lengthBytes & (blockBytes - 1)) != 0) {
            return refuse(BlockError.BAD_LENGTH, lengthBytes, Outcome.FAILED);
        }
        if (!isInside(sector, lengthBytes)) {
            return refuse(BlockError.OUT_OF_RANGE, sector, Outcome.FAILED);
        }
        request.position = sector * BlockDevice.SECTOR_BYTES;
        request.lengthBytes = lengthBytes;
        return lengthBytes == 0 ? Outcome.DONE : Outcome.RUN;
    }

    /** Whether the range begins at a block and ends on the disk; {@code sector} is any 64-bit number. */
    private boolean isInside(long sector, long lengthBytes) {
        if (sector < 0 || sector > diskBytes / BlockDevice.SECTOR_BYTES) {
            return false;
        }
        long start = sector * BlockDevice.SECTOR_BYTES;
        return (start & (blockBytes - 1)) == 0 && lengthBytes <= diskBytes - start;
    }

    /** At most 20 bytes, the rest of them NUL; a buffer that is longer keeps what it holds behind them. */
    private Outcome identify(Chain chain) {
        int room = (int) Math.min(chain.writableBytes() - 1, BlockConfig.SERIAL_LENGTH_BYTES);
        chain.write(0, serial, 0, room);
        return Outcome.DONE;
    }

    /** The ranges of a discard or a write of zeros; position and length become those of all of them together. */
    private Outcome ranges(BlockRequest request, long lengthBytes) {
        if (lengthBytes == 0 || lengthBytes % RANGE_LENGTH_BYTES != 0) {
            return refuse(BlockError.BAD_LENGTH, lengthBytes, Outcome.FAILED);
        }
        if (lengthBytes > ranges.byteSize()) {
            return refuse(BlockError.TOO_MANY_RANGES, lengthBytes / RANGE_LENGTH_BYTES, Outcome.FAILED);
        }
        int count = (int) (lengthBytes / RANGE_LENGTH_BYTES);
        request.chain.read(BlockDevice.HEADER_LENGTH_BYTES, ranges, 0, (int) lengthBytes);
        boolean discard = request.type == RequestType.DISCARD;
        for (int i = 0; i < count; i++) {
            int flags = ranges.get(INT, (long) i * RANGE_LENGTH_BYTES + RANGE_FLAGS);
            if ((flags & ~FLAG_UNMAP) != 0 || (discard && flags != 0)) {
                return refuse(BlockError.BAD_FLAGS, flags, Outcome.UNSUPPORTED);
            }
        }
        long start = Long.MAX_VALUE;
        long end = 0;
        for (int i = 0; i < count; i++) {
            long at = (long) i * RANGE_LENGTH_BYTES;
            long sector = ranges.get(LONG, at);
            long sectors = Integer.toUnsignedLong(ranges.get(INT, at + RANGE_SECTORS));
            long bytes = sectors * BlockDevice.SECTOR_BYTES;
            if (sectors > BlockConfigSpace.MOST_RANGE_SECTORS) {
                return refuse(BlockError.TOO_MANY_RANGES, sectors, Outcome.FAILED);
            }
            if ((bytes & (blockBytes - 1)) != 0) {
                return refuse(BlockError.BAD_LENGTH, bytes, Outcome.FAILED);
            }
            if (!isInside(sector, bytes)) {
                return refuse(BlockError.OUT_OF_RANGE, sector, Outcome.FAILED);
            }
            request.rangeStarts[i] = sector * BlockDevice.SECTOR_BYTES;
            request.rangeLengths[i] = bytes;
            request.rangeFlags[i] = ranges.get(INT, at + RANGE_FLAGS) == FLAG_UNMAP ? BlockImage.MAY_UNMAP : 0;
            start = Math.min(start, request.rangeStarts[i]);
            end = Math.max(end, request.rangeStarts[i] + bytes);
        }
        request.ranges = count;
        request.position = start;
        request.lengthBytes = end - start;
        return Outcome.RUN;
    }

    private Outcome refuse(BlockError error, long detail, Outcome outcome) {
        host.guestError(error.code(), detail);
        return outcome;
    }
}
