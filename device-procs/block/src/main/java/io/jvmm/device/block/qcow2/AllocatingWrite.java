package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.IoVector;

/**
 * A write to where the disk has no place of its own: takes clusters, fills them with the guest's data and with copies of what was
 * around it, and then lets the L2 entries name them. The copying and writing goes on without the lock; meanwhile the
 * clusters count as busy, and who else needs a place in them waits.
 */
final class AllocatingWrite {
    /** The guest's buffers and a buffer on each side go into one vector. */
    private static final int MOST_PARTS = IoVector.MOST_BUFFERS - 2;

    /** Reads the disk as the guest sees it now: for the copies. */
    @FunctionalInterface
    interface OldContent {
        long read(Lane lane, long position, IoVector into);
    }

    private final ImageTables tables;
    private final Geometry geometry;
    private final Storage data;
    private final OldContent old;
    private final boolean hasBacking;

    AllocatingWrite(ImageTables tables, Storage data, OldContent old, boolean hasBacking) {
        this.tables = tables;
        this.geometry = tables.geometry;
        this.data = data;
        this.old = old;
        this.hasBacking = hasBacking;
    }

    /**
     * Writes the front of {@code from}.
     *
     * @param mostBytes how much of it at most, at least 1
     * @return bytes written and taken off; 0 when there is a place by now; or a negated errno
     */
    long write(Lane lane, long position, IoVector from, long mostBytes) {
        final long bytes;
        synchronized (tables) {
            bytes = plan(lane, position, mostBytes);
            if (bytes <= 0) {
                return bytes;
            }
            tables.busy(lane.number, lane.planFirst, lane.planFirst + lane.planClusters - 1);
        }
        long result = fill(lane, position, from, bytes);
        synchronized (tables) {
            if (result == 0) {
                result = commit(lane);
            } else if (lane.planNewHost && !geometry.external()) {
                tables.allocator.giveBack(lane.planHost, lane.planClusters);
            }
            tables.idle(lane.number);
        }
        return result == 0 ? bytes : result;
    }

    /** Decides how far to go, and takes the clusters. */
    private long plan(Lane lane, long position, long mostBytes) {
        final long first = geometry.clusterOf(position);
        tables.awaitIdle(first);
        final long ready = tables.beginChange();
        if (ready != 0) {
            return ready;
        }
        final int slot = tables.ownSlot(first);
        if (slot < 0) {
            return slot;
        }
        final int into = (int) (position & (geometry.clusterBytes() - 1));
        if (!entry(lane, slot, first)) {
            return tables.damage();
        }
        final long descriptor = lane.descriptor;
        final Kind kind = geometry.kind(descriptor, lane.bitmap, into);
        if (kind == Kind.DATA) {
            return 0;
        }
        lane.planFirst = first;
        if (ownsHost(descriptor)) {
            lane.planClusters = 1;
            lane.planNewHost = false;
            lane.planFresh = false;
            lane.planHost = descriptor & Geometry.OFFSET;
            final long bytes = Math.min(mostBytes, geometry.runBytes(descriptor, lane.bitmap, into));
            around(lane, position, bytes, true, true);
            return bytes;
        }
        return planNew(lane, slot, position, mostBytes);
    }

    private long planNew(Lane lane, int slot, long position, long mostBytes) {
        final long first = lane.planFirst;
        final boolean headBySubcluster = bySubcluster(lane);
        final long last = geometry.clusterOf(position + mostBytes - 1);
        final long most = Math.min(last - first + 1, geometry.clustersLeftInSlice(first));
        long count = 1;
        boolean tailBySubcluster = headBySubcluster;
        while (count < most && !tables.busyWith(first + count)) {
            if (!entry(lane, slot, first + count)) {
                return tables.damage();
            }
            if (ownsHost(lane.descriptor)) {
                break;
            }
            tailBySubcluster = bySubcluster(lane);
            count++;
        }
        if (geometry.external()) {
            lane.planHost = first << geometry.clusterBits();
            lane.planFresh = false;
        } else {
            final long taken = tables.allocator.take(count, lane);
            if (taken < 0) {
                return taken;
            }
            // With fewer clusters the write ends at a border of clusters, and there is no tail.
            count = taken;
        }
        lane.planClusters = (int) count;
        lane.planNewHost = true;
        final long end = (first + count) << geometry.clusterBits();
        final long bytes = Math.min(mostBytes, end - position);
        around(lane, position, bytes, headBySubcluster, tailBySubcluster);
        return bytes;
    }

    private boolean entry(Lane lane, int slot, long cluster) {
        tables.map.entryAt(slot, geometry.entryInSlice(cluster), lane);
        return geometry.validL2(lane.descriptor, lane.bitmap, tables.refcounts.fileEnd());
    }

    /** Whether the cluster has a place that is this disk's alone. */
    private boolean ownsHost(long descriptor) {
        final boolean standard = (descriptor & Geometry.COMPRESSED) == 0;
        return standard && geometry.hasHost(descriptor) && (descriptor & Geometry.COPIED) != 0;
    }

    /** Whether a new place may leave out what is not written: nothing in the old place has to come along. */
    private boolean bySubcluster(Lane lane) {
        return geometry.extended() && (lane.descriptor & Geometry.COMPRESSED) == 0 && (lane.bitmap & 0xFFFF_FFFFL) == 0;
    }

    /** Sets the range that gets a place: the request, out to the next border of what is allocated as one. */
    private void around(Lane lane, long position, long bytes, boolean headBySubcluster, boolean tailBySubcluster) {
        final long headUnit = headBySubcluster ? geometry.unitBytes() : geometry.clusterBytes();
        final long tailUnit = tailBySubcluster ? geometry.unitBytes() : geometry.clusterBytes();
        lane.planStart = position & -headUnit;
        lane.planEnd = position + bytes + tailUnit - 1 & -tailUnit;
    }

    // ---- without the lock

    private long fill(Lane lane, long position, IoVector from, long bytes) {
        final long host = lane.planHost + (position - (lane.planFirst << geometry.clusterBits()));
        long head = position - lane.planStart;
        long tail = lane.planEnd - (position + bytes);
        if (lane.planFresh) {
            if (zeros(lane, lane.planStart, head)) {
                head = 0;
            }
            if (zeros(lane, position + bytes, tail)) {
                tail = 0;
            }
        }
        final long result = head + tail > Lane.COPY_BYTES || from.count() > MOST_PARTS
                ? inPieces(lane, position, from, bytes, host, head, tail)
                : atOnce(lane, position, from, bytes, host, head, tail);
        // What was copied may have been flushed in its old place: it is on the medium in the new one before an entry
        // says so.
        return result == 0 && head + tail > 0 ? data.sync() : result;
    }

    private long inPieces(Lane lane, long position, IoVector from, long bytes, long host, long head, long tail) {
        long result = copy(lane, position - head, head, host - head);
        if (result == 0) {
            result = copy(lane, position + bytes, tail, host + bytes);
        }
        return result == 0 ? data.write(lane.number, host, part(lane, from, bytes), 0) : result;
    }

    private long atOnce(Lane lane, long position, IoVector from, long bytes, long host, long head, long tail) {
        long result = old(lane, position - head, 0, head);
        if (result == 0) {
            result = old(lane, position + bytes, head, tail);
        }
        if (result != 0) {
            return result;
        }
        final IoVector all = lane.copy;
        all.clear();
        all.add(lane.buffer, 0, head);
        all.take(from, bytes);
        all.add(lane.buffer, head, tail);
        return data.write(lane.number, host - head, all, 0);
    }

    private static IoVector part(Lane lane, IoVector from, long bytes) {
        if (bytes == from.lengthBytes()) {
            return from;
        }
        lane.copy.clear();
        lane.copy.take(from, bytes);
        return lane.copy;
    }

    /** Whether the guest's disk has nothing but zeros there, as far as the tables tell. */
    private boolean zeros(Lane lane, long position, long bytes) {
        long done = 0;
        while (done < bytes && position + done < geometry.virtualBytes()) {
            final long left = Math.min(bytes - done, geometry.virtualBytes() - position - done);
            if (tables.map.find(position + done, left, lane, 0) != 0 || !lane.readsZeros(hasBacking)) {
                return false;
            }
            done += lane.extentBytes;
        }
        return true;
    }

    private long copy(Lane lane, long position, long bytes, long host) {
        long result = 0;
        for (long done = 0; done < bytes && result == 0; done += Lane.COPY_BYTES) {
            final long part = Math.min(Lane.COPY_BYTES, bytes - done);
            result = old(lane, position + done, 0, part);
            if (result == 0) {
                lane.one.clear();
                lane.one.add(lane.buffer, 0, part);
                result = data.write(lane.number, host + done, lane.one, 0);
            }
        }
        return result;
    }

    /** What the guest sees at a position, into the lane's buffer; zeros beyond the end of the disk. */
    private long old(Lane lane, long position, long at, long bytes) {
        if (bytes == 0) {
            return 0;
        }
        final long inside = Math.clamp(geometry.virtualBytes() - position, 0, bytes);
        lane.one.clear();
        lane.one.add(lane.buffer, at + inside, bytes - inside);
        lane.one.zero(bytes - inside);
        lane.one.clear();
        lane.one.add(lane.buffer, at, inside);
        return inside == 0 ? 0 : old.read(lane, position, lane.one);
    }

    // ---- with the lock again

    private long commit(Lane lane) {
        final int slot = tables.ownSlot(lane.planFirst);
        if (slot < 0) {
            return slot;
        }
        // Former entries are read once more: an extended one may have got other subclusters meanwhile.
        tables.namesPlace();
        tables.l2.begin(slot);
        for (int i = 0; i < lane.planClusters; i++) {
            final int at = geometry.entryInSlice(lane.planFirst + i);
            tables.map.entryAt(slot, at, lane);
            lane.buffer.set(HeaderField.U64, (long) i * Long.BYTES, lane.descriptor);
            final long host = lane.planHost + ((long) i << geometry.clusterBits());
            tables.map.setEntry(slot, at, host | Geometry.COPIED, newBitmap(lane, i));
        }
        final long result = tables.l2.store(slot);
        tables.storedPlace();
        if (result == 0 && lane.planNewHost) {
            for (int i = 0; i < lane.planClusters; i++) {
                tables.drop(lane.buffer.get(HeaderField.U64, (long) i * Long.BYTES));
            }
        }
        return result;
    }

    private long newBitmap(Lane lane, int index) {
        if (!geometry.extended()) {
            return 0;
        }
        final long start = (lane.planFirst + index) << geometry.clusterBits();
        final int from = (int) Math.max(0, lane.planStart - start);
        final int to = (int) Math.min(geometry.clusterBytes(), lane.planEnd - start);
        final long written = geometry.subclusterBits(from, to);
        // A compressed cluster has no bits of its own, and it was copied whole.
        final long former = (lane.descriptor & Geometry.COMPRESSED) != 0 ? 0 : lane.bitmap;
        return (former & ~(written | (written << Geometry.SUBCLUSTERS))) | written;
    }
}
