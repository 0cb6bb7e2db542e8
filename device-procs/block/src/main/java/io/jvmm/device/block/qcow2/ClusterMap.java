package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.ipc.sys.Errno;

/**
 * Where the guest's clusters are (section "Cluster mapping"). {@link #find} from any thread: an L1 entry from memory and an L2 entry
 * from the cache, without a lock unless the slice has to be read first.
 */
final class ClusterMap {
    /** An entry that means nothing. */
    static final long MALFORMED = -Errno.EUCLEAN.number();

    private final Geometry geometry;
    private final L1Table l1;
    private final TableCache cache;
    private final Refcounts refcounts;
    private final Object metadata;

    /** {@code metadata}: the lock of everything that changes tables or their caches. */
    ClusterMap(Geometry geometry, L1Table l1, TableCache cache, Refcounts refcounts, Object metadata) {
        this.geometry = geometry;
        this.l1 = l1;
        this.cache = cache;
        this.refcounts = refcounts;
        this.metadata = metadata;
    }

    /**
     * Finds the extent that starts at a position of the guest's disk: as many bytes as are of one kind, and of data as many as lie one
     * after the other in the file. A compressed extent ends with its cluster.
     *
     * @param wantedBytes positive; no need to look further
     * @param lane gets kind, place and length, and the L2 entry of the first cluster
     * @param flags {@link BlockImage#NO_WAIT}: only what is cached
     * @return 0 or a negated errno: EUCLEAN for a malformed entry, EAGAIN
     */
    long find(long position, long wantedBytes, Lane lane, int flags) {
        long cluster = geometry.clusterOf(position);
        final int into = (int) (position & (geometry.clusterBytes() - 1));
        long result = lookUp(cluster, lane, flags);
        if (result < 0) {
            return result;
        }
        final long descriptor = lane.descriptor;
        final long bitmap = lane.bitmap;
        final Kind kind = geometry.kind(descriptor, bitmap, into);
        long bytes =
                result > 1 ? (result << geometry.clusterBits()) - into : geometry.runBytes(descriptor, bitmap, into);
        final long host = (descriptor & Geometry.OFFSET) + into;
        boolean whole = result > 1 || into + bytes == geometry.clusterBytes();
        cluster += result;
        while (bytes < wantedBytes && whole && kind != Kind.COMPRESSED) {
            result = lookUp(cluster, lane, flags);
            if (result < 0) {
                break;
            }
            final boolean data = kind == Kind.DATA || kind == Kind.SHARED;
            final boolean adjacent = !data || (lane.descriptor & Geometry.OFFSET) == host + bytes;
            if (geometry.kind(lane.descriptor, lane.bitmap, 0) != kind || !adjacent) {
                break;
            }
            final long run =
                    result > 1 ? result << geometry.clusterBits() : geometry.runBytes(lane.descriptor, lane.bitmap, 0);
            whole = result > 1 || run == geometry.clusterBytes();
            bytes += run;
            cluster += result;
        }
        lane.descriptor = descriptor;
        lane.bitmap = bitmap;
        lane.kind = kind;
        lane.hostOffset = host;
        lane.extentBytes = Math.min(bytes, wantedBytes);
        return 0;
    }

    /**
     * The entry of a guest cluster, checked.
     *
     * @return how many clusters the answer holds for (more than 1 only where there is no L2 table), or a negated errno
     */
    private long lookUp(long cluster, Lane lane, int flags) {
        final long entry = l1.get(geometry.l1Index(cluster));
        if (!geometry.validL1(entry, refcounts.fileEnd())) {
            return MALFORMED;
        }
        final long table = entry & Geometry.OFFSET;
        if (table == 0) {
            lane.descriptor = 0;
            lane.bitmap = 0;
            return geometry.clustersLeftInTable(cluster);
        }
        final long slice = table + geometry.sliceInTable(cluster);
        if (!cache.read(slice, geometry.entryInSlice(cluster), geometry.extended(), lane)) {
            if ((flags & BlockImage.NO_WAIT) != 0) {
                return -Errno.EAGAIN.number();
            }
            synchronized (metadata) {
                final int slot = cache.slot(slice);
                if (slot < 0) {
                    return slot;
                }
                entryAt(slot, geometry.entryInSlice(cluster), lane);
            }
        }
        return geometry.validL2(lane.descriptor, lane.bitmap, refcounts.fileEnd()) ? 1 : MALFORMED;
    }

    /** Copies an entry of a cached slice. With the metadata lock held. */
    void entryAt(int slot, int at, Lane lane) {
        lane.descriptor = cache.get(slot, at);
        lane.bitmap = geometry.extended() ? cache.get(slot, at + Long.BYTES) : 0;
    }

    /** Sets an entry of a cached slice, between begin and end. */
    void setEntry(int slot, int at, long descriptor, long bitmap) {
        cache.set(slot, at, descriptor);
        if (geometry.extended()) {
            cache.set(slot, at + Long.BYTES, bitmap);
        }
    }
}
