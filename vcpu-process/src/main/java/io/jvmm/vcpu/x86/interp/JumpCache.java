package io.jvmm.vcpu.x86.interp;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * RIP and privilege to {@link Block}, for one vCPU in 64-bit mode: what the way through {@link InstructionTlb} and
 * {@link CodePage} has found, so that the next jump to there takes one look. Direct-mapped. Emptied whenever the instruction TLB forgets
 * anything, but for a write of CR3 while nothing in the upper half of the address space is other than global: that half stays then. A
 * block that it holds may have become invalid.
 *
 * <p>A tag is RIP's low 48 bits (RIP is canonical) with the privilege and a generation above them, so that emptying is one
 * addition; when the generations are used up the tags are overwritten.
 */
final class JumpCache {
    private static final int ENTRIES = 4096;
    private static final int MASK = ENTRIES - 1;
    private static final int CPL_SHIFT = 48;
    private static final int GENERATION_SHIFT = 50;
    private static final int GENERATIONS = 1 << (Long.SIZE - GENERATION_SHIFT);
    private static final long RIP_MASK = (1L << CPL_SHIFT) - 1;

    private final long[] tags = new long[ENTRIES];
    private final @Nullable Block[] blocks = new Block[ENTRIES];
    /** Tag 0 is in no generation: an entry that was never filled fits nothing. */
    private int generation = 1;

    private long lowerBits = 1L << GENERATION_SHIFT;
    private long upperBits = 1L << GENERATION_SHIFT;

    /** The block at {@code rip}, valid at this moment; null when it has to be looked up. */
    @Nullable
    Block find(long rip, int cpl) {
        final int i = index(rip);
        final Block block = tags[i] == tag(rip, cpl) ? blocks[i] : null;
        return block != null && block.valid ? block : null;
    }

    void put(long rip, int cpl, Block block) {
        final int i = index(rip);
        tags[i] = tag(rip, cpl);
        blocks[i] = block;
    }

    /** Forgets all. */
    void clear() {
        clearLower();
        upperBits = lowerBits;
    }

    /** Forgets what is in the lower half of the address space: what is in the upper half are kernels, of pages that are global. */
    void clearLower() {
        generation++;
        if (generation == GENERATIONS) {
            generation = 1;
            upperBits = 1L << GENERATION_SHIFT;
            Arrays.fill(tags, 0);
            Arrays.fill(blocks, null);
        }
        lowerBits = (long) generation << GENERATION_SHIFT;
    }

    private static int index(long rip) {
        return (int) (rip ^ rip >>> 12) & MASK;
    }

    private long tag(long rip, int cpl) {
        return (rip & RIP_MASK) | (rip < 0 ? upperBits : lowerBits) | (long) cpl << CPL_SHIFT;
    }
}
