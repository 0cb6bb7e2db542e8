package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;

/**
 * The start of the first cluster, to be changed and written back: feature bits, places of tables. One sector holds all fields, so
 * fields that are stored together change together. With the metadata lock held.
 */
final class HeaderWriter {
    private final Storage storage;
    private final MemorySegment start;
    private final IoVector vector = new IoVector(1);

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
        return storage.write(0, 0, vector, 0);
    }
}
