package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import org.jspecify.annotations.Nullable;

/**
 * Decoded code: a straight run of instructions of one page, for one {@link io.jvmm.vcpu.x86.cpu.ModeKey}. Shared by all vCPUs; what it
 * decodes does not change, only whether it is still true.
 *
 * <p>The {@link Insn}s themselves are not kept (they would be most of the cache): {@link #insns()} decodes them again.
 *
 * <p>When the guest writes to these bytes the block is invalid: {@link #valid} is cleared and all of {@link #steps} is
 * overwritten with a step that leaves the block, so that whoever runs it leaves at the next step.
 */
public final class Block {
    /** The page it is in. */
    public final CodePage page;
    /** Of its first byte, 0..4095. */
    public final int pageOffset;

    public final int modeKey;
    /** Bytes of all instructions. */
    public final int byteLength;

    public final int instructionCount;
    /** What is executed, in order. */
    public final Step[] steps;
    /** For each step, offset of its first instruction from the start of the block in the low 16 bits, number of instructions before it above. */
    final int[] positions;
    /** Translated code that begins here, or null. Plain and racy: a vCPU may see it late. */
    public @Nullable Region region;
    /** How often this was entered; racy. */
    public int hits;
    /** Whether memory still holds what was decoded. Once false, always false. */
    public volatile boolean valid = true;

    Block(
            CodePage page,
            int pageOffset,
            int modeKey,
            int byteLength,
            int instructionCount,
            Step[] steps,
            int[] positions) {
        this.page = page;
        this.pageOffset = pageOffset;
        this.modeKey = modeKey;
        this.byteLength = byteLength;
        this.instructionCount = instructionCount;
        this.steps = steps;
        this.positions = positions;
    }

    /** Bytes from the start of the block to the first instruction of a step. */
    public int stepOffset(int step) {
        return positions[step] & 0xffff;
    }

    /** Number of instructions of the block before a step: index into {@link #insns()} of its first. */
    public int stepInsn(int step) {
        return positions[step] >>> 16;
    }

    /** Whether this is a single instruction that goes on in the next page; such blocks are not translated. */
    public boolean crossesPage() {
        return pageOffset + byteLength > CodePage.BYTES;
    }

    /** The instructions, decoded anew from the page's copy: check {@link #valid} afterwards. Any thread. */
    public Insn[] insns() {
        throw new UnsupportedOperationException();
    }
}
