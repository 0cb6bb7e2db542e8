package io.jvmm.device.virtio.rig;

import io.jvmm.ipc.memory.MemoryTap;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Counts what a device fetches from guest memory: who looks at the same byte twice may see two values. Whatever is copied out of a buffer must not be
 * copied a second time in one transaction; a driver that hands out overlapping buffers is not for this.
 */
public final class FetchTap implements MemoryTap {
    private final MemoryTap behind;
    private final List<long[]> all = new ArrayList<>();
    private final List<long[]> ofThisCall = new ArrayList<>();

    FetchTap(MemoryTap behind) {
        this.behind = behind;
    }

    /** A transaction begins. */
    void begin() {
        ofThisCall.clear();
    }

    /** Begins to count anew. */
    public void forget() {
        all.clear();
    }

    /** How often any byte of a range was read. */
    public int times(long offset, long lengthBytes) {
        int times = 0;
        for (long[] range : all) {
            times += overlap(range, offset, lengthBytes) ? 1 : 0;
        }
        return times;
    }

    private static boolean overlap(long[] range, long offset, long lengthBytes) {
        return Math.max(range[0], offset) < Math.min(range[0] + range[1], offset + lengthBytes);
    }

    @Override
    public boolean memoryIsLive() {
        return behind.memoryIsLive();
    }

    @Override
    public long read(long offset, int widthBytes, long value) {
        all.add(new long[] {offset, widthBytes});
        return behind.read(offset, widthBytes, value);
    }

    @Override
    public void written(long offset, int widthBytes, long value) {
        behind.written(offset, widthBytes, value);
    }

    @Override
    public void copiedOut(long offset, MemorySegment target, long targetOffset, long lengthBytes) {
        for (long[] range : ofThisCall) {
            if (overlap(range, offset, lengthBytes)) {
                throw new AssertionError("fetched twice: " + lengthBytes + " bytes at 0x" + Long.toHexString(offset)
                        + ", and " + range[1] + " at 0x" + Long.toHexString(range[0]));
            }
        }
        ofThisCall.add(new long[] {offset, lengthBytes});
        all.add(new long[] {offset, lengthBytes});
        behind.copiedOut(offset, target, targetOffset, lengthBytes);
    }

    @Override
    public void copiedIn(long offset, MemorySegment source, long sourceOffset, long lengthBytes) {
        behind.copiedIn(offset, source, sourceOffset, lengthBytes);
    }

    @Override
    public long discarded(long offset, long lengthBytes, long result) {
        return behind.discarded(offset, lengthBytes, result);
    }
}
