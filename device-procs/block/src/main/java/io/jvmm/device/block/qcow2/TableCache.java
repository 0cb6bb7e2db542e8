package io.jvmm.device.block.qcow2;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Slices of tables (L2 tables, refcount blocks) as they are in the file, in a fixed amount of memory outside the heap. Never dirty:
 * a change is stored in the file by the call that makes it, so a slice may be dropped at any time.
 *
 * <p>{@link #read} may be called by any thread without a lock: every slot has a version that is odd while the slot changes
 * and other than before when it has changed. Everything else is called with the image's metadata lock held.
 */
final class TableCache {
    private static final VarHandle VERSION = MethodHandles.arrayElementVarHandle(int[].class);
    private static final ValueLayout.OfLong ENTRY = ValueLayout.JAVA_LONG.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int WAYS = 8;
    private static final long NONE = -1;
    /** An odd multiplier with well-spread bits (2 to the power of 64 divided by the golden ratio). */
    private static final long SPREAD = 0x9E37_79B9_7F4A_7C15L;

    private final Storage storage;
    private final int sliceBytes;
    private final int setBits;
    private final MemorySegment memory;
    private final MemorySegment zeros;
    private final long[] tags;
    private final int[] versions;
    /** Whether a slot was used since the hand of its set came by last. */
    private final boolean[] used;

    private final int[] hands;
    private final IoVector vector = new IoVector(1);

    /** {@code bytes}: how much memory, rounded to a power of two sets of eight slices. */
    TableCache(Storage storage, int sliceBytes, int bytes) {
        this.storage = storage;
        this.sliceBytes = sliceBytes;
        final int sets = Integer.highestOneBit(Math.max(1, bytes / sliceBytes / WAYS));
        setBits = Integer.numberOfTrailingZeros(sets);
        final int slots = sets * WAYS;
        memory = Arena.ofAuto().allocate((long) slots * sliceBytes, Geometry.MOST_SLICE_BYTES);
        zeros = Arena.ofAuto().allocate(sliceBytes);
        tags = new long[slots];
        Arrays.fill(tags, NONE);
        versions = new int[slots];
        used = new boolean[slots];
        hands = new int[sets];
    }

    /**
     * Copies an entry to {@code lane}: one word, or two of an extended table.
     *
     * @return false when the slice is not here, or just changing
     */
    boolean read(long sliceOffset, int at, boolean two, Lane lane) {
        final int first = firstSlot(sliceOffset);
        for (int slot = first; slot < first + WAYS; slot++) {
            if (tags[slot] != sliceOffset) {
                continue;
            }
            final int version = (int) VERSION.getAcquire(versions, slot);
            final long place = (long) slot * sliceBytes + at;
            final boolean mine = tags[slot] == sliceOffset;
            final long word = memory.get(ENTRY, place);
            final long second = two ? memory.get(ENTRY, place + Long.BYTES) : 0;
            VarHandle.acquireFence();
            if (!mine || (version & 1) != 0 || (int) VERSION.getOpaque(versions, slot) != version) {
                return false;
            }
            lane.descriptor = word;
            lane.bitmap = second;
            if (!used[slot]) {
                used[slot] = true;
            }
            return true;
        }
        return false;
    }

    /** The slot that holds the slice, read from the file if need be; or a negated errno. A slice beyond the file's end is none. */
    int slot(long sliceOffset) {
        final int present = find(sliceOffset);
        if (present >= 0) {
            return present;
        }
        final int slot = evict(sliceOffset);
        begin(slot);
        tags[slot] = NONE;
        vector.clear();
        vector.add(memory, (long) slot * sliceBytes, sliceBytes);
        final long count = storage.read(0, sliceOffset, vector, 0);
        if (count > 0) {
            vector.zero(vector.lengthBytes());
            tags[slot] = sliceOffset;
        }
        end(slot);
        if (count <= 0) {
            return count < 0 ? (int) count : -Errno.EIO.number();
        }
        return slot;
    }

    /** Forgets what lies in a range of the file: it is about to hold something else. */
    void forget(long offset, long lengthBytes) {
        for (long slice = offset; slice < offset + lengthBytes; slice += sliceBytes) {
            final int slot = find(slice);
            if (slot >= 0) {
                begin(slot);
                tags[slot] = NONE;
                end(slot);
            }
        }
    }

    /** A slot for a slice that is about to be written, whatever the file has there: all zeros, {@link #begin} done. */
    int blank(long sliceOffset) {
        final int present = find(sliceOffset);
        final int slot = present >= 0 ? present : evict(sliceOffset);
        begin(slot);
        tags[slot] = sliceOffset;
        memory.asSlice((long) slot * sliceBytes, sliceBytes).fill((byte) 0);
        return slot;
    }

    private int find(long sliceOffset) {
        final int first = firstSlot(sliceOffset);
        for (int slot = first; slot < first + WAYS; slot++) {
            if (tags[slot] == sliceOffset) {
                used[slot] = true;
                return slot;
            }
        }
        return -1;
    }

    private int firstSlot(long sliceOffset) {
        final long spread = sliceOffset / Geometry.SECTOR_BYTES * SPREAD;
        return setBits == 0 ? 0 : (int) (spread >>> (Long.SIZE - setBits)) * WAYS;
    }

    /** The clock: the next slot of the set that nobody used since the hand was there. */
    private int evict(long sliceOffset) {
        final int first = firstSlot(sliceOffset);
        final int set = first / WAYS;
        for (int i = 0; i < WAYS; i++) {
            final int slot = first + hands[set];
            hands[set] = (hands[set] + 1) % WAYS;
            if (!used[slot]) {
                used[slot] = true;
                return slot;
            }
            used[slot] = false;
        }
        final int slot = first + hands[set];
        hands[set] = (hands[set] + 1) % WAYS;
        used[slot] = true;
        return slot;
    }

    /** Readers look elsewhere from here to {@link #end} or {@link #store}. */
    void begin(int slot) {
        VERSION.setOpaque(versions, slot, versions[slot] + 1);
        VarHandle.fullFence();
    }

    void end(int slot) {
        VERSION.setRelease(versions, slot, versions[slot] + 1);
    }

    /** The word at {@code at} of a slot. */
    long get(int slot, int at) {
        return memory.get(ENTRY, (long) slot * sliceBytes + at);
    }

    /** Between {@link #begin} and {@link #end} or {@link #store}. */
    void set(int slot, int at, long value) {
        memory.set(ENTRY, (long) slot * sliceBytes + at, value);
    }

    /** Where the first byte is that is not 0, from {@code at} on; the slice's length where there is none. */
    int nextUsed(int slot, int at) {
        final long from = (long) slot * sliceBytes + at;
        final long end = (long) (slot + 1) * sliceBytes;
        final long found = MemorySegment.mismatch(memory, from, end, zeros, at, sliceBytes);
        return found < 0 ? sliceBytes : at + (int) found;
    }

    /** Between {@link #begin} and {@link #store}: zeros from {@code at} to {@code end}. */
    void clear(int slot, int at, int end) {
        memory.asSlice((long) slot * sliceBytes + at, end - at).fill((byte) 0);
    }

    int getByte(int slot, int at) {
        return memory.get(ValueLayout.JAVA_BYTE, (long) slot * sliceBytes + at) & 0xFF;
    }

    void setByte(int slot, int at, int value) {
        memory.set(ValueLayout.JAVA_BYTE, (long) slot * sliceBytes + at, (byte) value);
    }

    /**
     * {@link #end}, with the slot written to the file first: nobody acts on an entry that the file does not have yet, or never
     * will. 0 or a negated errno, after which the slot is forgotten, since nobody knows what the file holds.
     */
    long store(int slot) {
        vector.clear();
        vector.add(memory, (long) slot * sliceBytes, sliceBytes);
        final long result = storage.write(0, tags[slot], vector, 0);
        if (result != 0) {
            tags[slot] = NONE;
        }
        end(slot);
        return result;
    }
}
