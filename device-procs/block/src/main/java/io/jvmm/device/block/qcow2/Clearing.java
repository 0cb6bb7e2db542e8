package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Writing zeros and discarding, by changing L2 entries where whole clusters (or subclusters) are concerned and the version of
 * the format has a mark for zeros; by writing zeros elsewhere.
 */
final class Clearing {
    private static final int ZEROS_BYTES = 64 * 1024;

    /** What becomes of a range. */
    enum Mode {
        /** Reads as anything but what a backing file has; gives its place away. */
        DISCARD,
        /** Reads as zeros; gives its place away. */
        ZERO,
        /** Reads as zeros; keeps a place of its own. */
        ZERO_AND_KEEP
    }

    /** How the image writes, for zeros that no mark can express. */
    @FunctionalInterface
    interface Write {
        long write(Lane lane, long position, IoVector from);
    }

    private final ImageTables tables;
    private final Geometry geometry;
    private final Storage data;
    private final Write writer;
    private final boolean hasBacking;
    /** Zeros have to be in the data file itself, which others read without the tables. */
    private final boolean literally;

    private final MemorySegment zeros = Arena.ofAuto().allocate(ZEROS_BYTES, Geometry.MOST_SLICE_BYTES);

    Clearing(ImageTables tables, Storage data, Write writer, boolean hasBacking, boolean literally) {
        this.tables = tables;
        this.geometry = tables.geometry;
        this.data = data;
        this.writer = writer;
        this.hasBacking = hasBacking;
        this.literally = literally;
    }

    /** The range reads as zeros afterwards: 0 or a negated errno. */
    long zero(Lane lane, long position, long lengthBytes, boolean keep) {
        final boolean byMark = !literally && (geometry.canZero() || !hasBacking);
        final long unit = geometry.unitBytes();
        final long end = position + lengthBytes;
        final long wholeEnd = end == geometry.virtualBytes() ? end : end & -unit;
        long result = 0;
        for (long at = position; at < end && result == 0; ) {
            if (byMark && (at & (unit - 1)) == 0 && at < wholeEnd && !partOfCompressed(lane, at, wholeEnd)) {
                final long n = mark(lane, at, stretch(at, wholeEnd), keep ? Mode.ZERO_AND_KEEP : Mode.ZERO);
                result = Math.min(n, 0);
                at += n;
            } else {
                final long n = Math.min(end, (at & -unit) + unit) - at;
                result = writeZeros(lane, at, n);
                at += n;
            }
        }
        return result;
    }

    /** Whole clusters, or a part of one: the first stretch of a range that is one of both. */
    private long stretch(long at, long end) {
        final long cluster = geometry.clusterBytes();
        final boolean starts = (at & (cluster - 1)) == 0;
        final long whole = end == geometry.virtualBytes() ? end : end & -cluster;
        return starts && whole > at ? whole - at : Math.min(end, (at & -cluster) + cluster) - at;
    }

    /** Whether only some subclusters of a compressed cluster are meant, which has none. */
    private boolean partOfCompressed(Lane lane, long at, long end) {
        final long cluster = geometry.clusterBytes();
        final boolean toEnd = end == geometry.virtualBytes() || (at & -cluster) + cluster <= end;
        final boolean part = (at & (cluster - 1)) != 0 || !toEnd;
        return geometry.extended() && part && tables.map.find(at, 1, lane, 0) == 0 && lane.kind == Kind.COMPRESSED;
    }

    /** Whole clusters or subclusters of the range give up what they have: 0 or a negated errno. */
    long discard(Lane lane, long position, long lengthBytes) {
        if (literally || (hasBacking && !geometry.canZero())) {
            return 0;
        }
        final long unit = geometry.unitBytes();
        final long end = position + lengthBytes;
        final long wholeEnd = end == geometry.virtualBytes() ? end : end & -unit;
        long at = position + unit - 1 & -unit;
        while (at < wholeEnd) {
            if (partOfCompressed(lane, at, wholeEnd)) {
                at = (at & -(long) geometry.clusterBytes()) + geometry.clusterBytes();
                continue;
            }
            final long n = mark(lane, at, stretch(at, wholeEnd), Mode.DISCARD);
            if (n < 0) {
                return n;
            }
            at += n;
        }
        return 0;
    }

    private long writeZeros(Lane lane, long position, long lengthBytes) {
        long result = 0;
        for (long done = 0; done < lengthBytes && result == 0; ) {
            result = tables.map.find(position + done, lengthBytes - done, lane, 0);
            if (result != 0) {
                return result == ClusterMap.MALFORMED ? -Errno.EIO.number() : result;
            }
            long part = lane.extentBytes;
            if (literally || !lane.readsZeros(hasBacking)) {
                part = Math.min(part, ZEROS_BYTES);
                lane.zeros.clear();
                lane.zeros.add(zeros, 0, part);
                result = writer.write(lane, position + done, lane.zeros);
            }
            done += part;
        }
        return result;
    }

    /** Changes the entries of one slice at most: bytes it has dealt with, or a negated errno. */
    private long mark(Lane lane, long position, long mostBytes, Mode mode) {
        final long first = geometry.clusterOf(position);
        final int clusterBits = geometry.clusterBits();
        synchronized (tables) {
            if (!tables.hasTable(first) && !hasBacking) {
                final long end = (first + geometry.clustersLeftInTable(first)) << clusterBits;
                return Math.min(mostBytes, end - position);
            }
            final long sliceEnd = (first + geometry.clustersLeftInSlice(first)) << clusterBits;
            final long bytes = Math.min(mostBytes, sliceEnd - position);
            final long last = geometry.clusterOf(position + bytes - 1);
            for (long cluster = first; cluster <= last; cluster++) {
                tables.awaitIdle(cluster);
            }
            final long ready = tables.beginChange();
            if (ready != 0) {
                return ready;
            }
            final int slot = tables.ownSlot(first);
            if (slot < 0) {
                return slot;
            }
            for (long cluster = first; cluster <= last; cluster++) {
                tables.map.entryAt(slot, geometry.entryInSlice(cluster), lane);
                if (!geometry.validL2(lane.descriptor, lane.bitmap, tables.refcounts.fileEnd())) {
                    return tables.damage();
                }
            }
            final int count = (int) (last - first + 1);
            tables.l2.begin(slot);
            if (change(lane, slot, first, count, position, position + bytes, mode)) {
                return store(lane, slot, first, count, bytes);
            }
            tables.l2.end(slot);
            return bytes;
        }
    }

    /** Sets new entries; the lane's buffer gets what each no longer references, 0 where nothing. Tells whether any changed. */
    private boolean change(Lane lane, int slot, long first, int count, long from, long to, Mode mode) {
        boolean changed = false;
        for (int i = 0; i < count; i++) {
            final long start = (first + i) << geometry.clusterBits();
            final int at = geometry.entryInSlice(first + i);
            tables.map.entryAt(slot, at, lane);
            final long descriptor = lane.descriptor;
            final long bitmap = lane.bitmap;
            long dropped = 0;
            if (geometry.extended()) {
                final long end = to == geometry.virtualBytes() ? Long.MAX_VALUE : to;
                final int partFrom = (int) Math.max(0, from - start);
                final int partTo = (int) Math.min(geometry.clusterBytes(), end - start);
                subclusters(lane, geometry.subclusterBits(partFrom, partTo), mode);
            } else {
                cluster(lane, mode);
            }
            if (lane.descriptor != descriptor || lane.bitmap != bitmap) {
                changed = true;
                tables.map.setEntry(slot, at, lane.descriptor, lane.bitmap);
                final boolean compressed = (descriptor & Geometry.COMPRESSED) != 0;
                if (compressed || (geometry.hasHost(descriptor) && !geometry.hasHost(lane.descriptor))) {
                    dropped = descriptor;
                }
            }
            lane.buffer.set(HeaderField.U64, (long) i * Long.BYTES, dropped);
        }
        return changed;
    }

    private long store(Lane lane, int slot, long first, int count, long bytes) {
        final long result = tables.l2.store(slot);
        if (result != 0) {
            return result;
        }
        for (int i = 0; i < count; i++) {
            final long dropped = lane.buffer.get(HeaderField.U64, (long) i * Long.BYTES);
            if (dropped == 0) {
                continue;
            }
            if (geometry.external()) {
                data.punchHole((first + i) << geometry.clusterBits(), geometry.clusterBytes());
            } else {
                tables.drop(dropped);
            }
        }
        return bytes;
    }

    /** The lane's entry, of a whole cluster, as it is to become. */
    private void cluster(Lane lane, Mode mode) {
        final long descriptor = lane.descriptor;
        final boolean compressed = (descriptor & Geometry.COMPRESSED) != 0;
        if (descriptor == 0 && !hasBacking) {
            return;
        }
        final boolean own = !compressed && geometry.hasHost(descriptor) && (descriptor & Geometry.COPIED) != 0;
        if (mode == Mode.ZERO_AND_KEEP && own && geometry.canZero()) {
            lane.descriptor = descriptor | Geometry.ZERO;
        } else if (mode == Mode.DISCARD && !hasBacking) {
            lane.descriptor = 0;
        } else {
            lane.descriptor = geometry.canZero() ? Geometry.ZERO : 0;
        }
    }

    /** The lane's extended entry, of which the subclusters of {@code bits} are meant, as it is to become. */
    private void subclusters(Lane lane, long bits, Mode mode) {
        final boolean compressed = (lane.descriptor & Geometry.COMPRESSED) != 0;
        final long former = compressed ? 0 : lane.bitmap;
        final long kept = former & ~(bits | bits << Geometry.SUBCLUSTERS);
        final boolean marks = mode != Mode.DISCARD || hasBacking;
        lane.bitmap = marks ? kept | bits << Geometry.SUBCLUSTERS : kept;
        final boolean empty = (lane.bitmap & 0xFFFF_FFFFL) == 0;
        final boolean own = !compressed && (lane.descriptor & Geometry.COPIED) != 0;
        if (empty && !(mode == Mode.ZERO_AND_KEEP && own)) {
            lane.descriptor = 0;
        }
    }
}
