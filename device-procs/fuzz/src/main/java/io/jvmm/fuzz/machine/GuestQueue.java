package io.jvmm.fuzz.machine;

import io.jvmm.ipc.memory.GuestMemory;
import java.util.Arrays;

/**
 * A driver's side of one virtqueue, split (virtio 1.2 §2.7) or packed (§2.8), and what it knows of its buffers: which are with the device and how much of each
 * may be written. As long as nobody else has meddled with its rings, what comes back is held against that.
 *
 * <pre>
 *   at base   0 descriptors or packed ring   0x100 driver area   0x180 device area
 * </pre>
 */
final class GuestQueue {
    static final int STRIDE = 0x400;
    static final int MOST_SIZE = 16;
    private static final int DRIVER_AREA = 0x100;
    private static final int DEVICE_AREA = 0x180;
    private static final int DESCRIPTOR_BYTES = 16;

    static final int F_NEXT = 1;
    static final int F_WRITE = 2;
    static final int F_INDIRECT = 4;
    private static final int F_AVAIL = 1 << 7;
    private static final int F_USED = 1 << 15;
    private static final int NO_INTERRUPT = 1;
    private static final int NOBODY = -1;

    private final GuestMemory memory;
    private final int index;
    private final long base;
    /** By head or buffer id: bytes the device may write, or {@link #NOBODY} while it is the driver's. */
    private final long[] writable = new long[MOST_SIZE];
    /** By head or buffer id: how many descriptors it takes. */
    private final int[] taken = new int[MOST_SIZE];
    /** Split: which head a descriptor belongs to. */
    private final int[] owner = new int[MOST_SIZE];

    private boolean packed;
    private boolean eventIndex;
    private int size;
    private int freeDescriptors;
    private int outstanding;
    /** So many came back in this case. */
    int returned;

    private int available;
    private int used;
    private boolean availableWrap;
    private boolean usedWrap;
    private boolean ready;
    private boolean meddled;
    /** So many of them are not shown to the device yet. */
    private int hidden;

    private long hiddenFirst;
    private int hiddenFlags;

    GuestQueue(GuestMemory memory, int index) {
        this.memory = memory;
        this.index = index;
        this.base = (long) index * STRIDE;
    }

    long descriptors() {
        return base;
    }

    long driverArea() {
        return base + DRIVER_AREA;
    }

    long deviceArea() {
        return base + DEVICE_AREA;
    }

    int size() {
        return size;
    }

    boolean ready() {
        return ready;
    }

    int outstanding() {
        return outstanding;
    }

    /** Whether what comes back can be held against what was given. */
    boolean trusted() {
        return ready && !meddled;
    }

    void meddle() {
        meddled = true;
    }

    /** There is no such queue any more. */
    void clear() {
        ready = false;
    }

    void setUp(int newSize, boolean newPacked, boolean newEventIndex) {
        size = newSize;
        packed = newPacked;
        eventIndex = newEventIndex;
        for (int at = 0; at < STRIDE; at += Long.BYTES) {
            memory.put64(base + at, 0); // a fill allocates
        }
        Arrays.fill(writable, NOBODY);
        Arrays.fill(owner, NOBODY);
        freeDescriptors = size;
        outstanding = 0;
        available = 0;
        used = 0;
        availableWrap = true;
        usedWrap = true;
        hidden = 0;
        hiddenFirst = NOBODY;
        ready = true;
        meddled = false;
    }

    // ---- offering

    /**
     * Puts a chain in.
     *
     * @param addresses of its buffers
     * @param lengths of its buffers
     * @param flags of its buffers: {@link #F_WRITE}, {@link #F_INDIRECT}
     * @param writableBytes what the device may write
     * @return false when there is no room
     */
    boolean offer(int count, long[] addresses, int[] lengths, int[] flags, long writableBytes) {
        if (count > freeDescriptors) {
            return false;
        }
        if (packed) {
            offerPacked(count, addresses, lengths, flags, writableBytes);
        } else {
            offerSplit(count, addresses, lengths, flags, writableBytes);
        }
        freeDescriptors -= count;
        outstanding++;
        hidden++;
        return true;
    }

    private void offerSplit(int count, long[] addresses, int[] lengths, int[] flags, long writableBytes) {
        int head = nextFree(0);
        int at = head;
        for (int i = 0; i < count; i++) {
            owner[at] = head;
            int next = i + 1 < count ? nextFree(at + 1) : 0;
            put(
                    base + DESCRIPTOR_BYTES * (long) at,
                    addresses[i],
                    lengths[i],
                    flags[i] | (i + 1 < count ? F_NEXT : 0),
                    next);
            at = next;
        }
        writable[head] = writableBytes;
        taken[head] = count;
        memory.put16(driverArea() + 4 + 2L * (available & size - 1), (short) head);
        available = available + 1 & 0xFFFF;
    }

    private int nextFree(int from) {
        for (int i = 0; i < size; i++) {
            int at = (from + i) % size;
            if (owner[at] == NOBODY) {
                return at;
            }
        }
        throw new AssertionError("no descriptor is free");
    }

    private void put(long at, long address, int length, int flags, int next) {
        memory.put64(at, address);
        memory.put32(at + 8, length);
        memory.put16(at + 12, (short) flags);
        memory.put16(at + 14, (short) next);
    }

    /** Writes an indirect table (§2.7.5.3, §2.8.8). */
    void putIndirect(long table, int count, long[] addresses, int[] lengths, int[] flags) {
        for (int i = 0; i < count; i++) {
            boolean more = i + 1 < count;
            long at = table + DESCRIPTOR_BYTES * (long) i;
            if (packed) {
                memory.put64(at, addresses[i]);
                memory.put32(at + 8, lengths[i]);
                memory.put32(at + 12, (flags[i] & F_WRITE) << 16);
            } else {
                put(at, addresses[i], lengths[i], flags[i] | (more ? F_NEXT : 0), more ? i + 1 : 0);
            }
        }
    }

    /** Only the first descriptor's flags show a packed chain; those of a row that is hidden wait (§2.8.21). */
    private void offerPacked(int count, long[] addresses, int[] lengths, int[] flags, long writableBytes) {
        int id = 0;
        while (writable[id] != NOBODY) {
            id++;
        }
        writable[id] = writableBytes;
        taken[id] = count;
        for (int i = 0; i < count; i++) {
            long at = base + DESCRIPTOR_BYTES * (long) available;
            int marks = availableWrap ? F_AVAIL : F_USED;
            int all = flags[i] | marks | (i + 1 < count ? F_NEXT : 0);
            memory.put64(at, addresses[i]);
            memory.put32(at + 8, lengths[i]);
            memory.put16(at + 12, (short) id);
            if (hiddenFirst == NOBODY) {
                hiddenFirst = at + 14;
                hiddenFlags = all;
            } else {
                memory.put16(at + 14, (short) all);
            }
            available++;
            if (available == size) {
                available = 0;
                availableWrap = !availableWrap;
            }
        }
    }

    /** Shows the device what was put in. */
    void show() {
        if (hidden == 0 || !ready) {
            return;
        }
        hidden = 0;
        if (packed) {
            memory.put16(hiddenFirst, (short) hiddenFlags);
            hiddenFirst = NOBODY;
        } else {
            memory.put16(driverArea() + 2, (short) available);
        }
    }

    // ---- taking back

    /** How many came back, each held against what was given. */
    int reap() {
        return packed ? reapPacked() : reapSplit();
    }

    private int reapSplit() {
        int now = memory.get16(deviceArea() + 2, (short) 0) & 0xFFFF;
        int count = now - used & 0xFFFF;
        if (count > outstanding - hidden) {
            throw finding("used index went from " + used + " to " + now + " with " + (outstanding - hidden)
                    + " buffers given");
        }
        for (int i = 0; i < count; i++) {
            long element = deviceArea() + 4 + 8L * (used + i & size - 1);
            int id = memory.get32(element, 0);
            giveBack(id, memory.get32(element + 4, 0));
            for (int at = 0; at < size; at++) {
                if (owner[at] == id) {
                    owner[at] = NOBODY;
                }
            }
        }
        used = now;
        return count;
    }

    private int reapPacked() {
        int count = 0;
        while (outstanding - hidden > 0) {
            long at = base + DESCRIPTOR_BYTES * (long) used;
            int flags = memory.get16(at + 14, (short) 0) & 0xFFFF;
            if ((flags & F_AVAIL) != 0 != usedWrap || (flags & F_USED) != 0 != usedWrap) {
                return count;
            }
            int id = memory.get16(at + 12, (short) 0) & 0xFFFF;
            int descriptors = id < MOST_SIZE ? taken[id] : 0;
            giveBack(id, (flags & F_WRITE) != 0 ? memory.get32(at + 8, 0) : 0);
            used += descriptors;
            if (used >= size) {
                used -= size;
                usedWrap = !usedWrap;
            }
            count++;
        }
        return count;
    }

    private void giveBack(int id, int length) {
        if (id < 0 || id >= size || writable[id] == NOBODY) {
            throw finding("buffer " + id + " comes back, which the device does not have");
        }
        if (Integer.toUnsignedLong(length) > writable[id]) {
            throw finding("buffer " + id + " comes back with " + Integer.toUnsignedString(length)
                    + " bytes written; it has room for " + writable[id]);
        }
        writable[id] = NOBODY;
        freeDescriptors += taken[id];
        outstanding--;
    }

    // ---- interrupts

    /** When the driver wants to be told (§2.7.7, §2.8.10). */
    void suppress(int flags, int event) {
        if (packed) {
            memory.put16(driverArea(), (short) event);
            memory.put16(driverArea() + 2, (short) (flags & 3));
        } else {
            memory.put16(driverArea(), (short) (flags & 1));
            memory.put16(driverArea() + 4 + 2L * size, (short) event);
        }
    }

    /**
     * Whether the device has to interrupt for what came back (§2.7.7.2, §2.8.10.2).
     *
     * @param count buffers that came back in this step
     */
    boolean wantsInterrupt(int count) {
        if (packed) {
            int flags = memory.get16(driverArea() + 2, (short) 0) & 3;
            return flags == 0; // with an event index the step is too coarse to say
        }
        if (!eventIndex) {
            return (memory.get16(driverArea(), (short) 0) & NO_INTERRUPT) == 0;
        }
        int event = memory.get16(driverArea() + 4 + 2L * size, (short) 0) & 0xFFFF;
        return (used - event - 1 & 0xFFFF) < count;
    }

    FindingException finding(String what) {
        return new FindingException("queue " + index + (packed ? " (packed): " : " (split): ") + what);
    }
}
