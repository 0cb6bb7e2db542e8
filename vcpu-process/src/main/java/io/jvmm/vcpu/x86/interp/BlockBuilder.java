package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes blocks of the bytes of a page. Used under the lock of the {@link CodeCache}. */
final class BlockBuilder {
    /** Most instructions of a block: even where each takes the most bytecodes, a translated block is short enough for HotSpot. */
    static final int MAX_INSTRUCTIONS = 32;

    private final StepFactory[] factories;
    private final Insn[] insns = new Insn[MAX_INSTRUCTIONS];
    private final Step[] steps = new Step[MAX_INSTRUCTIONS];
    private final int[] positions = new int[MAX_INSTRUCTIONS];
    private final Step[] slot = new Step[1];

    BlockBuilder(List<StepFactory> factories) {
        this.factories = factories.toArray(new StepFactory[0]);
    }

    /**
     * Decodes from {@code page.copy}.
     *
     * @return null when the first instruction goes on in the next page
     */
    @Nullable
    Block build(CodePage page, int pageOffset, int modeKey) {
        final int most = (modeKey & ModeKey.SINGLE) != 0 ? 1 : MAX_INSTRUCTIONS;
        int n = 0;
        int at = pageOffset;
        while (n < most && at < CodePage.BYTES) {
            final Insn insn = new Insn();
            if (!Decoder.decode(page.copy, at, CodePage.BYTES, ModeKey.codeBytes(modeKey), insn)) {
                break;
            }
            insn.offset = at - pageOffset;
            insns[n++] = insn;
            at += insn.length;
            if (BlockEnd.isLast(insn)) {
                break;
            }
        }
        return n == 0 ? null : finish(page, pageOffset, modeKey, n, null);
    }

    /** Makes a block of the one instruction that begins in {@code page} and ends in {@code second}. */
    Block buildCrossing(CodePage page, int pageOffset, int modeKey, CodePage second) {
        final int first = CodePage.BYTES - pageOffset;
        final byte[] code =
                Arrays.copyOf(Arrays.copyOfRange(page.copy, pageOffset, CodePage.BYTES), Decoder.MAX_BYTES + 1);
        System.arraycopy(second.copy, 0, code, first, code.length - first);
        final Insn insn = new Insn();
        Decoder.decode(code, 0, code.length, ModeKey.codeBytes(modeKey), insn);
        insn.offset = 0;
        insns[0] = insn;
        final Block block = finish(page, pageOffset, modeKey, 1, code);
        block.secondPage = second;
        block.secondVersion = second.headVersion;
        second.cover(0, Decoder.MAX_BYTES);
        return block;
    }

    private Block finish(CodePage page, int pageOffset, int modeKey, int count, byte @Nullable [] crossing) {
        final Insn[] all = Arrays.copyOf(insns, count);
        int made = 0;
        for (int at = 0; at < count; ) {
            positions[made] = all[at].offset | at << 16;
            at += makeStep(all, at, modeKey);
            steps[made++] = slot[0];
        }
        return new Block(
                page, pageOffset, modeKey, all, Arrays.copyOf(steps, made), Arrays.copyOf(positions, made), crossing);
    }

    private int makeStep(Insn[] all, int at, int modeKey) {
        for (final StepFactory factory : factories) {
            final int covered = factory.build(all, at, modeKey, slot);
            if (covered > 0) {
                return covered;
            }
        }
        slot[0] = UndefinedStep.of(all[at]);
        return 1;
    }
}
