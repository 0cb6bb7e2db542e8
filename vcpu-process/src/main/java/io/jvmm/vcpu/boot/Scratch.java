package io.jvmm.vcpu.boot;

import io.jvmm.ipc.sys.Mapping;
import java.lang.foreign.MemorySegment;

/**
 * Memory for one unpacking: an anonymous mapping, so that only what is written costs memory, the heap limit does not
 * matter, and all of it is given back at once.
 */
final class Scratch implements AutoCloseable {
    private final Mapping mapping;

    private Scratch(Mapping mapping) {
        this.mapping = mapping;
    }

    /** Throws {@code SysException} when the host has not that much. */
    static Scratch allocate(long bytes) {
        return new Scratch(Mapping.anonymous(bytes));
    }

    MemorySegment segment() {
        return mapping.segment();
    }

    @Override
    public void close() {
        mapping.close();
    }
}
