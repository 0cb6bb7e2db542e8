package io.jvmm.device.block.image;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A raw image: the file is the disk, byte for byte; a regular file or a block device. A rest at the end that does not fill a
 * block is not part of the disk. Any thread may call, each with its lane.
 */
public final class RawImage implements BlockImage {

    private static final int PHYSICAL_BLOCK_BYTES = 4096;
    private static final int ZEROS_BYTES = 64 * 1024;
    private static final int ZEROS_AT_ONCE = 16;

    private final ImageFile file;
    private final long lengthBytes;
    private final ImageOptions options;
    private final MemorySegment zeros;
    private final IoVector[] zeroVectors;

    /** What the file system cannot do is asked for once; racing threads may ask twice. */
    private volatile boolean canPunch = true;

    private volatile boolean canZero = true;

    private RawImage(ImageFile file, long lengthBytes, ImageOptions options) {
        this.file = file;
        this.lengthBytes = lengthBytes;
        this.options = options;
        zeros = Arena.ofAuto().allocate(ZEROS_BYTES, 4096);
        zeroVectors = new IoVector[options.lanes()];
        for (int i = 0; i < zeroVectors.length; i++) {
            zeroVectors[i] = new IoVector(ZEROS_AT_ONCE);
        }
    }

    /**
     * Opens an image, and takes its descriptor.
     *
     * @throws ImageException when it is shorter than a block, cannot be read, or its blocks are too small for its medium
     */
    public static RawImage open(ImageSource source, ImageOptions options) {
        ImageFile file = ImageFile.of(source, options.lanes());
        long lengthBytes = file.lengthBytes() / options.blockBytes() * options.blockBytes();
        if (lengthBytes == 0) {
            throw new ImageException(source.name() + ": shorter than one block of " + options.blockBytes()
                    + " bytes; make it longer (truncate -s 1G " + source.name() + ")");
        }
        if (file.alignmentBytes() > options.blockBytes()) {
            throw new ImageException(source.name() + ": with cache \"none\" its medium takes blocks of "
                    + file.alignmentBytes() + " bytes; say block_size = " + file.alignmentBytes()
                    + " or choose another cache mode");
        }
        return new RawImage(file, lengthBytes, options);
    }

    @Override
    public long lengthBytes() {
        return lengthBytes;
    }

    @Override
    public int blockBytes() {
        return options.blockBytes();
    }

    @Override
    public int physicalBlockBytes() {
        return PHYSICAL_BLOCK_BYTES;
    }

    @Override
    public int discardBytes() {
        return options.discard() ? PHYSICAL_BLOCK_BYTES : 0;
    }

    @Override
    public boolean readOnly() {
        return options.readOnly();
    }

    @Override
    public long read(int lane, long position, IoVector into, int flags) {
        long wanted = into.lengthBytes();
        long n = file.read(lane, position, into, flags);
        if (n == wanted) {
            return 0;
        }
        return n < 0 ? n : -Errno.EIO.number(); // somebody has made the file shorter
    }

    @Override
    public long write(int lane, long position, IoVector from, int flags) {
        return file.write(lane, position, from, flags);
    }

    @Override
    public boolean hasLostWrites() {
        return file.hasLostWrites();
    }

    @Override
    public long flush(int lane) {
        return file.sync();
    }

    @Override
    public long discard(int lane, long position, long lengthBytes, int flags) {
        if (!options.discard() || !canPunch) {
            return 0;
        }
        long result = file.punchHole(position, lengthBytes);
        if (isUnsupported(result)) {
            canPunch = false;
            return 0;
        }
        return Errno.EINVAL.is(result) ? 0 : durable(result, flags);
    }

    @Override
    public long writeZeroes(int lane, long position, long lengthBytes, int flags) {
        boolean punch = (flags & MAY_UNMAP) != 0 && options.discard();
        if (punch && canPunch) {
            long result = file.punchHole(position, lengthBytes);
            if (!isUnsupported(result) && !Errno.EINVAL.is(result)) {
                return durable(result, flags);
            }
            canPunch = Errno.EINVAL.is(result);
        }
        if (canZero) {
            long result = file.zeroRange(position, lengthBytes);
            if (!isUnsupported(result) && !Errno.EINVAL.is(result)) {
                return durable(result, flags);
            }
            canZero = Errno.EINVAL.is(result);
        }
        return durable(writeZeros(lane, position, lengthBytes), flags);
    }

    private long writeZeros(int lane, long position, long lengthBytes) {
        IoVector vector = zeroVectors[lane];
        for (long done = 0; done < lengthBytes; ) {
            vector.clear();
            for (int i = 0; i < ZEROS_AT_ONCE; i++) {
                vector.add(zeros, 0, Math.min(ZEROS_BYTES, lengthBytes - done - vector.lengthBytes()));
            }
            long part = vector.lengthBytes();
            long result = file.write(lane, position + done, vector, 0);
            if (result != 0) {
                return result;
            }
            done += part;
        }
        return 0;
    }

    private long durable(long result, int flags) {
        return result == 0 && (flags & DURABLE) != 0 ? file.sync() : result;
    }

    /** By the file, whatever the range; EINVAL speaks of the range: not whole blocks of a block device. */
    private static boolean isUnsupported(long result) {
        return Errno.EOPNOTSUPP.is(result) || Errno.ENOSYS.is(result) || Errno.ENODEV.is(result);
    }

    @Override
    public void close() {
        file.close();
    }
}
