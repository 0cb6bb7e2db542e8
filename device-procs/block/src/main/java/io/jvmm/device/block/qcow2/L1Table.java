package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The active L1 table, all of it in memory, at least as long as the size of the disk asks for. {@link #get} from any thread; changes
 * with the metadata lock held.
 */
final class L1Table {
    private static final VarHandle ENTRY =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.BIG_ENDIAN).varHandle();

    private final Storage storage;
    private final Geometry geometry;
    private final MemorySegment entries;
    private final IoVector vector = new IoVector(1);
    private long offset;
    private long entriesInFile;

    /** {@code entries}: whole clusters, aligned for direct writes; zeros behind the {@code entriesInFile} that the file has. */
    L1Table(Storage storage, Geometry geometry, MemorySegment entries, long offset, long entriesInFile) {
        this.storage = storage;
        this.geometry = geometry;
        this.entries = entries;
        this.offset = offset;
        this.entriesInFile = entriesInFile;
    }

    long get(long index) {
        return (long) ENTRY.getAcquire(entries, index * Long.BYTES);
    }

    /** How many entries the file has. */
    long entriesInFile() {
        return entriesInFile;
    }

    long offset() {
        return offset;
    }

    /** Sets an entry and writes it to the file: 0, or a negated errno and the entry is as it was. */
    long set(long index, long entry) {
        final long old = get(index);
        ENTRY.setRelease(entries, index * Long.BYTES, entry);
        final long from = index * Long.BYTES & -(long) geometry.sliceBytes();
        final long result = write(offset, from, geometry.sliceBytes());
        if (result != 0) {
            ENTRY.setRelease(entries, index * Long.BYTES, old);
        }
        return result;
    }

    /** How many entries there are in memory. */
    long entries() {
        return entries.byteSize() / Long.BYTES;
    }

    /** Clusters that all the entries in memory take up. */
    long clusters() {
        return entries.byteSize() >>> geometry.clusterBits();
    }

    /** Writes all entries to a new place: 0 or a negated errno. */
    long copyTo(long newOffset) {
        long result = 0;
        for (long done = 0; done < entries.byteSize() && result == 0; done += geometry.sliceBytes()) {
            result = write(newOffset, done, geometry.sliceBytes());
        }
        return result;
    }

    private long write(long place, long from, int lengthBytes) {
        vector.clear();
        vector.add(entries, from, lengthBytes);
        return storage.write(0, place + from, vector, 0);
    }

    /** From now on the table is there, as long as it is here. */
    void movedTo(long newOffset) {
        offset = newOffset;
        entriesInFile = entries();
    }
}
