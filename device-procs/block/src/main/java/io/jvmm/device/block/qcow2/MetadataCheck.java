package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.ImageException;
import io.jvmm.ipc.sys.Errno;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Goes through all tables of an image before it is written to: every offset is aligned and inside the file, nothing overlaps a table,
 * every cluster is counted at least as often as it is referenced, and the COPIED flags of the active tables tell the truth. After that
 * the allocator can trust the counts, and a write in place hits nothing but guest data.
 *
 * <p>Clusters are tallied a window at a time, so memory is bounded; for each window the tables are read once, up to a limit
 * that an image made to keep us busy runs into. What an interrupted process left over (counted, referenced by nobody) is given back
 * where no extension that we do not know may own it. An image whose <em>dirty</em> bit is set gets its counts and flags set right instead.
 */
final class MetadataCheck {
    private static final int WINDOW_CLUSTERS = 4 << 20;
    private static final long MOST_BYTES_READ = 16L << 30;
    private static final int CHUNK_BYTES = 64 * 1024;
    /** Clusters behind the end of the file that are looked at for what is left over. */
    private static final int MOST_BEHIND = 1 << 16;

    // ---- a tally: how often referenced, and as what
    private static final int TABLE = 1 << 31;
    private static final int L2_TABLE = 1 << 30;
    private static final int DATA = 1 << 29;
    /** By the active tables, from an entry that has a COPIED flag. */
    private static final int ACTIVE = 1 << 28;
    /** By the active tables, as part of a compressed cluster, which has no such flag. */
    private static final int ACTIVE_PACKED = 1 << 27;

    private static final int COUNT = ACTIVE_PACKED - 1;

    private final ImageParts parts;
    private final Geometry geometry;
    private final MetadataReader reader;
    private final L1Table l1;
    private final Refcounts refcounts;
    private final SnapshotTable snapshots;
    /** Clusters of the file; nothing may be referenced beyond. */
    private final long limit;

    /** Of a table, as numbers: one by one out of memory takes several times as long. */
    private final long[] chunk = new long[CHUNK_BYTES / Long.BYTES];

    private final long windowClusters;
    private long window;
    private MemorySegment tally = MemorySegment.NULL;
    private long bytesRead;
    private boolean repairing;
    private boolean namedTwice;

    MetadataCheck(ImageParts parts, MetadataReader reader, L1Table l1, Refcounts refcounts) {
        this.parts = parts;
        this.geometry = parts.geometry();
        this.reader = reader;
        this.l1 = l1;
        this.refcounts = refcounts;
        snapshots = SnapshotTable.read(parts.name(), reader, parts.header());
        limit = geometry.clustersFor(reader.fileBytes());
        windowClusters = Math.max(WINDOW_CLUSTERS, 1L << refcounts.blockBits());
    }

    /** Checks everything; gives back what is left over. Throws {@link ImageException}: what is wrong and where. */
    void check() {
        final boolean mine =
                !parts.header().foreignExtensions() && (parts.header().autoclear() & ~Qcow2Header.RAW_EXTERNAL) == 0;
        // All in one window: what is left over is known when the check ends. A successor of a killed process does this
        // while a guest waits.
        pass(mine && limit <= windowClusters ? this::compareAndGiveBack : this::compare);
    }

    /**
     * Whether the active tables name a cluster twice, by one entry with a COPIED flag at least. That is no damage where the count
     * says so and the flag is clear, though nothing makes such images.
     */
    boolean namedTwice() {
        return namedTwice;
    }

    /** Sets counts and flags as the tables have it, for an image whose dirty bit is set; then checks. */
    void repair() {
        repairing = true;
        pass(this::correct);
        repairing = false;
        new CopiedFlags(parts, reader, l1, refcounts).correct();
        check();
    }

    /** What to do with a window that is tallied: clusters {@code from} to {@code to}. */
    @FunctionalInterface
    private interface Step {
        void window(long from, long to);
    }

    private void pass(Step step) {
        try (Arena arena = Arena.ofConfined()) {
            tally = arena.allocate(Math.max(1, Math.min(limit, windowClusters)) * Integer.BYTES, Integer.BYTES);
            final MemorySegment l1Chunk = MetadataReader.memory(arena, CHUNK_BYTES);
            final MemorySegment table = MetadataReader.memory(arena, geometry.clusterBytes());
            for (window = 0; window < limit; window += windowClusters) {
                tally.fill((byte) 0);
                structures();
                for (long i = 0; i < l1.entriesInFile(); i++) {
                    table(-1, i, l1.get(i), table);
                }
                for (int i = 0; i < snapshots.l1Tables().size(); i++) {
                    snapshot(i, snapshots.l1Tables().get(i), l1Chunk, table);
                }
                step.window(window, Math.min(limit, window + windowClusters));
            }
        } finally {
            tally = MemorySegment.NULL;
        }
    }

    private void structures() {
        tally("the header", 0, geometry.clusterBytes(), TABLE);
        tally("the L1 table", l1.offset(), l1.entriesInFile() * Long.BYTES, TABLE);
        tally("the refcount table", refcounts.tableOffset(), refcounts.tableEntries() * Long.BYTES, TABLE);
        for (long i = 0; i < refcounts.tableEntries(); i++) {
            final long block = refcounts.block(i);
            if (block < 0) {
                throw damaged("entry " + i + " of the refcount table names no cluster of the file");
            }
            if (block > 0) {
                tally("refcount block " + i, block, geometry.clusterBytes(), TABLE);
            }
        }
        tally("the snapshot table", parts.header().snapshotsOffset(), snapshots.lengthBytes(), TABLE);
    }

    private void snapshot(int number, SnapshotTable.L1 snapshot, MemorySegment chunk, MemorySegment table) {
        final long bytes = (long) snapshot.entries() * Long.BYTES;
        tally("the L1 table of snapshot " + number, snapshot.offset(), bytes, TABLE);
        for (long at = 0; at < bytes; at += CHUNK_BYTES) {
            read(snapshot.offset() + at, chunk, chunk.byteSize());
            final long end = Math.min(CHUNK_BYTES, bytes - at);
            for (long i = 0; i < end; i += Long.BYTES) {
                table(number, (at + i) / Long.BYTES, chunk.get(HeaderField.U64, i), table);
            }
        }
    }

    /** An L1 entry and what it names. {@code snapshot}: -1 for the active table. */
    private void table(int snapshot, long index, long entry, MemorySegment table) {
        if (entry == 0) {
            return;
        }
        final boolean active = snapshot < 0;
        if (!geometry.validL1(entry, reader.fileBytes())) {
            throw damaged(where(snapshot) + "L1 entry " + index + " is 0x" + Long.toHexString(entry));
        }
        final long offset = entry & Geometry.OFFSET;
        if (offset == 0) {
            return;
        }
        tally("an L2 table", offset, geometry.clusterBytes(), active ? L2_TABLE | ACTIVE : L2_TABLE);
        if (active) {
            flag(offset, entry, index, -1);
        }
        read(offset, table, geometry.clusterBytes());
        final int words = geometry.entryBytes() / Long.BYTES;
        for (int at = 0; at < geometry.clusterBytes(); at += CHUNK_BYTES) {
            final int count = Math.min(CHUNK_BYTES, geometry.clusterBytes() - at) / Long.BYTES;
            MemorySegment.copy(table, HeaderField.U64, at, chunk, 0, count);
            for (int i = 0; i < count; i += words) {
                final long bitmap = words == 2 ? chunk[i + 1] : 0;
                if ((chunk[i] | bitmap) != 0) {
                    cluster(snapshot, index, (at / Long.BYTES + i) / words, chunk[i], bitmap);
                }
            }
        }
    }

    private void cluster(int snapshot, long l1Index, int l2Index, long descriptor, long bitmap) {
        if (!geometry.validL2(descriptor, bitmap, reader.fileBytes())) {
            throw damaged(where(snapshot) + "L2 entry " + l2Index + " of L1 entry " + l1Index + " is 0x"
                    + Long.toHexString(descriptor) + (geometry.extended() ? ", 0x" + Long.toHexString(bitmap) : ""));
        }
        if ((descriptor & Geometry.COMPRESSED) != 0) {
            final long offset = geometry.compressedOffset(descriptor);
            final long end = Math.min(offset + geometry.compressedBytes(descriptor), limit << geometry.clusterBits());
            tally("a compressed cluster", offset, end - offset, snapshot < 0 ? DATA | ACTIVE_PACKED : DATA);
        } else if (geometry.external()) {
            final long guest =
                    (l1Index * (geometry.clusterBytes() / geometry.entryBytes()) + l2Index) << geometry.clusterBits();
            if (geometry.hasHost(descriptor) && (descriptor & Geometry.OFFSET) != guest) {
                throw damaged("the cluster at 0x" + Long.toHexString(guest) + " lies elsewhere in the data file");
            }
        } else if (geometry.hasHost(descriptor)) {
            final long offset = descriptor & Geometry.OFFSET;
            tally("a cluster", offset, geometry.clusterBytes(), snapshot < 0 ? DATA | ACTIVE : DATA);
            if (snapshot < 0) {
                flag(offset, descriptor, l1Index, l2Index);
            }
        }
    }

    /** COPIED is set exactly where the count is one. */
    private void flag(long offset, long entry, long l1Index, int l2Index) {
        final long cluster = offset >>> geometry.clusterBits();
        if (repairing || cluster < window || cluster >= window + windowClusters) {
            return;
        }
        final long count = count(cluster);
        if ((count == 1) != ((entry & Geometry.COPIED) != 0)) {
            throw damaged((l2Index < 0 ? "" : "L2 entry " + l2Index + " of ") + "L1 entry " + l1Index + " names 0x"
                    + Long.toHexString(offset) + ", which is counted " + count + " times, and has its COPIED flag "
                    + ((entry & Geometry.COPIED) != 0 ? "set" : "clear"));
        }
    }

    private void tally(String what, long offset, long bytes, int kind) {
        if (bytes == 0) {
            return;
        }
        final long first = offset >>> geometry.clusterBits();
        final long last = (offset + bytes - 1) >>> geometry.clusterBits();
        if (last >= limit) {
            throw damaged(what + " at 0x" + Long.toHexString(offset) + " is not inside the file");
        }
        final long end = Math.min(last + 1, window + windowClusters);
        for (long cluster = Math.max(first, window); cluster < end; cluster++) {
            final long at = (cluster - window) * Integer.BYTES;
            final int old = tally.get(ValueLayout.JAVA_INT, at);
            final int kinds = old & ~COUNT;
            if ((kinds & ~(kind | ACTIVE | ACTIVE_PACKED)) != 0 || (kinds & TABLE) != 0) {
                throw damaged(what + " at 0x" + Long.toHexString(offset) + " overlaps " + name(kinds)
                        + " in the cluster at 0x" + Long.toHexString(cluster << geometry.clusterBits()));
            }
            namedTwice |= (kind & ACTIVE) != 0 && (kinds & (ACTIVE | ACTIVE_PACKED)) != 0;
            namedTwice |= (kind & ACTIVE_PACKED) != 0 && (kinds & ACTIVE) != 0;
            tally.set(ValueLayout.JAVA_INT, at, kinds | kind | Math.min(old & COUNT, COUNT - 1) + 1);
        }
    }

    private static String name(int kinds) {
        return (kinds & TABLE) != 0 ? "another table" : (kinds & L2_TABLE) != 0 ? "an L2 table" : "guest data";
    }

    private void compareAndGiveBack(long from, long to) {
        boolean leftOver = false;
        for (long cluster = from; cluster < to; cluster++) {
            final int references = references(cluster);
            final long count = count(cluster);
            if (references > count) {
                throw tooFew(cluster, references, count);
            }
            leftOver |= count > references;
        }
        if (leftOver) {
            giveBack(from, to);
        }
        giveBackBehind();
    }

    private void compare(long from, long to) {
        for (long cluster = from; cluster < to; cluster++) {
            final int references = references(cluster);
            final long count = references == 0 ? 0 : count(cluster);
            if (references > count) {
                throw tooFew(cluster, references, count);
            }
        }
    }

    private ImageException tooFew(long cluster, int references, long count) {
        return damaged("the cluster at 0x" + Long.toHexString(cluster << geometry.clusterBits()) + " is referenced "
                + references + " times and counted " + count);
    }

    /** Counts down to the references, except to a single one whose COPIED flag would have to change at the same moment. */
    private void giveBack(long from, long to) {
        for (long cluster = from; cluster < to; cluster++) {
            final int references = references(cluster);
            final boolean flagged = (tally.get(ValueLayout.JAVA_INT, (cluster - window) * Integer.BYTES) & ACTIVE) != 0;
            if (references == 0) {
                // Most often a batch that a killed process has counted, up to a thousand clusters.
                long end = cluster + 1;
                while (end < to && references(end) == 0) {
                    end++;
                }
                written(refcounts.clear(cluster, end));
                cluster = end - 1;
            } else if (count(cluster) > references && !(references == 1 && flagged)) {
                written(refcounts.repair(cluster, references, 0));
            }
        }
    }

    /** A batch may have been counted and the file not yet made longer. */
    private void giveBackBehind() {
        final long end = limit + MOST_BEHIND;
        final long counted = refcounts.firstCounted(limit, end);
        if (counted < 0) {
            throw unreadable(limit, counted);
        }
        written(refcounts.clear(counted, end));
    }

    private void correct(long from, long to) {
        for (long cluster = from; cluster < to; cluster++) {
            final int references = references(cluster);
            final long count = count(cluster);
            final boolean keep = references < count && parts.header().foreignExtensions();
            if (references != count && !keep) {
                written(refcounts.repair(cluster, references, place(cluster, to)));
            }
        }
    }

    /** Where a refcount block for a cluster that has none may go: to a cluster it counts and nobody references. */
    private long place(long cluster, long to) {
        final long last = cluster | ((1L << refcounts.blockBits()) - 1);
        for (long place = last & -(1L << refcounts.blockBits()); place <= last; place++) {
            if (place >= to || references(place) == 0) {
                if (place < to && place < limit) {
                    tally.set(ValueLayout.JAVA_INT, (place - window) * Integer.BYTES, TABLE | 1);
                }
                return place;
            }
        }
        throw damaged("clusters from 0x" + Long.toHexString(cluster << geometry.clusterBits()) + " on are not counted");
    }

    private int references(long cluster) {
        return tally.get(ValueLayout.JAVA_INT, (cluster - window) * Integer.BYTES) & COUNT;
    }

    private long count(long cluster) {
        final long count = refcounts.get(cluster);
        if (count < 0) {
            throw unreadable(cluster, count);
        }
        return count;
    }

    private ImageException unreadable(long cluster, long error) {
        return damaged("the refcount of the cluster at 0x" + Long.toHexString(cluster << geometry.clusterBits())
                + " cannot be read: " + Errno.of((int) -error).meaning());
    }

    private void written(long result) {
        if (result != 0) {
            throw new ImageException(parts.name() + ": the refcounts of this qcow2 image cannot be set right ("
                    + Errno.of((int) -result).meaning() + "); repair it with qemu-img check -r all");
        }
    }

    private void read(long offset, MemorySegment target, long bytes) {
        bytesRead += bytes;
        if (bytesRead > MOST_BYTES_READ) {
            throw new ImageException(
                    parts.name() + ": more than " + (MOST_BYTES_READ >> 30)
                            + " GiB of qcow2 tables to check before it can be written; delete snapshots or use larger clusters");
        }
        reader.read(offset, target, bytes);
    }

    private static String where(int snapshot) {
        return snapshot < 0 ? "" : "snapshot " + snapshot + ": ";
    }

    private ImageException damaged(String what) {
        return new ImageException(parts.name() + ": damaged qcow2 image, not opened for writing: " + what
                + "; repair it with qemu-img check -r all, or open it read-only");
    }
}
