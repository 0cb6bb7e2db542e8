package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;

/**
 * The pages of code that one vCPU is asked to give up its ways to write to unseen: asked by any thread, done by the vCPU's own when
 * it looks up, or enters the guest. When there is no room for more pages it gives up all.
 */
final class Protections {
    private static final int PAGES = 64;
    private static final long NO_PAGE = -1;
    private static final long ALL_PAGES = -2;

    private final Cpu cpu;
    private final CodeCache cache;
    private final Object lock = new Object();
    private final long[] pages = new long[PAGES];
    private int count;
    /** Whether {@link #count} may be other than 0, or the last page taken is not done with. */
    private volatile boolean pending;
    /** Whether the vCPU's thread may be using its TLBs. */
    private volatile boolean inGuest;

    Protections(Cpu cpu, CodeCache cache) {
        this.cpu = cpu;
        this.cache = cache;
    }

    /** From here on the vCPU may store unseen to pages that nobody has asked it to protect. Its own thread. */
    void enter() {
        inGuest = true;
        if (pending) {
            take();
        }
    }

    /** It does not store until it enters again. Its own thread. */
    void leave() {
        inGuest = false;
    }

    /** Wants a page protected. Any thread. */
    void request(long guestPhysicalPage) {
        synchronized (lock) {
            if (count < PAGES) {
                pages[count] = guestPhysicalPage;
            }
            count = Math.min(count + 1, PAGES + 1);
            pending = true;
        }
        cpu.requestAttention();
    }

    /**
     * Whether all that was asked is done, or will be before this vCPU stores again: every store that it has made unseen is in memory.
     * Any thread.
     */
    boolean areDone() {
        return !inGuest || !pending;
    }

    private void take() {
        while (pending) {
            final long page = next();
            if (page == ALL_PAGES) {
                cpu.mmu.flushAll();
                cache.recheckAll();
            } else if (page != NO_PAGE) {
                cpu.mmu.protectCode(page);
                // Stores until now may have gone unseen: through a permission, or between a look at the mark and the
                // store.
                cache.recheck(page);
            }
        }
    }

    /** The lock is not held around calls to the cache, which calls {@link #request} with its own held. */
    private long next() {
        synchronized (lock) {
            if (count > PAGES) {
                count = 0;
                return ALL_PAGES;
            }
            if (count == 0) {
                pending = false;
                return NO_PAGE;
            }
            return pages[--count];
        }
    }
}
