package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * How often each host cluster is referenced (section "Host cluster management"): a table of offsets, all of it in memory, of
 * refcount blocks, of which slices are cached. With the metadata lock held; results are values or negated errno.
 *
 * <p>A change is in the file when the call returns. Making it durable before something relies on it is {@link ClusterAllocator}'s part;
 * only where this class makes one structure point at another does it wait for the medium in between itself.
 */
final class Refcounts {
    /** Refcount table entry: bits 9..63 are an offset. */
    private static final long BLOCK_OFFSET = ~0x1FFL;

    private static final long MOST_OFFSET = 1L << 56;
    private static final int ZEROS_BYTES = 64 * 1024;

    private final Storage storage;
    private final HeaderWriter header;
    private final Geometry geometry;
    private final TableCache cache;
    private final int order;
    private final int blockBits;
    private final int sliceBits;
    private final IoVector vector = new IoVector(1);
    private final MemorySegment zeros = Arena.ofAuto().allocate(ZEROS_BYTES, Geometry.MOST_SLICE_BYTES);
    private MemorySegment table;
    private long tableOffset;
    private long tableClusters;
    /** The largest host offset known to be in use or reserved, exclusive: what an offset in a table may point below. */
    private volatile long fileEnd;
    /** Clusters from here on hold no table of ours. */
    private long tablesEnd;

    private boolean twosStay;

    Refcounts(
            Storage storage,
            HeaderWriter header,
            Geometry geometry,
            int order,
            TableCache cache,
            MemorySegment table,
            long tableOffset) {
        this.storage = storage;
        this.header = header;
        this.geometry = geometry;
        this.cache = cache;
        this.order = order;
        this.table = table;
        this.tableOffset = tableOffset;
        tableClusters = table.byteSize() >>> geometry.clusterBits();
        blockBits = geometry.clusterBits() + 3 - order;
        sliceBits = Integer.numberOfTrailingZeros(geometry.sliceBytes()) + 3 - order;
        fileEnd = storage.lengthBytes();
    }

    /** Offsets below this are inside the file, or about to be. */
    long fileEnd() {
        return fileEnd;
    }

    void reaches(long end) {
        if (end > fileEnd) {
            fileEnd = end;
        }
    }

    /** Clusters from here on were not written by this class. */
    long tablesEnd() {
        return tablesEnd;
    }

    /**
     * From now on no count goes down from 2 to 1: the active tables name some cluster twice, and the entry that is left would need
     * its COPIED flag at the same moment. The cluster is left over until the image is opened again.
     */
    void leaveTwos() {
        twosStay = true;
    }

    /** How many clusters the table can speak of. */
    long covered() {
        return (table.byteSize() / Long.BYTES) << blockBits;
    }

    long tableEntries() {
        return table.byteSize() / Long.BYTES;
    }

    long tableOffset() {
        return tableOffset;
    }

    /** Where a refcount block is; 0 where there is none; EIO where the entry is malformed. */
    long block(long index) {
        final long entry = table.get(HeaderField.U64, index * Long.BYTES);
        final boolean aligned = (entry & ((1L << geometry.clusterBits()) - 1)) == 0;
        if (entry != (entry & BLOCK_OFFSET) || !aligned || entry < 0 || entry >= Math.max(fileEnd, 1)) {
            return -Errno.EIO.number();
        }
        return entry;
    }

    /** Clusters of one refcount block, as a power of two. */
    int blockBits() {
        return blockBits;
    }

    /** The refcount of a cluster, or a negated errno. Counts above 2 to the power of 63 read as that. */
    long get(long cluster) {
        final long index = cluster >>> blockBits;
        if (index >= tableEntries()) {
            return 0;
        }
        final long block = block(index);
        if (block <= 0) {
            return block;
        }
        final int slot = cache.slot(sliceOf(block, cluster));
        return slot < 0 ? slot : value(slot, inSlice(cluster));
    }

    /** The first cluster from {@code from} on that is counted; {@code to} where none before that is; or a negated errno. */
    long firstCounted(long from, long to) {
        long cluster = from;
        while (cluster < to) {
            final long index = cluster >>> blockBits;
            if (index >= tableEntries()) {
                return to;
            }
            final long block = block(index);
            if (block < 0) {
                return block;
            }
            final int slot = block == 0 ? 0 : cache.slot(sliceOf(block, cluster));
            if (slot < 0) {
                return slot;
            }
            final long end = (cluster | ((1L << (block == 0 ? blockBits : sliceBits)) - 1)) + 1;
            if (block != 0) {
                final int used = cache.nextUsed(slot, inSlice(cluster) << order >>> 3);
                final long first = end - (1L << sliceBits) + ((long) used << 3 >>> order);
                for (cluster = Math.max(cluster, first); cluster < end; cluster++) {
                    if (value(slot, inSlice(cluster)) != 0) {
                        return Math.min(cluster, to);
                    }
                }
            }
            cluster = end;
        }
        return to;
    }

    private long sliceOf(long block, long cluster) {
        final long inBlock = cluster & ((1L << blockBits) - 1);
        return block + (inBlock >>> sliceBits) * geometry.sliceBytes();
    }

    private int inSlice(long cluster) {
        return (int) (cluster & ((1L << sliceBits) - 1));
    }

    private long value(int slot, int index) {
        final int bits = 1 << order;
        if (bits < Byte.SIZE) {
            final int perByte = Byte.SIZE / bits;
            final int shift = index % perByte * bits;
            return (cache.getByte(slot, index / perByte) >>> shift) & ((1L << bits) - 1);
        }
        long value = 0;
        for (int i = 0; i < bits / Byte.SIZE; i++) {
            value = value << Byte.SIZE | cache.getByte(slot, index * (bits / Byte.SIZE) + i);
        }
        return value < 0 ? Long.MAX_VALUE : value;
    }

    private void value(int slot, int index, long value) {
        final int bits = 1 << order;
        if (bits < Byte.SIZE) {
            final int perByte = Byte.SIZE / bits;
            final int shift = index % perByte * bits;
            final int mask = ((1 << bits) - 1) << shift;
            final int old = cache.getByte(slot, index / perByte);
            cache.setByte(slot, index / perByte, (old & ~mask) | ((int) value << shift));
            return;
        }
        for (int i = bits / Byte.SIZE - 1; i >= 0; i--) {
            cache.setByte(
                    slot, index * (bits / Byte.SIZE) + i, (int) (value >>> ((bits / Byte.SIZE - 1 - i) * Byte.SIZE)));
        }
    }

    /**
     * Finds a free cluster from {@code from} on, growing the tables where they end.
     *
     * @return its number, or a negated errno
     */
    long nextFree(long from) {
        long cluster = from;
        while (true) {
            if (cluster >= MOST_OFFSET >>> geometry.clusterBits()) {
                return -Errno.ENOSPC.number();
            }
            final long ready = ensureBlock(cluster);
            if (ready < 0) {
                return ready;
            }
            final int slot = cache.slot(sliceOf(ready, cluster));
            if (slot < 0) {
                return slot;
            }
            final long end = (cluster | ((1L << sliceBits) - 1)) + 1;
            for (; cluster < end; cluster++) {
                if (value(slot, inSlice(cluster)) == 0) {
                    return cluster;
                }
            }
        }
    }

    /**
     * Takes a run of free clusters that starts with the free cluster {@code first}: their refcounts become 1.
     *
     * @param most how many at most
     * @return how many, at least 1; or a negated errno
     */
    long take(long first, long most) {
        final long block = ensureBlock(first);
        if (block < 0) {
            return block;
        }
        final int slot = cache.slot(sliceOf(block, first));
        if (slot < 0) {
            return slot;
        }
        final long end = Math.min(first + most, (first | ((1L << sliceBits) - 1)) + 1);
        long cluster = first;
        cache.begin(slot);
        while (cluster < end && value(slot, inSlice(cluster)) == 0) {
            value(slot, inSlice(cluster), 1);
            cluster++;
        }
        final long result = cache.store(slot);
        if (result != 0) {
            return result;
        }
        reaches(cluster << geometry.clusterBits());
        return cluster - first;
    }

    /**
     * One reference less for each cluster of a run, up to the end of a slice of counts or to where a cluster falls free and
     * the next one does not (or the other way round).
     *
     * @return how many clusters, negative where they are free now; 0 where a count was 0 already (damage) or the file could not be written
     */
    long release(long first, long count) {
        final long index = first >>> blockBits;
        final long block = index < tableEntries() ? block(index) : 0;
        final int slot = block > 0 ? cache.slot(sliceOf(block, first)) : -1;
        if (slot < 0 || value(slot, inSlice(first)) == 0) {
            return 0;
        }
        final boolean frees = value(slot, inSlice(first)) == 1;
        final long end = Math.min(first + count, (first | ((1L << sliceBits) - 1)) + 1);
        long cluster = first;
        cache.begin(slot);
        while (cluster < end) {
            final long value = value(slot, inSlice(cluster));
            if (value == 0 || (value == 1) != frees) {
                break;
            }
            value(slot, inSlice(cluster), value == 2 && twosStay ? 2 : value - 1);
            cluster++;
        }
        if (cache.store(slot) != 0) {
            return 0;
        }
        return frees ? first - cluster : cluster - first;
    }

    /** Sets a count, for repairs. {@code place}: where a block goes if there is none. 0 or a negated errno. */
    long repair(long cluster, long value, long place) {
        long block = cluster >>> blockBits < tableEntries() ? block(cluster >>> blockBits) : 0;
        if (block == 0) {
            block = newBlock(cluster >>> blockBits, place);
        }
        if (block < 0) {
            return block;
        }
        final int slot = cache.slot(sliceOf(block, cluster));
        if (slot < 0) {
            return slot;
        }
        final long most = order == 6 ? Long.MAX_VALUE : (1L << (1 << order)) - 1;
        if (value > most) {
            return -Errno.ERANGE.number();
        }
        cache.begin(slot);
        value(slot, inSlice(cluster), value);
        return cache.store(slot);
    }

    /** Nobody references these clusters: their counts become 0, with one write for each slice of them. 0 or a negated errno. */
    long clear(long from, long to) {
        long result = 0;
        for (long first = from; first < to && result == 0; first = (first | ((1L << sliceBits) - 1)) + 1) {
            final long index = first >>> blockBits;
            final long block = index < tableEntries() ? block(index) : 0;
            if (block != 0) {
                final int slot = block < 0 ? (int) block : cache.slot(sliceOf(block, first));
                result = slot < 0 ? slot : clear(slot, first, Math.min(to, (first | ((1L << sliceBits) - 1)) + 1));
            }
        }
        return result;
    }

    private long clear(int slot, long from, long to) {
        if (order >= 3) {
            final int first = inSlice(from) << (order - 3);
            final int end = first + ((int) (to - from) << (order - 3));
            if (cache.nextUsed(slot, first) >= end) {
                return 0;
            }
            cache.begin(slot);
            cache.clear(slot, first, end);
            return cache.store(slot);
        }
        boolean changed = false;
        for (long cluster = from; cluster < to; cluster++) {
            if (value(slot, inSlice(cluster)) != 0) {
                if (!changed) {
                    cache.begin(slot);
                    changed = true;
                }
                value(slot, inSlice(cluster), 0);
            }
        }
        return changed ? cache.store(slot) : 0;
    }

    /** The block that counts a cluster; where there is none, none of its clusters is in use, and the first becomes the block. */
    private long ensureBlock(long cluster) {
        final long index = cluster >>> blockBits;
        if (index >= tableEntries()) {
            final long grown = grow();
            if (grown != 0) {
                return grown;
            }
        }
        final long block = block(index);
        return block != 0 ? block : newBlock(index, index << blockBits);
    }

    /** Makes a block for entry {@code index} of the table at cluster {@code place}, which it counts itself. */
    private long newBlock(long index, long place) {
        if (index >= tableEntries() || place >>> blockBits != index) {
            return -Errno.ENOSPC.number();
        }
        final long offset = place << geometry.clusterBits();
        // Should the table name the block already, by a write that failed and yet was made, it counts itself
        // throughout.
        final long own = sliceOf(offset, place);
        final long behind = own + geometry.sliceBytes();
        long result = header.settle();
        if (result == 0) {
            result = writeZeros(offset, own - offset);
        }
        if (result == 0) {
            result = writeZeros(behind, offset + geometry.clusterBytes() - behind);
        }
        if (result == 0) {
            final int slot = cache.blank(own);
            value(slot, inSlice(place), 1);
            result = cache.store(slot);
        }
        if (result == 0) {
            result = storage.sync();
        }
        tablesEnd = Math.max(tablesEnd, place + 1);
        if (result == 0) {
            reaches(offset + geometry.clusterBytes());
            table.set(HeaderField.U64, index * Long.BYTES, offset);
            result = storeTable(index);
        }
        if (result != 0) {
            table.set(HeaderField.U64, index * Long.BYTES, 0);
            return result;
        }
        return offset;
    }

    /** Counts a cluster once in a block that is not in the table yet. */
    private long count(long block, long cluster) {
        final long slice = sliceOf(block, cluster);
        final int slot = cache.slot(slice);
        if (slot < 0) {
            return slot;
        }
        cache.begin(slot);
        value(slot, inSlice(cluster), 1);
        return cache.store(slot);
    }

    /** Writes zeros over a range of the file that nobody uses yet: 0 or a negated errno. */
    long writeZeros(long offset, long lengthBytes) {
        cache.forget(offset, lengthBytes);
        long result = 0;
        for (long done = 0; done < lengthBytes && result == 0; done += vectorBytes(lengthBytes - done)) {
            vector.clear();
            vector.add(zeros, 0, vectorBytes(lengthBytes - done));
            result = storage.write(0, offset + done, vector, 0);
        }
        return result;
    }

    private static long vectorBytes(long left) {
        return Math.min(left, ZEROS_BYTES);
    }

    private long storeTable(long index) {
        final long from = index * Long.BYTES & -(long) geometry.sliceBytes();
        vector.clear();
        vector.add(table, from, geometry.sliceBytes());
        return storage.write(0, tableOffset + from, vector, 0);
    }

    /**
     * A larger table, in the first clusters that the old one cannot speak of, behind the blocks that count them:
     *
     * <pre>
     *   first cluster not covered: | new blocks | new table | free ...
     * </pre>
     *
     * Written, waited for, and only then named by the header. Allocates, once in a long while.
     */
    private long grow() {
        final int bits = geometry.clusterBits();
        final long perCluster = 1L << (bits - 3);
        final long start = covered();
        final long clusters = Math.max(tableClusters + 1, tableClusters + tableClusters / 2);
        if (clusters << bits > Math.max(Qcow2Header.MOST_REFCOUNT_TABLE_BYTES, 1L << bits)) {
            return -Errno.ENOSPC.number();
        }
        long blocks = 1;
        while (blocks + clusters > blocks << blockBits) {
            blocks++;
        }
        if (tableEntries() + blocks > clusters * perCluster) {
            return -Errno.ENOSPC.number();
        }
        final MemorySegment larger = Arena.ofAuto().allocate(clusters << bits, Geometry.MOST_SLICE_BYTES);
        MemorySegment.copy(table, 0, larger, 0, table.byteSize());
        long result = header.settle();
        for (long i = 0; i < blocks && result == 0; i++) {
            final long offset = (start + i) << bits;
            larger.set(HeaderField.U64, (tableEntries() + i) * Long.BYTES, offset);
            result = writeZeros(offset, geometry.clusterBytes());
            final long first = start + (i << blockBits);
            final long end = Math.min(first + (1L << blockBits), start + blocks + clusters);
            for (long cluster = first; cluster < end && result == 0; cluster++) {
                result = count(offset, cluster);
            }
        }
        final long newOffset = (start + blocks) << bits;
        for (long done = 0; done < larger.byteSize() && result == 0; done += vectorBytes(larger.byteSize() - done)) {
            vector.clear();
            vector.add(larger, done, vectorBytes(larger.byteSize() - done));
            result = storage.write(0, newOffset + done, vector, 0);
        }
        if (result == 0) {
            result = storage.sync();
        }
        tablesEnd = Math.max(tablesEnd, start + blocks + clusters);
        if (result == 0) {
            result = name(newOffset, clusters);
        }
        return result == 0 ? replace(larger, newOffset, clusters) : result;
    }

    /** Makes the header name a new table; where that fails the old one stays. */
    private long name(long newOffset, long clusters) {
        header.set(HeaderField.REFCOUNT_TABLE_OFFSET, newOffset);
        header.set(HeaderField.REFCOUNT_TABLE_CLUSTERS, clusters);
        long result = header.store();
        if (result == 0) {
            result = storage.sync();
        }
        if (result != 0) {
            header.set(HeaderField.REFCOUNT_TABLE_OFFSET, tableOffset);
            header.set(HeaderField.REFCOUNT_TABLE_CLUSTERS, tableClusters);
        }
        return result;
    }

    private long replace(MemorySegment larger, long newOffset, long clusters) {
        final long oldFirst = tableOffset >>> geometry.clusterBits();
        final long oldCount = tableClusters;
        table = larger;
        tableOffset = newOffset;
        tableClusters = clusters;
        reaches(newOffset + larger.byteSize());
        long done = 0;
        while (done < oldCount) {
            final long n = release(oldFirst + done, oldCount - done);
            if (n == 0) {
                return -Errno.EIO.number();
            }
            done += Math.abs(n);
        }
        return 0;
    }
}
