package io.jvmm.vcpu.x86.mmu;

/**
 * What SDM 3A chapter 4 says, written down a second time as plainly as possible: no TLB, one loop over levels, only reads. The
 * reference of {@link PagingModelTest}.
 */
final class PagingModel {
    enum Mode {
        LEGACY(32, 10, 2, 4),
        PAE(32, 9, 3, 8),
        LONG(48, 9, 4, 8);

        final int linearBits;
        final int indexBits;
        final int levels;
        final int entryBytes;

        Mode(int linearBits, int indexBits, int levels, int entryBytes) {
            this.linearBits = linearBits;
            this.indexBits = indexBits;
            this.levels = levels;
            this.entryBytes = entryBytes;
        }
    }

    final MmuRig rig;
    Mode mode = Mode.LONG;
    long cr3;
    boolean wp;
    boolean pse;
    boolean smep;
    boolean smap;
    boolean nxe;

    /** The outcome of the last call: error code, or -1 and the address. */
    int error;

    long physical;
    /** Addresses of the entries used, and the last. */
    final long[] used = new long[4];

    int usedCount;

    PagingModel(MmuRig rig) {
        this.rig = rig;
    }

    private long read(long address) {
        if (mode.entryBytes == 4) {
            return address + 4 <= MmuRig.RAM_BYTES ? rig.get32(address) & 0xffff_ffffL : 0xffff_ffffL;
        }
        return address + 8 <= MmuRig.RAM_BYTES ? rig.get(address) : -1;
    }

    private static boolean bit(long value, int n) {
        return (value >>> n & 1) != 0;
    }

    private static boolean any(long value, int high, int low) {
        return high >= low && (value >>> low & (1L << (high - low + 1)) - 1) != 0;
    }

    /** Tables 4-4 to 4-6, 4-8 to 4-11, 4-15 to 4-20: {@code level} counts from 1, the page table. */
    private boolean reservedBits(long e, int level, boolean leaf) {
        final int m = PhysicalMemory.PHYSICAL_BITS;
        return switch (mode) {
            case LEGACY -> leaf && level == 2 && bit(e, 21);
            // The four pointers are checked when CR3 is loaded.
            case PAE -> level != 3 && (any(e, 62, m) || (!nxe && bit(e, 63)) || (leaf && level == 2 && any(e, 20, 13)));
            case LONG ->
                any(e, 51, m)
                        || (!nxe && bit(e, 63))
                        || (level == 4 && bit(e, 7))
                        || (leaf && level == 3 && any(e, 29, 13))
                        || (leaf && level == 2 && any(e, 20, 13));
        };
    }

    void access(long linear, boolean write, boolean user, boolean fetch, boolean ac) {
        usedCount = 0;
        final int base = (write ? 2 : 0) | (user ? 4 : 0) | (fetch && (smep || (nxe && mode != Mode.LEGACY)) ? 16 : 0);
        long table = mode == Mode.LONG ? cr3 & ~0xfffL : mode == Mode.PAE ? cr3 & ~0x1fL : cr3 & ~0xfffL;
        boolean userPage = true;
        boolean writable = true;
        boolean executable = true;
        int level = mode.levels;
        while (true) {
            final int shift = 12 + mode.indexBits * (level - 1);
            final long index = linear >>> shift & (1 << mode.indexBits) - 1;
            final long at = table + index * mode.entryBytes;
            final long e = read(at);
            final boolean pointer = mode == Mode.PAE && level == 3;
            if (!pointer) {
                used[usedCount++] = at;
            }
            if (!bit(e, 0)) {
                error = base;
                return;
            }
            final boolean leaf = level == 1
                    || (bit(e, 7)
                            && ((level == 2 && (mode != Mode.LEGACY || pse)) || (level == 3 && mode == Mode.LONG)));
            if (reservedBits(e, level, leaf)) {
                error = base | 1 | 8;
                return;
            }
            if (!pointer) {
                userPage &= bit(e, 2);
                writable &= bit(e, 1);
                executable &= !(nxe && bit(e, 63)) || mode == Mode.LEGACY;
            }
            final long frame = e & ((1L << PhysicalMemory.PHYSICAL_BITS) - 1) & ~0xfffL;
            if (leaf) {
                long start = frame & -(1L << shift);
                if (mode == Mode.LEGACY && level == 2) {
                    start = (e & 0xffc0_0000L) | (e >>> 13 & 0xff) << 32;
                }
                physical = start | (linear & (1L << shift) - 1);
                break;
            }
            table = frame;
            level--;
        }
        final boolean ok;
        if (user) {
            ok = userPage && (!write || writable) && (!fetch || executable);
        } else if (fetch) {
            ok = executable && !(smep && userPage);
        } else {
            ok = !(smap && !ac && userPage) && (!write || writable || !wp);
        }
        error = ok ? -1 : base | 1;
    }
}
