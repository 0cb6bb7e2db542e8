package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One guest-physical page of which code has been decoded: its blocks, and the bytes from which they were decoded. Found by
 * vCPUs without a lock, changed only under the lock of the {@link CodeCache}.
 */
public final class CodePage {
    /** Bytes of a page. */
    public static final int BYTES = PhysicalMemory.PAGE_BYTES;
    /** A bit of {@link #covered} stands for this many bytes. */
    private static final int GRANULE_SHIFT = 3;

    private static final int FIRST_TABLE = 8;

    /** Guest-physical address, page-aligned. */
    public final long address;

    /** What memory held when it was last compared; under every block it is what memory holds. */
    final byte[] copy = new byte[BYTES];

    private final ByteBuffer copyView = ByteBuffer.wrap(copy);
    private final ByteBuffer memoryView;
    /** Stores that had to go the slow way since a block was built. */
    int slowStores;
    /** Used since eviction last passed. */
    boolean recentlyUsed = true;
    /** Not in the cache any more; has no block. */
    volatile boolean dead;
    /** Changes when the bytes change that an instruction which began in the page before may end in. */
    volatile int headVersion;

    /** Estimate of the heap this takes, without regions. */
    int heapBytes = BYTES + 500;
    /** Neighbours in order of age, see {@link CodeCache}. */
    @Nullable
    CodePage older;

    @Nullable
    CodePage younger;

    /** Open addressing, a power of two; replaced as a whole when a block leaves it. */
    private @Nullable Block[] table = new Block[FIRST_TABLE];

    private int count;
    /** Which bytes some block decodes, eight bytes a bit. */
    private final long[] covered = new long[BYTES >> GRANULE_SHIFT >> 6];

    /** The page of this guest-physical address, of which {@code memory} is the bytes. */
    CodePage(long address, ByteBuffer memory) {
        this.address = address;
        this.memoryView = memory;
    }

    /** Whether memory holds what {@link #copy} does. Any thread. */
    boolean isCurrent() {
        return HostMemory.isEqual(memoryView, copyView);
    }

    private static int slot(int key, int length) {
        return (key ^ key >>> 5) & (length - 1);
    }

    /** The block with this {@link Block#key}, or null. Any thread. */
    @Nullable
    Block find(int key) {
        final @Nullable Block[] t = table;
        int i = slot(key, t.length);
        Block b = t[i];
        while (b != null && b.key != key) {
            i = (i + 1) & (t.length - 1);
            b = t[i];
        }
        return b;
    }

    /** The block of 64-bit mode at this offset, if it is there and does not cross the page; null otherwise. Any thread. */
    @Nullable
    Block find64(int offset) {
        final @Nullable Block[] t = table;
        final int key = Block.key(offset, ModeKey.CODE_64);
        final Block first = t[slot(key, t.length)];
        final Block block = first != null && first.key == key ? first : find(key);
        return block == null || block.crossesPage() ? null : block;
    }

    /** The blocks of a mode at this moment, in no order. Any thread. */
    public Block[] blocks(int modeKey) {
        final @Nullable Block[] t = table;
        int n = 0;
        final Block[] found = new Block[t.length];
        for (final Block b : t) {
            if (b != null && b.modeKey == modeKey) {
                found[n++] = b;
            }
        }
        return Arrays.copyOf(found, n);
    }

    int count() {
        return count;
    }

    void add(Block block) {
        if (2 * (count + 1) > table.length) {
            rebuild(table.length * 2);
        }
        insert(table, block);
        count++;
        heapBytes += block.heapBytes();
        slowStores = 0;
        cover(block.pageOffset, Math.min(BYTES, block.pageOffset + block.byteLength));
    }

    /** Takes note that bytes [from, to) have been decoded. */
    void cover(int from, int to) {
        for (int g = from >> GRANULE_SHIFT; g <= (to - 1) >> GRANULE_SHIFT; g++) {
            covered[g >> 6] |= 1L << g;
        }
    }

    /** Whether some block may decode one of the bytes [from, to). */
    boolean isCovered(int from, int to) {
        for (int g = from >> GRANULE_SHIFT; g <= (to - 1) >> GRANULE_SHIFT; g++) {
            if ((covered[g >> 6] >>> g & 1) != 0) {
                return true;
            }
        }
        return false;
    }

    private static void insert(@Nullable Block[] t, Block block) {
        int i = slot(block.key, t.length);
        while (t[i] != null) {
            i = (i + 1) & (t.length - 1);
        }
        t[i] = block;
    }

    /** A fresh table of the blocks that are valid. */
    private void rebuild(int length) {
        final @Nullable Block[] fresh = new Block[length];
        int n = 0;
        // Those of the first bytes stay: they may be the end of an instruction of the page before.
        covered[0] &= (1 << ((Decoder.MAX_BYTES + 1) >> GRANULE_SHIFT)) - 1;
        Arrays.fill(covered, 1, covered.length, 0);
        for (final Block b : table) {
            if (b != null && b.valid) {
                insert(fresh, b);
                cover(b.pageOffset, Math.min(BYTES, b.pageOffset + b.byteLength));
                n++;
            }
        }
        count = n;
        table = fresh;
    }

    /** Bytes [from, to) have changed: drops the blocks that decode any of them. */
    void invalidate(int from, int to) {
        if (from < Decoder.MAX_BYTES) {
            changeHead();
        }
        boolean some = false;
        for (final Block b : table) {
            if (b != null && b.pageOffset < to && b.pageOffset + b.byteLength > from) {
                b.invalidate();
                heapBytes -= b.heapBytes();
                some = true;
            }
        }
        if (some) {
            rebuild(table.length);
        }
    }

    /** Only ever under the lock; volatile for those who read without it. */
    @SuppressWarnings("NonAtomicVolatileUpdate")
    private void changeHead() {
        headVersion++;
    }

    /** Drops one block. */
    void invalidate(Block block) {
        block.invalidate();
        heapBytes -= block.heapBytes();
        rebuild(table.length);
    }

    /** Drops all blocks for good. */
    void kill() {
        dead = true;
        changeHead();
        for (final Block b : table) {
            if (b != null) {
                b.invalidate();
            }
        }
        count = 0;
        table = new Block[1];
    }

    @Override
    public String toString() {
        return String.format("CodePage[%x, %d blocks]", address, count);
    }
}
