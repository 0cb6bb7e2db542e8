package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;

/**
 * The start of the first cluster, to be changed and written back: feature bits, places of tables. One sector holds all fields, so
 * fields that are stored together change together. With the metadata lock held.
 *
 * <p>After a write that failed nobody knows which header the file has. Who wanted the change takes it back here, and before any
 * table changes again {@link #settle} brings the file back to that: else it might name tables that nobody keeps up to date.
 */
final class HeaderWriter {
    private final Storage storage;
    private final MemorySegment start;
    private final IoVector vector = new IoVector(1);
    private boolean unsure;

    /** {@code start}: what the file begins with, a slice long, aligned for direct writes. */
    HeaderWriter(Storage storage, MemorySegment start) {
        this.storage = storage;
        this.start = start;
    }

    long get(HeaderField field) {
        return field.get(start);
    }

    void set(HeaderField field, long value) {
        field.set(start, value);
    }

    /** Writes it: 0 or a negated errno. */
    long store() {
        vector.clear();
        vector.add(start, 0, start.byteSize());
        final long result = storage.write(0, 0, vector, 0);
        unsure = result != 0;
        return result;
    }

    /** Sees to it that medium and memory have the same header after a failure: 0 or a negated errno. */
    long settle() {
        if (!unsure) {
            return 0;
        }
        long result = store();
        if (result == 0) {
            result = storage.sync();
            unsure = result != 0;
        }
        return result;
    }
}
