package io.jvmm.vcpu.x86.mmu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** RAM from 0, a read-only slot, devices that keep a log, and one {@link Mmu}. */
final class MmuRig implements DeviceSpace, CodeWriteListener {
    static final long RAM_BYTES = 8 << 20;
    /** A page that may only be read. */
    static final long ROM = 0xf_0000_0000L;
    /** Nothing but a device. */
    static final long DEVICE = 0xfe00_0000L;

    static final long CR0_PG = 0x8000_0000L;
    static final long CR0_PE = 1;
    static final long CR0_WP = 0x1_0000;
    static final long CR4_PSE = 0x10;
    static final long CR4_PAE = 0x20;
    static final long CR4_PGE = 0x80;
    static final long CR4_SMEP = 0x10_0000;
    static final long CR4_SMAP = 0x20_0000;
    static final long EFER_LMA = 0x500;
    static final long EFER_NXE = 0x800;

    static final long P = 1;
    static final long W = 2;
    static final long U = 4;
    static final long A = 0x20;
    static final long D = 0x40;
    static final long PS = 0x80;
    static final long G = 0x100;
    static final long NX = 1L << 63;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    final MemorySegment ram = Arena.ofAuto().allocate(RAM_BYTES, 4096);
    final MemorySegment rom = Arena.ofAuto().allocate(4096, 4096);
    final PhysicalMemory memory = new PhysicalMemory();
    final GuestException exception = new GuestException();
    final Mmu mmu;
    /** What devices and the code listener were told. */
    final List<String> log = new ArrayList<>();

    MmuRig() {
        memory.map(0, 0, RAM_BYTES, ram, false);
        memory.map(1, ROM, 4096, rom, true);
        mmu = new Mmu(memory, this, exception, this);
    }

    long get(long physical) {
        return ram.get(LONG, physical);
    }

    void put(long physical, long value) {
        ram.set(LONG, physical, value);
    }

    int get32(long physical) {
        return ram.get(INT, physical);
    }

    void put32(long physical, int value) {
        ram.set(INT, physical, value);
    }

    /**
     * Runs an access.
     *
     * @return the error code of the page fault, -1 when there was none
     */
    int fault(Runnable access) {
        try {
            access.run();
            return -1;
        } catch (GuestException e) {
            if (e.vector() != Vector.PF) {
                throw e;
            }
            return e.errorCode();
        }
    }

    /** Long mode with tables at 0x1000 (PML4), 0x2000, 0x3000, 0x4000 (page table of linear 0..2 MiB), all rights in the upper ones. */
    void longMode(long cr0, long cr4, long efer) {
        put(0x1000, 0x2000 | P | W | U);
        put(0x2000, 0x3000 | P | W | U);
        put(0x3000, 0x4000 | P | W | U);
        mmu.setPaging(CR0_PG | CR0_PE | cr0, 0x1000, CR4_PAE | cr4, EFER_LMA | efer);
        mmu.flushAll();
    }

    /** Entry of the page table of {@link #longMode} for a linear page. */
    static long pte(long linear) {
        return 0x4000 + (linear >>> 12 & 0x1ff) * 8;
    }

    @Override
    public long readMemory(long guestPhysicalAddress, int widthBytes) {
        log.add(String.format("r%d %x", widthBytes, guestPhysicalAddress));
        long value = 0;
        for (int i = 0; i < widthBytes; i++) {
            value |= (guestPhysicalAddress + i & 0xff) << (8 * i);
        }
        return value;
    }

    @Override
    public void writeMemory(long guestPhysicalAddress, int widthBytes, long value) {
        final long bits = value & AtomicAccess.mask(widthBytes);
        log.add(String.format("w%d %x=%x", widthBytes, guestPhysicalAddress, bits));
    }

    @Override
    public int in(int port, int widthBytes) {
        throw new AssertionError(port + "," + widthBytes);
    }

    @Override
    public void out(int port, int widthBytes, int value) {
        throw new AssertionError(port + "," + widthBytes + "," + value);
    }

    @Override
    public void codeWritten(long guestPhysicalAddress, int lengthBytes) {
        log.add(String.format("code %x+%d", guestPhysicalAddress, lengthBytes));
    }
}
