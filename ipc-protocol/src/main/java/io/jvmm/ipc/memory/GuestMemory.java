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

    private GuestMemory(Mapping mapping, List<Region> regions) {
        this.mapping = mapping;
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
        return new GuestMemory(Mapping.sharedNoReserve(memfd, 0, length, Mapping.Access.READ_WRITE), merged);
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
        return at == INVALID ? ifInvalid : memory.get(BYTE, at);
    }

    public short get16(long gpa, short ifInvalid) {
        long at = resolve(gpa, Short.BYTES);
        return at == INVALID ? ifInvalid : memory.get(SHORT, at);
    }

    public int get32(long gpa, int ifInvalid) {
        long at = resolve(gpa, Integer.BYTES);
        return at == INVALID ? ifInvalid : memory.get(INT, at);
    }

    public long get64(long gpa, long ifInvalid) {
        long at = resolve(gpa, Long.BYTES);
        return at == INVALID ? ifInvalid : memory.get(LONG, at);
    }

    /** False, and nothing written, when there is no such memory; so for all {@code put} methods. */
    public boolean put8(long gpa, byte value) {
        long at = resolve(gpa, Byte.BYTES);
        if (at == INVALID) {
            return false;
        }
        memory.set(BYTE, at, value);
        return true;
    }

    public boolean put16(long gpa, short value) {
        long at = resolve(gpa, Short.BYTES);
        if (at == INVALID) {
            return false;
        }
        memory.set(SHORT, at, value);
        return true;
    }

    public boolean put32(long gpa, int value) {
        long at = resolve(gpa, Integer.BYTES);
        if (at == INVALID) {
            return false;
        }
        memory.set(INT, at, value);
        return true;
    }

    public boolean put64(long gpa, long value) {
        long at = resolve(gpa, Long.BYTES);
        if (at == INVALID) {
            return false;
        }
        memory.set(LONG, at, value);
        return true;
    }

    /** Guest to host. False, and nothing copied, when the range is not all memory of one region. */
    public boolean copyOut(long gpa, MemorySegment target, long targetOffset, long lengthBytes) {
        long at = resolve(gpa, lengthBytes);
        if (at == INVALID) {
            return false;
        }
        MemorySegment.copy(memory, at, target, targetOffset, lengthBytes);
        return true;
    }

    /** Host to guest. False, and nothing copied, when the range is not all memory of one region. */
    public boolean copyIn(long gpa, MemorySegment source, long sourceOffset, long lengthBytes) {
        long at = resolve(gpa, lengthBytes);
        if (at == INVALID) {
            return false;
        }
        MemorySegment.copy(source, sourceOffset, memory, at, lengthBytes);
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
        return mapping.tryRemove(offset, lengthBytes);
    }

    /** Guest to host, from an offset. */
    public void copyOutAt(long offset, MemorySegment target, long targetOffset, long lengthBytes) {
        MemorySegment.copy(memory, offset, target, targetOffset, lengthBytes);
    }

    /** Host to guest, at an offset. */
    public void copyInAt(long offset, MemorySegment source, long sourceOffset, long lengthBytes) {
        MemorySegment.copy(source, sourceOffset, memory, offset, lengthBytes);
    }

    public byte get8At(long offset) {
        return memory.get(BYTE, offset);
    }

    public short get16At(long offset) {
        return memory.get(SHORT, offset);
    }

    public int get32At(long offset) {
        return memory.get(INT, offset);
    }

    public long get64At(long offset) {
        return memory.get(LONG, offset);
    }

    public void put8At(long offset, byte value) {
        memory.set(BYTE, offset, value);
    }

    public void put16At(long offset, short value) {
        memory.set(SHORT, offset, value);
    }

    public void put32At(long offset, int value) {
        memory.set(INT, offset, value);
    }

    public void put64At(long offset, long value) {
        memory.set(LONG, offset, value);
    }

    /** Reads so that nothing that follows is read earlier: an available index, for example. Aligned. */
    public short get16AcquireAt(long offset) {
        return (short) ALIGNED_SHORT.getAcquire(memory, offset);
    }

    /** Writes so that everything before is visible first: a used index, for example. Aligned. */
    public void put16ReleaseAt(long offset, short value) {
        ALIGNED_SHORT.setRelease(memory, offset, value);
    }

    /** Aligned. */
    public int get32AcquireAt(long offset) {
        return (int) ALIGNED_INT.getAcquire(memory, offset);
    }

    /** Aligned. */
    public void put32ReleaseAt(long offset, int value) {
        ALIGNED_INT.setRelease(memory, offset, value);
    }

    /** Aligned. */
    public long get64AcquireAt(long offset) {
        return (long) ALIGNED_LONG.getAcquire(memory, offset);
    }

    /** Aligned. */
    public void put64ReleaseAt(long offset, long value) {
        ALIGNED_LONG.setRelease(memory, offset, value);
    }

    /** Sets bits atomically and gives the former value. Aligned. */
    public int getAndBitwiseOr32At(long offset, int bits) {
        return (int) ALIGNED_INT.getAndBitwiseOr(memory, offset, bits);
    }

    /** Replaces {@code expected} by {@code value} atomically; false when something else was there. Aligned. */
    public boolean compareAndSet32At(long offset, int expected, int value) {
        return ALIGNED_INT.compareAndSet(memory, offset, expected, value);
    }

    /** Replaces {@code expected} by {@code value} atomically; false when something else was there. Aligned. */
    public boolean compareAndSet64At(long offset, long expected, long value) {
        return ALIGNED_LONG.compareAndSet(memory, offset, expected, value);
    }

    /** Unmaps. No access may follow or be under way. */
    @Override
    public void close() {
        mapping.close();
    }
}
