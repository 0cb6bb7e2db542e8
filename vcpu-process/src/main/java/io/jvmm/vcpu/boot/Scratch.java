package io.jvmm.vcpu.boot;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Off-heap memory for one unpacking, given back at once. */
final class Scratch implements AutoCloseable {
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment segment;

    private Scratch(long bytes) {
        segment = arena.allocate(bytes, 8);
    }

    static Scratch allocate(long bytes) {
        return new Scratch(bytes);
    }

    MemorySegment segment() {
        return segment;
    }

    @Override
    public void close() {
        arena.close();
    }
}
