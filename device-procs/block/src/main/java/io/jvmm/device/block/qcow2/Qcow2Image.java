package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.device.block.image.ImageSource;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A qcow2 image with its backing files. See {@link BlockImage} for threads, ranges and results.
 *
 * <p>What is allocated already is read and written by a lookup in memory, without a lock, and one call of the kernel on the
 * guest's memory for as many bytes as lie one after the other in the file. What changes tables takes the lock of
 * {@link ImageTables} for the change, not for the data. A change of a table is in the file when the call that needed it returns.
 *
 * <p><b>Hostile:</b> the files. When an image is opened for writing all its tables are checked first ({@link MetadataCheck}); what
 * is only read is checked entry by entry, and a malformed entry is {@code -EIO}.
 */
public final class Qcow2Image implements BlockImage, Backing {
    private static final int SECTOR_BYTES = 512;

    private final Storage storage;
    private final Storage data;
    private final @Nullable Backing backing;
    private final ImageOptions options;
    private final Geometry geometry;
    private final ClusterMap map;
    private final Decompressor decompressor;
    private final Lane[] lanes;
    private final long lengthBytes;
    private final @Nullable Changes changes;

    /** What an image that can be written has beyond one that cannot. */
    private record Changes(ImageTables tables, AllocatingWrite allocating, Clearing clearing) {}

    /** For {@link ImageOpener}. {@code tables}: null for an image that is only read. */
    Qcow2Image(
            ImageParts parts, ImageOptions options, ClusterMap map, @Nullable ImageTables tables, boolean literally) {
        storage = parts.storage();
        data = parts.data();
        backing = parts.backing();
        geometry = parts.geometry();
        this.options = options;
        this.map = map;
        decompressor = new Decompressor(storage, geometry, parts.header().zstd());
        lanes = new Lane[options.lanes()];
        for (int i = 0; i < lanes.length; i++) {
            lanes[i] = new Lane(i, tables != null);
        }
        final long virtual = geometry.virtualBytes();
        lengthBytes = (virtual + SECTOR_BYTES - 1)
                / SECTOR_BYTES
                * SECTOR_BYTES
                / options.blockBytes()
                * options.blockBytes();
        changes = tables == null
                ? null
                : new Changes(
                        tables,
                        new AllocatingWrite(tables, data, this::readAll, backing != null),
                        new Clearing(tables, data, this::writeAll, backing != null, literally));
    }

    /**
     * Opens an image, and takes the descriptors.
     *
     * @param chain the image first, then its backing file, then that one's, and so on
     * @throws io.jvmm.device.block.image.ImageException when one of them cannot be used: what and where, and what to do
     */
    public static Qcow2Image open(List<ImageSource> chain, ImageOptions options) {
        return ImageOpener.open(chain, null, options);
    }

    /** As {@link #open(List, ImageOptions)}, where the first image keeps its guest data in another file. */
    public static Qcow2Image open(List<ImageSource> chain, ImageSource dataFile, ImageOptions options) {
        return ImageOpener.open(chain, dataFile, options);
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
        return Math.max(options.blockBytes(), Math.min(geometry.unitBytes(), Geometry.MOST_SLICE_BYTES));
    }

    @Override
    public int discardBytes() {
        return options.discard() && changes != null ? Math.max(geometry.unitBytes(), options.blockBytes()) : 0;
    }

    @Override
    public boolean readOnly() {
        return changes == null;
    }

    /** What the guest's data has to be aligned to in its file: 1, or with O_DIRECT 512 to 4096. */
    int alignmentBytes() {
        return data.alignmentBytes();
    }

    // ---- reading

    @Override
    public long read(int lane, long position, IoVector into, int flags) {
        return read(lanes[lane], position, into, flags);
    }

    @Override
    public long readBacking(int lane, long position, IoVector into, int flags) {
        return read(lanes[lane], position, into, flags);
    }

    private long readAll(Lane lane, long position, IoVector into) {
        return read(lane, position, into, 0);
    }

    private long read(Lane lane, long position, IoVector into, int flags) {
        long at = position;
        while (into.lengthBytes() > 0) {
            final long inside = Math.min(into.lengthBytes(), geometry.virtualBytes() - at);
            if (inside <= 0) {
                into.zero(into.lengthBytes()); // the rest of the last sector
                return 0;
            }
            final long found = map.find(at, inside, lane, flags);
            if (found != 0) {
                return failed(found);
            }
            final long bytes = lane.extentBytes;
            final long result = switch (lane.kind) {
                case DATA, SHARED -> readData(lane, into, bytes, flags);
                case ZERO -> zero(into, bytes);
                case UNALLOCATED -> readBackingFile(lane, at, into, bytes, flags);
                case COMPRESSED -> readCompressed(lane, at, into, bytes, flags);
            };
            if (result != 0) {
                return result;
            }
            at += bytes;
        }
        return 0;
    }

    private static long zero(IoVector into, long bytes) {
        into.zero(bytes);
        return 0;
    }

    private long readData(Lane lane, IoVector into, long bytes, int flags) {
        final IoVector target = part(lane, into, bytes);
        final long count = data.read(lane.number, lane.hostOffset, target, flags);
        if (count < 0) {
            return count;
        }
        target.zero(target.lengthBytes()); // a place the file does not reach to was never written
        return 0;
    }

    private long readBackingFile(Lane lane, long position, IoVector into, long bytes, int flags) {
        final Backing below = backing;
        final long has = below == null ? 0 : Math.clamp(below.lengthBytes() - position, 0, bytes);
        if (below != null && has > 0) {
            final long result = below.readBacking(lane.number, position, part(lane, into, has), flags);
            if (result != 0) {
                return result;
            }
        }
        into.zero(bytes - has);
        return 0;
    }

    private long readCompressed(Lane lane, long position, IoVector into, long bytes, int flags) {
        if ((flags & NO_WAIT) != 0) {
            return -Errno.EAGAIN.number();
        }
        final long descriptor = lane.descriptor;
        synchronized (decompressor) {
            final long result = decompressor.load(lane.number, descriptor);
            // Another lane may write to another part of the cluster meanwhile, and the place may be used again: then
            // look anew.
            final long again = map.find(position, bytes, lane, 0);
            if (again != 0) {
                return failed(again);
            }
            if (lane.descriptor == descriptor) {
                if (result == 0) {
                    decompressor.copy((int) (position & (geometry.clusterBytes() - 1)), into, bytes);
                }
                return result;
            }
        }
        final IoVector target = lane.again;
        target.clear();
        target.take(into, bytes);
        return read(lane, position, target, flags);
    }

    /** The front of a vector; the vector itself where that is all of it. */
    private static IoVector part(Lane lane, IoVector vector, long bytes) {
        if (bytes == vector.lengthBytes()) {
            return vector;
        }
        lane.part.clear();
        lane.part.take(vector, bytes);
        return lane.part;
    }

    // ---- writing

    @Override
    public long write(int lane, long position, IoVector from, int flags) {
        final Changes with = changes;
        return with == null ? -Errno.EROFS.number() : write(with, lanes[lane], position, from, flags);
    }

    private long writeAll(Lane lane, long position, IoVector from) {
        final Changes with = changes;
        return with == null ? -Errno.EROFS.number() : write(with, lane, position, from, 0);
    }

    private long write(Changes with, Lane lane, long position, IoVector from, int flags) {
        final long ready = with.tables.isOpenForChange() ? 0 : begin(with.tables, flags);
        if (ready != 0) {
            return ready;
        }
        boolean tablesChanged = false;
        long at = position;
        while (from.lengthBytes() > 0) {
            final long inside = Math.min(from.lengthBytes(), geometry.virtualBytes() - at);
            if (inside <= 0) {
                break; // the rest of the last sector belongs to nobody
            }
            long result = map.find(at, inside, lane, flags);
            if (result != 0) {
                return failed(result);
            }
            long bytes = lane.extentBytes;
            if (lane.kind == Kind.DATA) {
                result = data.write(lane.number, lane.hostOffset, part(lane, from, bytes), flags);
            } else if ((flags & NO_WAIT) != 0) {
                result = -Errno.EAGAIN.number();
            } else {
                bytes = with.allocating.write(lane, at, from, inside);
                result = Math.min(bytes, 0);
                tablesChanged = true;
            }
            if (result != 0) {
                return result;
            }
            at += bytes;
        }
        // Another lane may have named the place a moment ago, and its entry not be on the medium yet.
        return tablesChanged || with.tables.hasUnsafePlaces() ? durable(flags) : 0;
    }

    /** Before the first change, and after damage. */
    private static long begin(ImageTables tables, int flags) {
        if ((flags & NO_WAIT) != 0) {
            return -Errno.EAGAIN.number();
        }
        synchronized (tables) {
            return tables.beginChange();
        }
    }

    /** What a guest is told about a failed lookup; a malformed entry ends all changes. */
    private long failed(long result) {
        if (result != ClusterMap.MALFORMED) {
            return result;
        }
        final Changes with = changes;
        if (with == null) {
            return -Errno.EIO.number();
        }
        synchronized (with.tables) {
            return with.tables.damage();
        }
    }

    @Override
    public long discard(int lane, long position, long lengthBytes, int flags) {
        final Changes with = changes;
        if (with == null) {
            return -Errno.EROFS.number();
        }
        if (!options.discard()) {
            return 0;
        }
        final long result = with.clearing.discard(lanes[lane], position, inside(position, lengthBytes));
        return result == 0 ? durable(flags) : result;
    }

    @Override
    public long writeZeroes(int lane, long position, long lengthBytes, int flags) {
        final Changes with = changes;
        if (with == null) {
            return -Errno.EROFS.number();
        }
        final boolean keep = (flags & MAY_UNMAP) == 0 || !options.discard();
        final long result = with.clearing.zero(lanes[lane], position, inside(position, lengthBytes), keep);
        return result == 0 ? durable(flags) : result;
    }

    private long inside(long position, long bytes) {
        return Math.clamp(geometry.virtualBytes() - position, 0, bytes);
    }

    private long durable(int flags) {
        return (flags & DURABLE) != 0 ? sync() : 0;
    }

    private long sync() {
        final Changes with = changes;
        final long places = with == null ? 0 : with.tables.placesStored();
        long result = geometry.external() ? data.sync() : 0;
        result = result == 0 ? storage.sync() : result;
        if (result == 0 && with != null) {
            synchronized (with.tables) {
                with.tables.placesSafe(places);
            }
        }
        return result;
    }

    @Override
    public long flush(int lane) {
        final Changes with = changes;
        if (with == null) {
            return 0;
        }
        final long mark;
        synchronized (with.tables) {
            mark = with.tables.allocator.mark();
        }
        final long result = sync();
        if (result == 0) {
            synchronized (with.tables) {
                with.tables.allocator.countDownTo(mark);
            }
        }
        return result;
    }

    @Override
    public boolean hasLostWrites() {
        return storage.hasLostWrites() || data.hasLostWrites();
    }

    @Override
    public long finish(int lane) {
        final long result = flush(lane);
        final Changes with = changes;
        if (with != null) {
            synchronized (with.tables) {
                with.tables.finish();
            }
        }
        return result;
    }

    @Override
    public void close() {
        finish(0);
        decompressor.close();
        storage.close();
        if (geometry.external()) {
            data.close();
        }
        if (backing != null) {
            backing.close();
        }
    }
}
