package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.mmu.CodeWriteListener;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * All decoded code of a machine: one {@link CodePage} for each guest-physical page, shared by its vCPUs. Blocks are found without
 * a lock (through each vCPU's {@link InstructionTlb} and the table of the page); everything that changes something takes the lock.
 *
 * <p><b>Self-modifying code</b> (SDM 3A 8.1.3, 11.6). Before a page is decoded it is marked in {@link PhysicalMemory}; from then on a vCPU
 * that translates it gets no permission to write unseen, and those it has are taken away: at once on the vCPU that decodes, on
 * the others when they look up next, by a request for attention. A store to a marked page comes here ({@link #codeWritten}) and
 * invalidates the blocks whose bytes it touches. Nobody waits for the others: until each has looked up (or is seen outside guest code,
 * where it stores nothing) the page is <i>unsettled</i>, and every serializing instruction of any vCPU compares the unsettled pages with
 * memory ({@link #settle}); so does the vCPU that gives its permission up. Hence a store that is visible when a processor serializes
 * is seen by that processor, as SDM 3A 8.1.3 demands, and any store soon.
 *
 * <p><b>DMA.</b> Devices write guest memory unseen. Therefore a page is compared with the copy from which its blocks were made whenever a vCPU enters
 * it into its instruction TLB, and before anything more of it is decoded. Code that a device overwrites in place while its
 * translation lives on is not noticed before the next flush.
 *
 * <p><b>Memory</b> is bounded: when the estimate of what all pages take exceeds the limit, whole pages go, the oldest first; a
 * page that was entered into an instruction TLB since the last time gets a second chance.
 */
public final class CodeCache implements CodeWriteListener {
    /** A page with code to which so many stores went while nothing new of it was decoded is data for now: its blocks go. */
    private static final int MAX_SLOW_STORES = 256;

    /**
     * Most blocks of a page, so that looking through them stays short: one at each byte of it in each mode would be tens of thousands, and
     * ordinary code has some hundred.
     */
    private static final int MAX_BLOCKS = 1_500;

    private final PhysicalMemory memory;
    private final BlockBuilder builder;
    private final TranslationQueue queue;
    private final int threshold;
    private final long limitBytes;
    private final Long2ObjectHashMap<CodePage> pages = new Long2ObjectHashMap<>();
    private final byte[] now = new byte[CodePage.BYTES];
    /** Pages to which some vCPU may still be writing unseen. */
    private final List<CodePage> unsettled = new ArrayList<>();

    /** Whether there are any: what a serializing instruction looks at. */
    private volatile boolean anyUnsettled;

    private Executor[] executors = new Executor[0];
    private long heapBytes;
    private @Nullable CodePage oldest;
    private @Nullable CodePage youngest;
    private long invalidatedPages;
    private long evictedPages;
    private long builtBlocks;

    /**
     * An empty cache.
     *
     * @param factories asked in this order; what none makes is #UD
     * @param queue takes a block when it has been entered {@code threshold} times
     * @param limitBytes how much heap decoded code may take, about
     */
    public CodeCache(
            PhysicalMemory memory,
            List<StepFactory> factories,
            TranslationQueue queue,
            int threshold,
            long limitBytes) {
        this.memory = memory;
        this.builder = new BlockBuilder(factories);
        this.queue = queue;
        this.threshold = threshold;
        this.limitBytes = limitBytes;
    }

    synchronized void attach(Executor executor) {
        executors = Arrays.copyOf(executors, executors.length + 1);
        executors[executors.length - 1] = executor;
    }

    int threshold() {
        return threshold;
    }

    void hot(Block block) {
        queue.offer(block);
    }

    /** The page of this guest-physical address, what it holds compared with memory; null when it is not RAM. */
    synchronized @Nullable CodePage page(long guestPhysicalAddress, Executor by) {
        final long address = guestPhysicalAddress & -CodePage.BYTES;
        CodePage page = pages.get(address);
        if (page == null) {
            if (memory.host(address) == PhysicalMemory.NONE) {
                return null;
            }
            page = new CodePage(address, memory.view(address));
            pages.put(address, page);
            append(page);
            heapBytes += page.heapBytes;
            // First the mark, then the permissions, then the copy: a store that the copy misses is seen.
            memory.setCode(address, true);
            for (final Executor executor : executors) {
                if (executor == by) {
                    executor.protect(address);
                } else {
                    executor.protections.request(address);
                }
            }
            if (!areProtected(by)) {
                unsettled.add(page);
                anyUnsettled = true;
            }
            HostMemory.copyOut(memory.host(address), page.copy, CodePage.BYTES);
            evict(page);
        } else {
            compare(page);
        }
        page.recentlyUsed = true;
        return page;
    }

    /** The block at this place, made if need be; null when the page is dead, or its first instruction goes on in the next page. */
    synchronized @Nullable Block block(CodePage page, int pageOffset, int modeKey) {
        if (page.dead) {
            return null;
        }
        compare(page);
        Block block = page.find(Block.key(pageOffset, modeKey));
        if (block == null) {
            block = builder.build(page, pageOffset, modeKey);
            if (block != null) {
                add(page, block);
            }
        }
        return block;
    }

    /** The block of one instruction that begins in {@code page} and goes on in {@code second}; null when one of them is dead. */
    synchronized @Nullable Block crossingBlock(CodePage page, int pageOffset, int modeKey, CodePage second) {
        if (page.dead || second.dead) {
            return null;
        }
        compare(page);
        compare(second);
        final Block known = page.find(Block.key(pageOffset, modeKey));
        if (known != null) {
            if (known.secondPage == second && known.secondVersion == second.headVersion) {
                return known;
            }
            final int before = page.heapBytes;
            page.invalidate(known);
            heapBytes += page.heapBytes - before;
        }
        final Block block = builder.buildCrossing(page, pageOffset, modeKey, second);
        add(page, block);
        return block;
    }

    private void add(CodePage page, Block block) {
        final int before = page.heapBytes;
        if (page.count() == MAX_BLOCKS) {
            page.invalidate(0, CodePage.BYTES);
        }
        page.add(block);
        heapBytes += page.heapBytes - before;
        builtBlocks++;
        evict(page);
    }

    /** Brings the copy up to date, and drops the blocks of bytes that have changed. */
    private void compare(CodePage page) {
        if (page.isCurrent()) {
            return;
        }
        HostMemory.copyOut(memory.host(page.address), now, CodePage.BYTES);
        int at = Arrays.mismatch(now, page.copy);
        if (at < 0) {
            return;
        }
        final int before = page.heapBytes;
        for (; at < CodePage.BYTES; at++) {
            if (now[at] != page.copy[at] && page.isCovered(at, at + 1)) {
                page.invalidate(at, at + 1);
            }
        }
        heapBytes += page.heapBytes - before;
        System.arraycopy(now, 0, page.copy, 0, CodePage.BYTES);
    }

    /** Whether no vCPU (but for one that has seen to it) may be writing unseen to a page with code. */
    private boolean areProtected(@Nullable Executor but) {
        for (final Executor executor : executors) {
            if (executor != but && !executor.protections.areDone()) {
                return false;
            }
        }
        return true;
    }

    /** What a serializing instruction has to do about code that another vCPU has written: mostly nothing. */
    void settle() {
        if (anyUnsettled) {
            settleAll();
        }
    }

    private synchronized void settleAll() {
        // Asked before comparing: what is written unseen later would be missed.
        final boolean all = areProtected(null);
        unsettled.forEach(this::compare);
        if (all) {
            unsettled.clear();
            anyUnsettled = false;
        }
    }

    /** Compares a page that may have been written unseen until now. */
    synchronized void recheck(long address) {
        final CodePage page = pages.get(address);
        if (page != null) {
            compare(page);
        }
    }

    /** The same for all pages. */
    synchronized void recheckAll() {
        for (CodePage page = oldest; page != null; page = page.younger) {
            compare(page);
        }
    }

    @Override
    public synchronized void codeWritten(long guestPhysicalAddress, int lengthBytes) {
        final CodePage page = pages.get(guestPhysicalAddress & -CodePage.BYTES);
        if (page == null) {
            return;
        }
        final int from = (int) guestPhysicalAddress & (CodePage.BYTES - 1);
        final int before = page.heapBytes;
        if (page.isCovered(from, from + lengthBytes)) {
            page.invalidate(from, from + lengthBytes);
        }
        heapBytes += page.heapBytes - before;
        if (page.count() == 0 || ++page.slowStores > MAX_SLOW_STORES) {
            invalidatedPages++;
            remove(page);
        }
    }

    /**
     * Puts translated code in place of its blocks; what they led to before is given up. Not done when a block has become invalid.
     *
     * @return whether it was done
     */
    public synchronized boolean install(Region region, Block[] members) {
        for (final Block member : members) {
            if (!member.valid) {
                return false;
            }
        }
        for (final Block member : members) {
            final Region before = member.region;
            if (before != null) {
                before.invalidate();
            }
        }
        for (final Block member : members) {
            member.region = region;
        }
        return true;
    }

    /** Gives translated code up. */
    public synchronized void evict(Region region) {
        region.invalidate();
    }

    /** Drops everything: memory has been mapped anew, or loaded. No vCPU runs. */
    public synchronized void clear() {
        while (oldest != null) {
            remove(oldest);
        }
        memory.clearCode();
    }

    private void remove(CodePage page) {
        page.kill();
        unlink(page);
        pages.remove(page.address);
        if (anyUnsettled) {
            // Nobody may serialize for long: dead pages would pile up there.
            unsettled.remove(page);
            anyUnsettled = !unsettled.isEmpty();
        }
        heapBytes -= page.heapBytes;
        memory.setCode(page.address, false);
    }

    private void evict(CodePage but) {
        while (heapBytes > limitBytes) {
            final CodePage page = oldest;
            if (page == null || (page == but && page.younger == null)) {
                return;
            }
            if (page == but || page.recentlyUsed) {
                page.recentlyUsed = false;
                unlink(page);
                append(page);
            } else {
                evictedPages++;
                remove(page);
            }
        }
    }

    private void append(CodePage page) {
        page.older = youngest;
        page.younger = null;
        if (youngest == null) {
            oldest = page;
        } else {
            youngest.younger = page;
        }
        youngest = page;
    }

    private void unlink(CodePage page) {
        if (page.older == null) {
            oldest = page.younger;
        } else {
            page.older.younger = page.younger;
        }
        if (page.younger == null) {
            youngest = page.older;
        } else {
            page.younger.older = page.older;
        }
        page.older = null;
        page.younger = null;
    }

    /** Heap that decoded code takes, about. */
    public synchronized long heapBytes() {
        return heapBytes;
    }

    /** Pages of which code is decoded now. */
    public synchronized int pageCount() {
        return pages.size();
    }

    /** Blocks made so far. */
    public synchronized long builtBlocks() {
        return builtBlocks;
    }

    /** Pages to which some vCPU may still be writing unseen. */
    synchronized int unsettledPages() {
        return unsettled.size();
    }

    /** Pages dropped so far because the guest wrote to them. */
    public synchronized long invalidatedPages() {
        return invalidatedPages;
    }

    /** Pages dropped so far because there was no room. */
    public synchronized long evictedPages() {
        return evictedPages;
    }
}
