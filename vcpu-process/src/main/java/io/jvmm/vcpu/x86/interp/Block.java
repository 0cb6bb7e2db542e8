package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Decoded code: a straight run of instructions of one page, for one {@link ModeKey}. Shared by all vCPUs; what it decodes does
 * not change, only whether it is still true.
 *
 * <p>The {@link Insn}s themselves are not kept (they would be most of the cache): {@link #insns()} decodes them again.
 *
 * <p>When the guest writes to these bytes the block is invalid: {@link #valid} is cleared, and all of {@link #steps} is
 * overwritten with a step that leaves the block, so that whoever runs it leaves at the next step. Who takes steps out for
 * another use looks at {@link #valid} afterwards.
 */
public final class Block {
    /** The page it is in. */
    public final CodePage page;
    /** Of its first byte, 0..4095. */
    public final int pageOffset;
    /** What it was decoded for, with {@link ModeKey#SINGLE} if it was cut after one instruction. */
    public final int modeKey;
    /** Bytes of all instructions. */
    public final int byteLength;

    public final int instructionCount;
    /** What is executed, in order. */
    public final Step[] steps;
    /** Translated code that begins here, or null. Plain and racy: a vCPU may see it late. */
    public @Nullable Region region;
    /** How often this was entered in the interpreter; racy. Set back to 0 it will be offered again. */
    public int hits;
    /** Whether memory still holds what was decoded. Once false, always false. */
    public volatile boolean valid = true;

    /** What {@link CodePage} finds it by. */
    final int key;
    /**
     * For each step, offset of its first instruction from the start of the block in the low 16 bits, number of instructions
     * before it above.
     */
    private final int[] positions;
    /** Bytes of an instruction that goes on in the next page, else null. */
    final byte @Nullable [] crossing;
    /** The page in which such an instruction ends, and what its {@link CodePage#headVersion} was. */
    @Nullable
    CodePage secondPage;

    int secondVersion;
    /** Whether what follows it is fetched with the same rights through the same translation, see {@link BlockEnd#isLinkable}. */
    final boolean isLinkable;
    /** Where control went from here lately, within the same page: saves the look-up. Racy; look at {@link #valid}. */
    @Nullable
    Block next;

    /** The one before that. */
    @Nullable
    Block other;

    Block(
            CodePage page,
            int pageOffset,
            int modeKey,
            Insn[] insns,
            Step[] steps,
            int[] positions,
            byte @Nullable [] crossing) {
        final Insn last = insns[insns.length - 1];
        this.page = page;
        this.pageOffset = pageOffset;
        this.modeKey = modeKey;
        this.byteLength = last.end();
        this.instructionCount = insns.length;
        this.steps = steps;
        this.positions = positions;
        this.crossing = crossing;
        this.key = key(pageOffset, modeKey);
        this.isLinkable = BlockEnd.isLinkable(last);
    }

    static int key(int pageOffset, int modeKey) {
        return pageOffset | modeKey << 12;
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
        return crossing != null;
    }

    /** The instructions, decoded anew from the page's copy: look at {@link #valid} afterwards. Any thread. */
    public Insn[] insns() {
        final byte[] code = crossing != null ? crossing : page.copy;
        final int start = crossing != null ? 0 : pageOffset;
        final Insn[] result = new Insn[instructionCount];
        int offset = 0;
        for (int i = 0; i < result.length; i++) {
            final Insn insn = new Insn();
            Decoder.decode(code, start + offset, code.length, ModeKey.codeBytes(modeKey), insn);
            insn.offset = offset;
            offset += insn.length;
            result[i] = insn;
        }
        return result;
    }

    /** Makes whoever runs this leave it. */
    void invalidate() {
        valid = false;
        final Region gone = region;
        region = null;
        if (gone != null) {
            gone.invalidate();
        }
        next = null;
        other = null;
        Arrays.fill(steps, LeaveBlock.STEP);
    }

    /** Estimate of the heap it takes, without a region. */
    int heapBytes() {
        return 128 + 48 * steps.length;
    }

    @Override
    public String toString() {
        return String.format(
                "Block[%x, %d instructions, mode %x]", page.address + pageOffset, instructionCount, modeKey);
    }
}
