package io.jvmm.vcpu.x86.mmu;

/**
 * Page tables (SDM 3A chapter 4): none, 32-bit with 4 MiB pages, PAE, and 4-level. Belongs to the vCPU's thread.
 *
 * <p>{@link #walk} only reads. {@link #check} decides, and {@link #commit} then sets accessed and dirty bits, by
 * compare-and-swap, because other vCPUs walk the same tables and the guest changes them meanwhile: an entry that has
 * changed since it was read sends everything back to {@link #walk}. Thus a walk that ends in a fault writes nothing.
 *
 * <p>A table where there is no RAM reads as all ones, as a PC's unclaimed addresses do.
 */
final class PageWalker {
    /** Error code: the fault is one of rights or reserved bits, not of presence. */
    static final int PRESENT = 1;
    /** Error code and kind of access: a write. */
    static final int WRITE = 2;
    /** Error code and kind of access: from CPL 3. */
    static final int USER = 4;
    /** Error code: a reserved bit is set. */
    static final int RESERVED = 8;
    /** Error code and kind of access: an instruction fetch. */
    static final int FETCH = 16;
    /** No fault. */
    static final int OK = -1;

    /** Size class of a 2 MiB page; 0 is 4 KiB. */
    static final int SIZE_2M = 1;
    /** Size class of a 4 MiB page. */
    static final int SIZE_4M = 2;
    /** Size class of a 1 GiB page. */
    static final int SIZE_1G = 3;

    private static final long PHYSICAL_MASK = (1L << PhysicalMemory.PHYSICAL_BITS) - 1;
    private static final long FRAME = PHYSICAL_MASK & -PhysicalMemory.PAGE_BYTES;
    private static final long TOO_HIGH = ((1L << 52) - 1) & ~PHYSICAL_MASK;
    private static final long TOO_HIGH_PAE = Long.MAX_VALUE & ~PHYSICAL_MASK;
    private static final long NO_EXECUTE = Long.MIN_VALUE;
    private static final int E_PRESENT = 1;
    private static final int E_WRITABLE = 2;
    private static final int E_USER = 4;
    private static final int E_ACCESSED = 0x20;
    private static final int E_DIRTY = 0x40;
    private static final int E_LARGE = 0x80;
    private static final int E_GLOBAL = 0x100;
    private static final long RESERVED_2M = 0x1f_e000;
    private static final long RESERVED_1G = 0x3fff_e000;
    private static final long RESERVED_PSE36 = 0x20_0000;
    /** Bits 2..1 and 8..5 of a page-directory-pointer-table entry of PAE paging (SDM 3A table 4-8). */
    private static final long RESERVED_POINTER = 0x1e6;

    private enum Kind {
        NONE,
        LEGACY,
        PAE,
        LONG
    }

    private final PhysicalMemory memory;
    private final CodeWriteListener codeWrites;

    private Kind kind = Kind.NONE;
    private long root;
    private boolean writeProtect;
    private boolean globalPages;
    private boolean pageSizeExtension;
    private boolean smep;
    private boolean noExecute;
    private long reserved;
    private final long[] pointers = new long[4];

    /** Guest-physical addresses and values of the entries that the last walk used. */
    private final long[] entryAddress = new long[4];

    private final long[] entryValue = new long[4];
    private int depth;
    /** All rights that every level gave, in the low bits; {@link #NO_EXECUTE} if any level said so. */
    private long rights;

    private int size;
    private long physical;

    PageWalker(PhysicalMemory memory, CodeWriteListener codeWrites) {
        this.memory = memory;
        this.codeWrites = codeWrites;
    }

    /** Log2 of the bytes of a page of a size class. */
    static int shift(int size) {
        return switch (size) {
            case 0 -> 12;
            case SIZE_2M -> 21;
            case SIZE_4M -> 22;
            default -> 30;
        };
    }

    void setPaging(long cr0, long cr3, long cr4, long efer) {
        final boolean pae = (cr4 & 0x20) != 0;
        if ((cr0 & 0x8000_0000L) == 0) {
            kind = Kind.NONE;
        } else {
            kind = (efer & 0x400) != 0 ? Kind.LONG : pae ? Kind.PAE : Kind.LEGACY;
        }
        writeProtect = (cr0 & 0x1_0000) != 0;
        pageSizeExtension = (cr4 & 0x10) != 0;
        globalPages = (cr4 & 0x80) != 0;
        smep = (cr4 & 0x10_0000) != 0;
        noExecute = (efer & 0x800) != 0 && (kind == Kind.LONG || kind == Kind.PAE);
        reserved = (kind == Kind.PAE ? TOO_HIGH_PAE : TOO_HIGH) | (noExecute ? 0 : NO_EXECUTE);
        switch (kind) {
            case NONE -> root = 0;
            case LEGACY -> root = cr3 & 0xffff_f000L;
            case PAE -> loadPointers(cr3 & 0xffff_ffe0L);
            case LONG -> root = cr3 & FRAME;
        }
    }

    private void loadPointers(long table) {
        root = table;
        for (int i = 0; i < pointers.length; i++) {
            pointers[i] = readEntry(table + 8L * i);
        }
    }

    /** Whether the four entries that MOV to CR3 would load set no reserved bit (SDM 3A 4.4.1). */
    boolean pointersAreValid(long cr3) {
        for (int i = 0; i < pointers.length; i++) {
            final long entry = readEntry((cr3 & 0xffff_ffe0L) + 8L * i);
            if ((entry & E_PRESENT) != 0 && (entry & (TOO_HIGH_PAE | NO_EXECUTE | RESERVED_POINTER)) != 0) {
                return false;
            }
        }
        return true;
    }

    /** Whether linear addresses have 48 significant bits that are sign-extended, rather than 32. */
    boolean isLong() {
        return kind == Kind.LONG;
    }

    /** The error-code bit of an instruction fetch: only where fetches have rights of their own (SDM 3A 4.7). */
    int fetchBit() {
        return noExecute || smep ? FETCH : 0;
    }

    /** Guest-physical address that the last walk found. */
    long physical() {
        return physical;
    }

    /** Size class of the page that the last walk found. */
    int size() {
        return size;
    }

    /** Whether that page is global. */
    boolean isGlobal() {
        return globalPages && (rights & E_GLOBAL) != 0;
    }

    /** Whether that page may be written to (by the user or by the supervisor), and is dirty already or there is no paging. */
    boolean isDirtyAndWritable(boolean user) {
        return (rights & E_DIRTY) != 0 && ((rights & E_WRITABLE) != 0 || (!user && !writeProtect));
    }

    /**
     * Finds the entries for an address. Writes nothing.
     *
     * @return {@link #OK}, or the part of the error code that the tables decide: 0 when an entry is not present, {@link #PRESENT} |
     *     {@link #RESERVED}
     */
    int walk(long linear) {
        depth = 0;
        size = 0;
        rights = E_WRITABLE | E_USER;
        return switch (kind) {
            case NONE -> {
                rights |= E_DIRTY;
                physical = linear & 0xffff_ffffL;
                yield OK;
            }
            case LEGACY -> walkLegacy(linear);
            case PAE -> {
                final long pointer = pointers[(int) (linear >>> 30) & 3];
                yield (pointer & E_PRESENT) == 0 ? 0 : walkDirectory(pointer & FRAME, linear);
            }
            case LONG -> walkLong(linear);
        };
    }

    private int walkLong(long linear) {
        final long top = entry(root, linear >>> 39);
        if ((top & E_PRESENT) == 0) {
            return 0;
        }
        if ((top & (reserved | E_LARGE)) != 0) {
            return PRESENT | RESERVED;
        }
        final long pointer = entry(top & FRAME, linear >>> 30);
        if ((pointer & E_PRESENT) == 0) {
            return 0;
        }
        if ((pointer & E_LARGE) == 0) {
            return (pointer & reserved) != 0 ? PRESENT | RESERVED : walkDirectory(pointer & FRAME, linear);
        }
        if ((pointer & (reserved | RESERVED_1G)) != 0) {
            return PRESENT | RESERVED;
        }
        return leaf(pointer, pointer & FRAME, SIZE_1G, linear);
    }

    private int walkDirectory(long table, long linear) {
        final long directory = entry(table, linear >>> 21);
        if ((directory & E_PRESENT) == 0) {
            return 0;
        }
        if ((directory & E_LARGE) != 0) {
            if ((directory & (reserved | RESERVED_2M)) != 0) {
                return PRESENT | RESERVED;
            }
            return leaf(directory, directory & FRAME, SIZE_2M, linear);
        }
        if ((directory & reserved) != 0) {
            return PRESENT | RESERVED;
        }
        final long page = entry(directory & FRAME, linear >>> 12);
        if ((page & E_PRESENT) == 0) {
            return 0;
        }
        if ((page & reserved) != 0) {
            return PRESENT | RESERVED;
        }
        return leaf(page, page & FRAME, 0, linear);
    }

    private int walkLegacy(long linear) {
        final long directory = shortEntry(root, linear >>> 22);
        if ((directory & E_PRESENT) == 0) {
            return 0;
        }
        if (pageSizeExtension && (directory & E_LARGE) != 0) {
            if ((directory & RESERVED_PSE36) != 0) {
                return PRESENT | RESERVED;
            }
            // PSE-36 (SDM 3A table 4-4): bits 20..13 are bits 39..32 of the frame.
            final long frame = (directory & 0xffc0_0000L) | (directory & 0x1f_e000L) << 19;
            return leaf(directory, frame, SIZE_4M, linear);
        }
        final long page = shortEntry(directory & 0xffff_f000L, linear >>> 12);
        return (page & E_PRESENT) == 0 ? 0 : leaf(page, page & 0xffff_f000L, 0, linear);
    }

    private int leaf(long entry, long frame, int sizeClass, long linear) {
        final long within = (1L << shift(sizeClass)) - 1;
        size = sizeClass;
        rights |= entry & (E_GLOBAL | E_DIRTY);
        physical = (frame & ~within) | (linear & within);
        return OK;
    }

    /** Reads an entry of eight bytes; {@code index} may have more bits than the index has. */
    private long entry(long table, long index) {
        final long address = table + ((index & 0x1ff) << 3);
        final long value = readEntry(address);
        note(address, value);
        return value;
    }

    private long shortEntry(long table, long index) {
        final long address = table + ((index & 0x3ff) << 2);
        final long host = memory.host(address);
        final long value = host == PhysicalMemory.NONE ? 0xffff_ffffL : HostMemory.get32(host) & 0xffff_ffffL;
        note(address, value);
        return value;
    }

    private void note(long address, long value) {
        entryAddress[depth] = address;
        entryValue[depth++] = value;
        rights = (rights & (value | ~(long) (E_WRITABLE | E_USER))) | (value & NO_EXECUTE);
    }

    private long readEntry(long address) {
        final long host = memory.host(address);
        return host == PhysicalMemory.NONE ? -1 : HostMemory.get64(host);
    }

    /**
     * The rights of the page that the last walk found (SDM 3A 4.6.1).
     *
     * @param access {@link #WRITE}, {@link #USER}, {@link #FETCH}, which may be combined
     * @param smap whether a supervisor's access to data of a user page is forbidden
     * @return {@link #OK} or {@link #PRESENT}
     */
    int check(int access, boolean smap) {
        if (kind == Kind.NONE) {
            return OK;
        }
        final boolean userPage = (rights & E_USER) != 0;
        final boolean writablePage = (rights & E_WRITABLE) != 0;
        final boolean allowed;
        if ((access & FETCH) != 0) {
            allowed = !(noExecute && (rights & NO_EXECUTE) != 0)
                    && ((access & USER) != 0 ? userPage : !(smep && userPage));
        } else if ((access & USER) != 0) {
            allowed = userPage && (writablePage || (access & WRITE) == 0);
        } else {
            allowed = !(smap && userPage) && (writablePage || !writeProtect || (access & WRITE) == 0);
        }
        return allowed ? OK : PRESENT;
    }

    /**
     * Sets the accessed bits of the entries of the last walk and, for a write, the dirty bit of the last (SDM 3A 4.8).
     *
     * @return false when an entry has changed meanwhile: walk again
     */
    boolean commit(boolean write) {
        for (int i = 0; i < depth; i++) {
            final int wanted = E_ACCESSED | (write && i == depth - 1 ? E_DIRTY : 0);
            if ((entryValue[i] & wanted) != wanted && !setBits(i, wanted)) {
                return false;
            }
        }
        if (write) {
            rights |= E_DIRTY;
        }
        return true;
    }

    private boolean setBits(int i, int bits) {
        final long address = entryAddress[i];
        if (!memory.isWritable(address)) {
            return true;
        }
        final long host = memory.host(address);
        final long value = entryValue[i];
        final boolean done;
        if (kind == Kind.LEGACY) {
            done = HostMemory.compareAndExchange32(host, (int) value, (int) value | bits) == (int) value;
        } else {
            done = HostMemory.compareAndExchange64(host, value, value | bits) == value;
        }
        if (done && memory.hasCode(address)) {
            codeWrites.codeWritten(address, 1);
        }
        return done;
    }
}
