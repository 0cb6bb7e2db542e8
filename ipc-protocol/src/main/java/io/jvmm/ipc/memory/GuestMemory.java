package io.jvmm.ipc.memory;

import io.jvmm.ipc.sys.Fd;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** STUB: bodies follow. */
public final class GuestMemory implements AutoCloseable {
    /** Where RAM below 4 GiB ends and the hole for devices begins. */
    public static final long HOLE_START = 0xC000_0000L;
    /** Where the hole ends and RAM goes on. */
    public static final long HOLE_END = 0x1_0000_0000L;
    /** {@link #resolve}: no such memory. */
    public static final long INVALID = -1;

    private GuestMemory() {}

    /** A range of guest-physical addresses backed by memory. */
    public record Region(long guestPhysicalAddress, long lengthBytes, long offsetBytes) {}

    /** Regions of a machine with {@code memoryBytes} of RAM: up to 3 GiB low, the rest from 4 GiB. */
    public static List<Region> layout(long memoryBytes) {
        throw new UnsupportedOperationException();
    }

    /** Maps the RAM of a machine; the descriptor stays the caller's. */
    public static GuestMemory map(Fd memfd, long memoryBytes) {
        throw new UnsupportedOperationException();
    }

    public List<Region> regions() {
        throw new UnsupportedOperationException();
    }

    /** The host memory of a region. */
    public MemorySegment segment(Region region) {
        throw new UnsupportedOperationException();
    }

    /** Whether all of the range is memory of one region. */
    public boolean contains(long gpa, long lengthBytes) {
        return false;
    }

    /** Offset of the range in the backing memory, or {@link #INVALID}. */
    public long resolve(long gpa, long lengthBytes) {
        return INVALID;
    }

    public byte get8(long gpa, byte ifInvalid) {
        return ifInvalid;
    }

    public short get16(long gpa, short ifInvalid) {
        return ifInvalid;
    }

    public int get32(long gpa, int ifInvalid) {
        return ifInvalid;
    }

    public long get64(long gpa, long ifInvalid) {
        return ifInvalid;
    }

    public boolean put8(long gpa, byte value) {
        return false;
    }

    public boolean put16(long gpa, short value) {
        return false;
    }

    public boolean put32(long gpa, int value) {
        return false;
    }

    public boolean put64(long gpa, long value) {
        return false;
    }

    /** Guest to host. False, and nothing copied, when the range is not all memory. */
    public boolean copyOut(long gpa, MemorySegment target, long targetOffset, long lengthBytes) {
        return false;
    }

    /** Host to guest. False, and nothing copied, when the range is not all memory. */
    public boolean copyIn(long gpa, MemorySegment source, long sourceOffset, long lengthBytes) {
        return false;
    }

    public boolean fill(long gpa, long lengthBytes, byte value) {
        return false;
    }

    /** The range as a segment; throws IndexOutOfBoundsException: for loaders, never with an address a guest chose. */
    public MemorySegment slice(long gpa, long lengthBytes) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
