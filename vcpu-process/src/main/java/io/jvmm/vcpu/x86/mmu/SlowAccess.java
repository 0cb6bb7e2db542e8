package io.jvmm.vcpu.x86.mmu;

import org.jspecify.annotations.Nullable;

/**
 * Accesses that no TLB entry answers: misses, faults, page crossings, devices, and pages that hold decoded code or a data
 * breakpoint. Belongs to the vCPU's thread.
 *
 * <p>An access that crosses a page probes both pages before it changes either. Devices see naturally aligned accesses only: what
 * is not aligned is split, in ascending order.
 */
final class SlowAccess {
    private static final int PAGE = PhysicalMemory.PAGE_BYTES;
    private static final int OFFSET = PAGE - 1;

    private final PhysicalMemory memory;
    private final DeviceSpace devices;
    private final GuestException exception;
    private final CodeWriteListener codeWrites;
    private final PageWalker walker;
    private @Nullable AccessWatch watch;
    private long faultAddress;

    SlowAccess(
            PhysicalMemory memory,
            DeviceSpace devices,
            GuestException exception,
            CodeWriteListener codeWrites,
            PageWalker walker) {
        this.memory = memory;
        this.devices = devices;
        this.exception = exception;
        this.codeWrites = codeWrites;
        this.walker = walker;
    }

    void watch(@Nullable AccessWatch accessWatch) {
        watch = accessWatch;
    }

    long faultAddress() {
        return faultAddress;
    }

    /** The address that the tables translate: legacy modes have 32 bits. */
    private long effective(long linear) {
        return walker.isLong() ? linear : linear & 0xffff_ffffL;
    }

    static boolean isCanonical(long linear) {
        return linear << 16 >> 16 == linear;
    }

    static boolean crosses(long linear, int lengthBytes) {
        return ((int) linear & OFFSET) + lengthBytes > PAGE;
    }

    /** Translates through the tables and checks rights; sets accessed and dirty bits. Throws the fault. */
    private long translate(long linear, int access, boolean smap) {
        if (walker.isLong() && !isCanonical(linear)) {
            throw exception.nonCanonical();
        }
        while (true) {
            int error = walker.walk(linear);
            if (error == PageWalker.OK) {
                error = walker.check(access, smap);
            }
            if (error != PageWalker.OK) {
                faultAddress = linear;
                final int fetch = (access & PageWalker.FETCH) == 0 ? 0 : walker.fetchBit();
                throw exception.of(Vector.PF, error | (access & ~PageWalker.FETCH) | fetch);
            }
            if (walker.commit((access & PageWalker.WRITE) != 0)) {
                return walker.physical();
            }
        }
    }

    /** Guest-physical address for an instruction fetch. */
    long translateFetch(long linear, boolean user) {
        return translate(effective(linear), PageWalker.FETCH | (user ? PageWalker.USER : 0), false);
    }

    /** Guest-physical address of data, from the TLB or the tables; what is RAM and not watched is entered into the TLB. */
    private long data(Tlb tlb, long linear, int write) {
        if (write == 0 ? tlb.mayRead(linear) : tlb.mayWrite(linear)) {
            final long known = tlb.guestPhysicalAddress(linear);
            if (write == 0 || memory.hasCode(known) || !memory.isWritable(known)) {
                return known;
            }
            // Filled while the page held code, and it does no more: filled again, it gets its write tag.
        }
        final long physical = translate(linear, write | (tlb.user ? PageWalker.USER : 0), tlb.smap);
        final long host = memory.host(physical);
        if (host != PhysicalMemory.NONE && !tlb.aligned && (watch == null || !watch.isPageWatched(linear))) {
            final boolean writable = walker.isDirtyAndWritable(tlb.user) && memory.isWritable(physical);
            final int flags = (walker.isGlobal() ? Tlb.GLOBAL : 0)
                    | (writable ? Tlb.WRITABLE : 0)
                    | walker.size() << Tlb.SIZE_POSITION;
            tlb.fill(linear, host, physical, flags, writable && !memory.hasCode(physical));
        }
        return physical;
    }

    /** Before any page fault, but behind an address that is not canonical, as AMD's processors do. */
    void checkAlignment(long address, int widthBytes) {
        if ((address & (widthBytes - 1)) != 0) {
            throw walker.isLong() && !isCanonical(address) ? exception.nonCanonical() : exception.of(Vector.AC, 0);
        }
    }

    long read(Tlb tlb, long address, int widthBytes) {
        if (tlb.aligned) {
            checkAlignment(address, widthBytes);
        }
        final long linear = effective(address);
        final long value;
        if (crosses(linear, widthBytes)) {
            final int first = PAGE - ((int) linear & OFFSET);
            final long next = effective(linear + first);
            final long low = data(tlb, linear, 0);
            final long high = data(tlb, next, 0);
            final long part = readPart(low, first);
            value = part | readPart(high, widthBytes - first) << (first << 3);
            report(next, widthBytes - first, false);
            report(linear, first, false);
        } else {
            value = readPhysical(data(tlb, linear, 0), widthBytes);
            report(linear, widthBytes, false);
        }
        return value;
    }

    void write(Tlb tlb, long address, int widthBytes, long value) {
        if (tlb.aligned) {
            checkAlignment(address, widthBytes);
        }
        final long linear = effective(address);
        if (crosses(linear, widthBytes)) {
            writeCrossing(tlb, linear, widthBytes, value);
        } else {
            writePhysical(data(tlb, linear, PageWalker.WRITE), widthBytes, value);
            report(linear, widthBytes, true);
        }
    }

    private void writeCrossing(Tlb tlb, long linear, int widthBytes, long value) {
        final int first = PAGE - ((int) linear & OFFSET);
        final long next = effective(linear + first);
        final long low = data(tlb, linear, PageWalker.WRITE);
        final long high = data(tlb, next, PageWalker.WRITE);
        // A device first, if there is one: it may throw, and then nothing has been written.
        if (memory.isWritable(high)) {
            writePart(low, first, value);
            writePart(high, widthBytes - first, value >>> (first << 3));
        } else {
            writePart(high, widthBytes - first, value >>> (first << 3));
            writePart(low, first, value);
        }
        report(linear, first, true);
        report(next, widthBytes - first, true);
    }

    private void report(long linear, int lengthBytes, boolean write) {
        final AccessWatch w = watch;
        if (w != null && w.isPageWatched(linear)) {
            w.accessed(linear, lengthBytes, write);
        }
    }

    private long readPhysical(long physical, int widthBytes) {
        final long host = memory.host(physical);
        if (host != PhysicalMemory.NONE) {
            return switch (widthBytes) {
                case 1 -> HostMemory.get8(host);
                case 2 -> HostMemory.get16(host);
                case 4 -> HostMemory.get32(host) & 0xffff_ffffL;
                default -> HostMemory.get64(host);
            };
        }
        return ((int) physical & (widthBytes - 1)) == 0
                ? devices.readMemory(physical, widthBytes)
                : readPart(physical, widthBytes);
    }

    /** One to eight bytes at any alignment, in naturally aligned pieces. */
    private long readPart(long physical, int lengthBytes) {
        final long host = memory.host(physical);
        long value = 0;
        for (int done = 0; done < lengthBytes; ) {
            final int piece = host == PhysicalMemory.NONE ? piece(physical + done, lengthBytes - done) : 1;
            final long bits = host == PhysicalMemory.NONE
                    ? devices.readMemory(physical + done, piece)
                    : HostMemory.get8(host + done);
            value |= bits << (done << 3);
            done += piece;
        }
        return value;
    }

    private void writePhysical(long physical, int widthBytes, long value) {
        if (!memory.isWritable(physical)) {
            writePart(physical, widthBytes, value);
            return;
        }
        final long host = memory.host(physical);
        switch (widthBytes) {
            case 1 -> HostMemory.put8(host, (int) value);
            case 2 -> HostMemory.put16(host, (int) value);
            case 4 -> HostMemory.put32(host, (int) value);
            default -> HostMemory.put64(host, value);
        }
        written(physical, widthBytes);
    }

    private void writePart(long physical, int lengthBytes, long value) {
        final boolean ram = memory.isWritable(physical);
        final long host = memory.host(physical);
        for (int done = 0; done < lengthBytes; ) {
            final int piece = ram ? 1 : piece(physical + done, lengthBytes - done);
            final long bits = value >>> (done << 3);
            if (ram) {
                HostMemory.put8(host + done, (int) bits);
            } else {
                devices.writeMemory(physical + done, piece, bits);
            }
            done += piece;
        }
        if (ram) {
            written(physical, lengthBytes);
        }
    }

    /** The largest naturally aligned access that fits. */
    private static int piece(long physical, int lengthBytes) {
        int bytes = 8;
        while (bytes > lengthBytes || ((int) physical & (bytes - 1)) != 0) {
            bytes >>= 1;
        }
        return bytes;
    }

    /** Bytes of one page have been written. */
    void written(long physical, int lengthBytes) {
        if (memory.hasCode(physical)) {
            codeWrites.codeWritten(physical, lengthBytes);
        }
    }

    /** Raises what a write would raise. */
    void probeWrite(Tlb tlb, long address, int lengthBytes) {
        long linear = effective(address);
        data(tlb, linear, PageWalker.WRITE);
        int done = PAGE - ((int) linear & OFFSET);
        while (done < lengthBytes) {
            linear = effective(address + done);
            data(tlb, linear, PageWalker.WRITE);
            done += PAGE;
        }
    }

    /** See {@link Mmu#hostForRead}: after the checks there, for bytes within a page. */
    long hostForRead(Tlb tlb, long address) {
        final long linear = effective(address);
        final long host = memory.host(data(tlb, linear, 0));
        return tlb.mayRead(linear) ? host : 0;
    }

    /** See {@link Mmu#hostForWrite}: after the checks there, for bytes within a page. */
    long hostForWrite(Tlb tlb, long address) {
        final long linear = effective(address);
        final long physical = data(tlb, linear, PageWalker.WRITE);
        return tlb.mayWrite(linear) && !memory.hasCode(physical) ? memory.host(physical) : 0;
    }

    long exchange(Tlb tlb, long address, int widthBytes, long expected, long replacement, boolean wasRead) {
        if (tlb.aligned) {
            checkAlignment(address, widthBytes);
        }
        final long linear = effective(address);
        final boolean crossing = crosses(linear, widthBytes);
        final int first = crossing ? PAGE - ((int) linear & OFFSET) : widthBytes;
        final long next = effective(linear + first);
        final long low = data(tlb, linear, PageWalker.WRITE);
        final long high = crossing ? data(tlb, next, PageWalker.WRITE) : low;
        final long found;
        if (!memory.isWritable(low) || !memory.isWritable(high)) {
            if (wasRead) {
                write(tlb, linear, widthBytes, replacement);
                return expected;
            }
            found = exchangeWithDevice(tlb, linear, widthBytes, expected, replacement);
        } else if (crossing) {
            found = AtomicAccess.split(
                    memory.host(low), first, memory.host(high), widthBytes - first, expected, replacement);
            written(high, widthBytes - first);
            written(low, first);
        } else {
            found = AtomicAccess.exchange(memory.host(low), widthBytes, expected, replacement);
            written(low, first);
        }
        report(linear, first, true);
        if (crossing) {
            report(next, widthBytes - first, true);
        }
        return found;
    }

    /** A device has no atomic operations: a read, and a write of the new or the old value. */
    private long exchangeWithDevice(Tlb tlb, long linear, int widthBytes, long expected, long replacement) {
        final long found = read(tlb, linear, widthBytes);
        final boolean equal = ((found ^ expected) & AtomicAccess.mask(widthBytes)) == 0;
        write(tlb, linear, widthBytes, equal ? replacement : found);
        return found;
    }

    /** See {@link Mmu#translateDebug}. */
    long translateDebug(long address) {
        final long linear = effective(address);
        if (walker.isLong() && !isCanonical(linear)) {
            return -1;
        }
        return walker.walk(linear) == PageWalker.OK ? walker.physical() : -1;
    }
}
