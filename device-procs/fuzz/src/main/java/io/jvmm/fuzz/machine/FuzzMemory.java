package io.jvmm.fuzz.machine;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.MemFd;

/**
 * Guest memory of a fuzz machine: 96 KiB from 0 on, of which the upper third is for buffers that are to be far from the others. Cleared by one fill; that costs
 * less than knowing what was touched.
 */
final class FuzzMemory {
    static final int LOW_BYTES = 0x1_0000;
    static final int HIGH_BYTES = 0x8000;
    static final long HIGH = LOW_BYTES;

    private final GuestMemory memory;
    private final GuestMemory tapped;

    /** @param tape sees what the device does; what is done by way of this class nobody sees */
    FuzzMemory(FuzzTape tape) {
        try (MemFd fd = MemFd.createSealed("fuzz", LOW_BYTES + HIGH_BYTES)) {
            memory = GuestMemory.map(fd.fd(), LOW_BYTES + HIGH_BYTES);
        }
        tapped = memory.tapped(tape);
        tape.over(this);
    }

    /** The driver's view. */
    GuestMemory memory() {
        return memory;
    }

    /** The device's view. */
    GuestMemory tapped() {
        return tapped;
    }

    void clear() {
        memory.backing().fill((byte) 0);
    }

    /** What an input calls an address: all of memory, again and again. */
    static long address(int code) {
        return code % (LOW_BYTES + HIGH_BYTES);
    }

    /** Writes bytes; those behind the end go nowhere. */
    void write(int code, byte[] bytes, int from, int count) {
        long address = address(code);
        for (int i = 0; i < count; i++) {
            memory.put8(address + i, bytes[from + i]);
        }
    }

    /** Writes a byte at an offset. */
    void put(long offset, byte value) {
        memory.put8At(offset, value);
    }
}
