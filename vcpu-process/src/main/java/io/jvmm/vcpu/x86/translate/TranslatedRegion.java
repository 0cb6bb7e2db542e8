package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.interp.Block;
import io.jvmm.vcpu.x86.interp.CodePage;
import io.jvmm.vcpu.x86.interp.Region;
import org.jspecify.annotations.Nullable;

/**
 * What every generated class extends: the constants its code refers to. Filled in by the translator before any vCPU sees
 * it; afterwards only {@link #valid} changes, once, under the lock of the code cache.
 */
abstract class TranslatedRegion extends Region {
    /** A point where the code stores to {@code cpu} all that an interpreter would have there, before it calls a step. */
    static final int SYNCED = 1 << 30;
    /** Where the instructions of the block that begin at or behind the point are counted. */
    static final int LEFT_SHIFT = 16;

    static final int LEFT_MASK = 0x7f;
    /** What is laid over the lazy flags there, see {@link RareFlags}. */
    static final int OVER_SHIFT = 24;

    static final int OVER_MASK = 0x1f;
    static final int OFFSET_MASK = 0x1fff;

    /** How the class initialiser of a generated class hands over its one object; one class at a time, see {@link Translator}. */
    static @Nullable TranslatedRegion made;

    private static final Step[] NO_STEPS = {};
    private static final int[] NO_POINTS = {};
    private static final Block[] NO_BLOCKS = {};

    /** Instructions that the code leaves to the interpreter's steps. */
    Step[] steps = NO_STEPS;
    /** By number of a point where the code may be left: offset in the page, instructions left, {@link #SYNCED}. */
    int[] points = NO_POINTS;
    /** The blocks that were translated. */
    Block[] members = NO_BLOCKS;
    /** Bytecodes of the method. */
    int codeBytes;
    /** Cleared when the guest has overwritten one of the blocks: code looks at it after a store that went the slow way. */
    boolean valid = true;

    /** Whether a block of this begins at an offset in the page. */
    boolean begins(int pageOffset) {
        for (final Block member : members) {
            if (member.pageOffset == pageOffset) {
                return true;
            }
        }
        return false;
    }

    /**
     * Runs the steps of the block at RIP if it is one of this region, as the executor would: for when the processor forbids (CR0, CR4)
     * what this was translated to do without asking.
     */
    final void interpret(Cpu cpu) {
        final int offset = (int) cpu.rip & CodePage.BYTES - 1;
        for (final Block member : members) {
            if (member.pageOffset == offset) {
                interpret(cpu, member);
                return;
            }
        }
    }

    private static void interpret(Cpu cpu, Block block) {
        final Step[] all = block.steps;
        int done = 0;
        cpu.blockRip = cpu.rip;
        cpu.rip = cpu.blockRip + block.byteLength;
        try {
            while (done < all.length) {
                all[done].run(cpu);
                done++;
            }
        } finally {
            int count = block.instructionCount;
            if (done < all.length) {
                count = block.stepInsn(done);
                cpu.rip = cpu.blockRip + block.stepOffset(done);
            }
            cpu.retired += count;
            cpu.budget -= count;
        }
    }

    // A block may lead to a later region by now: identity is what is asked for.
    @SuppressWarnings("ReferenceEquality")
    @Override
    public void invalidate() {
        valid = false;
        for (final Block member : members) {
            if (member.region == this) {
                member.region = null;
                member.hits = 0;
            }
        }
    }
}
