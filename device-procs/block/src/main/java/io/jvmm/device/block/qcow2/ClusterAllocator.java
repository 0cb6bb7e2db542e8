package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;

/**
 * Hands out host clusters and takes them back, so that at every moment the file, or what a sudden death leaves of it, counts
 * each cluster at least as often as it is referenced. What can be left over is a cluster that is counted and not referenced. With the
 * metadata lock held, except as said.
 *
 * <ul>
 *   <li><b>Before a cluster is referenced</b> its count is on the medium: clusters are <em>reserved</em> in batches, counted, waited
 *       for once, and then handed out from memory. The file is made long enough for the batch, too, so that no reference points past
 *       its end whatever order the medium gets things in. A batch is small at first and doubles.
 *   <li><b>After a reference is gone</b> from the file, the cluster is <em>dropped</em>: put on a list, and counted down (and used
 *       again) only when the file has been synchronized since, at the guest's next flush or when the list is full.
 * </ul>
 */
final class ClusterAllocator {
    private static final int MOST_RUNS = 64;
    private static final long FIRST_BATCH_BYTES = 1 << 20;
    private static final long MOST_BATCH_BYTES = 64 << 20;
    private static final int MOST_BATCH_CLUSTERS = 4096;
    private static final int DROPPED = 4096;

    private final Storage storage;
    private final Refcounts refcounts;
    private final Geometry geometry;
    private final boolean punch;

    // ---- reserved: counted once, referenced by nobody
    private final long[] runStart = new long[MOST_RUNS];
    private final long[] runLength = new long[MOST_RUNS];
    private int firstRun;
    private int runs;
    private long batchBytes = FIRST_BATCH_BYTES;
    private long hint;
    /** How long the file is at least: what it was at opening, or by our own doing. (Asking is a system call too many for the jail.) */
    private long lengthBytes;
    /** Clusters from here on were never written, so they read as zeros. */
    private long freshFrom;

    // ---- dropped: a ring; positions count on for ever
    private final long[] droppedStart = new long[DROPPED];
    private final long[] droppedLength = new long[DROPPED];
    private long droppedHead;
    private long droppedTail;
    /** Entries below this may be under way to be counted down: nothing is merged into them. */
    private long flushMark;

    private final IoVector vector = new IoVector(1);
    private final Lane lane;

    ClusterAllocator(Storage storage, Refcounts refcounts, Geometry geometry, boolean punch, Lane lane) {
        this.storage = storage;
        this.refcounts = refcounts;
        this.geometry = geometry;
        this.punch = punch;
        this.lane = lane;
        lengthBytes = refcounts.fileEnd();
        freshFrom = geometry.clustersFor(lengthBytes);
    }

    /**
     * Takes clusters that lie one after the other.
     *
     * @param most how many at most
     * @param plan gets {@link Lane#planHost}, the offset of the first, and {@link Lane#planFresh}
     * @return how many, at least 1; or a negated errno
     */
    long take(long most, Lane plan) {
        if (runs == 0) {
            final long result = reserve();
            if (result < 0) {
                return result;
            }
        }
        final long start = runStart[firstRun];
        final long count = Math.min(most, runLength[firstRun]);
        runStart[firstRun] += count;
        runLength[firstRun] -= count;
        if (runLength[firstRun] == 0) {
            firstRun++;
            runs--;
        }
        plan.planHost = start << geometry.clusterBits();
        plan.planFresh = start >= Math.max(freshFrom, refcounts.tablesEnd());
        freshFrom = Math.max(freshFrom, start + count);
        return count;
    }

    /**
     * As {@link #take}, exactly {@code count} clusters one after the other, for tables: fewer than a refcount block counts, since
     * a new block takes the first cluster it counts for itself. Their offset or a negated errno.
     */
    long takeRun(long count) {
        final long most = 1L << 56 >>> geometry.clusterBits();
        long start = hint;
        long length = 0;
        while (length < count) {
            final long free = refcounts.nextFree(start + length);
            if (free < 0 || free >= most) {
                return free < 0 ? free : -Errno.ENOSPC.number();
            }
            length = free == start + length ? length + 1 : 1;
            start = free - length + 1;
        }
        for (long done = 0; done < count; ) {
            final long n = refcounts.take(start + done, count - done);
            if (n <= 0) {
                return n < 0 ? n : -Errno.EIO.number();
            }
            done += n;
        }
        freshFrom = Math.max(freshFrom, start + count);
        return start << geometry.clusterBits();
    }

    /** A batch; a smaller one where the medium has no room for all of it. */
    private long reserve() {
        int wanted = Math.clamp(batchBytes >>> geometry.clusterBits(), 1, MOST_BATCH_CLUSTERS);
        long result = reserve(wanted);
        while (Errno.ENOSPC.is(result) && wanted > 1) {
            wanted /= 2;
            result = reserve(wanted);
        }
        return result;
    }

    private long reserve(int wanted) {
        firstRun = 0;
        long got = 0;
        long end = 0;
        while (got < wanted && runs < MOST_RUNS) {
            final long first = refcounts.nextFree(hint);
            final long count = first < 0 ? first : refcounts.take(first, wanted - got);
            if (count < 0) {
                if (got > 0) {
                    break;
                }
                return count;
            }
            if (runs > 0 && runStart[runs - 1] + runLength[runs - 1] == first) {
                runLength[runs - 1] += count;
            } else {
                runStart[runs] = first;
                runLength[runs] = count;
                runs++;
            }
            got += count;
            hint = first + count;
            end = Math.max(end, first + count);
        }
        long result = lengthen(end << geometry.clusterBits());
        if (result == 0) {
            result = storage.sync();
        }
        if (result != 0) {
            giveBackReserved();
            return result;
        }
        batchBytes = Math.min(MOST_BATCH_BYTES, 2 * batchBytes);
        return got;
    }

    /** Makes the file reach to {@code end}, as a hole but for its last sector. */
    private long lengthen(long end) {
        final int piece = geometry.sliceBytes();
        if (lengthBytes >= end) {
            return 0;
        }
        lane.buffer.asSlice(0, piece).fill((byte) 0);
        vector.clear();
        vector.add(lane.buffer, 0, piece);
        final long result = storage.write(0, end - piece, vector, 0);
        if (result == 0) {
            lengthBytes = end;
        }
        return result;
    }

    /** Clusters that were taken and never referenced. Counts them down at once. */
    void giveBack(long hostOffset, long clusters) {
        countDown(hostOffset >>> geometry.clusterBits(), clusters);
    }

    /** What is reserved and not used: at the end. */
    void giveBackReserved() {
        while (runs > 0) {
            countDown(runStart[firstRun], runLength[firstRun]);
            firstRun++;
            runs--;
        }
        firstRun = 0;
    }

    /** Clusters that the file, as the kernel has it, references once less. Waits for the medium when the list is full. */
    void drop(long hostOffset, long lengthBytes) {
        final long first = hostOffset >>> geometry.clusterBits();
        final long count = ((hostOffset + lengthBytes - 1) >>> geometry.clusterBits()) - first + 1;
        if (droppedTail > flushMark && droppedTail > droppedHead) {
            final int last = (int) ((droppedTail - 1) % DROPPED);
            if (droppedStart[last] + droppedLength[last] == first) {
                droppedLength[last] += count;
                return;
            }
        }
        if (droppedTail - droppedHead == DROPPED && sync() != 0) {
            return; // never counted down: lost, until the image is opened the next time
        }
        final int at = (int) (droppedTail % DROPPED);
        droppedStart[at] = first;
        droppedLength[at] = count;
        droppedTail++;
    }

    /** Before a synchronization: what may be counted down after it, for {@link #countDownTo}. */
    long mark() {
        flushMark = droppedTail;
        return droppedTail;
    }

    /** After a synchronization that began after {@link #mark} gave this value. */
    void countDownTo(long mark) {
        while (droppedHead < mark) {
            final int at = (int) (droppedHead % DROPPED);
            droppedHead++;
            countDown(droppedStart[at], droppedLength[at]);
        }
    }

    /** Synchronizes and counts down everything: 0 or a negated errno. */
    long sync() {
        final long mark = mark();
        final long result = storage.sync();
        if (result == 0) {
            countDownTo(mark);
        }
        return result;
    }

    private void countDown(long first, long count) {
        for (long done = 0; done < count; ) {
            final long n = refcounts.release(first + done, count - done);
            if (n == 0) {
                // A count that is 0 already, or a file that cannot be written: the rest stays counted, which harms
                // nobody.
                return;
            }
            if (n < 0) {
                hint = Math.min(hint, first + done);
                if (punch) {
                    storage.punchHole((first + done) << geometry.clusterBits(), -n << geometry.clusterBits());
                }
            }
            done += Math.abs(n);
        }
    }
}
