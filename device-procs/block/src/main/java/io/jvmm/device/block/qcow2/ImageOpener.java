package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.ImageException;
import io.jvmm.device.block.image.ImageFile;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.device.block.image.ImageSource;
import io.jvmm.ipc.sys.Errno;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Opens a chain of images: reads headers, loads what is kept in memory, checks what is going to be written. At start only; allocates. The
 * memory for caches is outside the heap and bounded:
 *
 * <pre>
 *  L2 slices     what the whole disk needs, 64 KiB to 2 MiB; of a backing file at most 512 KiB
 *  refcounts     256 KiB, of an image that is written
 *  L1 table      whole: 8 bytes for every L2 table, 32 MiB at most; refcount table: whole, 8 MiB at most
 *  lanes         112 KiB each, 64 KiB less for a backing file; decompression: three clusters
 * </pre>
 */
final class ImageOpener {
    private static final int LEAST_CACHE_BYTES = 64 * 1024;
    private static final int MOST_L2_BYTES = 2 << 20;
    private static final int MOST_BACKING_L2_BYTES = 512 * 1024;
    private static final int REFCOUNT_BYTES = 256 * 1024;

    private ImageOpener() {}

    static Qcow2Image open(List<ImageSource> chain, @Nullable ImageSource dataFile, ImageOptions options) {
        final ImageOptions below = new ImageOptions(options.lanes(), true, Geometry.SECTOR_BYTES, false);
        Backing backing = null;
        for (int i = chain.size() - 1; i > 0; i--) {
            backing = openBacking(chain.get(i), backing, below);
        }
        final ImageSource top = chain.getFirst();
        final Storage data = dataFile == null ? null : storage(dataFile, options);
        final Qcow2Image image = open(top.name(), storage(top, options), data, backing, options, MOST_L2_BYTES);
        if (image.alignmentBytes() > options.blockBytes()) {
            throw new ImageException(top.name() + ": with cache \"none\" its medium takes blocks of "
                    + image.alignmentBytes() + " bytes; say block_size = " + image.alignmentBytes()
                    + " or choose another cache mode");
        }
        if (image.lengthBytes() == 0) {
            throw new ImageException(top.name() + ": shorter than one block of " + options.blockBytes() + " bytes");
        }
        return image;
    }

    private static Storage storage(ImageSource source, ImageOptions options) {
        return Storage.of(ImageFile.of(source, options.lanes()));
    }

    private static Backing openBacking(ImageSource source, @Nullable Backing backing, ImageOptions options) {
        final Storage storage = storage(source, options);
        return switch (source.format()) {
            case RAW -> {
                if (backing != null) {
                    throw new ImageException(source.name() + ": a raw image has no backing file");
                }
                yield new Backing.Raw(storage, storage.lengthBytes());
            }
            case QCOW2 -> open(source.name(), storage, null, backing, options, MOST_BACKING_L2_BYTES);
        };
    }

    static Qcow2Image open(
            String name,
            Storage storage,
            @Nullable Storage dataFile,
            @Nullable Backing backing,
            ImageOptions options,
            int mostL2Bytes) {
        final MetadataReader reader = new MetadataReader(name, storage);
        final Qcow2Header header = readHeader(name, reader);
        final boolean external = header.has(Qcow2Header.EXTERNAL_DATA);
        if (external && dataFile == null) {
            throw new ImageException(name + ": keeps its data in another file (" + header.dataFileName()
                    + "), and only images that keep it themselves are opened; make one, and name it instead: qemu-img convert"
                    + " -O qcow2 " + name + " NEW.qcow2");
        }
        if (header.hasBacking() != (backing != null)) {
            throw new ImageException(name
                    + (backing == null
                            ? ": its backing file (" + header.backingName() + ") was not given"
                            : ": has no backing file, and one was given"));
        }
        if (header.has(Qcow2Header.CORRUPT) && !options.readOnly()) {
            throw new ImageException(name + ": is marked as corrupt, so it can only be opened read-only;"
                    + " repair it with qemu-img check -r all");
        }
        final Storage data = external && dataFile != null ? dataFile : storage;
        final Geometry geometry = new Geometry(header);
        if (Math.max(storage.alignmentBytes(), data.alignmentBytes()) > geometry.sliceBytes()) {
            throw new ImageException(name + ": clusters of " + geometry.clusterBytes() + " bytes are too small for"
                    + " direct access to its medium; choose another cache mode than \"none\"");
        }
        final ImageParts parts = new ImageParts(name, storage, data, header, geometry, backing);
        return load(parts, reader, options, mostL2Bytes);
    }

    private static Qcow2Header readHeader(String name, MetadataReader reader) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment start = MetadataReader.memory(arena, Geometry.MOST_SLICE_BYTES);
            reader.read(0, start);
            final MemorySegment cluster = MetadataReader.memory(arena, Qcow2Header.clusterBytes(name, start));
            reader.read(0, cluster);
            return Qcow2Header.parse(name, cluster.asSlice(0, Qcow2Header.clusterBytes(name, start)));
        }
    }

    private static Qcow2Image load(ImageParts parts, MetadataReader reader, ImageOptions options, int mostL2Bytes) {
        final Geometry geometry = parts.geometry();
        final L1Table l1 = readL1(parts, reader);
        final long wanted = geometry.clustersFor(geometry.virtualBytes()) * geometry.entryBytes();
        final TableCache l2 = new TableCache(
                parts.storage(), geometry.sliceBytes(), Math.clamp(wanted, LEAST_CACHE_BYTES, mostL2Bytes));
        final MemorySegment start = MetadataReader.memory(Arena.ofAuto(), geometry.sliceBytes());
        reader.read(0, start);
        final HeaderWriter writer = new HeaderWriter(parts.storage(), start.asSlice(0, geometry.sliceBytes()));
        final Refcounts refcounts = readRefcounts(parts, reader, writer, options.readOnly());
        if (options.readOnly()) {
            final ClusterMap map = new ClusterMap(geometry, l1, l2, refcounts, l2);
            return new Qcow2Image(parts, options, map, null, false);
        }
        if (l1.entriesInFile() < geometry.l1EntriesNeeded() && l1.clusters() >= 1L << refcounts.blockBits()) {
            throw Qcow2Header.damaged(
                    parts.name(),
                    "an L1 table of " + l1.entriesInFile() + " entries for a disk that" + " needs "
                            + geometry.l1EntriesNeeded());
        }
        final MetadataCheck check = new MetadataCheck(parts, reader, l1, refcounts);
        if (parts.header().has(Qcow2Header.DIRTY)) {
            check.repair();
            clearDirty(parts, writer);
        } else {
            check.check();
        }
        if (check.namedTwice()) {
            refcounts.leaveTwos();
        }
        final ImageTables tables = new ImageTables(
                geometry, parts.storage(), writer, l1, l2, refcounts, options.discard(), options.lanes());
        final boolean literally = (parts.header().autoclear() & Qcow2Header.RAW_EXTERNAL) != 0;
        return new Qcow2Image(parts, options, tables.map, tables, literally);
    }

    private static void clearDirty(ImageParts parts, HeaderWriter writer) {
        long result = parts.storage().sync();
        if (result == 0) {
            writer.set(
                    HeaderField.INCOMPATIBLE_FEATURES,
                    writer.get(HeaderField.INCOMPATIBLE_FEATURES) & ~Qcow2Header.DIRTY);
            result = writer.store();
        }
        if (result == 0) {
            result = parts.storage().sync();
        }
        if (result != 0) {
            throw new ImageException(parts.name() + ": its dirty mark cannot be cleared: "
                    + Errno.of((int) -result).meaning());
        }
    }

    private static L1Table readL1(ImageParts parts, MetadataReader reader) {
        final Geometry geometry = parts.geometry();
        final Qcow2Header header = parts.header();
        final long needed = geometry.l1EntriesNeeded();
        if (needed * Long.BYTES > Qcow2Header.MOST_L1_BYTES) {
            throw Qcow2Header.damaged(
                    parts.name(),
                    "a disk of " + header.virtualBytes() + " bytes is too large for clusters of "
                            + geometry.clusterBytes());
        }
        final long bytes = (long) header.l1Entries() * Long.BYTES;
        final long fileEnd = geometry.clustersFor(reader.fileBytes()) << geometry.clusterBits();
        if (bytes > 0 && header.l1Offset() + bytes > fileEnd) {
            throw Qcow2Header.damaged(
                    parts.name(),
                    "the L1 table at 0x" + Long.toHexString(header.l1Offset()) + " is not inside the file");
        }
        final long kept =
                geometry.clustersFor(Math.max(needed, header.l1Entries()) * Long.BYTES) << geometry.clusterBits();
        final MemorySegment entries = MetadataReader.memory(Arena.ofAuto(), Math.max(kept, geometry.clusterBytes()));
        if (bytes > 0) {
            reader.read(header.l1Offset(), entries, bytes + Geometry.MOST_SLICE_BYTES - 1 & -Geometry.MOST_SLICE_BYTES);
            entries.asSlice(bytes).fill((byte) 0);
        }
        final MemorySegment whole = entries.asSlice(0, Math.max(kept, geometry.clusterBytes()));
        return new L1Table(parts.storage(), geometry, whole, header.l1Offset(), header.l1Entries());
    }

    /** The refcount table; not read for an image that is only read, whose counts nobody asks for. */
    private static Refcounts readRefcounts(
            ImageParts parts, MetadataReader reader, HeaderWriter writer, boolean readOnly) {
        final Geometry geometry = parts.geometry();
        final Qcow2Header header = parts.header();
        final long clusters = readOnly ? 1 : header.refcountTableClusters();
        final long bytes = clusters << geometry.clusterBits();
        final MemorySegment table =
                Arena.ofAuto().allocate(readOnly ? geometry.clusterBytes() : bytes, Geometry.MOST_SLICE_BYTES);
        if (!readOnly) {
            final long fileEnd = geometry.clustersFor(reader.fileBytes()) << geometry.clusterBits();
            if (header.refcountTableOffset() + bytes > fileEnd) {
                throw Qcow2Header.damaged(
                        parts.name(),
                        "the refcount table at 0x" + Long.toHexString(header.refcountTableOffset())
                                + " is not inside the file");
            }
            reader.read(header.refcountTableOffset(), table);
        }
        final TableCache cache = new TableCache(
                parts.storage(), geometry.sliceBytes(), readOnly ? geometry.sliceBytes() : REFCOUNT_BYTES);
        return new Refcounts(
                parts.storage(), writer, geometry, header.refcountOrder(), cache, table, header.refcountTableOffset());
    }
}
