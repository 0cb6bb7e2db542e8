package io.jvmm.vcpu.x86.mmu;

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
 * access: supervisor with SMAP in force, supervisor without, user; {@link #tlb} is the one of now.
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
    public long[] tlb = new long[ENTRIES * 4];

    private final PhysicalMemory memory;
    private final DeviceSpace devices;
    private final GuestException exception;
    private final CodeWriteListener codeWrites;
    /** CR2 as the last page fault left it; {@code Cpu.cr2} is loaded from here when the fault is delivered. */
    private long faultAddress;

    /** One for a vCPU, paging off. */
    public Mmu(PhysicalMemory memory, DeviceSpace devices, GuestException exception, CodeWriteListener codeWrites) {
        this.memory = memory;
        this.devices = devices;
        this.exception = exception;
        this.codeWrites = codeWrites;
    }

    /** Takes over CR0, CR3, CR4 and EFER. Flushes nothing: who changes a bit that needs it flushes. */
    public void setPaging(long cr0, long cr3, long cr4, long efer) {
        throw new UnsupportedOperationException();
    }

    /** Chooses the privilege of accesses: {@code user} is CPL 3, {@code alignmentFlag} is RFLAGS.AC, which suspends SMAP. */
    public void setPrivilege(boolean user, boolean alignmentFlag) {
        throw new UnsupportedOperationException();
    }

    /** Forgets all translations. */
    public void flushAll() {
        throw new UnsupportedOperationException();
    }

    /** MOV to CR3: forgets all but global ones (SDM 3A 4.10.4.1). */
    public void flushNonGlobal() {
        throw new UnsupportedOperationException();
    }

    /** INVLPG: forgets the page, global or not, large or not. */
    public void flushPage(long linear) {
        throw new UnsupportedOperationException();
    }

    /** Forgets every permission to write this guest-physical page without being seen: it holds decoded code now. */
    public void protectCode(long guestPhysicalPage) {
        throw new UnsupportedOperationException();
    }

    /** Reads a byte, zero-extended. Throws a {@link GuestException} or a {@link DeviceExit}, as all accesses here. */
    public int read8(long linear) {
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - tlb[e] <= LIMIT_1 ? HostMemory.get8(linear + tlb[e + 2]) : (int) slowRead(linear, 1);
    }

    /** Reads 16 bits, zero-extended. */
    public int read16(long linear) {
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - tlb[e] <= LIMIT_2 ? HostMemory.get16(linear + tlb[e + 2]) : (int) slowRead(linear, 2);
    }

    /** Reads 32 bits. */
    public int read32(long linear) {
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - tlb[e] <= LIMIT_4 ? HostMemory.get32(linear + tlb[e + 2]) : (int) slowRead(linear, 4);
    }

    /** Reads 64 bits. */
    public long read64(long linear) {
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        return linear - tlb[e] <= LIMIT_8 ? HostMemory.get64(linear + tlb[e + 2]) : slowRead(linear, 8);
    }

    /** Writes the low byte of {@code value}. */
    public void write8(long linear, int value) {
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        if (linear - tlb[e + 1] <= LIMIT_1) {
            HostMemory.put8(linear + tlb[e + 2], value);
        } else {
            slowWrite(linear, 1, value);
        }
    }

    /** Writes the low 16 bits. */
    public void write16(long linear, int value) {
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        if (linear - tlb[e + 1] <= LIMIT_2) {
            HostMemory.put16(linear + tlb[e + 2], value);
        } else {
            slowWrite(linear, 2, value);
        }
    }

    /** Writes 32 bits. */
    public void write32(long linear, int value) {
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        if (linear - tlb[e + 1] <= LIMIT_4) {
            HostMemory.put32(linear + tlb[e + 2], value);
        } else {
            slowWrite(linear, 4, value);
        }
    }

    /** Writes 64 bits. */
    public void write64(long linear, long value) {
        final int e = (int) (linear >>> INDEX_SHIFT) & INDEX_MASK;
        if (linear - tlb[e + 1] <= LIMIT_8) {
            HostMemory.put64(linear + tlb[e + 2], value);
        } else {
            slowWrite(linear, 8, value);
        }
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

    /** An access that the processor makes by itself (descriptor tables, TSS): supervisor, whatever the CPL. */
    public long readSystem(long linear, int widthBytes) {
        throw new UnsupportedOperationException();
    }

    /** See {@link #readSystem}. */
    public void writeSystem(long linear, int widthBytes, long value) {
        throw new UnsupportedOperationException();
    }

    /** Raises the fault that a write of these bytes would raise (crossing a page included); writes nothing. */
    public void probeWrite(long linear, int lengthBytes) {
        throw new UnsupportedOperationException();
    }

    /**
     * LOCK CMPXCHG: compares and swaps 1, 2, 4 or 8 bytes atomically among all vCPUs and processes, at any alignment; needs write permission
     * even when it does not write.
     *
     * @return the value found, zero-extended: equal to {@code expected} when the swap was done
     */
    public long compareAndExchange(long linear, int widthBytes, long expected, long replacement) {
        throw new UnsupportedOperationException();
    }

    /**
     * For REP string instructions and 16-byte accesses: host address of {@code lengthBytes} bytes of RAM that lie within one page and may be
     * read; 0 where they must go the slow way (device, page boundary). Throws the fault of the access.
     */
    public long hostForRead(long linear, int lengthBytes) {
        throw new UnsupportedOperationException();
    }

    /** The same for writing; 0 also for a page with decoded code. */
    public long hostForWrite(long linear, int lengthBytes) {
        throw new UnsupportedOperationException();
    }

    /**
     * Guest-physical address of an instruction byte, after the checks of an instruction fetch (NX, SMEP, U/S).
     *
     * @throws GuestException #PF with the I bit, or #GP(0)
     */
    public long translateFetch(long linear) {
        throw new UnsupportedOperationException();
    }

    /** Guest-physical address or -1, for inspectors: no fault, no accessed bits, supervisor rights. */
    public long translateDebug(long linear) {
        throw new UnsupportedOperationException();
    }

    /** Linear address of the last page fault. */
    public long faultAddress() {
        return faultAddress;
    }

    private long slowRead(long linear, int widthBytes) {
        throw new UnsupportedOperationException();
    }

    private void slowWrite(long linear, int widthBytes, long value) {
        throw new UnsupportedOperationException();
    }
}
