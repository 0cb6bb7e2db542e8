package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.mmu.FetchCache;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Linear page and privilege to {@link CodePage}, for one vCPU: direct-mapped. A tag is the linear page with the CPL in its
 * low bits, since fetches have rights.
 */
final class InstructionTlb implements FetchCache {
    static final int ENTRIES = 512;
    static final int MASK = ENTRIES - 1;
    private static final long UNUSED = -1;
    private static final byte GLOBAL = (byte) 0x80;
    private static final int SHIFT_MASK = 0x7f;

    final long[] tags = new long[ENTRIES];
    final @Nullable CodePage[] pages = new CodePage[ENTRIES];
    /** {@link #GLOBAL}, and log2 of the bytes of the page. */
    private final byte[] kinds = new byte[ENTRIES];

    final JumpCache jumps = new JumpCache();

    private final int[] used = new int[ENTRIES];
    /** More than there is room for when the list is incomplete. */
    private int usedCount = ENTRIES + 1;
    /** Which 4 MiB and 1 GiB stretches have had entries of large pages since all was forgotten: a bit each, by address modulo 64. */
    private long largeStretches;

    private long hugeStretches;

    InstructionTlb() {
        flushAll();
    }

    static int index(long linear) {
        return (int) (linear >>> 12) & MASK;
    }

    static long tag(long linear, int cpl) {
        return (linear & -CodePage.BYTES) | cpl;
    }

    void fill(long linear, int cpl, CodePage page, boolean global, int pageShift) {
        final int i = index(linear);
        if (tags[i] == UNUSED) {
            if (usedCount < ENTRIES) {
                used[usedCount] = i;
            }
            usedCount = Math.min(usedCount + 1, ENTRIES + 1);
        }
        tags[i] = tag(linear, cpl);
        pages[i] = page;
        kinds[i] = (byte) (pageShift | (global ? GLOBAL : 0));
        if (pageShift > 12) {
            largeStretches |= 1L << (linear >>> 22);
            hugeStretches |= pageShift == 30 ? 1L << (linear >>> 30) : 0;
        }
    }

    @Override
    public void flushAll() {
        jumps.clear();
        if (usedCount > ENTRIES) {
            Arrays.fill(tags, UNUSED);
        } else {
            for (int i = 0; i < usedCount; i++) {
                tags[used[i]] = UNUSED;
            }
        }
        usedCount = 0;
        largeStretches = 0;
        hugeStretches = 0;
    }

    @Override
    public void flushNonGlobal() {
        jumps.clear();
        final boolean listed = usedCount <= ENTRIES;
        final int n = listed ? usedCount : ENTRIES;
        int kept = 0;
        for (int j = 0; j < n; j++) {
            final int i = listed ? used[j] : j;
            if (kinds[i] >= 0) {
                tags[i] = UNUSED;
            } else if (tags[i] != UNUSED) {
                used[kept++] = i;
            }
        }
        usedCount = kept;
    }

    @Override
    public void flushPage(long linear) {
        jumps.clear();
        tags[index(linear)] = UNUSED;
        if ((largeStretches >>> (linear >>> 22) & 1) != 0 || (hugeStretches >>> (linear >>> 30) & 1) != 0) {
            for (int i = 0; i < ENTRIES; i++) {
                if ((tags[i] ^ linear) >>> (kinds[i] & SHIFT_MASK) == 0) {
                    tags[i] = UNUSED;
                }
            }
        }
    }
}
