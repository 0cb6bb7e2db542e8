package io.jvmm.vcpu.x86.mmu;

import java.util.Arrays;

/**
 * One translation look-aside buffer: the entries that {@link Mmu} describes, for one kind of access. Belongs to the vCPU's
 * thread.
 *
 * <p>Entries that are not global are listed, so that a flush costs what was used since the last one: MOV to CR3 is frequent.
 */
final class Tlb {
    /** Flag of the word at +3: global page. */
    static final int GLOBAL = 1;
    /** Flag of the word at +3: may be written and is dirty, although the write tag may be missing because of decoded code. */
    static final int WRITABLE = 2;
    /** Position of the size class in the word at +3: 0 for 4 KiB, else see {@link PageWalker#shift}. */
    static final int SIZE_POSITION = 2;
    /** Mask of the size class, once shifted down. */
    static final int SIZE_MASK = 3;

    private static final int FLAGS = PhysicalMemory.PAGE_BYTES - 1;

    /** Accesses through this one are those of CPL 3. */
    final boolean user;
    /** Supervisor-mode access prevention is in force. */
    final boolean smap;

    /** Alignment is checked: nothing is ever entered, so that every access goes the slow way. */
    final boolean aligned;

    final long[] entries = new long[Mmu.ENTRIES * 4];
    /** Entries that are not global, or have been otherwise: some may be listed twice. */
    private final int[] passing = new int[Mmu.ENTRIES];
    /** More than there is room for when the list is incomplete. */
    private int passingCount;
    /** Which 4 MiB and 1 GiB stretches have had entries of large pages since all was forgotten: a bit each, by address modulo 64. */
    private long largeStretches;

    private long hugeStretches;

    Tlb(boolean user, boolean smap) {
        this(user, smap, false);
    }

    Tlb(boolean user, boolean smap, boolean aligned) {
        this.user = user;
        this.smap = smap;
        this.aligned = aligned;
        flushAll();
    }

    static int index(long linear) {
        return (int) (linear >>> Mmu.INDEX_SHIFT) & Mmu.INDEX_MASK;
    }

    private static long tag(long linear) {
        return (linear & ~(long) FLAGS) ^ Long.MIN_VALUE;
    }

    /** A tag that no address with this index hits. */
    private static long unused(int e) {
        return ((long) (e ^ 4) << Mmu.INDEX_SHIFT) ^ Long.MIN_VALUE;
    }

    /** Enters a page of RAM. {@code flags} are those of the word at +3; {@code storesUnseen}: the write tag is set, too. */
    void fill(long linear, long host, long guestPhysicalAddress, int flags, boolean storesUnseen) {
        final int e = index(linear);
        final long[] t = entries;
        if ((flags & GLOBAL) == 0) {
            if (passingCount < passing.length) {
                passing[passingCount] = e;
            }
            passingCount = Math.min(passingCount + 1, passing.length + 1);
        }
        t[e] = tag(linear);
        t[e + 1] = storesUnseen ? tag(linear) : unused(e);
        t[e + 2] = host - linear;
        t[e + 3] = (guestPhysicalAddress & ~(long) FLAGS) | flags;
        final int size = (flags >> SIZE_POSITION) & SIZE_MASK;
        if (size != 0) {
            largeStretches |= 1L << (linear >>> 22);
            hugeStretches |= size == PageWalker.SIZE_1G ? 1L << (linear >>> 30) : 0;
        }
    }

    /** Whether the byte may be read. */
    boolean mayRead(long linear) {
        return linear - entries[index(linear)] <= Mmu.LIMIT_1;
    }

    /** Whether the byte may be written, be it seen or unseen. */
    boolean mayWrite(long linear) {
        final int e = index(linear);
        return linear - entries[e] <= Mmu.LIMIT_1 && (entries[e + 3] & WRITABLE) != 0;
    }

    /** Of an address that may be read. */
    long guestPhysicalAddress(long linear) {
        return (entries[index(linear) + 3] & ~(long) FLAGS) | (linear & FLAGS);
    }

    private void clear(int e) {
        entries[e] = unused(e);
        entries[e + 1] = unused(e);
    }

    /** Forgets everything. */
    void flushAll() {
        for (int e = 0; e < entries.length; e += 4) {
            clear(e);
        }
        passingCount = 0;
        largeStretches = 0;
        hugeStretches = 0;
    }

    /** Forgets all but global pages. */
    void flushNonGlobal() {
        final boolean listed = passingCount <= passing.length;
        final int n = listed ? passingCount : Mmu.ENTRIES;
        for (int i = 0; i < n; i++) {
            final int e = listed ? passing[i] : i << 2;
            if ((entries[e + 3] & GLOBAL) == 0) {
                clear(e);
            }
        }
        passingCount = 0;
    }

    /** Forgets the page that this address is in, of whatever size. */
    void flushPage(long linear) {
        clear(index(linear));
        if ((largeStretches >>> (linear >>> 22) & 1) != 0 || (hugeStretches >>> (linear >>> 30) & 1) != 0) {
            for (int e = 0; e < entries.length; e += 4) {
                final int size = (int) (entries[e + 3] >> SIZE_POSITION) & SIZE_MASK;
                if (size != 0 && ((entries[e] ^ Long.MIN_VALUE ^ linear) >>> PageWalker.shift(size)) == 0) {
                    clear(e);
                }
            }
        }
    }

    /**
     * Takes away every unseen way to write to a guest-physical page.
     *
     * @return whether there was one
     */
    boolean protect(long guestPhysicalPage) {
        boolean had = false;
        for (int e = 0; e < entries.length; e += 4) {
            had |= protectEntry(e, guestPhysicalPage);
        }
        return had;
    }

    private boolean protectEntry(int e, long guestPhysicalPage) {
        if ((entries[e + 3] & ~(long) FLAGS) != guestPhysicalPage || entries[e + 1] == unused(e)) {
            return false;
        }
        entries[e + 1] = unused(e);
        return true;
    }

    /** Number of entries in use: for tests. */
    int size() {
        int n = 0;
        for (int e = 0; e < entries.length; e += 4) {
            n += entries[e] == unused(e) ? 0 : 1;
        }
        return n;
    }

    @Override
    public String toString() {
        return "Tlb" + Arrays.asList(user ? "user" : "supervisor", smap ? "smap" : "", size());
    }
}
