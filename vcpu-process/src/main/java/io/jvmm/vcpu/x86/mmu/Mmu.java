package io.jvmm.vcpu.x86.mmu;

import org.jspecify.annotations.Nullable;

/**
 * Linear memory as one vCPU sees it: a software TLB before a page walker before {@link PhysicalMemory} and the
 * {@link DeviceSpace}. Belongs to the vCPU's thread.
 *
 * <p>The TLB is an array of {@link #ENTRIES} entries of four longs, direct-mapped by linear page number:
 *
 * <pre>
 *   +0  tag of pages that may be read     linear page address, top bit flipped (see below)
 *   +1  tag of pages that may be written  (only when dirty, and without decoded code)
 *   +2  host address minus linear address
 *   +3  guest-physical page address | flags
 * </pre>
 *
 * An access of n bytes at {@code linear} hits when {@code linear - tag <= LIMIT_n} (signed): with the tag's top bit flipped
 * the difference is the offset into the page minus 2^63, so one subtraction and one comparison test the page, and that
 * the access does not leave it. An unused tag is the address of a page of a neighbouring index. There is one such array for each kind of
 * access: supervisor with SMAP in force, supervisor without, user, user with alignment checks (SDM 3A 7.9.1: CR0.AM and RFLAGS.AC; this one
 * stays empty); {@link #tlb} is the one of now.
 *
 * <p>Translated code inlines the hit ({@link #tlb}, {@link #LIMIT_1}...) and calls the methods here on a miss.
 */
public final class Mmu {
    /** Entries of one TLB, a power of two. */
    public static final int ENTRIES = 1024;
    /** {@code (linear >>> INDEX_SHIFT) & INDEX_MASK} is the index of the first long of the entry. */
    public static final int INDEX_SHIFT = 10;
    /** See {@link #INDEX_SHIFT}. */
    public static final int INDEX_MASK = (ENTRIES - 1) << 2;
    /** Largest {@code linear - tag} of a hit of one byte. */
    public static final long LIMIT_1 = Long.MIN_VALUE + PhysicalMemory.PAGE_BYTES - 1;
    /** The same for two bytes. */
    public static final long LIMIT_2 = Long.MIN_VALUE + PhysicalMemory.PAGE_BYTES - 2;
    /** The same for four bytes. */
    public static final long LIMIT_4 = Long.MIN_VALUE + PhysicalMemory.PAGE_BYTES - 4;
    /** The same for eight bytes. */
    public static final long LIMIT_8 = Long.MIN_VALUE + PhysicalMemory.PAGE_BYTES - 8;

    /** The TLB for the present privilege: read by translated code. */
    public long[] tlb;

    private final Tlb supervisorSmap = new Tlb(false, true);
    private final Tlb supervisor = new Tlb(false, false);
    private final Tlb user = new Tlb(true, false);
    private final Tlb userAligned = new Tlb(true, false, true);
    private final PhysicalMemory memory;
    private final PageWalker walker;
    private final SlowAccess slow;
    private Tlb now = supervisor;
    /** For accesses that the processor makes by itself: RFLAGS.AC does not suspend SMAP for them. */
    private Tlb system = supervisor;

    private boolean isUser;
    private boolean alignmentFlag;
    private boolean alignmentMask;
    private boolean smap;
    private @Nullable FetchCache fetchCache;

    /** One for a vCPU, paging off. */
    public Mmu(PhysicalMemory memory, DeviceSpace devices, GuestException exception, CodeWriteListener codeWrites) {
        this.memory = memory;
        walker = new PageWalker(memory, codeWrites);
        slow = new SlowAccess(memory, devices, exception, codeWrites, walker);
        tlb = now.entries;
    }

    /** The guest-physical memory behind this. */
    public PhysicalMemory memory() {
        return memory;
    }

    /** Makes {@code cache} forget whenever this forgets. */
    public void setFetchCache(FetchCache cache) {
        fetchCache = cache;
    }

    /** Sets or removes who wants to know of accesses to watched pages. Flush afterwards, as after any change of what is watched. */
    public void setWatch(@Nullable AccessWatch watch) {
        slow.watch(watch);
    }

    /**
     * Takes over CR0, CR3, CR4 and EFER; with PAE paging loads the four page-directory pointers (SDM 3A 4.4.1), see {@link
     * #pointersAreValid}. Flushes nothing: who changes a bit that needs it flushes.
     */
    public void setPaging(long cr0, long cr3, long cr4, long efer) {
        walker.setPaging(cr0, cr3, cr4, efer);
        smap = (cr4 & 1 << 21) != 0;
        alignmentMask = (cr0 & 1 << 18) != 0;
        system = smap ? supervisorSmap : supervisor;
        choose();
    }

    /** Whether a PAE page-directory-pointer table sets no reserved bit: else MOV to CR3 (or what switches to it) is #GP(0). */
    public boolean pointersAreValid(long cr3) {
        return walker.pointersAreValid(cr3);
    }

    /** Chooses the privilege of accesses: {@code user} is CPL 3, {@code alignmentFlag} is RFLAGS.AC, which suspends SMAP or has alignment checked. */
    public void setPrivilege(boolean user, boolean alignmentFlag) {
        isUser = user;
        this.alignmentFlag = alignmentFlag;
        choose();
    }

    private void choose() {
        if (isUser) {
            now = alignmentFlag && alignmentMask ? userAligned : user;
        } else {
            now = alignmentFlag ? supervisor : system;
        }
        tlb = now.entries;
    }

    /** Forgets all translations. */
    public void flushAll() {
        supervisorSmap.flushAll();
        supervisor.flushAll();
        user.flushAll();
        if (fetchCache != null) {
            fetchCache.flushAll();
        }
    }

    /** MOV to CR3: forgets all but global ones (SDM 3A 4.10.4.1). */
    public void flushNonGlobal() {
        supervisorSmap.flushNonGlobal();
        supervisor.flushNonGlobal();
        user.flushNonGlobal();
        if (fetchCache != null) {
            fetchCache.flushNonGlobal();
        }
    }

    /** INVLPG: forgets the page, global or not, large or not. */
    public void flushPage(long linear) {
        supervisorSmap.flushPage(linear);
        supervisor.flushPage(linear);
        user.flushPage(linear);
        if (fetchCache != null) {
            fetchCache.flushPage(linear);
        }
    }

    /**
     * Forgets every permission to write this guest-physical page without being seen: it holds decoded code now.
     *
     * @return whether there was such a permission, so that the page may have changed unseen until now
     */
    @SuppressWarnings("ShortCircuitBoolean") // every one of them has to forget
    public boolean protectCode(long guestPhysicalPage) {
        final boolean withSmap = supervisorSmap.protect(guestPhysicalPage);
        final boolean without = supervisor.protect(guestPhysicalPage);
        final boolean ofUser = user.protect(guestPhysicalPage);
        return withSmap || without || ofUser;
    }

    /** Reads a byte, zero-extended. Throws a {@link GuestException} or a {@link DeviceExit}, as all accesses here. */
    public int read8(long linear) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - t[e] <= LIMIT_1 ? HostMemory.get8(linear + t[e + 2]) : (int) slow.read(now, linear, 1);
    }

    /** Reads 16 bits, zero-extended. */
    public int read16(long linear) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - t[e] <= LIMIT_2 ? HostMemory.get16(linear + t[e + 2]) : (int) slow.read(now, linear, 2);
    }

    /** Reads 32 bits. */
    public int read32(long linear) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - t[e] <= LIMIT_4 ? HostMemory.get32(linear + t[e + 2]) : (int) slow.read(now, linear, 4);
    }

    /** Reads 64 bits. */
    public long read64(long linear) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - t[e] <= LIMIT_8 ? HostMemory.get64(linear + t[e + 2]) : slow.read(now, linear, 8);
    }

    /** Writes the low byte of {@code value}. */
    public void write8(long linear, int value) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        if (linear - t[e + 1] <= LIMIT_1) {
            HostMemory.put8(linear + t[e + 2], value);
        } else {
            slow.write(now, linear, 1, value);
        }
    }

    /** Writes the low 16 bits. */
    public void write16(long linear, int value) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        if (linear - t[e + 1] <= LIMIT_2) {
            HostMemory.put16(linear + t[e + 2], value);
        } else {
            slow.write(now, linear, 2, value);
        }
    }

    /** Writes 32 bits. */
    public void write32(long linear, int value) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        if (linear - t[e + 1] <= LIMIT_4) {
            HostMemory.put32(linear + t[e + 2], value);
        } else {
            slow.write(now, linear, 4, value);
        }
    }

    /** Writes 64 bits. */
    public void write64(long linear, long value) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        if (linear - t[e + 1] <= LIMIT_8) {
            HostMemory.put64(linear + t[e + 2], value);
        } else {
            slow.write(now, linear, 8, value);
        }
    }

    /** Writes 16 bytes at any alignment: nothing when any of them faults. */
    public void write128(long linear, long low, long high) {
        checkOperand(linear, 16);
        if (SlowAccess.crosses(linear, 16)) {
            probeWrite(linear, 16);
        }
        write64(linear, low);
        write64(linear + 8, high);
    }

    /** Reads 1, 2, 4 or 8 bytes. */
    public long read(long linear, int widthBytes) {
        return switch (widthBytes) {
            case 1 -> read8(linear);
            case 2 -> read16(linear);
            case 4 -> read32(linear) & 0xffff_ffffL;
            default -> read64(linear);
        };
    }

    /** Writes 1, 2, 4 or 8 bytes. */
    public void write(long linear, int widthBytes, long value) {
        switch (widthBytes) {
            case 1 -> write8(linear, (int) value);
            case 2 -> write16(linear, (int) value);
            case 4 -> write32(linear, (int) value);
            default -> write64(linear, value);
        }
    }

    /** An access that the processor makes by itself (descriptor tables, TSS): supervisor, whatever the CPL and RFLAGS.AC. */
    public long readSystem(long linear, int widthBytes) {
        return slow.read(system, linear, widthBytes);
    }

    /** See {@link #readSystem}. */
    public void writeSystem(long linear, int widthBytes, long value) {
        slow.write(system, linear, widthBytes, value);
    }

    /** As {@link #probeWrite}, for {@link #writeSystem}. */
    public void probeWriteSystem(long linear, int lengthBytes) {
        slow.probeWrite(system, linear, lengthBytes);
    }

    /** #AC for an operand that is wider than the accesses of which it is made, where alignment is checked; a power of two. */
    public void checkOperand(long linear, int operandBytes) {
        if (now.aligned) {
            slow.checkAlignment(linear, operandBytes);
        }
    }

    /** Tells that bytes of RAM within one page have been written to the physical address, past all that is here. */
    public void wrotePhysical(long guestPhysicalAddress, int lengthBytes) {
        slow.written(guestPhysicalAddress, lengthBytes);
    }

    /** Raises the fault that reading and then writing 1, 2, 4 or 8 bytes would raise; reads and writes nothing. */
    public void probeUpdate(long linear, int widthBytes) {
        checkOperand(linear, widthBytes);
        probeWrite(linear, widthBytes);
    }

    /** Raises the fault that a write of these bytes would raise (crossing a page included); writes nothing. */
    public void probeWrite(long linear, int lengthBytes) {
        slow.probeWrite(now, linear, lengthBytes);
    }

    /**
     * LOCK CMPXCHG: compares and swaps 1, 2, 4 or 8 bytes atomically among all vCPUs and processes, at any alignment (what that
     * means across eight aligned bytes says {@link AtomicAccess}); needs write permission even when it does not write.
     *
     * @param expected zero-extended
     * @return the value found, zero-extended: equal to {@code expected} when the swap was done
     */
    public long compareAndExchange(long linear, int widthBytes, long expected, long replacement) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - t[e + 1] <= LIMIT_1 + 1 - widthBytes
                ? AtomicAccess.exchange(linear + t[e + 2], widthBytes, expected, replacement)
                : slow.exchange(now, linear, widthBytes, expected, replacement, false);
    }

    /**
     * The second half of a read-modify-write with LOCK, whose first half has read {@code read}: as {@link #compareAndExchange} in RAM.
     * A device is not read again (its answer may differ each time): it takes the write.
     *
     * @return the value found: equal to {@code read} when the write was done
     */
    public long update(long linear, int widthBytes, long read, long replacement) {
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - t[e + 1] <= LIMIT_1 + 1 - widthBytes
                ? AtomicAccess.exchange(linear + t[e + 2], widthBytes, read, replacement)
                : slow.exchange(now, linear, widthBytes, read, replacement, true);
    }

    /**
     * For REP string instructions and 16-byte accesses: host address of {@code lengthBytes} bytes of RAM that lie within one page and may be
     * read; 0 where they must go the slow way (device, page boundary, watched page). Throws the fault of the access, but for a page boundary.
     */
    public long hostForRead(long linear, int lengthBytes) {
        if (SlowAccess.crosses(linear, lengthBytes)) {
            return 0;
        }
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - t[e] <= LIMIT_1 ? linear + t[e + 2] : slow.hostForRead(now, linear);
    }

    /** The same for writing; 0 also for a page with decoded code. */
    public long hostForWrite(long linear, int lengthBytes) {
        if (SlowAccess.crosses(linear, lengthBytes)) {
            return 0;
        }
        final long[] t = tlb;
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - t[e + 1] <= LIMIT_1 ? linear + t[e + 2] : slow.hostForWrite(now, linear);
    }

    /**
     * Guest-physical address of an instruction byte, after the checks of an instruction fetch (NX, SMEP, U/S).
     *
     * @throws GuestException #PF with the I bit, or #GP(0)
     */
    public long translateFetch(long linear) {
        return slow.translateFetch(linear, isUser);
    }

    /** Whether the page that {@link #translateFetch} has just found is global. */
    public boolean isFetchGlobal() {
        return walker.isGlobal();
    }

    /** Log2 of the bytes of the page that {@link #translateFetch} has just found. */
    public int fetchPageShift() {
        return PageWalker.shift(walker.size());
    }

    /** Guest-physical address or -1, for inspectors: no fault, no accessed bits, supervisor rights. The vCPU's thread, as all. */
    public long translateDebug(long linear) {
        return slow.translateDebug(linear);
    }

    /** Linear address of the last page fault: {@code Cpu.cr2} is loaded from here when the fault is delivered. */
    public long faultAddress() {
        return slow.faultAddress();
    }
}
