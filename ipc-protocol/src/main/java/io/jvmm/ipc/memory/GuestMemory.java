package io.jvmm.ipc.memory;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SystemInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The guest's memory, or a device's share of it: regions of guest-physical addresses over one mapped memfd. Any thread;
 * accesses allocate nothing.
 *
 * <p>Addresses and lengths come from the guest and may be anything, read as unsigned 64-bit numbers: no sum overflows,
 * and no address a guest chose leads to an exception. Accesses by guest-physical address answer with a boolean or with a
 * value of the caller's choice. Code that touches a place again and again resolves it once: {@link #resolve} gives an
 * <em>offset</em> in the backing memory (never a host address), and the {@code …At} methods take offsets. An offset that
 * did not come from {@code resolve} is a bug of ours and throws {@link IndexOutOfBoundsException}.
 *
 * <p>What is read may change at any time, by the guest's other processors: read once into a local, then check, then use.
 * Values are little-endian; plain accesses need no alignment; acquire, release and atomic ones need their natural one,
 * and {@link #resolve} is where to check it.
 */
public final class GuestMemory implements AutoCloseable {
    /** Where RAM below 4 GiB ends and the hole for devices begins. */
    public static final long HOLE_START = 0xC000_0000L;
    /** Where the hole ends and RAM goes on. */
    public static final long HOLE_END = 0x1_0000_0000L;
    /** What {@link #resolve} gives for an address without memory. */
    public static final long INVALID = -1;
    /** Most regions of one memory. */
    public static final int MAX_REGIONS = 64;

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle ALIGNED_SHORT =
            ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle ALIGNED_INT =
            ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle ALIGNED_LONG =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    private final Mapping mapping;
    private final MemorySegment memory;
    private final @Nullable MemoryTap tap;
    private final List<Region> regions;
    private final long[] starts;
    private final long[] lengths;
    private final long[] offsets;
    private final long lengthBytes;

    /**
     * A range of guest-physical addresses backed by memory. All three are multiples of the page size.
     *
     * @param guestPhysicalAddress where it starts for the guest
     * @param lengthBytes positive
     * @param offsetBytes where it starts in the memfd
     */
    public record Region(long guestPhysicalAddress, long lengthBytes, long offsetBytes) {
        public Region {
            boolean aligned = ((guestPhysicalAddress | lengthBytes | offsetBytes) & (SystemInfo.PAGE_SIZE - 1)) == 0;
            boolean positive = guestPhysicalAddress >= 0 && offsetBytes >= 0 && lengthBytes > 0;
            if (!aligned || !positive || guestPhysicalAddress + lengthBytes < 0 || offsetBytes + lengthBytes < 0) {
                throw new IllegalArgumentException("region of guest memory: " + lengthBytes + " bytes at 0x"
                        + Long.toHexString(guestPhysicalAddress) + ", offset " + offsetBytes);
            }
        }

        private long end() {
            return guestPhysicalAddress + lengthBytes;
        }
    }

    private GuestMemory(Mapping mapping, List<Region> regions, @Nullable MemoryTap tap) {
        this.mapping = mapping;
        this.tap = tap;
        this.memory = mapping.segment();
        this.regions = List.copyOf(regions);
        this.starts = regions.stream().mapToLong(Region::guestPhysicalAddress).toArray();
        this.lengths = regions.stream().mapToLong(Region::lengthBytes).toArray();
        this.offsets = regions.stream().mapToLong(Region::offsetBytes).toArray();
        this.lengthBytes = Arrays.stream(lengths).sum();
    }

    /**
     * Regions of a machine: up to 3 GiB from address 0, the rest from 4 GiB on, one behind the other in the memfd.
     *
     * @param memoryBytes positive multiple of the page size
     */
    public static List<Region> layout(long memoryBytes) {
        if (memoryBytes <= HOLE_START) {
            return List.of(new Region(0, memoryBytes, 0));
        }
        return List.of(new Region(0, HOLE_START, 0), new Region(HOLE_END, memoryBytes - HOLE_START, HOLE_START));
    }

    /** Maps all the RAM of a machine; the descriptor stays the caller's. */
    public static GuestMemory map(Fd memfd, long memoryBytes) {
        return map(memfd, layout(memoryBytes));
    }

    /**
     * Maps the given regions for reading and writing; the descriptor stays the caller's.
     *
     * @throws IllegalArgumentException when regions overlap, are too many, or reach past the end of the memfd, or it is
     *     not sealed against changes of its size
     */
    public static GuestMemory map(Fd memfd, List<Region> regions) {
        List<Region> merged = merge(regions);
        long length = merged.stream()
                .mapToLong(region -> region.offsetBytes() + region.lengthBytes())
                .max()
                .orElseThrow();
        long available = FileIo.size(memfd);
        if (length > available) {
            throw new IllegalArgumentException(
                    "regions of guest memory need " + length + " bytes of a memfd of " + available);
        }
        if (!MemFd.of(memfd).hasSeals(MemFd.SEALS_FIXED_SIZE)) {
            throw new IllegalArgumentException(
                    "the memfd of guest memory is not sealed: whoever holds it could shrink it");
        }
        return new GuestMemory(Mapping.sharedNoReserve(memfd, 0, length, Mapping.Access.READ_WRITE), merged, null);
    }

    /** Sorted by address; neighbours that are neighbours in the memfd too become one. */
    private static List<Region> merge(List<Region> regions) {
        if (regions.isEmpty() || regions.size() > MAX_REGIONS) {
            throw new IllegalArgumentException("guest memory of " + regions.size() + " regions");
        }
        List<Region> sorted = new ArrayList<>(regions);
        sorted.sort(Comparator.comparingLong(Region::guestPhysicalAddress));
        List<Region> merged = new ArrayList<>();
        Region last = sorted.getFirst();
        for (Region region : sorted.subList(1, sorted.size())) {
            if (region.guestPhysicalAddress() < last.end()) {
                throw new IllegalArgumentException(
                        "regions of guest memory overlap at 0x" + Long.toHexString(region.guestPhysicalAddress()));
            }
            if (region.guestPhysicalAddress() == last.end()
                    && region.offsetBytes() == last.offsetBytes() + last.lengthBytes()) {
                last = new Region(
                        last.guestPhysicalAddress(), last.lengthBytes() + region.lengthBytes(), last.offsetBytes());
            } else {
                merged.add(last);
                last = region;
            }
        }
        merged.add(last);
        return merged;
    }

    /**
     * The same memory, each access of which {@code tap} sees. What is closed is the memory that was mapped. The methods that give values and ranges
     * are seen; {@link #fill}, which no device uses, and the segments are not.
     */
    public GuestMemory tapped(MemoryTap tap) {
        return new GuestMemory(mapping, regions, tap);
    }

    /** The same memory without a tap: for payload moved by a thread that a tap does not know. */
    public GuestMemory untapped() {
        return tap == null ? this : new GuestMemory(mapping, regions, null);
    }

    /** The regions, sorted by address. */
    public List<Region> regions() {
        return regions;
    }

    /** The host memory of a region: for the engine that maps it into the guest. */
    public MemorySegment segment(Region region) {
        return memory.asSlice(region.offsetBytes(), region.lengthBytes());
    }

    /** Bytes of memory in all regions. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** Whether all of the range is memory, in one region. An empty range is nowhere. */
    public boolean contains(long gpa, long lengthBytes) {
        return resolve(gpa, lengthBytes) != INVALID;
    }

    /**
     * Finds a range of guest-physical addresses.
     *
     * @param gpa any 64-bit number
     * @param lengthBytes any 64-bit number; ranges that are empty or too long are nowhere
     * @return its offset for the {@code …At} methods, or {@link #INVALID} unless all of it is memory of one region
     */
    public long resolve(long gpa, long lengthBytes) {
        for (int i = 0; i < starts.length; i++) {
            long into = gpa - starts[i];
            // Both comparisons hold for any 64-bit numbers: a negative one is an unsigned one beyond every length.
            if (into >= 0 && into < lengths[i]) {
                return lengthBytes > 0 && lengthBytes <= lengths[i] - into ? offsets[i] + into : INVALID;
            }
        }
        return INVALID;
    }

    /** How many bytes from {@code gpa} on are memory of one region; 0 when none is. */
    public long lengthAt(long gpa) {
        for (int i = 0; i < starts.length; i++) {
            long into = gpa - starts[i];
            if (into >= 0 && into < lengths[i]) {
                return lengths[i] - into;
            }
        }
        return 0;
    }

    public byte get8(long gpa, byte ifInvalid) {
        long at = resolve(gpa, Byte.BYTES);
        return at == INVALID ? ifInvalid : get8At(at);
    }

    public short get16(long gpa, short ifInvalid) {
        long at = resolve(gpa, Short.BYTES);
        return at == INVALID ? ifInvalid : get16At(at);
    }

    public int get32(long gpa, int ifInvalid) {
        long at = resolve(gpa, Integer.BYTES);
        return at == INVALID ? ifInvalid : get32At(at);
    }

    public long get64(long gpa, long ifInvalid) {
        long at = resolve(gpa, Long.BYTES);
        return at == INVALID ? ifInvalid : get64At(at);
    }

    /** False, and nothing written, when there is no such memory; so for all {@code put} methods. */
    public boolean put8(long gpa, byte value) {
        long at = resolve(gpa, Byte.BYTES);
        if (at == INVALID) {
            return false;
        }
        put8At(at, value);
        return true;
    }

    public boolean put16(long gpa, short value) {
        long at = resolve(gpa, Short.BYTES);
        if (at == INVALID) {
            return false;
        }
        put16At(at, value);
        return true;
    }

    public boolean put32(long gpa, int value) {
        long at = resolve(gpa, Integer.BYTES);
        if (at == INVALID) {
            return false;
        }
        put32At(at, value);
        return true;
    }

    public boolean put64(long gpa, long value) {
        long at = resolve(gpa, Long.BYTES);
        if (at == INVALID) {
            return false;
        }
        put64At(at, value);
        return true;
    }

    /** Guest to host. False, and nothing copied, when the range is not all memory of one region. */
    public boolean copyOut(long gpa, MemorySegment target, long targetOffset, long lengthBytes) {
        long at = resolve(gpa, lengthBytes);
        if (at == INVALID) {
            return false;
        }
        copyOutAt(at, target, targetOffset, lengthBytes);
        return true;
    }

    /** Host to guest. False, and nothing copied, when the range is not all memory of one region. */
    public boolean copyIn(long gpa, MemorySegment source, long sourceOffset, long lengthBytes) {
        long at = resolve(gpa, lengthBytes);
        if (at == INVALID) {
            return false;
        }
        copyInAt(at, source, sourceOffset, lengthBytes);
        return true;
    }

    /** False, and nothing written, when the range is not all memory of one region. */
    public boolean fill(long gpa, long lengthBytes, byte value) {
        long at = resolve(gpa, lengthBytes);
        if (at == INVALID) {
            return false;
        }
        memory.asSlice(at, lengthBytes).fill(value);
        return true;
    }

    /**
     * The range as a segment, for loaders and for I/O straight into guest memory. Allocates.
     *
     * @throws IndexOutOfBoundsException when it is not all memory of one region: check with {@link #contains} first if
     *     the guest chose the address
     */
    public MemorySegment slice(long gpa, long lengthBytes) {
        long at = resolve(gpa, lengthBytes);
        if (at == INVALID) {
            throw new IndexOutOfBoundsException(
                    "no guest memory at 0x" + Long.toHexString(gpa) + ", " + lengthBytes + " bytes");
        }
        return memory.asSlice(at, lengthBytes);
    }

    /**
     * All of the backing memory, for reads and writes of files straight into it: offsets are those of {@link #resolve}, and
     * so are the bounds. Nothing else may be done with it.
     */
    public MemorySegment backing() {
        return memory;
    }

    /**
     * Gives pages back to the host: they read as zeros from now on, for the guest too, and take no memory of the host until
     * they are touched again.
     *
     * @param offset of {@link #resolve}, page-aligned
     * @param lengthBytes a multiple of the page size, inside the range that was resolved
     * @return 0 or a negated errno
     */
    public long discardAt(long offset, long lengthBytes) {
        if (tap == null) {
            return mapping.tryRemove(offset, lengthBytes);
        }
        long result = tap.memoryIsLive() ? mapping.tryRemove(offset, lengthBytes) : 0;
        return tap.discarded(offset, lengthBytes, result);
    }

    /** Guest to host, from an offset. */
    public void copyOutAt(long offset, MemorySegment target, long targetOffset, long lengthBytes) {
        MemorySegment.copy(memory, offset, target, targetOffset, lengthBytes);
        if (tap != null) {
            tap.copiedOut(offset, target, targetOffset, lengthBytes);
        }
    }

    /** Host to guest, at an offset. */
    public void copyInAt(long offset, MemorySegment source, long sourceOffset, long lengthBytes) {
        MemorySegment.copy(source, sourceOffset, memory, offset, lengthBytes);
        if (tap != null) {
            tap.copiedIn(offset, source, sourceOffset, lengthBytes);
        }
    }

    public byte get8At(long offset) {
        byte value = memory.get(BYTE, offset);
        return tap == null ? value : (byte) tap.read(offset, Byte.BYTES, value & 0xFF);
    }

    public short get16At(long offset) {
        short value = memory.get(SHORT, offset);
        return tap == null ? value : (short) tap.read(offset, Short.BYTES, value & 0xFFFF);
    }

    public int get32At(long offset) {
        int value = memory.get(INT, offset);
        return tap == null ? value : (int) tap.read(offset, Integer.BYTES, value & 0xFFFF_FFFFL);
    }

    public long get64At(long offset) {
        long value = memory.get(LONG, offset);
        return tap == null ? value : tap.read(offset, Long.BYTES, value);
    }

    public void put8At(long offset, byte value) {
        memory.set(BYTE, offset, value);
        if (tap != null) {
            tap.written(offset, Byte.BYTES, value);
        }
    }

    public void put16At(long offset, short value) {
        memory.set(SHORT, offset, value);
        if (tap != null) {
            tap.written(offset, Short.BYTES, value);
        }
    }

    public void put32At(long offset, int value) {
        memory.set(INT, offset, value);
        if (tap != null) {
            tap.written(offset, Integer.BYTES, value);
        }
    }

    public void put64At(long offset, long value) {
        memory.set(LONG, offset, value);
        if (tap != null) {
            tap.written(offset, Long.BYTES, value);
        }
    }

    /** Reads so that nothing that follows is read earlier: an available index, for example. Aligned. */
    public short get16AcquireAt(long offset) {
        short value = (short) ALIGNED_SHORT.getAcquire(memory, offset);
        return tap == null ? value : (short) tap.read(offset, Short.BYTES, value & 0xFFFF);
    }

    /** Writes so that everything before is visible first: a used index, for example. Aligned. */
    public void put16ReleaseAt(long offset, short value) {
        ALIGNED_SHORT.setRelease(memory, offset, value);
        if (tap != null) {
            tap.written(offset, Short.BYTES, value);
        }
    }

    /** Aligned. */
    public int get32AcquireAt(long offset) {
        int value = (int) ALIGNED_INT.getAcquire(memory, offset);
        return tap == null ? value : (int) tap.read(offset, Integer.BYTES, value & 0xFFFF_FFFFL);
    }

    /** Aligned. */
    public void put32ReleaseAt(long offset, int value) {
        ALIGNED_INT.setRelease(memory, offset, value);
        if (tap != null) {
            tap.written(offset, Integer.BYTES, value);
        }
    }

    /** Aligned. */
    public long get64AcquireAt(long offset) {
        long value = (long) ALIGNED_LONG.getAcquire(memory, offset);
        return tap == null ? value : tap.read(offset, Long.BYTES, value);
    }

    /** Aligned. */
    public void put64ReleaseAt(long offset, long value) {
        ALIGNED_LONG.setRelease(memory, offset, value);
        if (tap != null) {
            tap.written(offset, Long.BYTES, value);
        }
    }

    /** Sets bits atomically and gives the former value. Aligned. */
    public int getAndBitwiseOr32At(long offset, int bits) {
        int before = (int) ALIGNED_INT.getAndBitwiseOr(memory, offset, bits);
        if (tap == null) {
            return before;
        }
        int seen = (int) tap.read(offset, Integer.BYTES, before & 0xFFFF_FFFFL);
        tap.written(offset, Integer.BYTES, seen | bits);
        return seen;
    }

    /** Replaces {@code expected} by {@code value} atomically; false when something else was there. Aligned. */
    public boolean compareAndSet32At(long offset, int expected, int value) {
        if (tap == null) {
            return ALIGNED_INT.compareAndSet(memory, offset, expected, value);
        }
        int before = (int) ALIGNED_INT.compareAndExchange(memory, offset, expected, value);
        boolean done = tap.read(offset, Integer.BYTES, before & 0xFFFF_FFFFL) == (expected & 0xFFFF_FFFFL);
        if (done) {
            tap.written(offset, Integer.BYTES, value);
        }
        return done;
    }

    /** Replaces {@code expected} by {@code value} atomically; false when something else was there. Aligned. */
    public boolean compareAndSet64At(long offset, long expected, long value) {
        if (tap == null) {
            return ALIGNED_LONG.compareAndSet(memory, offset, expected, value);
        }
        long before = (long) ALIGNED_LONG.compareAndExchange(memory, offset, expected, value);
        boolean done = tap.read(offset, Long.BYTES, before) == expected;
        if (done) {
            tap.written(offset, Long.BYTES, value);
        }
        return done;
    }

    /** Unmaps. No access may follow or be under way. */
    @Override
    public void close() {
        mapping.close();
    }
}
