package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.mmu.FetchCache;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Linear page and privilege to {@link CodePage}, for one vCPU: direct-mapped. A tag is the linear page with the CPL in its
 * low bits, since fetches have rights.
 *
 * <p>Big enough for the text of a kernel, and hashed, so that a program and the kernel do not meet in it at every call. What is not
 * global is listed, so that a flush costs what was used since the last one: MOV to CR3 is frequent.
 */
final class InstructionTlb implements FetchCache {
    static final int ENTRIES = 2048;
    static final int MASK = ENTRIES - 1;
    private static final int LOG_ENTRIES = 11;
    private static final long UNUSED = -1;
    private static final byte GLOBAL = (byte) 0x80;
    private static final int SHIFT_MASK = 0x7f;
    private static final int LISTED = 512;

    final long[] tags = new long[ENTRIES];
    final @Nullable CodePage[] pages = new CodePage[ENTRIES];
    /** {@link #GLOBAL}, and log2 of the bytes of the page. */
    private final byte[] kinds = new byte[ENTRIES];

    final JumpCache jumps = new JumpCache();

    /** Entries that are not global, or have been otherwise: some may be listed twice. */
    private final int[] passing = new int[LISTED];
    /** More than there is room for when the list is incomplete. */
    private int passingCount;
    /** Whether one of them was in the upper half of the address space. */
    private boolean passingUpper;
    /** Which 4 MiB and 1 GiB stretches have had entries of large pages since all was forgotten: a bit each, by address modulo 64. */
    private long largeStretches;

    private long hugeStretches;

    InstructionTlb() {
        flushAll();
    }

    static int index(long linear) {
        final int page = (int) (linear >>> 12);
        return (page ^ page >>> LOG_ENTRIES) & MASK;
    }

    static long tag(long linear, int cpl) {
        return (linear & -CodePage.BYTES) | cpl;
    }

    void fill(long linear, int cpl, CodePage page, boolean global, int pageShift) {
        final int i = index(linear);
        if (!global) {
            if (passingCount < LISTED) {
                passing[passingCount] = i;
            }
            passingCount = Math.min(passingCount + 1, LISTED + 1);
            passingUpper |= linear < 0;
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
        Arrays.fill(tags, UNUSED);
        Arrays.fill(pages, null);
        passingCount = 0;
        passingUpper = false;
        largeStretches = 0;
        hugeStretches = 0;
    }

    @Override
    public void flushNonGlobal() {
        if (passingUpper) {
            jumps.clear();
        } else {
            jumps.clearLower();
        }
        final boolean listed = passingCount <= LISTED;
        final int n = listed ? passingCount : ENTRIES;
        for (int j = 0; j < n; j++) {
            final int i = listed ? passing[j] : j;
            if (kinds[i] >= 0) {
                tags[i] = UNUSED;
            }
        }
        passingCount = 0;
        passingUpper = false;
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
