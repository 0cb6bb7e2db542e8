package io.jvmm.device.virtio.rig;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/** Guest-physical memory for a driver to hand out: sizes are rounded up to powers of two, pieces are used again. */
public final class RigArena {
    private static final int LEAST_BYTES = 64;

    private final long start;
    private final long end;
    private long next;
    private final Map<Long, Deque<Long>> free = new HashMap<>();

    /** From guest-physical address {@code start} to {@code end}. */
    public RigArena(long start, long end) {
        this.start = start;
        this.end = end;
        this.next = start;
    }

    /** Forgets all that was handed out. */
    public void clear() {
        next = start;
        free.clear();
    }

    private static long rounded(long lengthBytes) {
        long size = LEAST_BYTES;
        while (size < lengthBytes) {
            size <<= 1;
        }
        return size;
    }

    /** A piece aligned to its size, up to a page. */
    public long allocate(long lengthBytes) {
        long size = rounded(lengthBytes);
        Deque<Long> known = free.get(size);
        if (known != null && !known.isEmpty()) {
            return known.pop();
        }
        long alignment = Math.min(size, 4096);
        long at = next + alignment - 1 & -alignment;
        if (at + size > end) {
            throw new IllegalStateException("the rig's guest memory is full: " + size + " bytes at " + at);
        }
        next = at + size;
        return at;
    }

    /** Gives a piece back. */
    public void free(long address, long lengthBytes) {
        free.computeIfAbsent(rounded(lengthBytes), size -> new ArrayDeque<>()).push(address);
    }
}
