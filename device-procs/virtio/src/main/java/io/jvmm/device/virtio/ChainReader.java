package io.jvmm.device.virtio;

import io.jvmm.ipc.memory.GuestMemory;
import org.jspecify.annotations.Nullable;

/**
 * Turns descriptors into the segments of a {@link Chain}, for rings of both formats. Each descriptor is read once, as two words,
 * and only the copies are looked at, so it does not matter when the driver changes it. Device thread; allocates nothing.
 */
final class ChainReader {
    static final int DESCRIPTOR_BYTES = 16;

    /** Flags of a descriptor (§2.7.5, §2.8). */
    static final int NEXT = 1;

    static final int WRITE = 2;
    static final int INDIRECT = 4;

    /** Most descriptors of an indirect table. */
    static final int MOST_INDIRECT = 1024;

    static final long U32 = 0xFFFF_FFFFL;
    private static final long MOST_BYTES = 1L << 32;

    private final GuestMemory memory;
    private long totalBytes;

    ChainReader(GuestMemory memory) {
        this.memory = memory;
    }

    /** A new chain begins. */
    void begin() {
        totalBytes = 0;
    }

    /**
     * Adds a descriptor's buffer.
     *
     * @param lengthBytes u32
     * @return what is wrong with it, or null
     */
    @Nullable
    VirtioError append(Chain into, long gpa, long lengthBytes, boolean writable) {
        totalBytes += lengthBytes;
        if (lengthBytes > Integer.MAX_VALUE || totalBytes > MOST_BYTES) {
            return VirtioError.LENGTH;
        }
        long offset = lengthBytes == 0 ? 0 : memory.resolve(gpa, lengthBytes);
        if (offset == GuestMemory.INVALID) {
            return VirtioError.BUFFER_ADDRESS;
        }
        if (!writable && into.readableCount() != into.count()) {
            return VirtioError.ORDER;
        }
        return into.append(offset, (int) lengthBytes, writable) ? null : VirtioError.TOO_MANY_SEGMENTS;
    }

    /** An indirect table of a split ring (§2.7.5.3): linked by next, from its first descriptor on. */
    @Nullable
    VirtioError appendSplitTable(Chain into, long gpa, long lengthBytes) {
        long table = table(gpa, lengthBytes);
        if (table < 0) {
            return VirtioError.INDIRECT;
        }
        int entries = (int) (lengthBytes / DESCRIPTOR_BYTES);
        int index = 0;
        for (int count = 0; count < entries; count++) {
            long address = memory.get64At(table + (long) index * DESCRIPTOR_BYTES);
            long rest = memory.get64At(table + (long) index * DESCRIPTOR_BYTES + Long.BYTES);
            int flags = (int) (rest >>> 32) & 0xFFFF;
            if ((flags & INDIRECT) != 0) {
                return VirtioError.INDIRECT;
            }
            VirtioError error = append(into, address, rest & U32, (flags & WRITE) != 0);
            if (error != null || (flags & NEXT) == 0) {
                return error;
            }
            index = (int) (rest >>> 48);
            if (index >= entries) {
                return VirtioError.NEXT;
            }
        }
        return VirtioError.CHAIN_LOOP;
    }

    /** An indirect table of a packed ring (§2.8.8): all of its descriptors, one behind the other. */
    @Nullable
    VirtioError appendPackedTable(Chain into, long gpa, long lengthBytes) {
        long table = table(gpa, lengthBytes);
        if (table < 0) {
            return VirtioError.INDIRECT;
        }
        int entries = (int) (lengthBytes / DESCRIPTOR_BYTES);
        VirtioError error = null;
        for (int index = 0; index < entries && error == null; index++) {
            long address = memory.get64At(table + (long) index * DESCRIPTOR_BYTES);
            long rest = memory.get64At(table + (long) index * DESCRIPTOR_BYTES + Long.BYTES);
            int flags = (int) (rest >>> 48);
            error = (flags & INDIRECT) != 0
                    ? VirtioError.INDIRECT
                    : append(into, address, rest & U32, (flags & WRITE) != 0);
        }
        return error;
    }

    private long table(long gpa, long lengthBytes) {
        boolean whole = lengthBytes % DESCRIPTOR_BYTES == 0
                && lengthBytes > 0
                && lengthBytes <= (long) MOST_INDIRECT * DESCRIPTOR_BYTES;
        return whole ? memory.resolve(gpa, lengthBytes) : GuestMemory.INVALID;
    }
}
