package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.util.Arrays;

/**
 * The tables of an open image together, and the lock over them: the monitor of this object. What changes an image goes
 * through here: the marks in the header, the L2 table that is this disk's own, and who is busy with which clusters.
 *
 * <p>Order of writes: counts before references ({@link ClusterAllocator}), the content of a table before the entry that names it, data
 * before the L2 entry that names it.
 */
final class ImageTables {
    private static final long NOBODY = -1;
    /** L2 tables are made ready, zeroed and waited for, in groups of so many bytes: with small clusters there are many. */
    private static final int READY_TABLE_BYTES = 64 * 1024;

    private static final int MOST_READY_TABLES = 64;

    final Geometry geometry;
    final Storage storage;
    final HeaderWriter header;
    final L1Table l1;
    final TableCache l2;
    final Refcounts refcounts;
    final ClusterAllocator allocator;
    final ClusterMap map;
    private final int version;
    private final Lane lane;

    /** Guest clusters that a lane is giving a place, first and last. */
    private final long[] busyFirst;

    private final long[] busyLast;

    private final long[] readyTables = new long[MOST_READY_TABLES];
    private int readyCount;

    private boolean changed;
    private boolean damaged;
    /** What a lane may see without the lock: changes have begun, and nothing was found damaged. */
    private volatile boolean open;

    // ---- new places: how many entries were about to name one, how many the file has, how many the medium has
    private volatile long named;
    private volatile long stored;
    private volatile long safe;

    ImageTables(
            Geometry geometry,
            Storage storage,
            HeaderWriter header,
            L1Table l1,
            TableCache l2,
            Refcounts refcounts,
            boolean punch,
            int lanes) {
        this.geometry = geometry;
        this.storage = storage;
        this.header = header;
        this.l1 = l1;
        this.l2 = l2;
        this.refcounts = refcounts;
        lane = new Lane(0, true);
        allocator = new ClusterAllocator(storage, refcounts, geometry, punch, lane);
        map = new ClusterMap(geometry, l1, l2, refcounts, this);
        version = (int) header.get(HeaderField.VERSION);
        busyFirst = new long[lanes];
        busyLast = new long[lanes];
        Arrays.fill(busyFirst, NOBODY);
        Arrays.fill(busyLast, NOBODY);
    }

    /** Whether {@link #beginChange} has been and gone well, and {@link #damage} has not. Any thread, without the lock. */
    boolean isOpenForChange() {
        return open;
    }

    /** Whether an entry that lanes act on may not be on the medium yet: then data in its place is not safe either. Any thread. */
    boolean hasUnsafePlaces() {
        return named != safe;
    }

    /** Before a synchronization: what it makes safe, for {@link #placesSafe}. Any thread, without the lock. */
    long placesStored() {
        return stored;
    }

    // ---- all that follows: with the lock held

    /** Before an entry that names a new place can be seen. */
    void namesPlace() {
        final long before = named;
        named = before + 1;
    }

    /** The file has it, or never will. */
    void storedPlace() {
        stored = named;
    }

    /** After a synchronization that began after {@link #placesStored} gave this value. */
    void placesSafe(long count) {
        safe = Math.max(safe, count);
    }

    /**
     * Before the first change: clears the autoclear bits of what we do not keep up to date, and makes the L1 table as long as the
     * disk. 0, or a negated errno: EIO once the image was found damaged.
     */
    long beginChange() {
        if (damaged) {
            return -Errno.EIO.number();
        }
        long result = header.settle();
        if (changed) {
            return result;
        }
        if (result == 0 && version >= 3) {
            final long bits = header.get(HeaderField.AUTOCLEAR_FEATURES);
            final long kept = bits & Qcow2Header.RAW_EXTERNAL;
            if (bits != kept) {
                header.set(HeaderField.AUTOCLEAR_FEATURES, kept);
                result = header.store();
                if (result != 0) {
                    header.set(HeaderField.AUTOCLEAR_FEATURES, bits); // or the next call would think it is done
                }
            }
        }
        if (result == 0 && l1.entriesInFile() < geometry.l1EntriesNeeded()) {
            result = growL1();
        }
        if (result == 0) {
            result = storage.sync();
        }
        changed = result == 0;
        open = changed;
        return result;
    }

    private long growL1() {
        final long oldOffset = l1.offset();
        final long oldBytes = l1.entriesInFile() * Long.BYTES;
        final long offset = allocator.takeRun(l1.clusters());
        if (offset < 0) {
            return offset;
        }
        long result = l1.copyTo(offset);
        if (result == 0) {
            result = storage.sync();
        }
        if (result == 0) {
            final long oldEntries = l1.entriesInFile();
            header.set(HeaderField.L1_TABLE_OFFSET, offset);
            header.set(HeaderField.L1_SIZE, l1.entries());
            result = header.store();
            if (result == 0) {
                l1.movedTo(offset);
            } else { // the old table stays, for whoever opens the image and so for us
                header.set(HeaderField.L1_TABLE_OFFSET, oldOffset);
                header.set(HeaderField.L1_SIZE, oldEntries);
            }
        }
        if (result == 0 && oldBytes > 0) {
            allocator.drop(oldOffset, oldBytes);
        }
        return result;
    }

    /** Something that cannot be: from now on nothing is changed any more, and the image says so where it can. EIO. */
    long damage() {
        if (!damaged) {
            damaged = true;
            open = false;
            if (version >= 3) {
                header.set(
                        HeaderField.INCOMPATIBLE_FEATURES,
                        header.get(HeaderField.INCOMPATIBLE_FEATURES) | Qcow2Header.CORRUPT);
                header.store();
            }
        }
        return -Errno.EIO.number();
    }

    /** The slot of the slice that holds a guest cluster's entry, in an L2 table that is this disk's own, made if need be. */
    int ownSlot(long guestCluster) {
        final long table = ownTable(geometry.l1Index(guestCluster));
        if (table < 0) {
            return (int) table;
        }
        return l2.slot(table + geometry.sliceInTable(guestCluster));
    }

    /** Whether there is an L2 table at all. */
    boolean hasTable(long guestCluster) {
        return (l1.get(geometry.l1Index(guestCluster)) & Geometry.OFFSET) != 0;
    }

    private long ownTable(long index) {
        final long entry = l1.get(index);
        if (!geometry.validL1(entry, refcounts.fileEnd())) {
            return damage();
        }
        final long old = entry & Geometry.OFFSET;
        if (old != 0 && (entry & Geometry.COPIED) != 0) {
            return old;
        }
        final long table = old == 0 ? readyTable() : copyTable(old);
        if (table < 0) {
            return table;
        }
        final long result = l1.set(index, table | Geometry.COPIED);
        if (result != 0) {
            return result;
        }
        if (old != 0) {
            allocator.drop(old, geometry.clusterBytes());
        }
        return table;
    }

    /** An empty table that is on the medium already. */
    private long readyTable() {
        if (readyCount == 0) {
            final int wanted = Math.clamp(READY_TABLE_BYTES >>> geometry.clusterBits(), 1, MOST_READY_TABLES);
            long result = 0;
            while (readyCount < wanted && result == 0) {
                result = allocator.take(1, lane);
                if (result > 0) {
                    l2.forget(lane.planHost, geometry.clusterBytes());
                    readyTables[readyCount++] = lane.planHost;
                    result = refcounts.writeZeros(lane.planHost, geometry.clusterBytes());
                }
            }
            if (result == 0) {
                result = storage.sync();
            }
            if (result != 0) {
                giveBackReadyTables();
                return result;
            }
        }
        return readyTables[--readyCount];
    }

    private void giveBackReadyTables() {
        while (readyCount > 0) {
            allocator.giveBack(readyTables[--readyCount], 1);
        }
    }

    /** A copy of a table that a snapshot shares; its entries are all shared already and stay so. */
    private long copyTable(long old) {
        long result = allocator.take(1, lane);
        if (result < 0) {
            return result;
        }
        final long table = lane.planHost;
        final IoVector vector = lane.one;
        result = 0;
        l2.forget(table, geometry.clusterBytes());
        for (long done = 0; done < geometry.clusterBytes() && result == 0; done += Lane.COPY_BYTES) {
            final long part = Math.min(Lane.COPY_BYTES, geometry.clusterBytes() - done);
            vector.clear();
            vector.add(lane.buffer, 0, part);
            final long count = storage.read(0, old + done, vector, 0);
            vector.zero(vector.lengthBytes());
            if (count < 0) {
                result = count;
            } else {
                vector.clear();
                vector.add(lane.buffer, 0, part);
                result = storage.write(0, table + done, vector, 0);
            }
        }
        if (result == 0) {
            result = storage.sync();
        }
        if (result != 0) {
            allocator.giveBack(table, 1);
            return result;
        }
        return table;
    }

    /** Waits until no lane gives the cluster a place. */
    void awaitIdle(long guestCluster) {
        boolean interrupted = false;
        while (busyWith(guestCluster)) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    boolean busyWith(long guestCluster) {
        for (int i = 0; i < busyFirst.length; i++) {
            if (guestCluster >= busyFirst[i] && guestCluster <= busyLast[i] && busyFirst[i] != NOBODY) {
                return true;
            }
        }
        return false;
    }

    void busy(int laneNumber, long first, long last) {
        busyFirst[laneNumber] = first;
        busyLast[laneNumber] = last;
    }

    void idle(int laneNumber) {
        busyFirst[laneNumber] = NOBODY;
        busyLast[laneNumber] = NOBODY;
        notifyAll();
    }

    /** The file no longer references what a former entry named. */
    void drop(long descriptor) {
        if ((descriptor & Geometry.COMPRESSED) != 0) {
            final long offset = geometry.compressedOffset(descriptor);
            allocator.drop(offset, geometry.compressedBytes(descriptor));
        } else if ((descriptor & Geometry.OFFSET) != 0 && !geometry.external()) {
            allocator.drop(descriptor & Geometry.OFFSET, geometry.clusterBytes());
        }
    }

    /** At the end: what was reserved and what was dropped is counted down, so that nothing is left over. */
    void finish() {
        if (!changed) {
            return;
        }
        header.settle();
        giveBackReadyTables();
        allocator.giveBackReserved();
        allocator.sync();
        storage.sync();
    }
}
