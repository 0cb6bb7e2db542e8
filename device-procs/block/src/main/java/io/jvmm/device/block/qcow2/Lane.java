package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What one thread needs while it works on an image: results of lookups, vectors, a buffer for copies. Fields, so that nothing is allocated. */
final class Lane {
    /** Copies that are not the guest's own go in pieces of this size. */
    static final int COPY_BYTES = 64 * 1024;

    final int number;

    // ---- an L2 entry, as TableCache read it
    long descriptor;
    long bitmap;

    // ---- an extent, as ClusterMap found it
    Kind kind = Kind.UNALLOCATED;
    /** Where it is in the file; of {@link Kind#DATA} and {@link Kind#SHARED} only. */
    long hostOffset;
    /** How long it is. */
    long extentBytes;

    // ---- a plan, as AllocatingWrite makes it
    long planFirst;
    int planClusters;
    long planHost;
    boolean planNewHost;
    /** Whether the place was never written before and so reads as zeros. */
    boolean planFresh;
    /** The range of the guest's disk that is written: the request and what is copied around it. */
    long planStart;

    long planEnd;

    /** A part of the guest's request. */
    final IoVector part = new IoVector(IoVector.MOST_BUFFERS);
    /** Whatever is copied. */
    final IoVector copy = new IoVector(IoVector.MOST_BUFFERS);
    /** The buffer as one vector. */
    final IoVector one = new IoVector(2);

    final MemorySegment buffer;

    /** What is read a second time. */
    final IoVector again = new IoVector(IoVector.MOST_BUFFERS);
    /** Zeros that are written. */
    final IoVector zeros = new IoVector(16);

    /** {@code writes}: whether it needs the buffer. */
    Lane(int number, boolean writes) {
        this.number = number;
        buffer = writes ? Arena.ofAuto().allocate(COPY_BYTES, Geometry.MOST_SLICE_BYTES) : MemorySegment.NULL;
    }

    /** Whether the extent that was found is zeros. */
    boolean readsZeros(boolean hasBacking) {
        return kind == Kind.ZERO || (kind == Kind.UNALLOCATED && !hasBacking);
    }
}
