package io.jvmm.vcpu.x86.mmu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The guest-physical address space as the software CPU sees it: slots of RAM over host mappings, everything else is a
 * device's. One object for all vCPUs; slots change only while no vCPU runs, but what is locked of the ROM area at any time.
 *
 * <p>Also the home of the mark "code of this page has been decoded": a page that bears it is never writable through a
 * TLB, so that every store to it is seen (self-modifying code, SDM 3A 8.1.3).
 */
public final class PhysicalMemory {
    /** Bytes of a page. */
    public static final int PAGE_BYTES = 4096;
    /** Width of a guest-physical address: what CPUID 80000008 has to say, and from where on page-table bits are reserved. */
    public static final int PHYSICAL_BITS = 40;
    /** What {@link #host(long)} gives where there is no RAM. */
    public static final long NONE = 0;

    private static final int SLOTS = 32;

    /** Where a PC has its ROM: pages that can be locked one by one. */
    private static final long ROM_AREA = 0xC_0000;

    private static final int ROM_AREA_PAGES = 64;

    private volatile long locked;

    /** One more than the highest slot in use. */
    private int slots;

    private final long[] start = new long[SLOTS];
    private final long[] end = new long[SLOTS];
    private final long[] host = new long[SLOTS];
    private final boolean[] readOnly = new boolean[SLOTS];
    private final byte[][] code = new byte[SLOTS][];
    private final MemorySegment[] keep = new MemorySegment[SLOTS];

    /** As {@code Engine.mapMemory}: page-aligned, length 0 removes. */
    public void map(int slot, long guestPhysicalAddress, long lengthBytes, MemorySegment memory, boolean isReadOnly) {
        if (((guestPhysicalAddress | lengthBytes | memory.address()) & (PAGE_BYTES - 1)) != 0
                || lengthBytes < 0
                || lengthBytes > memory.byteSize()) {
            throw new IllegalArgumentException("memory slot " + slot + ": not whole pages of its mapping");
        }
        slots = Math.max(slots, slot + 1);
        start[slot] = guestPhysicalAddress;
        end[slot] = guestPhysicalAddress + lengthBytes;
        host[slot] = memory.address();
        readOnly[slot] = isReadOnly;
        keep[slot] = memory;
        code[slot] = new byte[Math.toIntExact(lengthBytes / PAGE_BYTES)];
    }

    /** Host address of a byte of RAM, or {@link #NONE}. Valid to the end of its page. */
    public long host(long guestPhysicalAddress) {
        final int slot = slot(guestPhysicalAddress);
        return slot < 0 ? NONE : host[slot] + (guestPhysicalAddress - start[slot]);
    }

    /** The bytes of a page of RAM, to be compared with others; allocates. */
    public ByteBuffer view(long guestPhysicalPage) {
        final int slot = slot(guestPhysicalPage);
        return keep[slot].asSlice(guestPhysicalPage - start[slot], PAGE_BYTES).asByteBuffer();
    }

    /** Whether there is RAM that takes writes. */
    public boolean isWritable(long guestPhysicalAddress) {
        final int slot = slot(guestPhysicalAddress);
        return slot >= 0 && !readOnly[slot] && !isLocked(guestPhysicalAddress);
    }

    private boolean isLocked(long guestPhysicalAddress) {
        final long page = (guestPhysicalAddress - ROM_AREA) / PAGE_BYTES;
        return guestPhysicalAddress >= ROM_AREA && page < ROM_AREA_PAGES && (locked >>> page & 1) != 0;
    }

    /** As {@code Engine.lockRomArea}, at any time and on any thread; the caller takes care of the TLBs. */
    public void lockRomArea(long pages) {
        locked = pages;
    }

    /** Whether code of the page at this address has been decoded. */
    public boolean hasCode(long guestPhysicalAddress) {
        final int slot = slot(guestPhysicalAddress);
        return slot >= 0 && code[slot][page(slot, guestPhysicalAddress)] != 0;
    }

    /** Marks or clears the page; the caller takes care of the TLBs. */
    public void setCode(long guestPhysicalAddress, boolean hasCode) {
        final int slot = slot(guestPhysicalAddress);
        if (slot >= 0) {
            code[slot][page(slot, guestPhysicalAddress)] = (byte) (hasCode ? 1 : 0);
        }
    }

    /** Removes every mark. */
    public void clearCode() {
        for (final byte[] marks : code) {
            if (marks != null) {
                Arrays.fill(marks, (byte) 0);
            }
        }
    }

    private int page(int slot, long guestPhysicalAddress) {
        return (int) ((guestPhysicalAddress - start[slot]) / PAGE_BYTES);
    }

    private int slot(long guestPhysicalAddress) {
        for (int i = 0; i < slots; i++) {
            if (guestPhysicalAddress >= start[i] && guestPhysicalAddress < end[i]) {
                return i;
            }
        }
        return -1;
    }
}
